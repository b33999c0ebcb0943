"""What was open of an account's invoices on a day, as it is known now: by the days on which money came in, whenever it was booked."""

from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Allocation, CreditNote, Invoice, Payment, WriteOffBooking
from domain.billing.billing_events import InvoiceStatus


class EffectiveBalance(BaseModel):
    """`open_balance` in minor units of `currency`. What was cancelled since was never owed, a payment that was taken back never came."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    number: str
    currency: str
    due_date: date
    open_balance: int


def load_effective_balances(database: Database, account_id: str, day: date) -> list[EffectiveBalance]:
    """Of the invoices issued by that day, the oldest due first; those of which nothing was open then, too."""
    issued = (
        select(Invoice)
        .where(col(Invoice.account_id) == account_id, col(Invoice.issue_date) <= day)
        .order_by(col(Invoice.due_date), col(Invoice.id))
    )
    with database.reading() as session:
        invoices = session.execute(issued).scalars().all()
        taken = _load_taken(session, account_id, day)
        return [
            EffectiveBalance(
                invoice_id=invoice.id,
                number=invoice.number,
                currency=invoice.currency,
                due_date=invoice.due_date,
                open_balance=0 if invoice.status == InvoiceStatus.CANCELLED else max(invoice.total - taken.get(invoice.id, 0), 0),
            )
            for invoice in invoices
        ]


def _load_taken(session: Session, account_id: str, day: date) -> dict[str, int]:
    """What payments, credit notes and write-offs of that day and before took off each invoice."""
    effective_on = func.coalesce(col(Payment.received_on), col(CreditNote.issued_on), col(WriteOffBooking.written_off_on))
    statement = (
        select(col(Allocation.invoice_id), func.sum(col(Allocation.amount)))
        .join(Invoice, col(Invoice.id) == col(Allocation.invoice_id))
        .outerjoin(Payment, col(Payment.id) == col(Allocation.payment_id))
        .outerjoin(CreditNote, col(CreditNote.id) == col(Allocation.credit_note_id))
        .outerjoin(WriteOffBooking, col(WriteOffBooking.key) == col(Allocation.write_off_key))
        .where(col(Invoice.account_id) == account_id, effective_on <= day)
        .group_by(col(Allocation.invoice_id))
    )
    return {invoice_id: int(amount) for invoice_id, amount in session.execute(statement)}
