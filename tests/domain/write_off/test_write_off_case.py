"""Write-offs: decided through the matrix, never more than what is open, and what comes back is recorded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.billing.billing_events import WriteOffRecovery
from domain.case.effects import BookWriteOff, LiftHold, MakeDossier, NotifySuspension, PlaceHold, RequestApproval, WithdrawApproval
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from domain.write_off.command_rules import apply_command, rejection_reason
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.write_off_case import BookedWriteOff, WriteOffCase, WriteOffStage
from tests.domain.builders import moment
from tests.domain.suspension.builders import build_paid_receivable, build_receivable

TODAY = moment(1).business.date()
MONEY_GIVEN_UP = [WriteOffDecision.WHOLE, WriteOffDecision.PART]


def handed_over() -> WriteOffCase:
    case = WriteOffCase(journal=Journal(case_id="write_off:A1", account_id="A1"))
    case.apply_hand_over([build_receivable("I1"), build_receivable("I2")], moment())
    return case


def proposal(decision: WriteOffDecision, amounts: dict[str, int] | None = None, act_id: str = "p1") -> ProposeWriteOff:
    part = amounts or ({"I1": 4_000} if decision is WriteOffDecision.PART else {})
    return ProposeWriteOff(act_id=act_id, actor="will", decision=decision, amounts=part)


def recovery(event_id: str, invoice_id: str, amount: int) -> WriteOffRecovery:
    return WriteOffRecovery(event_id=event_id, payment_id="P9", invoice_id=invoice_id, amount=amount)


def answer(case: WriteOffCase, result: ApprovalResult) -> None:
    case.apply_approval_outcome(ApprovalOutcome(number=case.last_number("approval"), result=result, by="dora"), moment(2))


def approved(decision: WriteOffDecision) -> WriteOffCase:
    case = handed_over()
    apply_command(case, proposal(decision), moment(1))
    answer(case, ApprovalResult.APPROVED)
    return case


def asked(case: WriteOffCase, kind: type) -> list[object]:
    return [effect for effect in case.outbox if isinstance(effect, kind)]


def test_what_is_handed_over_is_held_and_comes_with_its_dossier() -> None:
    case = handed_over()
    assert (len(asked(case, PlaceHold)), len(asked(case, MakeDossier)), case.waiting_for) == (2, 1, "decision")


@pytest.mark.parametrize(
    ("decision", "asked_for", "booked"),
    [
        (WriteOffDecision.WHOLE, 20_000, {"I1": 10_000, "I2": 10_000}),
        (WriteOffDecision.PART, 4_000, {"I1": 4_000}),
        (WriteOffDecision.AGENCY, 20_000, {}),
        (WriteOffDecision.LEGAL, 20_000, {}),
    ],
)
def test_a_decision_goes_through_the_matrix_and_only_then_is_booked(
    decision: WriteOffDecision, asked_for: int, booked: dict[str, int]
) -> None:
    case = handed_over()
    apply_command(case, proposal(decision), moment(1))
    question = next(effect for effect in case.outbox if isinstance(effect, RequestApproval))
    assert (question.amount, question.requester, asked(case, BookWriteOff)) == (asked_for, "will", [])
    answer(case, ApprovalResult.APPROVED)
    assert {e.invoice_id: e.amount for e in case.outbox if isinstance(e, BookWriteOff)} == booked
    for name, amount in booked.items():
        case.apply_booking(name, amount, moment(3))
        case.apply_booking(name, amount, moment(3))
    assert (case.stage, case.decision) == (WriteOffStage.DECIDED, decision)
    assert case.booked == {name: BookedWriteOff(amount=amount, currency="EUR") for name, amount in booked.items()}
    assert bool(asked(case, LiftHold)) == (decision is WriteOffDecision.PART)


def test_back_to_collections_ends_the_case_once_it_is_approved() -> None:
    case = handed_over()
    apply_command(case, proposal(WriteOffDecision.BACK_TO_COLLECTIONS), moment(1))
    assert not case.is_ended
    answer(case, ApprovalResult.APPROVED)
    assert case.is_ended
    assert {e.invoice_id for e in case.outbox if isinstance(e, LiftHold)} == {"I1", "I2"}


@pytest.mark.parametrize("result", [ApprovalResult.REJECTED, ApprovalResult.RETURNED, ApprovalResult.LAPSED])
def test_without_approval_nothing_is_booked_and_the_team_decides_anew(result: ApprovalResult) -> None:
    case = handed_over()
    apply_command(case, proposal(WriteOffDecision.WHOLE), moment(1))
    answer(case, result)
    assert (case.stage, asked(case, BookWriteOff), rejection_reason(case, proposal(WriteOffDecision.LEGAL, act_id="p2"), TODAY)) == (
        WriteOffStage.DECIDING,
        [],
        None,
    )


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (proposal(WriteOffDecision.PART, {"I1": 10_001}), "no more than its open balance"),
        (proposal(WriteOffDecision.PART, {"I1": 0}), "more than nothing"),
        (proposal(WriteOffDecision.PART, {"I9": 1}), "was not handed over"),
        (proposal(WriteOffDecision.WHOLE, {"I1": 1}), "no other decision does"),
    ],
)
def test_a_decision_that_does_not_fit_what_is_open_is_refused(bad: ProposeWriteOff, why: str) -> None:
    case = handed_over()
    assert why in str(rejection_reason(case, bad, TODAY))
    apply_command(case, bad, moment(1))
    assert (case.stage, case.journal.pending[-1].kind.value) == (WriteOffStage.DECIDING, "act.refused")


def test_a_payment_under_the_question_asks_it_anew_for_what_is_left() -> None:
    case = handed_over()
    apply_command(case, proposal(WriteOffDecision.WHOLE), moment(1))
    case.update_receivable(build_paid_receivable("I1"), moment(1))
    assert len(asked(case, WithdrawApproval)) == 1
    assert [e.amount for e in case.outbox if isinstance(e, RequestApproval)] == [20_000, 10_000]
    revised = [entry.facts for entry in case.journal.pending if entry.kind is EntryKind.WRITE_OFF_REVISED]
    assert revised == [{"invoice": "I1", "amount": 0}]
    case.update_receivable(build_paid_receivable("I2"), moment(1))
    assert (case.is_ended, len(asked(case, LiftHold))) == (True, 2)


def test_money_that_comes_after_the_booking_is_recorded_once() -> None:
    case = approved(WriteOffDecision.PART)
    case.apply_booking("I1", 4_000, moment(3))
    for _ in range(2):
        case.apply_recovery(recovery("E9", "I1", 1_500), moment(9))
    case.apply_recovery(recovery("E10", "I2", 1_500), moment(9))
    assert case.booked == {"I1": BookedWriteOff(amount=4_000, currency="EUR", recovered=1_500)}


def test_money_that_is_heard_of_before_the_booking_counts_after_it() -> None:
    case = approved(WriteOffDecision.WHOLE)
    case.apply_recovery(recovery("E9", "I2", 1_500), moment(3))
    case.apply_booking("I1", 10_000, moment(3))
    case.apply_booking("I2", 10_000, moment(3))
    assert case.booked == {
        "I1": BookedWriteOff(amount=10_000, currency="EUR"),
        "I2": BookedWriteOff(amount=10_000, currency="EUR", recovered=1_500),
    }


def test_a_recovery_whose_payment_bounces_is_taken_back() -> None:
    case = approved(WriteOffDecision.WHOLE)
    case.apply_booking("I1", 10_000, moment(3))
    case.apply_recovery(recovery("E9", "I1", 1_500), moment(9))
    case.apply_recovery(recovery("E10", "I1", -1_500), moment(10))
    assert case.booked["I1"].recovered == 0


@pytest.mark.parametrize(
    ("decision", "amounts", "order"),
    [
        (WriteOffDecision.WHOLE, {}, ["written_off", "I1", "I2"]),
        (WriteOffDecision.PART, {"I1": 10_000, "I2": 10_000}, ["written_off", "I1", "I2"]),
        (WriteOffDecision.PART, {"I1": 10_000}, ["I1", "handed_back"]),
        (WriteOffDecision.AGENCY, {}, []),
    ],
)
def test_the_suspension_hears_that_all_is_written_off_before_billing_settles_it(
    decision: WriteOffDecision, amounts: dict[str, int], order: list[str]
) -> None:
    case = handed_over()
    apply_command(case, proposal(decision, amounts), moment(1))
    answer(case, ApprovalResult.APPROVED)
    told = [each for each in case.outbox if isinstance(each, NotifySuspension | BookWriteOff)]
    assert [each.what if isinstance(each, NotifySuspension) else each.invoice_id for each in told] == order


def test_what_goes_back_to_collections_goes_back_to_its_suspension_first() -> None:
    case = handed_over()
    apply_command(case, proposal(WriteOffDecision.BACK_TO_COLLECTIONS), moment(1))
    answer(case, ApprovalResult.APPROVED)
    told = [each for each in case.outbox if isinstance(each, NotifySuspension | LiftHold)]
    assert told[0] == NotifySuspension(account_id="A1", what="handed_back")


def test_a_payment_that_leaves_the_sum_as_it_was_asks_nobody_anew() -> None:
    case = handed_over()
    apply_command(case, proposal(WriteOffDecision.PART), moment(1))
    case.update_receivable(build_receivable("I1", 2, open_balance=5_000), moment(1))
    assert (asked(case, WithdrawApproval), len(asked(case, RequestApproval))) == ([], 1)


@given(decision=st.sampled_from(MONEY_GIVEN_UP), left=st.lists(st.integers(0, 10_000), max_size=4))
def test_never_more_is_booked_than_is_open(decision: WriteOffDecision, left: list[int]) -> None:
    case = handed_over()
    apply_command(case, proposal(decision), moment(1))
    for version, balance in enumerate(left, 2):
        case.update_receivable(build_receivable("I1", version, open_balance=balance, settled=not balance), moment(1))
    answer(case, ApprovalResult.APPROVED)
    assert all(e.amount <= case.claims[e.invoice_id].open_balance for e in case.outbox if isinstance(e, BookWriteOff))
    assert WriteOffCase.model_validate_json(case.model_dump_json()) == case


@pytest.mark.parametrize("decision", [WriteOffDecision.AGENCY, WriteOffDecision.LEGAL])
def test_the_team_may_think_again_about_an_account_that_is_elsewhere(decision: WriteOffDecision) -> None:
    case = approved(decision)
    assert rejection_reason(case, proposal(WriteOffDecision.WHOLE, act_id="p2"), TODAY) is None
    apply_command(case, proposal(WriteOffDecision.WHOLE, act_id="p2"), moment(9))
    assert case.stage is WriteOffStage.APPROVAL


def test_the_rest_of_a_part_can_be_handed_over_again_and_adds_to_what_was_written_off() -> None:
    case = approved(WriteOffDecision.PART)
    for name, amount in dict(case.to_book).items():
        case.apply_booking(name, amount, moment(3))
    case.apply_hand_over([build_receivable("I1", 3, open_balance=6_000)], moment(60))
    assert (case.stage, case.waiting_for, list(case.claims)) == (WriteOffStage.DECIDING, "decision", ["I1"])
    apply_command(case, proposal(WriteOffDecision.WHOLE, act_id="p2"), moment(61))
    case.apply_approval_outcome(ApprovalOutcome(number=2, result=ApprovalResult.APPROVED, by="dora"), moment(62))
    case.apply_booking("I1", 6_000, moment(62))
    assert case.booked["I1"].amount == 10_000


def test_what_is_given_up_in_another_currency_is_asked_for_beside_the_largest_number() -> None:
    case = WriteOffCase(journal=Journal(case_id="write_off:A1", account_id="A1"))
    dollars = build_receivable("I1", currency="USD", open_balance=5_000_000)
    case.apply_hand_over([dollars, build_receivable("I2", currency="GBP", open_balance=4_500_000)], moment())
    apply_command(case, proposal(WriteOffDecision.WHOLE), moment(1))
    [request] = [effect for effect in case.outbox if isinstance(effect, RequestApproval)]
    assert (request.amount, request.currency, request.other_amounts) == (5_000_000, "USD", {"GBP": 4_500_000})
