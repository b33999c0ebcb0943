"""Whether a connected system shows by now what a person was asked to book there, as it was read last. What was credited there before they
were asked is no answer to it, nor what counts for another booking, be it one that somebody was asked for or one that was ordered
from here: each credit counts once."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, not_, or_, select
from sqlmodel import Session, col

from adapters.billing.external_key import PART_MARK, find_whole_id
from adapters.billing.port import DUECOURSE
from adapters.database.engine import Database
from adapters.database.tables import Allocation, ExternalOrderRow, Invoice
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind
from domain.money import Money

_SEEN = ":seen"
"""Behind the key of a booking by hand: how much of what was credited counts for it."""

_CANCELLATIONS = "cancellation:"
"""With which the id of a credit note begins that takes an invoice off whole, be it that it is only believed to be gone."""


class _Claim(NamedTuple):
    """What a booking has of what was credited: what was credited before it, and when it took its part, in real time; None: long ago."""

    begin: int
    amount: int
    taken_at: datetime | None

    def is_before(self, asked: ExternalOrderRow) -> bool:
        return asked.begun_at is not None and (self.taken_at is None or self.taken_at < asked.begun_at)


class BookingsShown:
    """Safe to share between threads. Amounts are minor units of the invoice's currency."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_credited_before(self, session: Session, key: str, account_id: str, invoice_id: str) -> None:
        """Keep what is credited of the invoice when a person is asked for the booking of this `key`. What is kept already stays."""
        order: dict[str, Any] = {
            "key": name_booking_by_hand(key),
            "account_id": account_id,
            "invoice_id": invoice_id,
            "recorded_by": DUECOURSE,
        }
        order |= {"amount": sum_credited(session, invoice_id), "begun_at": datetime.now(UTC)}
        session.execute(self._database.build_insert_or_ignore(ExternalOrderRow).values(**order))

    def take_credit(self, key: str, invoice_id: str, amount: int) -> bool:
        """So much of the invoice, over all its due dates, was credited there since a person was asked, and counts for no other booking. It
        counts for this one from now on."""
        with self._database.writing() as session:
            self._database.take_turns(session, ExternalOrderRow.__tablename__, find_whole_id(invoice_id))
            asked = session.get(ExternalOrderRow, name_booking_by_hand(key))
            if asked is None or session.get(ExternalOrderRow, f"{asked.key}{_SEEN}") is not None:
                return asked is not None
            if _sum_free(session, asked, invoice_id) < amount:
                return False
            named = asked.model_dump(include={"account_id", "invoice_id", "recorded_by"})
            session.add(ExternalOrderRow(key=f"{asked.key}{_SEEN}", amount=amount, begun_at=datetime.now(UTC), **named))
            return True

    def find_excess(self, key: str, invoice_id: str, amount: int) -> str | None:
        """Why it can no longer be credited there: what others were asked for was booked meanwhile, and it owes less than this; None where
        it can."""
        with self._database.reading() as session:
            asked = session.get(ExternalOrderRow, name_booking_by_hand(key))
            invoice = session.get_one(Invoice, invoice_id)
            if asked is None or invoice.status == InvoiceStatus.CANCELLED or not _sum_taken(session, asked, invoice_id):
                return None
            owed = _sum_open(session, invoice_id)
            if amount - max(_sum_free(session, asked, invoice_id), 0) <= owed:
                return None
        left = Money(minor=owed, currency=invoice.currency).major
        return f"it owes no more than {invoice.currency} {left} by now, for another credit was booked; credit less"

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
    return sum_credited(session, invoice_id) - asked.amount - _sum_taken(session, asked, invoice_id)


def _sum_taken(session: Session, asked: ExternalOrderRow, invoice_id: str) -> int:
    """How much of what was credited since this was asked counts for others. What counts for one is the first that was credited since it
    was begun, and counts for none before it. What counted for one when this was asked was credited by then, or is so no more."""
    free, taken = [(0, asked.amount)], 0
    for claim in sorted(_list_claims(session, invoice_id), key=lambda each: (not each.is_before(asked), each.begin)):
        free, left = _take_first(free, claim)
        taken += 0 if claim.is_before(asked) else left
    return taken


def _take_first(free: list[tuple[int, int]], claim: _Claim) -> tuple[list[tuple[int, int]], int]:
    """Return what a claim leaves of the stretches of credit that count for nothing yet, and how much it does not find there."""
    left, stretches = claim.amount, list[tuple[int, int]]()
    for start, end in free:
        begin = min(max(start, claim.begin), end)
        used = min(left, end - begin)
        left -= used
        stretches += [(start, begin), (begin + used, end)]
    return [(start, end) for start, end in stretches if start < end], left


def _list_claims(session: Session, invoice_id: str) -> list[_Claim]:
    """Of what was seen of bookings by hand, and of credit notes that were ordered from here."""
    orders = {
        order.key: order for order in session.scalars(select(ExternalOrderRow).where(_is_of(ExternalOrderRow.invoice_id, invoice_id)))
    }
    seen = [
        _Claim(orders[key.removesuffix(_SEEN)].amount, order.amount, order.begun_at) for key, order in orders.items() if key.endswith(_SEEN)
    ]
    ordered = [
        _Claim(order.credited_before, order.amount, order.begun_at)
        for key, order in orders.items()
        if order.credited_before is not None and name_booking_by_hand(key) not in orders
    ]
    return seen + ordered


def sum_credited(session: Session, invoice_id: str) -> int:
    """Return what was credited of the invoice, over all its due dates. A cancellation is no credit: what is gone may come again."""
    note = col(Allocation.credit_note_id)
    mine = (_is_of(Allocation.invoice_id, invoice_id), note.is_not(None), not_(note.startswith(_CANCELLATIONS)))
    credited = select(func.sum(col(Allocation.amount))).where(*mine)
    return int(session.scalar(credited) or 0)


def _sum_open(session: Session, invoice_id: str) -> int:
    return int(session.scalar(select(func.sum(col(Invoice.open_balance))).where(_is_of(Invoice.id, invoice_id))) or 0)


def _is_of(column: Any, invoice_id: str) -> ColumnElement[bool]:
    """Whether it is the invoice, or one of its due dates."""
    whole = find_whole_id(invoice_id)
    return or_(col(column) == whole, col(column).startswith(f"{whole}{PART_MARK}", autoescape=True))
