"""Whether a connected system shows by now what a person was asked to book there, as it was read last. What was credited there before they
were asked is no answer to it."""

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from adapters.billing.external_key import PART_MARK, parse_external_key
from adapters.billing.port import DUECOURSE
from adapters.database.engine import Database
from adapters.database.tables import Allocation, ExternalOrderRow, Invoice
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind


class BookingsShown:
    """Safe to share between threads. Amounts are minor units of the invoice's currency."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_credited_before(self, session: Session, key: str, account_id: str, invoice_id: str) -> None:
        """Keep what is credited of the invoice when a person is asked for the booking of this `key`. What is kept already stays."""
        order = {"key": name_booking_by_hand(key), "account_id": account_id, "invoice_id": invoice_id, "recorded_by": DUECOURSE}
        before = _sum_credited(session, invoice_id)
        session.execute(self._database.build_insert_or_ignore(ExternalOrderRow).values(**order, amount=before))

    def is_credited(self, key: str, invoice_id: str, amount: int) -> bool:
        """So much of the invoice, over all its due dates, was credited there since a person was asked."""
        with self._database.reading() as session:
            since = _sum_credited_since(session, key, invoice_id)
            return since is not None and since >= amount

    def has_total(self, key: str, invoice_id: str, total: int) -> bool:
        """It asks for this total there, be it that the difference was credited since a person was asked."""
        with self._database.reading() as session:
            asked = session.get_one(Invoice, invoice_id).total
            return total in (asked, asked - (_sum_credited_since(session, key, invoice_id) or 0))

    def is_cancelled(self, invoice_id: str) -> bool:
        """It was cancelled there, or credited whole."""
        with self._database.reading() as session:
            return session.get_one(Invoice, invoice_id).status in (InvoiceStatus.CANCELLED, InvoiceStatus.CREDITED)

    def is_settled(self, invoice_id: str) -> bool:
        with self._database.reading() as session:
            return session.get_one(Invoice, invoice_id).status != InvoiceStatus.OPEN


def name_booking_by_hand(key: str) -> str:
    """Under which a booking that a person was asked for is known: by its task, and by what is kept of it."""
    return f"{TaskKind.BOOKING_BY_HAND}:{key}"


def _sum_credited_since(session: Session, key: str, invoice_id: str) -> int | None:
    """Not less than nothing, should a credit note be taken off since; None where it was not kept what was credited before."""
    asked = session.get(ExternalOrderRow, name_booking_by_hand(key))
    return max(_sum_credited(session, invoice_id) - asked.amount, 0) if asked else None


def _sum_credited(session: Session, invoice_id: str) -> int:
    whole = _name_whole(invoice_id)
    mine = or_(col(Allocation.invoice_id) == whole, col(Allocation.invoice_id).startswith(f"{whole}{PART_MARK}", autoescape=True))
    credited = select(func.sum(col(Allocation.amount))).where(mine, col(Allocation.credit_note_id).is_not(None))
    return int(session.scalar(credited) or 0)


def _name_whole(invoice_id: str) -> str:
    key = parse_external_key(invoice_id)
    return key._replace(external_id=key.external_id.split(PART_MARK)[0]).id if key else invoice_id
