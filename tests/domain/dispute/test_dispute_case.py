from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.billing.billing_events import InvoiceStatus
from domain.case.effects import (
    ChangeInvoice,
    IssueCreditNote,
    LiftHold,
    MarkDisputed,
    NotifyPerson,
    NotifyRole,
    PlaceHold,
    RequestApproval,
    SendLetter,
    WithdrawApproval,
)
from domain.clock import start_of_day
from domain.dispute.command_rules import apply_command, rejection_reason
from domain.dispute.commands import AssignDispute, AttachEvidence, RaiseDispute, ResolveDispute
from domain.dispute.dispute_case import DisputeCase
from domain.dispute.state import DisputeStage
from domain.dispute.view import build_case_view, waiting_for
from domain.invoice.dispute_record import DisputeRecord, dispute_rejection_reason
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role
from tests.domain.builders import build_facts, build_policy, moment

ID = "dispute:I1:1"
TODAY = moment(1).business.date()


def raising(**changes: Any) -> RaiseDispute:
    content = {"act_id": "R1", "actor": "carl", "role": "collector", "reason": "wrong_price", "amount": 10_000}
    return RaiseDispute.model_validate(content | changes)


def dispute(**changes: Any) -> DisputeCase:
    """Of the whole invoice of 100.00 EUR, raised on its due date; what opening asked for is carried out."""
    journal = Journal(case_id=ID, account_id="A1", invoice_id="I1")
    case = DisputeCase(journal=journal, facts=build_facts(), snapshot=PolicySnapshot.from_policy(build_policy()), raised=raising(**changes))
    case.open(moment())
    return case


def answer(resolution: DisputeResolution, act_id: str = "X1", **changes: Any) -> ResolveDispute:
    return ResolveDispute.model_validate({"act_id": act_id, "actor": "sam", "role": "sales_ops", "resolution": resolution} | changes)


def approve(case: DisputeCase, result: ApprovalResult = ApprovalResult.APPROVED, days: float = 2) -> None:
    case.apply_approval_outcome(ApprovalOutcome(number=case.approvals, result=result, by="mary"), moment(days))


def kinds(case: DisputeCase) -> list[EntryKind]:
    return [entry.kind for entry in case.journal.pending]


def all_of(case: DisputeCase, kind: type) -> list[Any]:
    return [effect for effect in case.outbox if isinstance(effect, kind)]


# --- raising


def test_a_dispute_of_all_that_is_owed_holds_the_invoice_and_tells_customer_and_department() -> None:
    case = dispute()
    assert [effect.hold.hold_id for effect in all_of(case, PlaceHold)] == [ID]
    assert [effect.role for effect in all_of(case, NotifyRole)] == [Role.SALES_OPS]
    assert [effect.template for effect in all_of(case, SendLetter)] == ["dispute_received"]
    assert [effect.amount for effect in all_of(case, MarkDisputed)] == [10_000]


def test_an_undisputed_rest_goes_on_being_collected_until_it_is_paid() -> None:
    case = dispute(amount=4_000)
    assert not case.held
    case.apply_invoice_facts(build_facts(version=2, open_balance=4_300), moment(1))
    assert case.held, "what is left beside the dispute is below the minimum"
    case.apply_invoice_facts(build_facts(version=3, open_balance=10_000), moment(2))
    assert not case.held
    assert [effect.hold_id for effect in all_of(case, LiftHold)] == [ID]


@pytest.mark.parametrize("reason", list(DisputeReason))
def test_every_reason_has_an_owner_a_deadline_and_somebody_above(reason: DisputeReason) -> None:
    case = dispute(reason=reason)
    assert case.rules.escalate_to[case.department]
    assert case.deadline > moment().business.date()
    assert waiting_for(case) == case.department.value


