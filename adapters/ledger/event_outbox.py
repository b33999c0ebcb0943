"""The ledger's events, each written with its change, until they are delivered."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import select, update
from sqlmodel import col

from adapters.billing.results import OnUnreadable, PendingEvent
from adapters.database.tables import LedgerEvent
from adapters.ledger.transactions import LedgerTransactions
from domain.billing.billing_events import BillingEvent


class LedgerOutbox:
    """An event's cursor is the number of its row."""

    def __init__(self, transactions: LedgerTransactions) -> None:
        self._transactions = transactions

    def list_pending_events(self, limit: int, on_unreadable: OnUnreadable | None = None) -> list[PendingEvent]:
        query = (
            select(col(LedgerEvent.id), col(LedgerEvent.invoice_id), col(LedgerEvent.event))
            .where(col(LedgerEvent.delivered_at).is_(None))
            .order_by(col(LedgerEvent.id))
        )
        pending: list[PendingEvent] = []
        with self._transactions.read() as session:
            for number, invoice_id, event in session.execute(query.execution_options(yield_per=limit)):
                try:
                    pending.append(PendingEvent(str(number), invoice_id, BillingEvent.model_validate(event)))
                except ValidationError as error:
                    if on_unreadable is None:
                        raise
                    on_unreadable(invoice_id, error)
                if len(pending) == limit:
                    break
        return pending

    def acknowledge_events(self, cursors: Sequence[str], at: datetime) -> None:
        numbers = [int(cursor) for cursor in cursors]
        with self._transactions.write() as session:
            mark = update(LedgerEvent).where(col(LedgerEvent.id).in_(numbers), col(LedgerEvent.delivered_at).is_(None))
            session.connection().execute(mark.values(delivered_at=at))
