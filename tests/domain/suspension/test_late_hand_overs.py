"""Invoices that come to an account when it was handed over already: none is left where nobody decides about it."""

import pytest

from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.case.effects import BookWriteOff, HandOverAccount, PlaceHold, RequestApproval, WithdrawApproval
from domain.journal.journal import Journal
from domain.suspension.events import add_receivable, apply_hand_back, request_hand_over
from domain.suspension.state import SuspensionStage
from domain.write_off.command_rules import apply_command
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.write_off_case import WriteOffCase, WriteOffStage
from tests.domain.builders import moment
from tests.domain.suspension.builders import SuspensionDriver, build_receivable


def asked_about(decision: WriteOffDecision) -> WriteOffCase:
    """One invoice of 100.00 EUR, about which a decision waits for people's word."""
    case = WriteOffCase(journal=Journal(case_id="write_off:A1", account_id="A1"))
    case.apply_hand_over([build_receivable("I1")], moment())
    apply_command(case, ProposeWriteOff(act_id="p1", actor="will", decision=decision), moment(1))
    return case


def approved(case: WriteOffCase, day: int = 2) -> WriteOffCase:
    case.apply_approval_outcome(
        ApprovalOutcome(number=case.last_number("approval"), result=ApprovalResult.APPROVED, by="dora"), moment(day)
    )
    return case


def amounts(case: WriteOffCase, kind: type[RequestApproval] | type[BookWriteOff]) -> list[int]:
    return [effect.amount for effect in case.outbox if isinstance(effect, kind)]


def test_an_invoice_that_asks_when_its_account_is_handed_over_goes_to_the_team_too() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.HANDED_OVER)
    add_receivable(account.case, build_receivable("I2"), moment(50))
    assert [order.invoice_ids for order in account.list_effects(HandOverAccount)] == [["I1"], ["I2"]]
    assert [order.invoice_id for order in account.list_effects(PlaceHold)][-1] == "I2"


def test_an_invoice_that_asks_when_its_account_was_handed_back_goes_on_to_the_hand_over() -> None:
    account = SuspensionDriver(build_receivable()).drive_to(SuspensionStage.HANDED_OVER)
    apply_hand_back(account.case, moment(60))
    add_receivable(account.case, build_receivable("I2"), moment(70))
    assert "I2" not in [order.invoice_id for order in account.list_effects(PlaceHold)]
    request_hand_over(account.case, build_receivable("I2"), moment(90))
    assert account.list_effects(HandOverAccount)[-1].invoice_ids == ["I1", "I2"]
    assert [order.invoice_id for order in account.list_effects(PlaceHold)][-2:] == ["I1", "I2"]


def test_what_joins_while_people_are_asked_is_asked_about_anew() -> None:
    case = asked_about(WriteOffDecision.WHOLE)
    case.apply_hand_over([build_receivable("I2")], moment(2))
    assert [effect.number for effect in case.outbox if isinstance(effect, WithdrawApproval)] == [1]
    assert amounts(case, RequestApproval) == [10_000, 20_000]
    assert amounts(approved(case), BookWriteOff) == [10_000, 10_000]


def test_what_joins_while_the_whole_is_booked_is_still_to_be_decided_about() -> None:
    case = approved(asked_about(WriteOffDecision.WHOLE))
    case.apply_hand_over([build_receivable("I2")], moment(3))
    case.apply_booking("I1", 10_000, moment(3))
    assert amounts(case, BookWriteOff) == [10_000]
    assert (case.stage, case.waiting_for) == (WriteOffStage.DECIDING, "decision")


@pytest.mark.parametrize("decision", [WriteOffDecision.WHOLE, WriteOffDecision.AGENCY, WriteOffDecision.LEGAL])
def test_what_joins_after_the_decision_is_decided_about_anew(decision: WriteOffDecision) -> None:
    case = approved(asked_about(decision))
    for name, amount in dict(case.to_book).items():
        case.apply_booking(name, amount, moment(3))
    assert case.stage is WriteOffStage.DECIDED
    case.apply_hand_over([build_receivable("I2")], moment(40))
    assert (case.stage, case.waiting_for) == (WriteOffStage.DECIDING, "decision")
    apply_command(case, ProposeWriteOff(act_id="p2", actor="will", decision=WriteOffDecision.WHOLE), moment(41))
    assert amounts(case, RequestApproval)[-1] == (10_000 if decision is WriteOffDecision.WHOLE else 20_000)
