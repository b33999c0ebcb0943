"""The calls that were logged for accounts, with the commands that each sends to the invoices."""

from datetime import date, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlmodel import col, select

from adapters.database.engine import Database
from adapters.database.tables import AccountCall
from domain.invoice.commands import CallOutcome


class LoggedCall(BaseModel):
    """A call as it was logged; `made_at` is business time. `parts`: its commands, as `api.commands.account_calls` writes them."""

    model_config = ConfigDict(frozen=True)

    call_id: str
    account_id: str
    outcome: CallOutcome
    contact: str = ""
    note_id: str | None = None
    again_on: date | None = None
    made_by: str
    made_at: AwareDatetime
    parts: list[dict[str, Any]] = Field(default_factory=list)


class AccountCallStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, call_id: str) -> LoggedCall | None:
        with self._database.reading() as session:
            row = session.get(AccountCall, call_id)
            return _build_call(row) if row else None

    def save(self, call: LoggedCall, recorded_at: datetime) -> LoggedCall:
        """Keep a call; one of this id that is kept already is returned as it is."""
        with self._database.writing() as session:
            statement = self._database.build_insert_or_ignore(AccountCall)
            session.execute(statement.values(**call.model_dump(), recorded_at=recorded_at))
            return _build_call(session.get_one(AccountCall, call.call_id))

    def list_calls(self, account_id: str, limit: int) -> list[LoggedCall]:
        """List the account's calls, the latest first."""
        statement = select(AccountCall).where(col(AccountCall.account_id) == account_id)
        with self._database.reading() as session:
            rows = session.exec(statement.order_by(col(AccountCall.made_at).desc(), col(AccountCall.call_id)).limit(limit))
            return [_build_call(row) for row in rows]


def _build_call(row: AccountCall) -> LoggedCall:
    return LoggedCall(**row.model_dump(exclude={"recorded_at"}))
