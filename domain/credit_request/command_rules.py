"""What people may ask of the case of a credit request: what rules it out, and what it changes."""

from datetime import date

from domain.billing.billing_events import InvoiceFacts, InvoiceStatus
from domain.billing.reduction_kind import ReductionKind
from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.clock import Moment
from domain.credit_request.commands import RequestCredit, WithdrawCreditRequest
from domain.credit_request.request_case import CreditRequestCase, CreditRequestStage
from domain.money import Money
from domain.roles import Role, is_same_person


def find_reduction_obstacle(invoice_id: str, reduction: ReductionKind, amount: int, facts: InvoiceFacts) -> str | None:
    """Why the invoice cannot be reduced like that, whatever else was asked, in words; None when it can. `amount` in minor units."""
    if facts.status is InvoiceStatus.CANCELLED:
        return f"invoice {invoice_id} is cancelled; there is nothing to reduce"
    if reduction is ReductionKind.CREDIT_NOTE and amount > facts.open_balance:
        asked, owed = (Money(minor=minor, currency=facts.currency).major for minor in (amount, facts.open_balance))
        return f"{facts.currency} {asked} is more than the {facts.currency} {owed} that invoice {invoice_id} still owes; credit no more"
    return None


def _find_rejection_reason(case: CreditRequestCase, command: Command, today: date) -> str | None:
    if isinstance(command, WithdrawCreditRequest):
        return _find_withdrawal_obstacle(case, command)
    if not isinstance(command, RequestCredit):
        return None
    if case.is_ended:
        return f"the request to reduce invoice {case.invoice_id} has just ended; ask again in a moment"
    if case.request:
        return f"{case.request.actor} has asked already to reduce invoice {case.invoice_id}; wait until that is decided"
    return find_reduction_obstacle(case.invoice_id, command.reduction, command.amount, command.facts)


def _find_withdrawal_obstacle(case: CreditRequestCase, command: WithdrawCreditRequest) -> str | None:
    if case.request is None or case.is_ended:
        return f"no request to reduce invoice {case.invoice_id} waits for a decision; there is nothing to withdraw"
    if case.stage is CreditRequestStage.BOOKING:
        return "the request is agreed to, and is being booked; it cannot be withdrawn any more"
    if command.role is not Role.COLLECTIONS_MANAGER and not is_same_person(command.actor, case.request.actor):
        return f"{case.request.actor} has asked for it: they withdraw it, or a {Role.COLLECTIONS_MANAGER} does"
    return None


def _apply_accepted_command(case: CreditRequestCase, command: Command, at: Moment) -> int | None:
    if isinstance(command, RequestCredit):
        return case.request_credit(command, at)
    if isinstance(command, WithdrawCreditRequest):
        return case.withdraw(command, at)
    raise TypeError(f"no rule says what a {type(command).__name__} does to a credit request")


RULES = CommandRules(_find_rejection_reason, _apply_accepted_command)
"""What people send to a credit request."""
