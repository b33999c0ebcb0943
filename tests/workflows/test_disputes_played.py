"""A dispute through its real workflow: what it stops, who answers it, and how each answer is carried out.

Invoices are of EUR 100, due on a Monday and reminded on Tuesday; disputes are raised on Wednesday.
"""

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.approval.commands import ApprovalVerdict
from domain.billing.billing_events import InvoiceStatus
from domain.dispute.commands import RaiseDispute, ResolveDispute
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.dispute_commands import DisputeCommands, next_act_id
from workflows.dispute import Dispute
from workflows.invoice_collection import InvoiceCollection


@pytest.fixture
def cases(environment: CollectionEnvironment) -> DisputeCommands:
    return DisputeCommands(environment)


async def test_a_dispute_over_the_whole_stops_the_clock_and_a_rejection_lets_it_go_on(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    dispute = await cases.raise_dispute(invoice)
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [dispute])
    await environment.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    assert len(environment.letters(invoice)) == 1
    assert environment.case_letters(dispute) == [("dispute_received", monday + 3 * DAY)]
    await environment.pass_to(monday + 9 * DAY)
    await cases.resolve(dispute, DisputeResolution.REJECTED)
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [])
    await environment.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    # seven days held: day 7 comes on Monday a week later
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 14 * DAY)]
    assert environment.case_letters(dispute)[1:] == [("dispute_rejected", monday + 9 * DAY)]
    assert environment.entry_facts(invoice, "dispute.closed") == [{"resolution": "rejected"}]
    assert cases.row(dispute).outcome == "rejected"