def test_a_second_dispute_on_the_same_grounds_needs_a_manager() -> None:
    earlier = [DisputeRecord(number=1, reason=DisputeReason.WRONG_PRICE, amount=1, resolution=DisputeResolution.REJECTED)]
    assert "only a collections manager" in (dispute_rejection_reason(raising(), build_facts(), earlier) or "")
    assert dispute_rejection_reason(raising(role="collections_manager"), build_facts(), earlier) is None
    assert dispute_rejection_reason(raising(reason="quality"), build_facts(), earlier) is None


def test_what_is_settled_too_much_or_in_dispute_already_cannot_be_disputed() -> None:
    still_open = [DisputeRecord(number=1, reason=DisputeReason.QUALITY, amount=1)]
    assert "nothing left" in (dispute_rejection_reason(raising(), build_facts(status="paid", open_balance=0), []) or "")
    assert "more than the open balance" in (dispute_rejection_reason(raising(amount=10_001), build_facts(), []) or "")
    assert "still open" in (dispute_rejection_reason(raising(role="collections_manager"), build_facts(), still_open) or "")
    assert dispute_rejection_reason(raising(), build_facts(), []) is None


# --- deadlines


def test_the_department_is_reminded_then_escalated_and_never_forgotten() -> None:
    case, told = dispute(), []
    for _ in range(6):
        wakes_at = case.wakes_at()
        assert wakes_at is not None
        case.take_effects()
        days = (wakes_at - moment().business).days
        case.run_due_actions(moment(days))
        told += [(days, effect.role.value, effect.template) for effect in all_of(case, NotifyRole)]
    assert told == [
        (4, "sales_ops", "dispute_reminder"),
        (6, "sales_ops", "dispute_reminder"),
        (8, "sales", "dispute_escalated"),
        (10, "sales_ops", "dispute_reminder"),
        (12, "collections_manager", "dispute_escalated"),
        (14, "sales_ops", "dispute_reminder"),
    ]


def test_after_an_outage_there_is_one_message_not_one_for_each_that_was_passed_by() -> None:
    case = dispute()
    case.take_effects()
    case.run_due_actions(moment(30))
    assert [effect.template for effect in all_of(case, NotifyRole)] == ["dispute_escalated"]
    assert len(case.outbox) == 1
    assert case.deadline == moment(33).business.date()


@given(st.lists(st.integers(0, 9), max_size=25))
def test_whatever_time_passes_something_is_still_to_come_and_nothing_is_overdue_twice(steps: list[int]) -> None:
    case, day = dispute(), 0
    for step in steps:
        day += step
        case.run_due_actions(moment(day))
        wakes_at = case.wakes_at()
        assert wakes_at is not None
        assert wakes_at > moment(day).business
        assert start_of_day(case.deadline) >= moment(day).business
    assert kinds(case).count(EntryKind.DISPUTE_ESCALATED) == case.escalations


def test_another_department_has_its_own_time_in_full() -> None:
    case = dispute()
    case.run_due_actions(moment(8))
    assert apply_command(case, AssignDispute(act_id="S1", actor="sam", role=Role.SALES_OPS, department=Role.BILLING_OPS), moment(9))
    assert (case.department, case.escalations, case.deadline) == (Role.BILLING_OPS, 0, moment(16).business.date())


def test_a_person_is_told_instead_of_the_whole_department() -> None:
    case = dispute()
    case.take_effects()
    apply_command(case, AssignDispute(act_id="S1", actor="sam", role=Role.SALES_OPS, assignee="ann"), moment(1))
    case.run_due_actions(moment(4))
    assert [(effect.user, effect.template) for effect in all_of(case, NotifyPerson)] == [
        ("ann", "dispute_assigned"),
        ("ann", "dispute_reminder"),
    ]


# --- answers


