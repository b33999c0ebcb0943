"""Approvals as their workflows write them, with the facts that they bind: of a suspension's warning, which one manager may sign."""

from datetime import date
from pathlib import Path

from adapters.shipped_files import PROJECT
from domain.approval.approval_case import ApprovalCase
from domain.approval.facts import ApprovalDispute, ApprovalInvoice, ContactsSoFar, DecisionFacts
from domain.approval.result import ApprovalSubject
from domain.approval.view import build_case_view
from domain.clock import Moment
from domain.identifiers import approval_case_id, suspension_case_id
from domain.journal.entry import FactValue
from domain.journal.journal import Journal
from domain.policy.approval_matrix import ApprovalRequest, MatrixSnapshot
from domain.policy.approval_type import ApprovalType
from domain.policy.matrix_parsing import parse_matrix
from tests.api.account_cases import NOW, write_case
from tests.api.portfolio_world import PortfolioWorld

MATRIX_FILE: Path = PROJECT / "policies" / "approvals.yaml"
MATRIX = parse_matrix(MATRIX_FILE.read_text(encoding="utf-8"), str(MATRIX_FILE))


def build_facts(amounts: dict[str, int], reason: str = "", note_id: str | None = None) -> DecisionFacts:
    """An invoice of each currency, of which all is asked for; one dispute, two letters, one call."""
    invoices = [
        ApprovalInvoice(
            invoice_id=f"I-{currency}",
            number=f"No. {currency}",
            currency=currency,
            open_balance=minor,
            amount=minor,
            due_on=date(2013, 1, 10),
        )
        for currency, minor in amounts.items()
    ]
    dispute = ApprovalDispute(
        case_id="dispute:I-EUR:1", invoice_id="I-EUR", amount=1_000, currency="EUR", reason="wrong_price", raised_on=date(2013, 2, 1)
    )
    contacts = ContactsSoFar(letters=2, last_letter="reminder", last_letter_on=date(2013, 2, 20), calls=1, last_call="no_answer")
    return DecisionFacts(amounts=amounts, invoices=invoices, disputes=[dispute], contacts=contacts, reason=reason, note_id=note_id)


def store_approval(
    world: PortfolioWorld,
    amounts: dict[str, int],
    account: str = "A-1",
    requester: str = "mia",
    matter: ApprovalType = ApprovalType.SUSPENSION_WARNING,
    at: Moment = NOW,
    facts: DecisionFacts | None = None,
    number: int = 1,
    details: dict[str, FactValue] | None = None,
    subject: str = "",
) -> ApprovalCase:
    """Amounts in minor units by currency. Its account is there already. `subject`: the case that asks, a suspension unless it is another;
    `details`: what it says."""
    first, *others = amounts
    question = ApprovalRequest(
        matter=matter, amount=amounts[first], currency=first, other_amounts={currency: amounts[currency] for currency in others}
    )
    subject = subject or suspension_case_id(account)
    case = ApprovalCase.create(
        Journal(case_id=approval_case_id(subject, number), account_id=account),
        question,
        requester,
        ApprovalSubject(case_id=subject, details=details or {}),
        MatrixSnapshot.from_matrix(MATRIX),
        facts=facts or build_facts(amounts),
    )
    case.open(at)
    return write_case(world, case, build_case_view)
