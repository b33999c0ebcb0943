"""What an account owes and has agreed on, as far as people need to know it before they propose something."""

from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Account, Invoice, JournalEntry
from domain.billing.billing_events import InvoiceStatus
from domain.journal.entry_kinds import EntryKind


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
