"""The accounts whose letters wait for an address that takes them."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import exists, func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Contact, Task
from domain.case.case_view import TaskKind


def find_missing_address(database: Database, account_id: str) -> date | None:
    """Find since when an account's letters have waited for an address, a day in the customer's time zone; None where none waits."""
    with database.reading() as session:
        return load_missing_addresses(session, [account_id]).get(account_id)


def load_missing_addresses(session: Session, accounts: Collection[str]) -> dict[str, date]:
    """Load since when the letters of those accounts wait that have no billing contact whose address takes letters."""
    if not accounts:
        return {}
    reachable = exists().where(
        col(Contact.account_id) == col(Task.account_id),
        col(Contact.role) == "billing",
        col(Contact.email) != "",
        col(Contact.undeliverable_since).is_(None),
    )
    waiting = select(col(Task.account_id), func.min(col(Task.due_on))).where(
        col(Task.account_id).in_(accounts), col(Task.kind) == TaskKind.NO_ADDRESS, col(Task.state) == TaskState.OPEN, ~reachable
    )
    return dict(session.execute(waiting.group_by(col(Task.account_id))).all())
