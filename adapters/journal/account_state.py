"""Read an account's state as of a past day: one query for each table, whatever the number of its cases."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Account, PolicyVersion
from adapters.journal.account_entries import AccountNotFoundError, load_account_entries
from domain.clock import start_of_day
from domain.journal.account_entries import AccountEntry
from domain.policy.approval_matrix import MATRIX_POLICY_NAME
from domain.policy.collection_policy import Policy, PolicySnapshot
from domain.projection.account_state import account_state_on, iterate_account_states
from domain.projection.state_models import AccountState

FAR_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)
"""A moment after every entry of a journal."""


class AccountStateQuery:
    """Computes an account's state from its journal and the policies that were in force."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load_state(self, account_id: str, day: date) -> AccountState:
        """Load the state at the end of a business day (UTC). Raises AccountNotFoundError."""
        entries, policies = self.load_entries(account_id)
        return account_state_on(account_id, entries, day, policies)

    def iterate_states(self, account_id: str, until: date | None = None) -> Iterator[tuple[AccountEntry, AccountState]]:
        """Yield the account's entries in the order of business time, each with the state right after it; up to the end of a business day,
        if one is given. Raises AccountNotFoundError."""
        entries, policies = self.load_entries(account_id)
        end = start_of_day(until + timedelta(days=1)) if until else FAR_FUTURE
        return iterate_account_states(account_id, (entry for entry in entries if entry.at < end), policies)

    def load_entries(self, account_id: str) -> tuple[list[AccountEntry], dict[tuple[str, int], Policy]]:
        """Load all entries of the account that count, and every policy by name and version. Raises AccountNotFoundError."""
        with self._database.reading() as session:
            if session.get(Account, account_id) is None:
                raise AccountNotFoundError(f"there is no account {account_id!r}")
            return load_account_entries(session, account_id, FAR_FUTURE).entries, _load_policies(session)


def _load_policies(session: Session) -> dict[tuple[str, int], Policy]:
    statement = select(col(PolicyVersion.name), col(PolicyVersion.version), col(PolicyVersion.snapshot))
    rows = session.execute(statement.where(col(PolicyVersion.name) != MATRIX_POLICY_NAME))
    return {(row.name, row.version): PolicySnapshot(name=row.name, version=row.version, text=row.snapshot).load_policy() for row in rows}
