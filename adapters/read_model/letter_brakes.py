"""Whose letters are held back: the accounts that are held for release, the record of brakes, and why an account gets no letter."""

from datetime import date, datetime, timedelta

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.billing.external_key import parse_external_key
from adapters.correspondence.letter_stop_store import LetterStopStore
from adapters.correspondence.reading_gaps import ReadingGaps, load_reading_gaps
from adapters.database.engine import Database
from adapters.database.kept_rows import kept_in_snapshot
from adapters.database.row_states import BrakeEvent
from adapters.database.tables import Account, HeldAccount, LetterBrakeRecord
from adapters.read_model.cursors import decode_cursor, paginate_rows
from domain.clock import start_of_day
from domain.correspondence.letter_stop import LetterBrake, StopScope

_OWN = {"country", "segment", "collector"}


class HeldAccountRow(BaseModel):
    """An account that is held for release, since a point in business time."""

    account_id: str
    account_name: str
    country: str
    segment: str
    collector: str | None
    since: datetime


class BrakeRecordRow(BaseModel):
    """What was done to the letters of a scope. `made_at` is business time."""

    id: int
    event: BrakeEvent
    scope: StopScope
    target: str
    reason: str
    last_day: date | None
    made_by: str
    made_at: datetime


def count_held_accounts(database: Database) -> int:
    with database.reading() as session:
        return int(session.execute(select(func.count()).select_from(HeldAccount)).scalar_one())


def count_accounts_held_by(session: Session, import_id: str) -> int:
    """How many accounts an import held."""
    mine = (col(LetterBrakeRecord.act_id) == import_id, col(LetterBrakeRecord.event) == BrakeEvent.HELD)
    return int(session.execute(select(func.count()).select_from(LetterBrakeRecord).where(*mine)).scalar_one())


def list_held_accounts(database: Database, limit: int, cursor: str | None) -> tuple[list[HeldAccountRow], str | None]:
    """By id."""
    statement = select(HeldAccount, Account).join(Account, col(Account.id) == col(HeldAccount.account_id))
    if place := decode_cursor(cursor, str):
        statement = statement.where(col(HeldAccount.account_id) > place[0])
    with database.reading() as session:
        found = session.execute(statement.order_by(col(HeldAccount.account_id)).limit(limit + 1)).all()
        rows, following = paginate_rows(found, limit, lambda row: (row[0].account_id,))
        held = [
            HeldAccountRow(account_id=account.id, account_name=account.name, since=row.since, **account.model_dump(include=_OWN))
            for row, account in rows
        ]
        return held, following


def list_brake_records(
    database: Database, limit: int, cursor: str | None, account_id: str | None = None
) -> tuple[list[BrakeRecordRow], str | None]:
    """The latest first: all, or those of one account."""
    statement = select(LetterBrakeRecord).order_by(col(LetterBrakeRecord.id).desc()).limit(limit + 1)
    if account_id is not None:
        statement = statement.where(col(LetterBrakeRecord.scope) == StopScope.ACCOUNT, col(LetterBrakeRecord.target) == account_id)
    if place := decode_cursor(cursor, int):
        statement = statement.where(col(LetterBrakeRecord.id) < place[0])
    with database.reading() as session:
        rows, following = paginate_rows(session.scalars(statement).all(), limit, lambda row: (row.id or 0,))
        return [BrakeRecordRow.model_validate(row.model_dump()) for row in rows], following


@kept_in_snapshot
def find_account_brake(database: Database, account_id: str, day: date) -> LetterBrake | None:
    """Find why an account gets no letter on a business date, which may be past; None where nothing holds its letters back."""
    stop = LetterStopStore(database).find_stop_of_account(account_id, day)
    if stop is not None:
        own = stop.stop_id if stop.scope is StopScope.ACCOUNT else ""
        return LetterBrake(since=stop.made_at.date(), until=stop.last_day, reason=stop.reason, by=stop.made_by, stop_id=own)
    return find_hold_for_release(database, account_id, day) or _find_gap(database, account_id, day)


def list_reading_gaps(database: Database) -> ReadingGaps:
    """List the connected systems whose accounts get no letter now."""
    with database.reading() as session:
        return load_reading_gaps(session)


def _find_gap(database: Database, account_id: str, day: date) -> LetterBrake | None:
    """What is known of it is only how it stands now: not when it ended before."""
    if parse_external_key(account_id) is None or (gap := list_reading_gaps(database).find_gap(account_id)) is None:
        return None
    since = gap.on or day
    return LetterBrake(unread_system=gap.system.system, since=since, by=gap.system.system) if since <= day else None


@kept_in_snapshot
def find_hold_for_release(database: Database, account_id: str, day: date) -> LetterBrake | None:
    """Find since when an account is held for release on a business date, which may be past; None where it is not."""
    statement = select(LetterBrakeRecord).where(
        col(LetterBrakeRecord.scope) == StopScope.ACCOUNT,
        col(LetterBrakeRecord.target) == account_id,
        col(LetterBrakeRecord.event).in_((BrakeEvent.HELD, BrakeEvent.RELEASED)),
        col(LetterBrakeRecord.made_at) < start_of_day(day + timedelta(days=1)),
    )
    with database.reading() as session:
        last = session.scalars(statement.order_by(col(LetterBrakeRecord.id).desc()).limit(1)).first()
        if last is None or last.event != BrakeEvent.HELD:
            return None
        return LetterBrake(awaits_release=True, since=last.made_at.date(), by=last.made_by)
