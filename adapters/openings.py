"""What an invoice's workflow starts with, read from the ledger."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlmodel import col

from adapters.database import Database
from adapters.policies import PolicyBook
from adapters.tables import Account, Case, Invoice, LedgerEvent
from domain.clock import Clock
from domain.collection import Opening
from domain.invoices import InvoiceFacts, InvoiceStatus

OVERTAKEN = timedelta(minutes=2)
"""A settled invoice's case that has written nothing for so long, in real time, has not heard of it."""


class Openings:
    def __init__(self, database: Database, policies: PolicyBook, clock: Clock) -> None:
        self._database, self._policies, self._clock = database, policies, clock

    def read(self, invoices: Collection[str]) -> dict[str, tuple[Opening, str | None]]:
        """Each invoice's opening as it stands now, under the policy of its account's segment; and the account's collector."""
        statement = select(Invoice, col(Account.segment), col(Account.collector)).join(Account, col(Account.id) == col(Invoice.account_id))
        with self._database.reading() as session:
            rows = session.execute(statement.where(col(Invoice.id).in_(invoices))).all()
            return {invoice.id: (self._opening(invoice, segment), collector) for invoice, segment, collector in rows}

    def forgotten(self, limit: int) -> list[str]:
        """Invoices that are settled, of which no event waits to be delivered, and whose case is open all the same: it was started by a
        delivery that had been overtaken."""
        rest = datetime.now(UTC) - OVERTAKEN
        waiting = select(col(LedgerEvent.invoice_id)).where(col(LedgerEvent.delivered_at).is_(None))
        statement = (
            select(col(Invoice.id))
            .join(Case, col(Case.invoice_id) == col(Invoice.id))
            .where(col(Case.outcome).is_(None), col(Case.updated_at) <= rest, col(Invoice.status) != InvoiceStatus.OPEN.value)
            .where(col(Invoice.id).not_in(waiting))
            .limit(limit)
        )
        with self._database.reading() as session:
            return list(session.scalars(statement))

    def _opening(self, invoice: Invoice, segment: str) -> Opening:
        facts = InvoiceFacts(
            version=invoice.version, due_date=invoice.due_date, currency=invoice.currency, total=invoice.total,
            open_balance=invoice.open_balance, status=InvoiceStatus(invoice.status), disputed=invoice.disputed,
        )  # fmt: skip
        return Opening(
            invoice_id=invoice.id, account_id=invoice.account_id, facts=facts, policy=self._policies.for_segment(segment), clock=self._clock
        )