@pytest.mark.parametrize(
    ("command", "ends_as"),
    [
        (answer(DisputeResolution.REJECTED), DisputeResolution.REJECTED),
        (answer(DisputeResolution.CORRECTED_INVOICE), DisputeResolution.CORRECTED_INVOICE),
        (answer(DisputeResolution.ALREADY_PAID, reference="P7"), DisputeResolution.ALREADY_PAID),
        (answer(DisputeResolution.WITHDRAWN, role="collector"), DisputeResolution.WITHDRAWN),
    ],
)
def test_an_answer_that_costs_nothing_ends_the_dispute(command: ResolveDispute, ends_as: DisputeResolution) -> None:
    case = dispute()
    case.take_effects()
    apply_command(case, command, moment(1))
    assert (case.stage, case.resolution, case.held) == (DisputeStage.CLOSED, ends_as, False)
    assert [effect.hold_id for effect in all_of(case, LiftHold)] == [ID]
    assert [effect.template for effect in all_of(case, SendLetter)] == [f"dispute_{ends_as}"]
    assert case.wakes_at() is None
    assert build_case_view(case, "run").outcome == ends_as


def test_a_payment_that_was_found_is_not_chased_while_it_is_booked() -> None:
    case = dispute()
    case.take_effects()
    apply_command(case, answer(DisputeResolution.ALREADY_PAID, reference="P7"), moment(1))
    (placed,) = all_of(case, PlaceHold)
    assert placed.hold.until == moment(8).business
    assert case.outbox.index(placed) < case.outbox.index(all_of(case, LiftHold)[0]), "the invoice is never without a hold in between"


def test_a_credit_note_is_booked_once_it_is_approved_and_only_then_the_hold_is_lifted() -> None:
    case = dispute()
    case.take_effects()
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, amount=2_500), moment(1))
    assert case.pending_approval() == all_of(case, RequestApproval)[0]
    assert (case.pending_approval().amount, case.pending_approval().requester) == (2_500, "sam")  # type: ignore[union-attr]
    approve(case)
    (credit,) = all_of(case, IssueCreditNote)
    assert (credit.amount, case.held, case.is_closed) == (2_500, True, False)
    case.confirm_booking(credit.key, moment(3))
    assert (case.resolution, case.held) == (DisputeResolution.CREDIT_NOTE, False)


def test_a_correction_downwards_is_no_way_around_the_matrix() -> None:
    case = dispute()
    apply_command(case, answer(DisputeResolution.CORRECTED_INVOICE, amount=7_000), moment(1))
    asked = case.pending_approval()
    assert asked is not None
    assert asked.amount == 3_000
    approve(case)
    assert [effect.total for effect in all_of(case, ChangeInvoice)] == [7_000]


def test_a_correction_never_asks_for_more_than_the_invoice_did() -> None:
    refused = rejection_reason(dispute(), answer(DisputeResolution.CORRECTED_INVOICE, amount=11_000), TODAY)
    assert "issue another invoice" in (refused or "")


@pytest.mark.parametrize("result", [ApprovalResult.REJECTED, ApprovalResult.RETURNED, ApprovalResult.LAPSED])
def test_without_approval_the_department_must_think_again_in_its_full_time(result: ApprovalResult) -> None:
    case = dispute()
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, amount=2_500), moment(1))
    approve(case, result, days=5)
    assert (case.stage, case.deadline, case.held) == (DisputeStage.OPEN, moment(12).business.date(), True)
    assert not all_of(case, IssueCreditNote)
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, act_id="X2", amount=2_000), moment(6))
    assert [effect.number for effect in all_of(case, RequestApproval)] == [1, 2]


def test_a_booking_that_billing_refuses_is_tried_again_under_another_key() -> None:
    case = dispute()
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, amount=2_500), moment(1))
    approve(case)
    first = case.booking_key
    case.reject_booking(first, "period closed", moment(2))
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, act_id="X2", amount=2_500), moment(3))
    approve(case)
    case.confirm_booking(first, moment(4))
    assert (case.is_closed, case.booking_key != first) == (False, True)


