"""Call tasks: made on a business day, dropped when there is nothing to call about any more, and logged by who called.

Invoices are due on a Monday; the call falls due on the Monday two weeks later.
"""

from datetime import date

from domain.invoice.commands import CallOutcome, LogCall
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from workflows.invoice_collection import InvoiceCollection


async def called(environment: CollectionEnvironment) -> tuple[str, date]:
    """An invoice whose call was asked for this morning, a Monday."""
    invoice, monday = await environment.open_reminded_invoice()
    await environment.play.run_mornings(monday + 7 * DAY, monday + 8 * DAY)
    await environment.pass_to(monday + 14 * DAY)
    assert environment.steps(invoice)[-1] == "phone_call"
    return invoice, monday + 14 * DAY


async def test_a_call_is_asked_of_the_accounts_collector_on_its_day(environment: CollectionEnvironment) -> None:
    invoice, monday = await called(environment)
    assert environment.tasks(invoice) == [("call", "open", monday)]
    assert environment.entry_kinds(invoice)[-2:] == ["step.taken", "call.requested"]


async def test_a_call_that_was_logged_is_in_the_journal_and_the_timeline_goes_on(environment: CollectionEnvironment) -> None:
    invoice, monday = await called(environment)
    command = LogCall(act_id=f"{invoice}-call", actor="mia", outcome=CallOutcome.NO_ANSWER, note_id="n1")
    receipt = await environment.case(invoice).execute_update(InvoiceCollection.log_call, command)
    assert receipt.seq == len(environment.entry_kinds(invoice))
    made = {"act": command.act_id, "outcome": "no_answer", "note": "n1", "step": "phone_call"}
    assert environment.entry_facts(invoice, "call.logged") == [made]
    await environment.play.run_mornings(monday + DAY, monday + 7 * DAY)
    assert environment.steps(invoice)[-1] == "firm_reminder"


async def test_a_call_is_dropped_when_the_invoice_is_paid(environment: CollectionEnvironment) -> None:
    invoice, _ = await called(environment)
    await environment.pay(invoice, 10_000)
    assert await environment.outcome(invoice) == "paid"
    assert [state for kind, state, _ in environment.tasks(invoice) if kind == "call"] == ["dropped"]


async def test_the_firm_reminder_is_escalated_to_the_collections_manager(environment: CollectionEnvironment) -> None:
    invoice, monday = await called(environment)
    await environment.play.run_mornings(monday + 7 * DAY, monday + 7 * DAY)
    for_the_call, for_the_letter = environment.entry_facts(invoice, "escalation.raised")
    assert (for_the_call["step"], for_the_call["role"]) == ("phone_call", "collections_manager")
    assert for_the_letter == {"step": "firm_reminder", "role": "collections_manager"}
    assert ("escalation", "open", monday + 7 * DAY) in environment.tasks(invoice)
