"""A request to credit or cancel an invoice by hand: asked once at a time, revised, lapsed, booked as it was agreed to."""

from typing import Any

import pytest

from domain.approval.result import ApprovalOutcome, ApprovalResult, LapseReason
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus
from domain.billing.reduction_kind import ReductionKind
from domain.case.billing_results import BookingResult
from domain.case.effects import CancelInvoice, IssueCreditNote, NotifyPerson, RequestApproval, ReviseApproval, WithdrawApproval
from domain.credit_request.command_rules import RULES
from domain.credit_request.commands import RequestCredit, WithdrawCreditRequest
from domain.credit_request.request_case import CreditRequestCase, CreditRequestStage
from domain.credit_request.view import build_case_view
from domain.journal.account_entries import AccountEntry
from domain.journal.journal import Journal
from domain.projection.case_state import ANSWERED, credit_request_position
from domain.roles import Role
from tests.domain.builders import build_facts, moment

ID = "credit_request:I1"
PAID, CANCELLED = InvoiceStatus.PAID, InvoiceStatus.CANCELLED


def asking(reduction: ReductionKind = ReductionKind.CREDIT_NOTE, amount: int = 2_500, **changes: Any) -> RequestCredit:
    content = {"act_id": "R1", "actor": "bea", "facts": build_facts(), "note_id": "note:R1"} | changes
    return RequestCredit(reduction=reduction, amount=amount, **content)


def cancelling(**changes: Any) -> RequestCredit:
    return asking(ReductionKind.CANCELLATION, 10_000, **changes)


def build_case(command: RequestCredit | None = None) -> CreditRequestCase:
    """Of an invoice of 100.00 EUR; asked for, and its approval under way."""
    case = CreditRequestCase(journal=Journal(case_id=ID, account_id="A1", invoice_id="I1"), invoice_id="I1", binds_facts=True)
    RULES.apply_command(case, command or asking(), moment())
    [asked] = case.take_effects()
    assert isinstance(asked, RequestApproval)
    return case


def decide(case: CreditRequestCase, result: ApprovalResult = ApprovalResult.APPROVED, number: int = 1, reason: str = "") -> None:
    case.apply_approval_outcome(ApprovalOutcome(number=number, result=result, by="anna", reason=reason), moment(1))


def owing(open_balance: int, version: int = 2, status: InvoiceStatus = InvoiceStatus.OPEN) -> InvoiceFacts:
    return build_facts(version=version, open_balance=open_balance, status=status)


def find_position(case: CreditRequestCase) -> tuple[str, str]:
    entries = [
        AccountEntry(ID, entry.seq, entry.kind.value, entry.business_at, "I1", entry.actor, dict(entry.facts))
        for entry in case.journal.pending
    ]
    position = credit_request_position(entries)
    return position.stage, position.waiting_for


@pytest.mark.parametrize(("command", "asked_of_it"), [(asking(), 2_500), (cancelling(facts=owing(7_000)), 7_000)])
def test_those_who_sign_for_a_credit_note_are_asked_with_the_invoice_and_the_reason(command: RequestCredit, asked_of_it: int) -> None:
    case = CreditRequestCase(journal=Journal(case_id=ID, account_id="A1", invoice_id="I1"), invoice_id="I1")
    RULES.apply_command(case, command, moment())
    [approval] = case.take_effects()
    assert isinstance(approval, RequestApproval)
    assert (approval.matter, approval.amount, approval.requester, approval.note_id) == ("credit_note", command.amount, "bea", "note:R1")
    assert [(each.invoice_id, each.open_balance, each.amount) for each in approval.invoices] == [
        ("I1", command.facts.open_balance, asked_of_it)
    ]
    assert approval.details == {"reduction": command.reduction}
    assert (case.stage, build_case_view(case, "run").waiting_for, build_case_view(case, "run").outcome) == ("approval", "approval", None)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (asking(amount=10_001), "EUR 100.01 is more than the EUR 100.00 that invoice I1 still owes; credit no more"),
        (asking(facts=owing(0, status=PAID)), "EUR 25.00 is more than the EUR 0.00 that invoice I1 still owes; credit no more"),
        (cancelling(facts=owing(0, status=CANCELLED)), "invoice I1 is cancelled; there is nothing to reduce"),
    ],
)
def test_what_cannot_be_had_is_rejected_in_words_and_leaves_no_open_case(command: RequestCredit, reason: str) -> None:
    case = CreditRequestCase(journal=Journal(case_id=ID, account_id="A1", invoice_id="I1"), invoice_id="I1")
    assert RULES.rejection_reason(case, command, moment().business.date()) == reason
    RULES.apply_command(case, command, moment())
    assert [entry.kind for entry in case.journal.pending] == ["act.refused"]
    assert (case.take_effects(), build_case_view(case, "run").outcome) == ([], "not_asked")


def test_an_invoice_that_was_paid_may_be_cancelled() -> None:
    assert build_case(cancelling(facts=owing(0, status=PAID))).stage is CreditRequestStage.APPROVAL


def test_there_is_one_request_at_a_time_and_the_same_act_asks_once() -> None:
    case = build_case()
    assert RULES.apply_command(case, asking(), moment()) is None
    second = asking(act_id="R2", actor="ben")
    assert RULES.rejection_reason(case, second, moment().business.date()) == (
        "bea has asked already to reduce invoice I1; wait until that is decided"
    )
    decide(case, ApprovalResult.REJECTED)
    assert "has just ended; ask again in a moment" in str(RULES.rejection_reason(case, second, moment().business.date()))
    assert case.take_effects() == []


