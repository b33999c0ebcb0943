"""What an account owes and has agreed on, as far as people need to know it before they propose something."""

from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import literal, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Invoice, JournalEntry
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.journal.entry_kinds import EntryKind
from domain.timeline.holds import HoldKind

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
