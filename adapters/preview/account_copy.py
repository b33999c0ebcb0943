"""A copy of accounts in a database of its own, on which the days to come are played: nothing in the real one is locked or written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, exists, func, insert, literal, or_, select
from sqlmodel import SQLModel, col

from adapters.correspondence.contact_requests import UNDER_WAY_STATES
from adapters.database.engine import Database
from adapters.database.row_states import MessageState
from adapters.database.tables import (
    Account,
    Case,
    Contact,
    ContactRequest,
    ExternalInvoiceRow,
    Invoice,
    LedgerEvent,
    Message,
    MessageLine,
    PolicyVersion,
    Setting,
    User,
)
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.identifiers import CaseKind

ACCOUNTS_PER_STATEMENT = 500

_WHOLE_TABLES = (PolicyVersion, Setting, User)
_OF_ACCOUNTS = (Contact, Invoice, Case, ContactRequest, Message)
"""In the order in which they refer to each other."""

_LEFT_OUT = {"content", "next_attempt_at"}
"""Of earlier letters: their text, and that one rests after an attempt that failed."""


class AccountRows(NamedTuple):
    """What letters to accounts rest on, as rows by table. `fingerprint`: another one once any of it changed, or an amount was booked."""

    tables: list[tuple[Table, list[dict[str, Any]]]]
    fingerprint: bytes


def read_accounts(source: Database, accounts: Sequence[str]) -> AccountRows:
    """Read what letters to these accounts rest on, at one moment. What earlier letters said is left out."""
    tables, seen = [], blake2b(digest_size=16)
    with source.snapshot() as session:
        here = session.connection()
        for table, conditions in _list_parts(accounts):
            columns = [column for column in table.c if table is not _table(Message) or column.name not in _LEFT_OUT]
            rows = [dict(row) for row in here.execute(select(*columns).where(*conditions)).mappings()]
            tables.append((table, rows))
            if table is not _table(Setting):  # where a clock writes down how far it is
                seen.update(repr((table.name, [tuple(row.values()) for row in rows])).encode())
        seen.update(repr(session.scalar(select(func.max(_table(LedgerEvent).c.id)))).encode())
    return AccountRows(tables, seen.digest())


def _list_parts(accounts: Sequence[str]) -> Iterator[tuple[Table, list[ColumnElement[bool]]]]:
    """The tables with the conditions of their rows, so many accounts at a time, in the order in which they refer to each other."""
    for whole in _WHOLE_TABLES:
        yield _table(whole), []
    for start in range(0, len(accounts), ACCOUNTS_PER_STATEMENT):
        some = accounts[start : start + ACCOUNTS_PER_STATEMENT]
        yield _table(Account), [_table(Account).c.id.in_(some)]
        for model in _OF_ACCOUNTS:
            yield _table(model), [_table(model).c.account_id.in_(some)]
        messages = select(_table(Message).c.id).where(_table(Message).c.account_id.in_(some))
        yield _table(MessageLine), [_table(MessageLine).c.message_id.in_(messages)]
        invoices = select(_table(Invoice).c.id).where(_table(Invoice).c.account_id.in_(some))
        yield _table(ExternalInvoiceRow), [_table(ExternalInvoiceRow).c.invoice_id.in_(invoices)]


@contextmanager
def open_copy(rows: AccountRows) -> Iterator[Database]:
    """A database of these rows, which is gone afterwards."""
    with TemporaryDirectory(prefix="duecourse-preview-") as folder:
        copy = Database(f"sqlite:///{Path(folder) / 'preview.db'}")
        SQLModel.metadata.create_all(copy.engine)
        try:
            with copy.writing() as session:
                for table, those in rows.tables:
                    if those:
                        session.connection().execute(insert(table), those)
            yield copy
        finally:
            copy.close()


def list_accounts_ahead(database: Database, until: date, limit: int, account: str | None = None, collector: str | None = None) -> list[str]:
    """List the accounts that can get a letter up to a business date, by id: a letter or a step of theirs is under way or due by then, or an
    open invoice has yet to begin. At most `limit` of them, and one more where there are more."""
    own = col(Account.id)
    statement = select(own).where(or_(*_conditions_of_letters(own, until))).order_by(own).limit(limit + 1)
    if account is not None:
        statement = statement.where(own == account)
    if collector is not None:
        statement = statement.where(col(Account.collector) == collector)
    with database.reading() as session:
        return list(session.scalars(statement))


def _conditions_of_letters(account: Any, until: date) -> list[ColumnElement[bool]]:
    has_case = exists().where(col(Case.case_id) == literal(ids.invoice_case_id("")) + col(Invoice.id))
    return [
        exists().where(col(ContactRequest.account_id) == account, col(ContactRequest.state).in_(UNDER_WAY_STATES)),
        exists().where(col(Message.account_id) == account, col(Message.state) == MessageState.INTENDED),
        exists().where(
            col(Case.account_id) == account, col(Case.kind) == CaseKind.INVOICE, col(Case.outcome).is_(None), col(Case.next_on) <= until
        ),
        exists().where(col(Invoice.account_id) == account, col(Invoice.status) == InvoiceStatus.OPEN, ~has_case),
    ]


def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table
