"""What was begun in connected billing systems, kept before they are asked: an answer may be lost, or only a part done."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import col

from adapters.billing.errors import BillingAwayError, ConcurrentCreditError, ConflictingCreditNoteError, UnansweredOrderError
from adapters.billing.port import DUECOURSE
from adapters.billing.unanswered_orders import RUNS_AT_MOST
from adapters.cases.bookings_shown import sum_credited
from adapters.database.credits_by_hand import sum_credits_by_hand
from adapters.database.engine import Database
from adapters.database.tables import ExternalOrderRow, Invoice
from adapters.real_time import find_real_now

_HELD = ":held"
"""Behind the key of an order: that it has its invoice, since when it was sent last."""

LOOKED_AGAIN_AFTER = 60.0
"""Seconds after which an order that waits for another one comes again at the latest: most are answered by then."""


class BegunOrders:
    """Each is known by the key of its booking. Safe to share between threads; the connections of one process share it."""

    def __init__(self, database: Database, now: Callable[[], datetime] = find_real_now) -> None:
        self._database, self._lock, self._under_way, self._now = database, threading.Lock(), set[str](), now

    @contextmanager
    def hold(self, key: str, what: str = "the same order") -> Iterator[None]:
        """One at a time for each key, in this process: an activity that is tried again must not look whether its first try has booked while
        that is still sending. No thread waits for it. Raises BillingAwayError while another has it."""
        with self._lock:
            if key in self._under_way:
                raise BillingAwayError(f"{what} is being sent to the billing system just now")
            self._under_way.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(key)

    @contextmanager
    def hold_invoice(self, invoice_id: str, key: str) -> Iterator[None]:
        """As `hold`, for what lowers what an invoice owes, and in all processes: each looks first what is left, and two at once would take
        it twice. One that was not answered, or whose process died, may still be running there, and has the invoice for so long; the same
        order may come again. Raises BillingAwayError."""
        with self.hold(f"invoice:{invoice_id}", "another booking of this invoice"):
            before = self._take_invoice(invoice_id, key)
            try:
                yield
            except BaseException as error:
                self._keep_hold(key, self._now() if isinstance(error, UnansweredOrderError) else before)
                raise
            self._keep_hold(key, None)

    def _take_invoice(self, invoice_id: str, key: str) -> datetime | None:
        """Return since when the same order has it, where it was not answered. Raises UnansweredOrderError while another has it."""
        now = self._now()
        with self._database.writing() as session:
            self._database.take_turns(session, ExternalOrderRow.__tablename__, invoice_id)
            held = (col(ExternalOrderRow.invoice_id) == invoice_id, col(ExternalOrderRow.key).endswith(_HELD, autoescape=True))
            since = {row.key.removesuffix(_HELD): row.begun_at or now for row in session.scalars(select(ExternalOrderRow).where(*held))}
            rest = max((RUNS_AT_MOST - (now - at).total_seconds() for other, at in since.items() if other != key), default=0.0)
            if rest > 0:
                words = "another booking of this invoice is being sent there, or was sent there just now and was not answered"
                raise UnansweredOrderError(words, min(rest, LOOKED_AGAIN_AFTER))
            session.execute(delete(ExternalOrderRow).where(*held))
            invoice = session.get(Invoice, invoice_id)
            order: dict[str, Any] = {"key": f"{key}{_HELD}", "account_id": invoice.account_id if invoice else "", "recorded_by": DUECOURSE}
            session.add(ExternalOrderRow(invoice_id=invoice_id, begun_at=now, **order))
        return since.get(key)

    def _keep_hold(self, key: str, since: datetime | None) -> None:
        mine = col(ExternalOrderRow.key) == f"{key}{_HELD}"
        with self._database.writing() as session:
            if since is None:
                session.execute(delete(ExternalOrderRow).where(mine))
            else:
                session.execute(update(ExternalOrderRow).where(mine).values(begun_at=since))

    def begin(self, key: str, account_id: str, recorded_by: str) -> None:
        order = {"key": key, "account_id": account_id, "invoice_id": None, "amount": 0, "recorded_by": recorded_by}
        with self._database.writing() as session:
            session.execute(self._database.build_insert_or_ignore(ExternalOrderRow).values(**order))

    def begin_credit(self, key: str, invoice_id: str, amount: int, recorded_by: str, credited_before: int | None) -> None:
        """`amount`: minor units of the invoice's currency; `credited_before`: as `issue_credit_note` of the port has it. Raises
        ConcurrentCreditError, ConflictingCreditNoteError."""
        with self._database.writing() as session:
            self._database.take_turns(session, ExternalOrderRow.__tablename__, invoice_id)
            known = session.get(ExternalOrderRow, key)
            if known is not None:
                if (known.invoice_id, known.amount) != (invoice_id, amount):
                    raise ConflictingCreditNoteError(f"credit note {key!r} was ordered with other content; give this one its own id")
                return
            if credited_before is not None and sum_credits_by_hand(session, invoice_id, recorded_by) != credited_before:
                raise ConcurrentCreditError(f"{recorded_by} has credited invoice {invoice_id} once more in this moment; send this again")
            account_id = session.get_one(Invoice, invoice_id).account_id
            order: dict[str, Any] = {
                "key": key,
                "account_id": account_id,
                "invoice_id": invoice_id,
                "amount": amount,
                "recorded_by": recorded_by,
            }
            before = sum_credited(session, invoice_id)
            session.add(ExternalOrderRow(**order, begun_at=find_real_now(), credited_before=before))

    def is_begun(self, key: str) -> bool:
        with self._database.reading() as session:
            return session.get(ExternalOrderRow, key) is not None

    def end(self, key: str) -> None:
        """Nothing of it stands there any more, or it is known here otherwise."""
        with self._database.writing() as session:
            session.execute(delete(ExternalOrderRow).where(col(ExternalOrderRow.key) == key))