def test_what_was_agreed_to_is_ordered_and_ends_when_billing_has_it() -> None:
    case = build_case()
    decide(case, number=2)
    assert case.stage is CreditRequestStage.APPROVAL, "the answer to another approval"
    decide(case)
    decide(case)
    [order] = case.take_effects()
    assert order == IssueCreditNote(key=f"{ID}:1", invoice_id="I1", amount=2_500, currency="EUR", within_open_balance=True)
    assert build_case_view(case, "run").waiting_for == "billing"
    case.apply_booking_result(BookingResult(key="another"), moment(1))
    assert find_position(case) == (ANSWERED, "approval")
    case.apply_booking_result(BookingResult(key=f"{ID}:1"), moment(1))
    ended = case.journal.pending[-1].facts
    assert (ended["ending"], ended["decided_by"], ended["amount"]) == ("booked", "anna", 2_500)
    assert find_position(case) == ("booked", "nothing")
    assert build_case_view(case, "run").outcome == "booked"


def test_whoever_asked_hears_that_billing_did_not_book_what_was_agreed_to() -> None:
    case = build_case(cancelling())
    decide(case)
    assert case.take_effects() == [CancelInvoice(key=f"{ID}:1", invoice_id="I1")]
    case.apply_booking_result(BookingResult(key=f"{ID}:1", refused="not today"), moment(1))
    [notice] = case.take_effects()
    assert isinstance(notice, NotifyPerson)
    assert (notice.user, notice.template, notice.details["why"], notice.details["reduction"]) == (
        "bea",
        "credit_refused",
        "not today",
        "cancellation",
    )
    assert case.journal.pending[-1].facts["reason"] == "not today"
    assert find_position(case) == ("refused", "nothing")


@pytest.mark.parametrize("result", [ApprovalResult.REJECTED, ApprovalResult.RETURNED, ApprovalResult.LAPSED])
def test_without_agreement_nothing_is_ordered(result: ApprovalResult) -> None:
    case = build_case()
    decide(case, result, reason="settled" if result is ApprovalResult.LAPSED else "")
    assert (case.take_effects(), case.stage) == ([], result.value)
    assert find_position(case) == (result.value, "nothing")


@pytest.mark.parametrize(
    ("command", "facts", "lapse"),
    [
        (asking(), owing(6_000), None),
        (asking(), owing(2_500), None),
        (asking(), owing(2_499), LapseReason.AMOUNT_SHRANK),
        (asking(), owing(0, status=PAID), LapseReason.SETTLED),
        (asking(), owing(0, status=CANCELLED), LapseReason.SETTLED),
        (cancelling(), owing(1), None),
        (cancelling(), owing(0, status=PAID), LapseReason.SETTLED),
        (cancelling(facts=owing(0, status=PAID)), owing(4_000, version=3), None),
        (cancelling(facts=owing(0, status=PAID)), owing(0, version=3, status=CANCELLED), LapseReason.SETTLED),
    ],
)
def test_what_billing_changes_meanwhile_revises_the_approval_or_takes_it_back(
    command: RequestCredit, facts: InvoiceFacts, lapse: LapseReason | None
) -> None:
    case = build_case(command)
    case.apply_invoice_facts(facts)
    case.apply_invoice_facts(facts)
    [effect] = case.take_effects()
    if lapse:
        assert effect == WithdrawApproval(number=1, reason=lapse.value)
    else:
        assert isinstance(effect, ReviseApproval)
        assert (effect.amount, effect.invoices[0].open_balance) == (command.amount, facts.open_balance)
    assert case.stage is CreditRequestStage.APPROVAL, "until the approval says how it ended"


def test_a_booking_that_is_under_way_heeds_no_more_facts() -> None:
    case = build_case()
    decide(case)
    case.take_effects()
    case.apply_invoice_facts(owing(0, status=PAID))
    assert case.take_effects() == []


def withdrawing(actor: str = "bea", role: Role = Role.BILLING_OPS) -> WithdrawCreditRequest:
    return WithdrawCreditRequest(act_id="W1", actor=actor, role=role)


@pytest.mark.parametrize(("actor", "role"), [("Bea", Role.BILLING_OPS), ("mara", Role.COLLECTIONS_MANAGER)])
def test_whoever_asked_or_a_manager_withdraws_a_request_and_its_approval_with_it(actor: str, role: Role) -> None:
    case = build_case()
    command = withdrawing(actor, role)
    assert RULES.rejection_reason(case, command, moment().business.date()) is None
    RULES.apply_command(case, command, moment(1))
    assert case.take_effects() == [WithdrawApproval(number=1, reason=LapseReason.WITHDRAWN.value)]
    ended = case.journal.pending[-1]
    assert (ended.actor, ended.facts["ending"], ended.facts["act"]) == (actor, "withdrawn", "W1")
    decide(case)
    assert (case.take_effects(), find_position(case), build_case_view(case, "run").outcome) == ([], ("withdrawn", "nothing"), "withdrawn")


def test_a_request_is_withdrawn_by_nobody_else_nor_once_it_is_agreed_to_or_over() -> None:
    def find_obstacle(case: CreditRequestCase, command: WithdrawCreditRequest) -> str:
        return RULES.rejection_reason(case, command, moment().business.date()) or ""

    case = build_case()
    for role in (Role.BILLING_OPS, Role.ADMIN):
        assert "bea has asked for it: they withdraw it, or a collections_manager does" in find_obstacle(case, withdrawing("ben", role))
    decide(case)
    assert "is being booked" in find_obstacle(case, withdrawing())
    case.apply_booking_result(BookingResult(key=f"{ID}:1"), moment(1))
    assert "there is nothing to withdraw" in find_obstacle(case, withdrawing())
    empty = CreditRequestCase(journal=Journal(case_id=ID, account_id="A1", invoice_id="I1"), invoice_id="I1")
    assert "there is nothing to withdraw" in find_obstacle(empty, withdrawing())
