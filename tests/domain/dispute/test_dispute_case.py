from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.approval.result import ApprovalNews, ApprovalResult
from domain.billing.billing_events import InvoiceStatus
from domain.case.effects import (
    AskApproval,
    ChangeInvoice,
    IssueCreditNote,
    LiftHold,
    MarkDisputed,
    NotifyPerson,
    NotifyRole,
    PlaceHold,
    SendLetter,
    WithdrawApproval,
)
from domain.clock import start_of_day
from domain.dispute.command_rules import carry_out, refusal
from domain.dispute.commands import AssignDispute, AttachEvidence, RaiseDispute, ResolveDispute
from domain.dispute.dispute_case import DisputeCase, DisputeStage
from domain.dispute.view import view, waiting_for
from domain.invoice.dispute_record import PastDispute, raise_refusal
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.policy.collection_policy import PolicySnapshot
from domain.policy.dispute_rules import DisputeReason, Resolution
from domain.roles import Role
from tests.domain.builders import facts, moment, policy

ID = "dispute:I1:1"


def raising(**changes: Any) -> RaiseDispute:
    content = {"act_id": "R1", "actor": "carl", "role": "collector", "reason": "wrong_price", "amount": 10_000}
    return RaiseDispute.model_validate(content | changes)


def dispute(**changes: Any) -> DisputeCase:
    """Of the whole invoice of 100.00 EUR, raised on its due date; what opening asked for is carried out."""
    journal = Journal(case_id=ID, account_id="A1", invoice_id="I1")
    case = DisputeCase(journal=journal, facts=facts(), snapshot=PolicySnapshot.of(policy()), raised=raising(**changes))
    case.open(moment())
    return case


def answer(resolution: Resolution, act_id: str = "X1", **changes: Any) -> ResolveDispute:
    return ResolveDispute.model_validate({"act_id": act_id, "actor": "sam", "role": "sales_ops", "resolution": resolution} | changes)


def approve(case: DisputeCase, result: ApprovalResult = ApprovalResult.APPROVED, days: float = 2) -> None:
    case.approval_came(ApprovalNews(number=case.approvals, result=result, by="mary"), moment(days))


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
    case.hear_facts(facts(version=2, open_balance=4_300), moment(1))
    assert case.held, "what is left beside the dispute is below the minimum"
    case.hear_facts(facts(version=3, open_balance=10_000), moment(2))
    assert not case.held
    assert [effect.hold_id for effect in all_of(case, LiftHold)] == [ID]


@pytest.mark.parametrize("reason", list(DisputeReason))
def test_every_reason_has_an_owner_a_deadline_and_somebody_above(reason: DisputeReason) -> None:
    case = dispute(reason=reason)
    assert case.rules.escalate_to[case.department]
    assert case.deadline > moment().business.date()
    assert waiting_for(case) == case.department.value


def test_a_second_dispute_on_the_same_grounds_needs_a_manager() -> None:
    earlier = [PastDispute(number=1, reason=DisputeReason.WRONG_PRICE, amount=1, resolution=Resolution.REJECTED)]
    assert "only a collections manager" in (raise_refusal(raising(), facts(), earlier) or "")
    assert raise_refusal(raising(role="collections_manager"), facts(), earlier) is None
    assert raise_refusal(raising(reason="quality"), facts(), earlier) is None


def test_what_is_settled_too_much_or_in_dispute_already_cannot_be_disputed() -> None:
    still_open = [PastDispute(number=1, reason=DisputeReason.QUALITY, amount=1)]
    assert "nothing left" in (raise_refusal(raising(), facts(status="paid", open_balance=0), []) or "")
    assert "more than the open balance" in (raise_refusal(raising(amount=10_001), facts(), []) or "")
    assert "still open" in (raise_refusal(raising(role="collections_manager"), facts(), still_open) or "")
    assert raise_refusal(raising(), facts(), []) is None


# --- deadlines


def test_the_department_is_reminded_then_escalated_and_never_forgotten() -> None:
    case, told = dispute(), []
    for _ in range(6):
        wakes_at = case.wakes_at()
        assert wakes_at is not None
        case.take_effects()
        days = (wakes_at - moment().business).days
        case.let_time_pass(moment(days))
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
    case.let_time_pass(moment(30))
    assert [effect.template for effect in all_of(case, NotifyRole)] == ["dispute_escalated"]
    assert len(case.outbox) == 1
    assert case.deadline == moment(33).business.date()


