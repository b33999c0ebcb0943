"""What an account owes and has agreed on, as far as people need to know it before they propose something, or see to what waits for them."""

from collections.abc import Collection
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, literal, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Invoice, JournalEntry, MessageLine
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.naming import ASKED_FOR
from domain.journal.entry_kinds import EntryKind
from domain.money import Money
from domain.timeline.holds import HoldKind

BATCH_SIZE = 500
_ARRANGEMENTS = (HoldKind.PAYMENT_PLAN, HoldKind.WRITE_OFF)


class AccountKey(BaseModel):
    """Whose case it is."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    collector: str | None


def find_account_key(database: Database, account_id: str) -> AccountKey | None:
    with database.reading() as session:
        row = session.get(Account, account_id)
        return AccountKey(**row.model_dump(include=set(AccountKey.model_fields))) if row else None


def find_plan_of_command(database: Database, account_id: str, act_id: str) -> str | None:
    """The plan that an act proposed, if it did so already."""
    statement = select(col(JournalEntry.case_id)).where(
        col(JournalEntry.account_id) == account_id,
        col(JournalEntry.kind) == EntryKind.PLAN_PROPOSED.value,
        JournalEntry.facts["act"].as_string() == act_id,
    )
    with database.reading() as session:
        return session.scalars(statement.limit(1)).first()


def list_open_invoices(database: Database, account_id: str) -> dict[str, date]:
    """Each invoice that is still to be paid, with the day it was due on; the oldest first. What a case charged, it asks for itself."""
    statement = select(col(Invoice.id), col(Invoice.due_date)).where(
        col(Invoice.account_id) == account_id, col(Invoice.status) == InvoiceStatus.OPEN.value, col(Invoice.charged_by).is_(None)
    )
    with database.reading() as session:
        return {row.id: row.due_date for row in session.execute(statement.order_by(col(Invoice.due_date), col(Invoice.id)))}


class OpenDebt(BaseModel):
    """An invoice that is still to be paid. Amounts in minor units of its currency; `is_arranged`: a payment plan or the write-off team has
    it, and a promise over all that is overdue leaves it out. `is_paused`: a person has paused its collection."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    number: str
    currency: str
    due_date: date
    open_balance: int
    disputed: int
    is_arranged: bool
    is_paused: bool = False

    @property
    def promisable(self) -> int:
        """What is neither disputed nor arranged."""
        return 0 if self.is_arranged else max(self.open_balance - self.disputed, 0)


def list_open_debts(database: Database, account_id: str) -> list[OpenDebt]:
    """List the invoices of an account that are still to be paid and under collection, the oldest due first."""
    statement = (
        select(Invoice, col(Case.disputed), col(Case.holds))
        .join(Case, col(Case.case_id) == literal(ids.invoice_case_id("")) + col(Invoice.id))
        .where(col(Invoice.account_id) == account_id, col(Invoice.status) == InvoiceStatus.OPEN.value, col(Case.outcome).is_(None))
        .order_by(col(Invoice.due_date), col(Invoice.id))
    )
    with database.reading() as session:
        return [_build_open_debt(invoice, disputed, holds) for invoice, disputed, holds in session.execute(statement)]


def _build_open_debt(invoice: Invoice, disputed: int, holds: list[dict[str, object]]) -> OpenDebt:
    return OpenDebt(
        invoice_id=invoice.id,
        number=invoice.number,
        currency=invoice.currency,
        due_date=invoice.due_date,
        open_balance=invoice.open_balance,
        disputed=invoice.open_balance if invoice.disputed and not disputed else disputed,
        is_arranged=any(hold.get("kind") in _ARRANGEMENTS for hold in holds),
        is_paused=any(hold.get("kind") == HoldKind.PAUSE for hold in holds),
    )


def load_balances_by_account(session: Session, accounts: Collection[str]) -> dict[str, tuple[Money, ...]]:
    """Load what is open of all that each account owes, one amount per currency."""
    owed = select(col(Invoice.account_id), col(Invoice.currency), func.sum(col(Invoice.open_balance))).where(
        col(Invoice.status) == InvoiceStatus.OPEN
    )
    return _sum_open_balances(session, owed, col(Invoice.account_id), accounts)


def load_balances_by_letter(session: Session, letters: Collection[int]) -> dict[int, tuple[Money, ...]]:
    """Load what is open now of the invoices that each letter asks for."""
    lines = select(col(MessageLine.message_id), col(Invoice.currency), func.sum(col(Invoice.open_balance)))
    lines = lines.join(Invoice, col(Invoice.id) == col(MessageLine.invoice_id)).where(col(MessageLine.named_as).in_(ASKED_FOR))
    return _sum_open_balances(session, lines, col(MessageLine.message_id), letters)


def _sum_open_balances(session: Session, statement: Any, key: Any, keys: Collection[Any]) -> dict[Any, tuple[Money, ...]]:
    found: dict[Any, tuple[Money, ...]] = {}
    sorted_keys = sorted(keys)
    for start in range(0, len(sorted_keys), BATCH_SIZE):
        some = statement.where(key.in_(sorted_keys[start : start + BATCH_SIZE])).group_by(key, col(Invoice.currency))
        for owner, currency, minor in session.execute(some):
            found[owner] = (*found.get(owner, ()), Money(minor=int(minor), currency=currency))
    return found
