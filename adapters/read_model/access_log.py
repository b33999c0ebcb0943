"""Who looked at which account, and who changed the played clock, as the records have it."""

from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.row_states import ClockChannel, IdentityChannel, IdentityEventKind
from adapters.database.tables import ClockChangeRecord, IdentityEventRow, ViewRow
from adapters.read_model.cursors import decode_cursor, paginate_rows
from domain.clock import start_of_day


class AccessLogFilter(BaseModel):
    """Days are business dates, both included."""

    account: str | None = None
    user: str | None = None
    first_day: date | None = None
    last_day: date | None = None


class AccessLogLine(BaseModel):
    """A person's reads of an account by one route within an hour. `first_at`, `last_at` are real time, the other two business time."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    user: str
    role: str
    account_id: str
    route: str
    count: int
    first_at: datetime
    last_at: datetime
    first_business_at: datetime
    last_business_at: datetime


def list_access_log(
    database: Database, access_log_filter: AccessLogFilter, limit: int, cursor: str | None
) -> tuple[list[AccessLogLine], str | None]:
    """The newest first; an hour's row keeps its place while it is counted on."""
    statement = select(ViewRow).order_by(col(ViewRow.id).desc()).limit(limit + 1)
    if access_log_filter.account is not None:
        statement = statement.where(col(ViewRow.account_id) == access_log_filter.account)
    if access_log_filter.user is not None:
        statement = statement.where(col(ViewRow.user) == access_log_filter.user)
    if access_log_filter.first_day is not None:
        statement = statement.where(col(ViewRow.last_business_at) >= start_of_day(access_log_filter.first_day))
    if access_log_filter.last_day is not None:
        statement = statement.where(col(ViewRow.first_business_at) < start_of_day(access_log_filter.last_day + timedelta(days=1)))
    if place := decode_cursor(cursor, int):
        statement = statement.where(col(ViewRow.id) < place[0])
    with database.reading() as session:
        rows, following = paginate_rows(session.scalars(statement).all(), limit, lambda row: (row.id or 0,))
        return [AccessLogLine.model_validate(row) for row in rows], following


class ClockChangeLine(BaseModel):
    """Who asked for what of the played clock; None: left as it was. `made_at` is business time, `recorded_at` real time, both UTC."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    made_by: str
    channel: ClockChannel
    paused: bool | None
    day_seconds: float | None
    paused_before: bool
    day_seconds_before: float
    made_at: datetime
    recorded_at: datetime


def list_clock_changes(database: Database, limit: int, cursor: str | None) -> tuple[list[ClockChangeLine], str | None]:
    """The newest first."""
    statement = select(ClockChangeRecord).order_by(col(ClockChangeRecord.id).desc()).limit(limit + 1)
    if place := decode_cursor(cursor, int):
        statement = statement.where(col(ClockChangeRecord.id) < place[0])
    with database.reading() as session:
        rows, following = paginate_rows(session.scalars(statement).all(), limit, lambda row: (row.id or 0,))
        return [ClockChangeLine.model_validate(row) for row in rows], following


class IdentityEventLine(BaseModel):
    """What happened to whom, and who did it. `user` is empty where nobody whom we know was meant; `recorded_at` is real time, UTC."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: IdentityEventKind
    user: str
    role: str
    made_by: str
    channel: IdentityChannel
    address: str
    detail: str
    recorded_at: datetime


def list_identity_events(
    database: Database, limit: int, cursor: str | None, user: str | None = None
) -> tuple[list[IdentityEventLine], str | None]:
    """The newest first; with `user`, only what happened to them."""
    statement = select(IdentityEventRow).order_by(col(IdentityEventRow.id).desc()).limit(limit + 1)
    if user is not None:
        statement = statement.where(col(IdentityEventRow.user) == user)
    if place := decode_cursor(cursor, int):
        statement = statement.where(col(IdentityEventRow.id) < place[0])
    with database.reading() as session:
        rows, following = paginate_rows(session.scalars(statement).all(), limit, lambda row: (row.id or 0,))
        return [IdentityEventLine.model_validate(row) for row in rows], following
