"""Which invoices a payment pays. One account, one currency; amounts in minor units."""

from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict


class OpenItem(BaseModel):
    """An invoice that can take money: what is open of it, and what was written off and may still come in."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    due_date: date
    open_balance: int
    written_off: int = 0


class AllocationShare(BaseModel):
    """What one invoice takes; negative when it is taken back."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    amount: int


class PaymentAllocation(BaseModel):
    """`shares`, `recovered` (what was written off) and `unapplied` add up to what was distributed."""

    model_config = ConfigDict(frozen=True)

    shares: tuple[AllocationShare, ...]
    unapplied: int
    recovered: tuple[AllocationShare, ...] = ()


def allocate_payment(amount: int, items: Iterable[OpenItem], named_invoice_id: str | None = None) -> PaymentAllocation:
    """Spread `amount` over the items: what fell due first is paid first, what is open before what was written off.

    A payer who names an invoice means that one: what it does not need stays the account's unapplied credit.
    """
    queue = sorted(
        (item for item in items if named_invoice_id in (None, item.invoice_id)), key=lambda item: (item.due_date, item.invoice_id)
    )
    shares, left = _allocate_amounts(amount, [(item.invoice_id, item.open_balance) for item in queue])
    recovered, left = _allocate_amounts(left, [(item.invoice_id, item.written_off) for item in queue])
    return PaymentAllocation(shares=shares, unapplied=left, recovered=recovered)


def _allocate_amounts(amount: int, needs: Iterable[tuple[str, int]]) -> tuple[tuple[AllocationShare, ...], int]:
    """The shares in order of the needs, and what is left."""
    shares: list[AllocationShare] = []
    for invoice_id, need in needs:
        taken = min(amount, need)
        if taken > 0:
            shares.append(AllocationShare(invoice_id=invoice_id, amount=taken))
            amount -= taken
    return tuple(shares), amount
