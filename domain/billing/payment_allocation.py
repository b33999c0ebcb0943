"""The allocation of a payment to invoices of one account and one currency; amounts in minor units."""

from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict


class OpenItem(BaseModel):
    """An invoice that a payment can go to: its open balance, and the amount that was written off and may still be recovered."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    due_date: date
    open_balance: int
    written_off: int = 0


class AllocationShare(BaseModel):
    """The amount allocated to one invoice; negative when it is taken back."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    amount: int


class PaymentAllocation(BaseModel):
    """`shares` (of open balances), `recovered` (of written-off amounts) and `unapplied` add up to the payment."""

    model_config = ConfigDict(frozen=True)

    shares: tuple[AllocationShare, ...]
    unapplied: int
    recovered: tuple[AllocationShare, ...] = ()


def allocate_payment(amount: int, items: Iterable[OpenItem], named_invoice_id: str | None = None) -> PaymentAllocation:
    """Allocate `amount` to the items: the earliest due date first, open balances before written-off amounts.

    A payment that names an invoice goes to that one: the rest stays the account's unapplied credit.
    """
    payable = [item for item in items if named_invoice_id in (None, item.invoice_id)]
    queue = sorted(payable, key=lambda item: (item.due_date, item.invoice_id))
    shares, left = _allocate_amounts(amount, [(item.invoice_id, item.open_balance) for item in queue])
    recovered, left = _allocate_amounts(left, [(item.invoice_id, item.written_off) for item in queue])
    return PaymentAllocation(shares=shares, unapplied=left, recovered=recovered)


def _allocate_amounts(amount: int, needs: Iterable[tuple[str, int]]) -> tuple[tuple[AllocationShare, ...], int]:
    """Allocate to each invoice up to its need, in their order; return the shares and the rest."""
    shares: list[AllocationShare] = []
    for invoice_id, need in needs:
        share = min(amount, need)
        if share > 0:
            shares.append(AllocationShare(invoice_id=invoice_id, amount=share))
            amount -= share
    return tuple(shares), amount
