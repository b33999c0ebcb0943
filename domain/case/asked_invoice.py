"""An invoice that an approval is asked for."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from domain.billing.receivables import Receivable
from domain.money import Currency


class AskedInvoice(BaseModel):
    """Amounts in minor units of its currency. `amount`: so much of what is open is asked for; `disputed`: so much of it is contested."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    currency: Currency
    open_balance: int
    disputed: int = 0
    amount: int

    @classmethod
    def from_receivable(cls, receivable: Receivable, amount: int | None = None) -> "AskedInvoice":
        """`amount` None: all that is not disputed."""
        return cls(
            invoice_id=receivable.invoice_id,
            currency=receivable.currency,
            open_balance=receivable.open_balance,
            disputed=receivable.disputed,
            amount=max(receivable.open_balance - receivable.disputed, 0) if amount is None else amount,
        )


def list_invoice_ids(invoices: Iterable[AskedInvoice]) -> list[str]:
    return [invoice.invoice_id for invoice in invoices]