async def test_an_undisputed_rest_goes_on_being_collected_and_letters_ask_for_it_alone(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await cases.raise_dispute(invoice, amount=4_000)
    await environment.play.run_mornings(monday + 2 * DAY, monday + 8 * DAY)
    assert environment.letters(invoice)[1:] == [("second_reminder", monday + 8 * DAY)]
    letter = environment.sent_letters(environment.account_and_currency(invoice)[0])[-1].text
    assert "€60.00" in letter
    assert (cases.hold_ids(invoice), environment.row(invoice).disputed) == ([], 4_000)


async def test_a_payment_that_leaves_only_what_is_disputed_stops_the_clock(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    dispute = await cases.raise_dispute(invoice, amount=4_000)
    await environment.pay(invoice, 6_000)
    await environment.wait_until(lambda: cases.hold_ids(invoice) == [dispute])


ANSWERS = [
    (DisputeResolution.REJECTED, None, "", ["dispute.resolution_proposed", "dispute.resolved"], 10_000),
    (DisputeResolution.WITHDRAWN, None, "", ["dispute.resolution_proposed", "dispute.resolved"], 10_000),
    (DisputeResolution.ALREADY_PAID, None, "bank 17", ["dispute.resolution_proposed", "dispute.resolved"], 10_000),
    (DisputeResolution.CORRECTED_INVOICE, None, "N-2", ["dispute.resolution_proposed", "dispute.resolved"], 10_000),
    (DisputeResolution.CREDIT_NOTE, 2_500, "", ["dispute.resolution_proposed", "dispute.resolved"], 7_500),
    (DisputeResolution.CORRECTED_INVOICE, 8_000, "", ["dispute.resolution_proposed", "dispute.resolved"], 8_000),
]


@pytest.mark.parametrize(("resolution", "amount", "reference", "kinds", "left"), ANSWERS)
async def test_each_answer_ends_the_dispute_and_is_carried_out(
    environment: CollectionEnvironment,
    cases: DisputeCommands,
    resolution: DisputeResolution,
    amount: int | None,
    reference: str,
    kinds: list[str],
    left: int,
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    dispute = await cases.raise_dispute(invoice)
    await cases.resolve(dispute, resolution, amount, reference=reference)
    if amount is not None:
        approval = await cases.wait_for_approval(dispute)
        assert environment.play.parts.billing.get_invoice_facts(invoice).open_balance == 10_000
        await cases.decide(approval, "anna")
    await cases.wait_for_entries(dispute, "dispute.resolved")
    assert cases.entry_kinds(dispute)[1:] == kinds
    assert cases.entry_facts(dispute, "dispute.resolved")[0]["resolution"] == resolution.value
    assert environment.play.parts.billing.get_invoice_facts(invoice).open_balance == left
    await environment.wait_until(lambda: environment.entry_facts(invoice, "dispute.closed") == [{"resolution": resolution.value}])
    assert environment.row(invoice).disputed == 0
    assert cases.hold_ids(invoice) == ([f"{dispute}:payment"] if resolution is DisputeResolution.ALREADY_PAID else [])


async def test_a_credit_for_the_whole_settles_the_invoice_once(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    dispute = await cases.raise_dispute(invoice)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 10_000)
    await cases.decide(await cases.wait_for_approval(dispute), "anna")
    await cases.wait_for_entries(dispute, "dispute.resolved")
    await environment.play.sync()
    assert await environment.outcome(invoice) == InvoiceStatus.CREDITED
    assert environment.entry_kinds(invoice).count("credit_note.issued") == 1


async def test_an_answer_that_is_returned_goes_back_to_its_department(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    dispute = await cases.raise_dispute(invoice)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 2_500)
    await cases.decide(await cases.wait_for_approval(dispute), "anna", verdict=ApprovalVerdict.RETURN, note="note:1")
    await cases.wait_for_entries(dispute, "dispute.returned")
    assert (cases.row(dispute).stage, cases.row(dispute).awaiting_role) == ("open", "sales_ops")
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 1_000)
    await cases.decide(await cases.wait_for_approval(dispute, 2), "anna")
    await cases.wait_for_entries(dispute, "dispute.resolved")
    assert environment.play.parts.billing.get_invoice_facts(invoice).open_balance == 9_000


async def test_a_department_is_reminded_and_a_missed_deadline_is_escalated_each_on_its_day(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    dispute = await cases.raise_dispute(invoice)
    raised = monday + 2 * DAY
    await environment.pass_to(raised + 9 * DAY)
    await cases.wait_for_entries(dispute, "dispute.escalated")
    assert cases.entry_dates(dispute, "dispute.reminded") == [raised + 4 * DAY, raised + 6 * DAY]
    assert cases.entry_dates(dispute, "dispute.escalated") == [raised + 8 * DAY]
    assert cases.row(dispute).awaiting_role == "sales"


async def test_an_invoice_that_is_paid_ends_its_dispute_and_the_approval_that_it_waits_for(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    dispute = await cases.raise_dispute(invoice)
    await cases.resolve(dispute, DisputeResolution.CREDIT_NOTE, 2_500)
    approval = await cases.wait_for_approval(dispute)
    await environment.pay(invoice, 10_000)
    await cases.wait_for_entries(approval, "approval.lapsed")
    assert cases.entry_facts(approval, "approval.lapsed")[0]["reason"] == "settled"
    await environment.wait_until(lambda: cases.row(dispute).outcome == "settled")
    assert await environment.outcome(invoice) == InvoiceStatus.PAID


async def test_a_second_dispute_on_the_same_grounds_needs_a_manager(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    first = await cases.raise_dispute(invoice)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await cases.raise_dispute(invoice, reason=DisputeReason.QUALITY)
    assert "dispute 1 of this invoice is still open" in str(caught.value.cause)
    await cases.resolve(first, DisputeResolution.REJECTED)
    await environment.wait_until(lambda: "dispute.closed" in environment.entry_kinds(invoice))
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await cases.raise_dispute(invoice)
    assert "only a collections manager may raise it" in str(caught.value.cause)
    second = await cases.raise_dispute(invoice, role=Role.COLLECTIONS_MANAGER)
    assert second == f"dispute:{invoice}:2"


async def test_a_resolution_sent_to_the_invoice_reaches_its_dispute_and_counts_once(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    dispute = await cases.raise_dispute(invoice)
    command = ResolveDispute(act_id=next_act_id(), actor="ben", role=Role.SALES_OPS, resolution=DisputeResolution.REJECTED)
    for _ in range(2):
        await environment.case(invoice).signal(InvoiceCollection.resolve_dispute, command)
    await environment.wait_until(lambda: "dispute.closed" in environment.entry_kinds(invoice))
    assert cases.entry_kinds(dispute).count("dispute.resolution_proposed") == 1


async def test_a_resolution_without_an_open_dispute_is_journalled_as_refused(
    environment: CollectionEnvironment, cases: DisputeCommands
) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    command = ResolveDispute(act_id=next_act_id(), actor="ben", role=Role.SALES_OPS, resolution=DisputeResolution.REJECTED)
    await environment.case(invoice).signal(InvoiceCollection.resolve_dispute, command)
    await environment.wait_until(lambda: "act.refused" in environment.entry_kinds(invoice))
    assert environment.entry_facts(invoice, "act.refused")[0]["reason"] == "no dispute of this invoice is open"


async def test_a_dispute_raised_by_a_signal_is_like_the_update(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    invoice, _ = await environment.open_reminded_invoice()
    command = RaiseDispute(act_id=next_act_id(), actor="mia", role=Role.COLLECTOR, reason=DisputeReason.TAX, amount=10_000)
    for _ in range(2):
        await environment.case(invoice).signal(InvoiceCollection.dispute_raised, command)
    await cases.wait_for_entries(f"dispute:{invoice}:1", "dispute.raised")
    assert environment.entry_kinds(invoice).count("dispute.opened") == 1


async def test_numbers_of_disputes_go_on_when_the_invoice_is_reopened(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    first = await cases.raise_dispute(invoice)
    payment = await environment.pay(invoice, 10_000)
    await environment.outcome(invoice)
    await environment.wait_until(lambda: cases.row(first).outcome == "settled")
    await environment.pass_to(monday + 4 * DAY)
    now = await environment.play.now()
    environment.play.parts.billing.reverse_payment(payment, now.date(), at=now)
    await environment.sync_until_entry(invoice, "payment.reversed")
    command = RaiseDispute(act_id=next_act_id(), actor="mia", role=Role.COLLECTOR, reason=DisputeReason.TAX, amount=10_000)
    await environment.case(invoice).execute_update(InvoiceCollection.raise_dispute, command)
    await cases.wait_for_entries(f"dispute:{invoice}:2", "dispute.raised")


async def test_queries_show_the_dispute_as_it_stands(environment: CollectionEnvironment, cases: DisputeCommands) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    dispute = cases.dispute_handle(await cases.raise_dispute(invoice))
    view = await dispute.query(Dispute.snapshot)
    assert (view.kind, view.stage, view.awaiting_role, view.summary["amount"]) == ("dispute", "open", "sales_ops", 10_000)
    assert await dispute.query(Dispute.waiting_for) == "sales_ops"
    coming = await dispute.query(Dispute.next_step)
    assert (coming.step, coming.due_at and coming.due_at.date()) == ("dispute_escalation", monday + 6 * DAY)
