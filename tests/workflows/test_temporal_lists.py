"""What an invoice shows in lists made with Temporal's own tools, and how often it has the server write it down."""

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.common import WorkflowIDConflictPolicy

from domain import identifiers as ids
from domain.invoice.commands import PauseCollection, ResumeCollection
from tests.time_skipping_play import fetch_history_at_rest
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.test_exactly_once import opening
from workflows.invoice_collection import InvoiceCollection

STAGE = ids.SEARCH_ATTRIBUTES[2]


def decode_keyword(payload: Payload) -> str | None:
    return payload.data.decode().strip('"') if payload.data not in (b"", b"null", b"[]") else None


def list_sent_values(history: WorkflowHistory, attribute: str) -> list[str | None]:
    """Every value of a search attribute that the server was sent, the one of the start first. None: that it has no value any more."""
    sent: list[str | None] = []
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            fields = event.workflow_execution_started_event_attributes.search_attributes.indexed_fields
        elif event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        else:
            continue
        sent += [decode_keyword(fields[attribute])] if attribute in fields else []
    return sent


async def list_stages(case: WorkflowHandle[InvoiceCollection, object]) -> list[str | None]:
    return list_sent_values(await fetch_history_at_rest(case), STAGE)


async def test_an_invoice_sends_its_coarse_stage_only_when_it_changes(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday + 3 * DAY)
    await environment.play.run_mornings(monday, monday + 14 * DAY)
    assert environment.steps(invoice) == ["courtesy_note", "reminder", "second_reminder"]
    assert await list_stages(environment.case(invoice)) == ["Courtesy", "Reminding"]

    await environment.case(invoice).execute_update(InvoiceCollection.pause, PauseCollection(act_id="p", actor="mia", reason="r"))
    await environment.case(invoice).execute_update(InvoiceCollection.resume, ResumeCollection(act_id="r", actor="mia"))
    await environment.wait_until(lambda: "hold.lifted" in environment.entry_kinds(invoice))
    assert await list_stages(environment.case(invoice)) == ["Courtesy", "Reminding", "OnHold", "Reminding"]


async def test_an_invoice_that_was_started_without_a_stage_goes_on_to_show_its_steps(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday + 20 * DAY)
    start = (await opening(environment, invoice)).model_copy(update={"invoice_id": f"{invoice}-before"})
    case: WorkflowHandle[InvoiceCollection, object] = await environment.play.client.start_workflow(
        InvoiceCollection.run,
        start,
        id=ids.invoice_case_id(start.invoice_id),
        task_queue=ids.TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    await environment.wait_until(lambda: environment.entry_kinds(start.invoice_id) == ["case.opened"])
    await case.query(InvoiceCollection.snapshot)
    assert await list_stages(case) == ["new"]
    await case.terminate()
