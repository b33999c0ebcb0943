"""Call tasks: made on a business day, dropped when there is nothing to call about any more, and logged by who called.

Invoices are due on a Monday; the call falls due on the Monday two weeks later.
"""

from datetime import date

from domain.invoice.commands import CallOutcome, LogCall
from tests.workflows.stage import DAY, PlayStage
from workflows.invoice_collection import InvoiceCollection


async def called(stage: PlayStage) -> tuple[str, date]:
    """An invoice whose call was asked for this morning, a Monday."""
    invoice, monday = await stage.open_reminded_invoice()
    await stage.play.run_mornings(monday + 7 * DAY, monday + 7 * DAY)
    await stage.pass_to(monday + 14 * DAY)
    assert stage.steps(invoice)[-1] == "phone_call"
    return invoice, monday + 14 * DAY


async def test_a_call_is_asked_of_the_accounts_collector_on_its_day(stage: PlayStage) -> None:
    invoice, monday = await called(stage)
    assert stage.tasks(invoice) == [("call", "open", monday)]
    assert stage.entry_kinds(invoice)[-2:] == ["step.taken", "call.requested"]


async def test_a_call_that_was_logged_is_in_the_journal_and_the_timeline_goes_on(stage: PlayStage) -> None:
    invoice, monday = await called(stage)
    act = LogCall(act_id=f"{invoice}-call", actor="mia", outcome=CallOutcome.NO_ANSWER, note_id="n1")
    receipt = await stage.case(invoice).execute_update(InvoiceCollection.log_call, act)
    assert receipt.seq == len(stage.entry_kinds(invoice))
    assert stage.entry_facts(invoice, "call.logged") == [{"act": act.act_id, "outcome": "no_answer", "note": "n1"}]
    await stage.play.run_mornings(monday + DAY, monday + 7 * DAY)
    assert stage.steps(invoice)[-1] == "firm_reminder"


async def test_a_call_is_dropped_when_the_invoice_is_paid(stage: PlayStage) -> None:
    invoice, _ = await called(stage)
    await stage.pay(invoice, 10_000)
    assert await stage.outcome(invoice) == "paid"
    assert [state for kind, state, _ in stage.tasks(invoice) if kind == "call"] == ["dropped"]


async def test_the_firm_reminder_is_escalated_to_the_collections_manager(stage: PlayStage) -> None:
    invoice, monday = await called(stage)
    await stage.play.run_mornings(monday + 7 * DAY, monday + 7 * DAY)
    assert stage.entry_facts(invoice, "escalation.raised") == [{"step": "firm_reminder", "role": "collections_manager"}]
    assert ("escalation", "open", monday + 7 * DAY) in stage.tasks(invoice)
