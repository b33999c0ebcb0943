"""The application of an account's unapplied credit to its open invoices; amounts in minor units of one currency."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from domain.billing.payment_allocation import OpenItem, allocate_payment


class CreditShare(BaseModel):
    """The amount of a payment or credit note that goes to an invoice. `credit_id` is the payment's or the credit note's."""

    model_config = ConfigDict(frozen=True)

    credit_id: str
    invoice_id: str
    amount: int


def allocate_credits(credits_left: Sequence[tuple[str, int]], items: Iterable[OpenItem]) -> tuple[CreditShare, ...]:
    """Allocate what is left of each credit (id, amount), in their order, to the invoices: the oldest due date first."""
    open_items = {item.invoice_id: item for item in items}
    shares: list[CreditShare] = []
    for credit_id, left in credits_left:
        for share in allocate_payment(left, open_items.values()).shares:
            item = open_items[share.invoice_id]
            open_items[share.invoice_id] = item.model_copy(update={"open_balance": item.open_balance - share.amount})
            shares.append(CreditShare(credit_id=credit_id, invoice_id=share.invoice_id, amount=share.amount))
    return tuple(shares)
