"""Whether a connected system shows by now what a person was asked to book there, as it was read last."""

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from adapters.billing.external_key import PART_MARK, parse_external_key
from adapters.database.engine import Database
from adapters.database.tables import Allocation, Invoice
from domain.billing.billing_events import InvoiceStatus


class BookingsShown:
    """Safe to share between threads. Amounts are minor units of the invoice's currency."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_credited(self, invoice_id: str, amount: int) -> bool:
        """So much of the invoice, over all its due dates, is credited there."""
        with self._database.reading() as session:
            return _sum_credited(session, invoice_id) >= amount

    def has_total(self, invoice_id: str, total: int) -> bool:
        """It asks for this total there, be it that the difference was credited."""
        with self._database.reading() as session:
            asked = session.get_one(Invoice, invoice_id).total
            return total in (asked, asked - _sum_credited(session, invoice_id))

    def is_cancelled(self, invoice_id: str) -> bool:
        """It was cancelled there, or credited whole."""
        with self._database.reading() as session:
            return session.get_one(Invoice, invoice_id).status in (InvoiceStatus.CANCELLED, InvoiceStatus.CREDITED)

    def is_settled(self, invoice_id: str) -> bool:
        with self._database.reading() as session:
            return session.get_one(Invoice, invoice_id).status != InvoiceStatus.OPEN


def _sum_credited(session: Session, invoice_id: str) -> int:
    whole = _name_whole(invoice_id)
    mine = or_(col(Allocation.invoice_id) == whole, col(Allocation.invoice_id).startswith(f"{whole}{PART_MARK}", autoescape=True))
    credited = select(func.sum(col(Allocation.amount))).where(mine, col(Allocation.credit_note_id).is_not(None))
    return int(session.scalar(credited) or 0)


def _name_whole(invoice_id: str) -> str:
    key = parse_external_key(invoice_id)
    return key._replace(external_id=key.external_id.split(PART_MARK)[0]).id if key else invoice_id