@given(st.lists(st.integers(0, 9), max_size=25))
def test_whatever_time_passes_something_is_still_to_come_and_nothing_is_overdue_twice(steps: list[int]) -> None:
    case, day = dispute(), 0
    for step in steps:
        day += step
        case.let_time_pass(moment(day))
        wakes_at = case.wakes_at()
        assert wakes_at is not None
        assert wakes_at > moment(day).business
        assert start_of_day(case.deadline) >= moment(day).business
    assert kinds(case).count(EntryKind.DISPUTE_ESCALATED) == case.escalations


def test_another_department_has_its_own_time_in_full() -> None:
    case = dispute()
    case.let_time_pass(moment(8))
    assert carry_out(case, AssignDispute(act_id="S1", actor="sam", role=Role.SALES_OPS, department=Role.BILLING_OPS), moment(9))
    assert (case.department, case.escalations, case.deadline) == (Role.BILLING_OPS, 0, moment(16).business.date())


def test_a_person_is_told_instead_of_the_whole_department() -> None:
    case = dispute()
    case.take_effects()
    carry_out(case, AssignDispute(act_id="S1", actor="sam", role=Role.SALES_OPS, assignee="ann"), moment(1))
    case.let_time_pass(moment(4))
    assert [(effect.user, effect.template) for effect in all_of(case, NotifyPerson)] == [
        ("ann", "dispute_assigned"),
        ("ann", "dispute_reminder"),
    ]


# --- answers


@pytest.mark.parametrize(
    ("act", "ends_as"),
    [
        (answer(Resolution.REJECTED), Resolution.REJECTED),
        (answer(Resolution.CORRECTED_INVOICE), Resolution.CORRECTED_INVOICE),
        (answer(Resolution.ALREADY_PAID, reference="P7"), Resolution.ALREADY_PAID),
        (answer(Resolution.WITHDRAWN, role="collector"), Resolution.WITHDRAWN),
    ],
)
def test_an_answer_that_costs_nothing_ends_the_dispute(act: ResolveDispute, ends_as: Resolution) -> None:
    case = dispute()
    case.take_effects()
    carry_out(case, act, moment(1))
    assert (case.stage, case.resolution, case.held) == (DisputeStage.CLOSED, ends_as, False)
    assert [effect.hold_id for effect in all_of(case, LiftHold)] == [ID]
    assert [effect.template for effect in all_of(case, SendLetter)] == [f"dispute_{ends_as}"]
    assert case.wakes_at() is None
    assert view(case, "run").outcome == ends_as


def test_a_payment_that_was_found_is_not_chased_while_it_is_booked() -> None:
    case = dispute()
    case.take_effects()
    carry_out(case, answer(Resolution.ALREADY_PAID, reference="P7"), moment(1))
    (placed,) = all_of(case, PlaceHold)
    assert placed.hold.until == moment(8).business
    assert case.outbox.index(placed) < case.outbox.index(all_of(case, LiftHold)[0]), "the invoice is never without a hold in between"


def test_a_credit_note_is_booked_once_it_is_approved_and_only_then_the_hold_is_lifted() -> None:
    case = dispute()
    case.take_effects()
    carry_out(case, answer(Resolution.CREDIT_NOTE, amount=2_500), moment(1))
    assert case.needs_approval() == all_of(case, AskApproval)[0]
    assert (case.needs_approval().amount, case.needs_approval().requester) == (2_500, "sam")  # type: ignore[union-attr]
    approve(case)
    (credit,) = all_of(case, IssueCreditNote)
    assert (credit.amount, case.held, case.over) == (2_500, True, False)
    case.booked(credit.key, moment(3))
    assert (case.resolution, case.held) == (Resolution.CREDIT_NOTE, False)


def test_a_correction_downwards_is_no_way_around_the_matrix() -> None:
    case = dispute()
    carry_out(case, answer(Resolution.CORRECTED_INVOICE, amount=7_000), moment(1))
    asked = case.needs_approval()
    assert asked is not None
    assert asked.amount == 3_000
    approve(case)
    assert [effect.total for effect in all_of(case, ChangeInvoice)] == [7_000]


def test_a_correction_never_asks_for_more_than_the_invoice_did() -> None:
    refused = refusal(dispute(), answer(Resolution.CORRECTED_INVOICE, amount=11_000))
    assert "issue another invoice" in (refused or "")


@pytest.mark.parametrize("result", [ApprovalResult.REJECTED, ApprovalResult.RETURNED, ApprovalResult.LAPSED])
def test_without_approval_the_department_must_think_again_in_its_full_time(result: ApprovalResult) -> None:
    case = dispute()
    carry_out(case, answer(Resolution.CREDIT_NOTE, amount=2_500), moment(1))
    approve(case, result, days=5)
    assert (case.stage, case.deadline, case.held) == (DisputeStage.OPEN, moment(12).business.date(), True)
    assert not all_of(case, IssueCreditNote)
    carry_out(case, answer(Resolution.CREDIT_NOTE, act_id="X2", amount=2_000), moment(6))
    assert [effect.number for effect in all_of(case, AskApproval)] == [1, 2]


