"""What was begun in connected billing systems, kept before they are asked: an answer may be lost, or only a part done."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import col

from adapters.billing.errors import BillingAwayError, ConcurrentCreditError, ConflictingCreditNoteError, UnansweredOrderError
from adapters.cases.bookings_shown import sum_credited
from adapters.database.credits_by_hand import sum_credits_by_hand
from adapters.database.engine import Database
from adapters.database.tables import ExternalOrderRow, Invoice


class BegunOrders:
    """Each is known by the key of its booking. Safe to share between threads; the connections of one process share it."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database, self._lock, self._under_way, self._monotonic = database, threading.Lock(), set[str](), monotonic
        self._unanswered: dict[str, tuple[str, float]] = {}
        """By invoice: the order that was not answered, and until when it may still be running."""

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
        """As `hold`, for what lowers what an invoice owes: each looks first what is left, and two at once would take it twice. One that was
        not answered may still be running there, and has the invoice for so long; the same order may come again. Raises BillingAwayError."""
        with self.hold(f"invoice:{invoice_id}", "another booking of this invoice"):
            other, until = self._unanswered.get(invoice_id, (key, 0.0))
            if other != key and (rest := until - self._monotonic()) > 0:
                raise UnansweredOrderError("another booking of this invoice was sent there just now, and was not answered", rest)
            try:
                yield
            except UnansweredOrderError as error:
                self._unanswered[invoice_id] = (key, self._monotonic() + (error.retry_after or 0.0))
                raise
            self._unanswered.pop(invoice_id, None)

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
            session.add(ExternalOrderRow(**order, begun_at=datetime.now(UTC), credited_before=before))

    def is_begun(self, key: str) -> bool:
        with self._database.reading() as session:
            return session.get(ExternalOrderRow, key) is not None

    def end(self, key: str) -> None:
        """Nothing of it stands there any more, or it is known here otherwise."""
        with self._database.writing() as session:
            session.execute(delete(ExternalOrderRow).where(col(ExternalOrderRow.key) == key))
