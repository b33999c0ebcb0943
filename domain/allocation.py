"""Which invoices a payment pays. One account, one currency; amounts in minor units."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Remainder(StrEnum):
    """What becomes of the money that the named invoice does not need."""

    KEPT = "kept"
    OLDEST_FIRST = "oldest_first"


class OpenItem(BaseModel):
    """An invoice that can take money."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    due_date: date
    open_balance: int


class Share(BaseModel):
    """What one invoice takes; negative when it is taken back."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    amount: int


class Distribution(BaseModel):
    """`shares` and `unapplied` add up to what was distributed."""

    model_config = ConfigDict(frozen=True)

    shares: tuple[Share, ...]
    unapplied: int


def distribute(amount: int, items: Iterable[OpenItem], named: str | None = None, remainder: Remainder = Remainder.KEPT) -> Distribution:
    """Spread `amount` over the items: the named one first, otherwise the one that fell due first.

    A payer who names an invoice means that one: what it does not need stays the account's unapplied credit, unless
    `remainder` says that it goes on to the oldest.
    """
    queue = sorted(items, key=lambda item: (item.invoice_id != named, item.due_date, item.invoice_id))
    if named is not None and remainder is Remainder.KEPT:
        queue = [item for item in queue if item.invoice_id == named]
    shares: list[Share] = []
    left = amount
    for item in queue:
        taken = min(left, item.open_balance)
        if taken > 0:
            shares.append(Share(invoice_id=item.invoice_id, amount=taken))
            left -= taken
    return Distribution(shares=tuple(shares), unapplied=left)
