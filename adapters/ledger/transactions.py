"""How every change of the ledger is made: one transaction that holds the account, and writes the books when it ends well."""

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Invoice
from adapters.ledger.invoice_queries import build_unknown_account_error, build_unknown_invoice_error
from adapters.ledger.unit_of_work import BookedInvoice, LedgerUnitOfWork


class LedgerTransactions:
    """What the parts of the ledger share. `at` is the business time of a change."""

    def __init__(self, database: Database, real_now: Callable[[], datetime]) -> None:
        """`real_now` is asked for the time at which an event is recorded."""
        self._database, self._real_now = database, real_now

    def read(self) -> AbstractContextManager[Session]:
        return self._database.reading()

    def write(self) -> AbstractContextManager[Session]:
        """A transaction that holds no account."""
        return self._database.writing()

    @contextmanager
    def hold_account(self, at: datetime, account_id: str) -> Iterator[tuple[Session, LedgerUnitOfWork]]:
        """A transaction that holds the account."""
        with self._database.writing() as session:
            unit_of_work = LedgerUnitOfWork(session, at, self._real_now())
            if not unit_of_work.lock_accounts([account_id]):
                raise build_unknown_account_error(account_id)
            yield session, unit_of_work
            unit_of_work.write()

    @contextmanager
    def hold_accounts_of(self, at: datetime, invoice_ids: Collection[str]) -> Iterator[LedgerUnitOfWork]:
        """A transaction that holds the accounts of these invoices."""
        with self._database.writing() as session:
            unit_of_work = LedgerUnitOfWork(session, at, self._real_now())
            accounts = select(col(Invoice.account_id)).where(col(Invoice.id).in_(invoice_ids)).distinct()
            unit_of_work.lock_accounts(list(session.execute(accounts).scalars()))
            yield unit_of_work
            unit_of_work.write()

    @contextmanager
    def hold_invoice(self, at: datetime, invoice_id: str) -> Iterator[tuple[Session, LedgerUnitOfWork, BookedInvoice]]:
        """A transaction that holds the invoice and its account."""
        with self._database.reading() as session:
            account_id = session.execute(select(col(Invoice.account_id)).where(col(Invoice.id) == invoice_id)).scalar_one_or_none()
        if account_id is None:
            raise build_unknown_invoice_error(invoice_id)
        with self.hold_account(at, account_id) as (session, unit_of_work):
            yield session, unit_of_work, unit_of_work.load_locked_invoices(col(Invoice.id) == invoice_id)[invoice_id]
