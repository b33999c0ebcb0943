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
from domain.refusal import Refusal
from domain.roles import Role, is_same_person


def find_reduction_obstacle(invoice_id: str, reduction: ReductionKind, amount: int, facts: InvoiceFacts) -> Refusal | None:
    """Why the invoice cannot be reduced like that, whatever else was asked, in words; None when it can. `amount` in minor units."""
    if facts.status is InvoiceStatus.CANCELLED:
        return Refusal("reduction.cancelled", "invoice {invoice} is cancelled; there is nothing to reduce", invoice=invoice_id)
    if reduction is ReductionKind.CREDIT_NOTE and amount > facts.open_balance:
        asked, owed = (f"{facts.currency} {Money(minor=minor, currency=facts.currency).major}" for minor in (amount, facts.open_balance))
        return Refusal(
            "reduction.too_much",
            "{asked} is more than the {owed} that invoice {invoice} still owes; credit no more",
            asked=asked,
            owed=owed,
            invoice=invoice_id,
        )
    return None


def _find_rejection_reason(case: CreditRequestCase, command: Command, today: date) -> Refusal | None:
    if isinstance(command, WithdrawCreditRequest):
        return _find_withdrawal_obstacle(case, command)
    if not isinstance(command, RequestCredit):
        return None
    if case.is_ended:
        return Refusal(
            "reduction.just_ended", "the request to reduce invoice {invoice} has just ended; ask again in a moment", invoice=case.invoice_id
        )
    if case.request:
        return Refusal(
            "reduction.asked",
            "{person} has asked already to reduce invoice {invoice}; wait until that is decided",
            person=case.request.actor,
            invoice=case.invoice_id,
        )
    return find_reduction_obstacle(case.invoice_id, command.reduction, command.amount, command.facts)


def _find_withdrawal_obstacle(case: CreditRequestCase, command: WithdrawCreditRequest) -> Refusal | None:
    if case.request is None or case.is_ended:
        return Refusal(
            "reduction.none",
            "no request to reduce invoice {invoice} waits for a decision; there is nothing to withdraw",
            invoice=case.invoice_id,
        )
    if case.stage is CreditRequestStage.BOOKING:
        return Refusal("reduction.booking", "the request is agreed to, and is being booked; it cannot be withdrawn any more")
    if command.role is not Role.COLLECTIONS_MANAGER and not is_same_person(command.actor, case.request.actor):
        return Refusal(
            "reduction.not_yours",
            "{person} has asked for it: they withdraw it, or a {role} does",
            person=case.request.actor,
            role=Role.COLLECTIONS_MANAGER,
        )
    return None


def _apply_accepted_command(case: CreditRequestCase, command: Command, at: Moment) -> int | None:
    if isinstance(command, RequestCredit):
        return case.request_credit(command, at)
    if isinstance(command, WithdrawCreditRequest):
        return case.withdraw(command, at)
    raise TypeError(f"no rule says what a {type(command).__name__} does to a credit request")


RULES = CommandRules(_find_rejection_reason, _apply_accepted_command)
"""What people send to a credit request."""
