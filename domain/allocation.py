"""Which invoices a payment pays. One account, one currency; amounts in minor units."""

from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict


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


def distribute(amount: int, items: Iterable[OpenItem], named: str | None = None) -> Distribution:
    """Spread `amount` over the items: what fell due first is paid first.

    A payer who names an invoice means that one: what it does not need stays the account's unapplied credit.
    """
    queue = sorted((item for item in items if named in (None, item.invoice_id)), key=lambda item: (item.due_date, item.invoice_id))
    shares: list[Share] = []
    left = amount
    for item in queue:
        taken = min(left, item.open_balance)
        if taken > 0:
            shares.append(Share(invoice_id=item.invoice_id, amount=taken))
            left -= taken
    return Distribution(shares=tuple(shares), unapplied=left)