def test_an_answer_to_an_earlier_approval_changes_nothing() -> None:
    case = dispute()
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, amount=2_500), moment(1))
    case.apply_approval_outcome(ApprovalOutcome(number=7, result=ApprovalResult.APPROVED), moment(2))
    assert case.stage is DisputeStage.APPROVAL


def test_a_settled_invoice_ends_its_dispute_and_its_approval() -> None:
    case = dispute()
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, amount=2_500), moment(1))
    case.take_effects()
    case.apply_invoice_facts(build_facts(version=2, open_balance=0, status=InvoiceStatus.PAID), moment(2))
    assert [effect.reason for effect in all_of(case, WithdrawApproval)] == ["settled"]
    assert (case.resolution, case.held) == (DisputeResolution.SETTLED, False)
    assert not all_of(case, SendLetter)


def test_a_credit_that_is_more_than_what_is_left_loses_its_approval() -> None:
    case = dispute()
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, amount=9_000), moment(1))
    case.apply_invoice_facts(build_facts(version=2, open_balance=5_000), moment(2))
    assert (len(all_of(case, WithdrawApproval)), case.stage) == (1, DisputeStage.OPEN)


def test_a_dispute_withdrawn_while_its_credit_waits_takes_the_question_back() -> None:
    case = dispute()
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, amount=9_000), moment(1))
    apply_command(case, answer(DisputeResolution.WITHDRAWN, act_id="X2", role="collector"), moment(2))
    assert [effect.reason for effect in all_of(case, WithdrawApproval)] == ["withdrawn"]
    assert case.resolution is DisputeResolution.WITHDRAWN


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (answer(DisputeResolution.REJECTED, role="collector"), "belongs to sales_ops"),
        (answer(DisputeResolution.REJECTED, role="sales"), "belongs to sales_ops"),
        (answer(DisputeResolution.WITHDRAWN, role="auditor"), "cannot record"),
        (answer(DisputeResolution.CREDIT_NOTE), "needs its amount"),
        (answer(DisputeResolution.CREDIT_NOTE, amount=10_001), "more than what is in dispute"),
        (answer(DisputeResolution.ALREADY_PAID), "reference"),
        (answer(DisputeResolution.SETTLED), "only billing"),
        (AssignDispute(act_id="S", actor="x", role=Role.SALES_OPS), "name a department or a person"),
        (AssignDispute(act_id="S", actor="x", role=Role.SALES_OPS, department=Role.AUDITOR), "owns no disputes"),
        (AssignDispute(act_id="S", actor="x", role=Role.COLLECTOR, assignee="x"), "only they"),
    ],
)
def test_what_the_state_rules_out_is_refused_in_words_and_journalled_when_it_came_as_a_signal(command: Any, why: str) -> None:
    case = dispute()
    assert why in (rejection_reason(case, command, TODAY) or "")
    apply_command(case, command, moment(1))
    assert (kinds(case)[-1], case.stage) == (EntryKind.ACT_REFUSED, DisputeStage.OPEN)


def test_those_who_were_told_may_act_in_the_departments_stead() -> None:
    case = dispute()
    case.run_due_actions(moment(8))
    assert rejection_reason(case, answer(DisputeResolution.REJECTED, role="sales"), TODAY) is None


def test_an_act_sent_twice_is_done_once() -> None:
    case = dispute()
    assert apply_command(case, AttachEvidence(act_id="F1", actor="sam", evidence=["a"]), moment(1))
    assert apply_command(case, AttachEvidence(act_id="F1", actor="sam", evidence=["b"]), moment(1)) is None
    assert case.evidence == ["a"]


def test_a_dispute_goes_on_unchanged_in_a_new_run() -> None:
    case = dispute()
    apply_command(case, answer(DisputeResolution.CREDIT_NOTE, amount=2_500), moment(1))
    assert DisputeCase.model_validate_json(case.model_dump_json()) == case
