"""What was begun in connected billing systems, kept before they are asked: an answer may be lost, or only a part done."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import delete
from sqlmodel import col

from adapters.billing.errors import BillingAwayError, ConcurrentCreditError, ConflictingCreditNoteError
from adapters.database.credits_by_hand import sum_credits_by_hand
from adapters.database.engine import Database
from adapters.database.tables import ExternalOrderRow, Invoice


class BegunOrders:
    """Each is known by the key of its booking. Safe to share between threads; the connections of one process share it."""

    def __init__(self, database: Database) -> None:
        self._database, self._lock, self._under_way = database, threading.Lock(), set[str]()

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """One at a time for each key, in this process: an activity that is tried again must not look whether its first try has booked while
        that is still sending. No thread waits for it. Raises BillingAwayError while another has it."""
        with self._lock:
            if key in self._under_way:
                raise BillingAwayError("the same order is being sent to the billing system just now")
            self._under_way.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(key)

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
            session.add(ExternalOrderRow(key=key, account_id=account_id, invoice_id=invoice_id, amount=amount, recorded_by=recorded_by))

    def is_begun(self, key: str) -> bool:
        with self._database.reading() as session:
            return session.get(ExternalOrderRow, key) is not None

    def end(self, key: str) -> None:
        """Nothing of it stands there any more, or it is known here otherwise."""
        with self._database.writing() as session:
            session.execute(delete(ExternalOrderRow).where(col(ExternalOrderRow.key) == key))