def test_a_booking_that_billing_refuses_is_tried_again_under_another_key() -> None:
    case = dispute()
    carry_out(case, answer(Resolution.CREDIT_NOTE, amount=2_500), moment(1))
    approve(case)
    first = case.booking_key
    case.booking_refused(first, "period closed", moment(2))
    carry_out(case, answer(Resolution.CREDIT_NOTE, act_id="X2", amount=2_500), moment(3))
    approve(case)
    case.booked(first, moment(4))
    assert (case.over, case.booking_key != first) == (False, True)


def test_an_answer_to_an_earlier_approval_changes_nothing() -> None:
    case = dispute()
    carry_out(case, answer(Resolution.CREDIT_NOTE, amount=2_500), moment(1))
    case.approval_came(ApprovalNews(number=7, result=ApprovalResult.APPROVED), moment(2))
    assert case.stage is DisputeStage.APPROVAL


def test_a_settled_invoice_ends_its_dispute_and_its_approval() -> None:
    case = dispute()
    carry_out(case, answer(Resolution.CREDIT_NOTE, amount=2_500), moment(1))
    case.take_effects()
    case.hear_facts(facts(version=2, open_balance=0, status=InvoiceStatus.PAID), moment(2))
    assert [effect.reason for effect in all_of(case, WithdrawApproval)] == ["settled"]
    assert (case.resolution, case.held) == (Resolution.SETTLED, False)
    assert not all_of(case, SendLetter)


def test_a_credit_that_is_more_than_what_is_left_loses_its_approval() -> None:
    case = dispute()
    carry_out(case, answer(Resolution.CREDIT_NOTE, amount=9_000), moment(1))
    case.hear_facts(facts(version=2, open_balance=5_000), moment(2))
    assert (len(all_of(case, WithdrawApproval)), case.stage) == (1, DisputeStage.OPEN)


def test_a_dispute_withdrawn_while_its_credit_waits_takes_the_question_back() -> None:
    case = dispute()
    carry_out(case, answer(Resolution.CREDIT_NOTE, amount=9_000), moment(1))
    carry_out(case, answer(Resolution.WITHDRAWN, act_id="X2", role="collector"), moment(2))
    assert [effect.reason for effect in all_of(case, WithdrawApproval)] == ["withdrawn"]
    assert case.resolution is Resolution.WITHDRAWN


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (answer(Resolution.REJECTED, role="collector"), "belongs to sales_ops"),
        (answer(Resolution.REJECTED, role="sales"), "belongs to sales_ops"),
        (answer(Resolution.WITHDRAWN, role="auditor"), "cannot record"),
        (answer(Resolution.CREDIT_NOTE), "needs its amount"),
        (answer(Resolution.CREDIT_NOTE, amount=10_001), "more than what is in dispute"),
        (answer(Resolution.ALREADY_PAID), "reference"),
        (answer(Resolution.SETTLED), "only billing"),
        (AssignDispute(act_id="S", actor="x", role=Role.SALES_OPS), "name a department or a person"),
        (AssignDispute(act_id="S", actor="x", role=Role.SALES_OPS, department=Role.AUDITOR), "owns no disputes"),
        (AssignDispute(act_id="S", actor="x", role=Role.COLLECTOR, assignee="x"), "only they"),
    ],
)
def test_what_the_state_rules_out_is_refused_in_words_and_journalled_when_it_came_as_a_signal(act: Any, why: str) -> None:
    case = dispute()
    assert why in (refusal(case, act) or "")
    carry_out(case, act, moment(1))
    assert (kinds(case)[-1], case.stage) == (EntryKind.ACT_REFUSED, DisputeStage.OPEN)


def test_those_who_were_told_may_act_in_the_departments_stead() -> None:
    case = dispute()
    case.let_time_pass(moment(8))
    assert refusal(case, answer(Resolution.REJECTED, role="sales")) is None


def test_an_act_sent_twice_is_done_once() -> None:
    case = dispute()
    assert carry_out(case, AttachEvidence(act_id="F1", actor="sam", evidence=["a"]), moment(1))
    assert carry_out(case, AttachEvidence(act_id="F1", actor="sam", evidence=["b"]), moment(1)) is None
    assert case.evidence == ["a"]


def test_a_dispute_goes_on_unchanged_in_a_new_run() -> None:
    case = dispute()
    carry_out(case, answer(Resolution.CREDIT_NOTE, amount=2_500), moment(1))
    assert DisputeCase.model_validate_json(case.model_dump_json()) == case
