"""Invoices that come to an account when it was handed over already: none is left where nobody decides about it."""

import pytest

from domain.approval.result import ApprovalNews, ApprovalResult
from domain.case.effects import AskApproval, BookWriteOff, HandOver, PlaceHold, WithdrawApproval
from domain.journal.journal import Journal
from domain.suspension.state import Stage
from domain.write_off.command_rules import carry_out
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.write_off_case import WriteOffCase, WriteOffStage
from tests.domain.builders import moment
from tests.domain.suspension.builders import Account, claim


def asked_about(decision: WriteOffDecision) -> WriteOffCase:
    """One invoice of 100.00 EUR, about which a decision waits for people's word."""
    case = WriteOffCase(journal=Journal(case_id="write_off:A1", account_id="A1"))
    case.handed_over([claim("I1")], moment())
    carry_out(case, ProposeWriteOff(act_id="p1", actor="will", decision=decision), moment(1))
    return case


def approved(case: WriteOffCase, day: int = 2) -> WriteOffCase:
    case.approval_came(ApprovalNews(number=case.number("approval"), result=ApprovalResult.APPROVED, by="dora"), moment(day))
    return case


def amounts(case: WriteOffCase, kind: type[AskApproval] | type[BookWriteOff]) -> list[int]:
    return [effect.amount for effect in case.outbox if isinstance(effect, kind)]


def test_an_invoice_that_asks_when_its_account_is_handed_over_goes_to_the_team_too() -> None:
    account = Account(claim()).brought_to(Stage.HANDED_OVER)
    account.case.join(claim("I2"), moment(50))
    assert [order.invoice_ids for order in account.asked(HandOver)] == [["I1"], ["I2"]]
    assert [order.invoice_id for order in account.asked(PlaceHold)][-1] == "I2"


def test_an_invoice_that_asks_when_its_account_was_handed_back_goes_on_to_the_hand_over() -> None:
    account = Account(claim()).brought_to(Stage.HANDED_OVER)
    account.case.handed_back(moment(60))
    account.case.join(claim("I2"), moment(70))
    assert "I2" not in [order.invoice_id for order in account.asked(PlaceHold)]
    account.case.ask_hand_over(claim("I2"), moment(90))
    assert account.asked(HandOver)[-1].invoice_ids == ["I1", "I2"]
    assert [order.invoice_id for order in account.asked(PlaceHold)][-2:] == ["I1", "I2"]


def test_what_joins_while_people_are_asked_is_asked_about_anew() -> None:
    case = asked_about(WriteOffDecision.WHOLE)
    case.handed_over([claim("I2")], moment(2))
    assert [effect.number for effect in case.outbox if isinstance(effect, WithdrawApproval)] == [1]
    assert amounts(case, AskApproval) == [10_000, 20_000]
    assert amounts(approved(case), BookWriteOff) == [10_000, 10_000]


def test_what_joins_while_the_whole_is_booked_is_still_to_be_decided_about() -> None:
    case = approved(asked_about(WriteOffDecision.WHOLE))
    case.handed_over([claim("I2")], moment(3))
    case.billing_booked("I1", 10_000, moment(3))
    assert amounts(case, BookWriteOff) == [10_000]
    assert (case.stage, case.waiting_for) == (WriteOffStage.DECIDING, "decision")


@pytest.mark.parametrize("decision", [WriteOffDecision.WHOLE, WriteOffDecision.AGENCY, WriteOffDecision.LEGAL])
def test_what_joins_after_the_decision_is_decided_about_anew(decision: WriteOffDecision) -> None:
    case = approved(asked_about(decision))
    for name, amount in dict(case.to_book).items():
        case.billing_booked(name, amount, moment(3))
    assert case.stage is WriteOffStage.DECIDED
    case.handed_over([claim("I2")], moment(40))
    assert (case.stage, case.waiting_for) == (WriteOffStage.DECIDING, "decision")
    carry_out(case, ProposeWriteOff(act_id="p2", actor="will", decision=WriteOffDecision.WHOLE), moment(41))
    assert amounts(case, AskApproval)[-1] == (10_000 if decision is WriteOffDecision.WHOLE else 20_000)
