"""A copy of accounts in a database of its own, on which the days to come are played: nothing in the real one is locked or written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, exists, insert, literal, or_, select
from sqlmodel import SQLModel, col

from adapters.correspondence.contact_requests import UNDER_WAY_STATES
from adapters.database.engine import Database
from adapters.database.row_states import MessageState
from adapters.database.tables import (
    Account,
    Case,
    Contact,
    ContactRequest,
    Invoice,
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


@contextmanager
def open_copy(source: Database, accounts: Sequence[str]) -> Iterator[Database]:
    """Copy what letters to these accounts rest on into a database that is gone afterwards. What earlier letters said is left out."""
    with TemporaryDirectory(prefix="duecourse-preview-") as folder:
        copy = Database(f"sqlite:///{Path(folder) / 'preview.db'}")
        SQLModel.metadata.create_all(copy.engine)
        try:
            with source.snapshot() as reading, copy.writing() as writing:
                here, there = reading.connection(), writing.connection()
                for table in _WHOLE_TABLES:
                    _copy_rows(here, there, _table(table))
                for start in range(0, len(accounts), ACCOUNTS_PER_STATEMENT):
                    _copy_accounts(here, there, accounts[start : start + ACCOUNTS_PER_STATEMENT])
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


def _copy_accounts(here: Connection, there: Connection, accounts: Sequence[str]) -> None:
    _copy_rows(here, there, _table(Account), _table(Account).c.id.in_(accounts))
    for model in _OF_ACCOUNTS:
        table = _table(model)
        _copy_rows(here, there, table, table.c.account_id.in_(accounts))
    messages = select(_table(Message).c.id).where(_table(Message).c.account_id.in_(accounts))
    _copy_rows(here, there, _table(MessageLine), _table(MessageLine).c.message_id.in_(messages))


def _copy_rows(here: Connection, there: Connection, table: Table, *conditions: ColumnElement[bool]) -> None:
    columns = [column for column in table.c if table is not _table(Message) or column.name not in _LEFT_OUT]
    rows = [dict(row) for row in here.execute(select(*columns).where(*conditions)).mappings()]
    if rows:
        there.execute(insert(table), rows)


def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table
