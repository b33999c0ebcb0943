"""Whether a connected system shows by now what a person was asked to book there, as it was read last. What was credited there before they
were asked is no answer to it, nor what counts for another booking that somebody was asked for: each credit counts once."""

from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlmodel import Session, col

from adapters.billing.external_key import PART_MARK, parse_external_key
from adapters.billing.port import DUECOURSE
from adapters.database.engine import Database
from adapters.database.tables import Allocation, ExternalOrderRow, Invoice
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind
from domain.money import Money

_SEEN = ":seen"
"""Behind the key of a booking by hand: how much of what was credited counts for it."""


class BookingsShown:
    """Safe to share between threads. Amounts are minor units of the invoice's currency."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_credited_before(self, session: Session, key: str, account_id: str, invoice_id: str) -> None:
        """Keep what is credited of the invoice when a person is asked for the booking of this `key`. What is kept already stays."""
        order = {"key": name_booking_by_hand(key), "account_id": account_id, "invoice_id": invoice_id, "recorded_by": DUECOURSE}
        before = _sum_credited(session, invoice_id)
        session.execute(self._database.build_insert_or_ignore(ExternalOrderRow).values(**order, amount=before))

    def take_credit(self, key: str, invoice_id: str, amount: int) -> bool:
        """So much of the invoice, over all its due dates, was credited there since a person was asked, and counts for no other booking. It
        counts for this one from now on."""
        with self._database.writing() as session:
            self._database.take_turns(session, ExternalOrderRow.__tablename__, _name_whole(invoice_id))
            asked = session.get(ExternalOrderRow, name_booking_by_hand(key))
            if asked is None or session.get(ExternalOrderRow, f"{asked.key}{_SEEN}") is not None:
                return asked is not None
            if _sum_free(session, asked, invoice_id) < amount:
                return False
            named = asked.model_dump(include={"account_id", "invoice_id", "recorded_by"})
            session.add(ExternalOrderRow(key=f"{asked.key}{_SEEN}", amount=amount, **named))
            return True

    def find_excess(self, key: str, invoice_id: str, amount: int) -> str | None:
        """Why it can no longer be credited there: what others were asked for was booked meanwhile, and it owes less than this; None where
        it can."""
        with self._database.reading() as session:
            asked = session.get(ExternalOrderRow, name_booking_by_hand(key))
            if asked is None or not _sum_taken(session, invoice_id, asked.amount):
                return None
            currency, owed = session.get_one(Invoice, invoice_id).currency, _sum_open(session, invoice_id)
            if amount - _sum_free(session, asked, invoice_id) <= owed:
                return None
        left = Money(minor=owed, currency=currency).major
        return f"it owes no more than {currency} {left} by now, for another credit was booked; credit less"

    def has_total(self, key: str, invoice_id: str, total: int) -> bool:
        """It asks for this total there, be it that the difference was credited since a person was asked."""
        with self._database.reading() as session:
            asked = session.get_one(Invoice, invoice_id).total
        return asked == total or (asked > total and self.take_credit(key, invoice_id, asked - total))

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


def _sum_free(session: Session, asked: ExternalOrderRow, invoice_id: str) -> int:
    """What was credited since this was asked, and counts for no other. Less than nothing, should a credit note be taken off since."""
    return _sum_credited(session, invoice_id) - asked.amount - _sum_taken(session, invoice_id, asked.amount)


def _sum_taken(session: Session, invoice_id: str, since: int) -> int:
    """How much of what was credited of the invoice beyond `since` counts for bookings by hand. What counts for one is the first that was
    credited since it was asked, and counts for none that was asked before."""
    orders = {
        order.key: order.amount
        for order in session.scalars(select(ExternalOrderRow).where(_is_of(ExternalOrderRow.invoice_id, invoice_id)))
    }
    claims = [(orders[key.removesuffix(_SEEN)], amount) for key, amount in orders.items() if key.endswith(_SEEN)]
    place = taken = 0
    for begin, amount in sorted(claims):
        place = max(place, begin)
        taken += max(place + amount - max(place, since), 0)
        place += amount
    return taken


def _sum_credited(session: Session, invoice_id: str) -> int:
    mine = _is_of(Allocation.invoice_id, invoice_id)
    credited = select(func.sum(col(Allocation.amount))).where(mine, col(Allocation.credit_note_id).is_not(None))
    return int(session.scalar(credited) or 0)


def _sum_open(session: Session, invoice_id: str) -> int:
    return int(session.scalar(select(func.sum(col(Invoice.open_balance))).where(_is_of(Invoice.id, invoice_id))) or 0)


def _is_of(column: Any, invoice_id: str) -> ColumnElement[bool]:
    """Whether it is the invoice, or one of its due dates."""
    whole = _name_whole(invoice_id)
    return or_(col(column) == whole, col(column).startswith(f"{whole}{PART_MARK}", autoescape=True))


def _name_whole(invoice_id: str) -> str:
    key = parse_external_key(invoice_id)
    return key._replace(external_id=key.external_id.split(PART_MARK)[0]).id if key else invoice_id
