"""What an invoice remembers of the disputes over it."""

from pydantic import BaseModel, ConfigDict

from domain.billing.billing_events import InvoiceFacts
from domain.dispute.commands import DisputeSource, RaiseDispute
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.refusal import Refusal
from domain.roles import Role


class DisputeRecord(BaseModel):
    """What an invoice remembers of each of its disputes; `resolution` is None while it is open. Amounts in minor units."""

    model_config = ConfigDict(frozen=True)

    number: int
    reason: DisputeReason
    amount: int
    source: DisputeSource = DisputeSource.COLLECTOR
    resolution: DisputeResolution | None = None


class PendingDispute(BaseModel):
    """A dispute that was accepted and whose own case has yet to begin. `facts` are the invoice's as it was raised."""

    model_config = ConfigDict(frozen=True)

    act: RaiseDispute
    facts: InvoiceFacts


def dispute_rejection_reason(command: RaiseDispute, facts: InvoiceFacts, earlier: list[DisputeRecord]) -> Refusal | None:
    """Why an invoice takes no such dispute, in words; None when it does.

    One at a time: two open disputes could contest the same money twice. The same grounds again need a manager, lest a dispute be the
    way to put off payment for ever; a file names no grounds.
    """
    if facts.is_settled:
        return Refusal("invoice.nothing_to_dispute", "the invoice is {status}; there is nothing left to dispute", status=facts.status)
    if command.amount > facts.open_balance:
        return Refusal("dispute.too_much", "the disputed amount is more than the open balance")
    still_open = next((past for past in earlier if past.resolution is None), None)
    if still_open:
        return Refusal("dispute.still_open", "dispute {number} of this invoice is still open; add to that one", number=still_open.number)
    again = any(past.reason is command.reason for past in earlier if past.source is not DisputeSource.FILE)
    if again and command.role is not Role.COLLECTIONS_MANAGER:
        return Refusal(
            "dispute.again",
            "this invoice was disputed on the same grounds before ({dispute_reason}); "
            "a second time only a collections manager may raise it",
            dispute_reason=command.reason,
        )
    return None
