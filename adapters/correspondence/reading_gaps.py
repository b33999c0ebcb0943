"""Connected billing systems that were not read to the end for too long: what is owed by their accounts is not known, and their letters
wait. It begins and ends by itself, with the readings. One that does not list what customers have unapplied, be it that it refuses or
fails, is not read to the end."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, not_, select
from sqlmodel import Session, col

from adapters.billing.external_key import ExternalKey, SystemKey, parse_external_key
from adapters.database.clock_store import load_clock_of
from adapters.database.engine import Database
from adapters.database.tables import BillingCursorRow, SetAsideRow, Setting
from adapters.set_aside.stages import SetAsideStage
from domain.clock import REAL_DAY_SECONDS, Clock

USUAL_WAIT = timedelta(hours=4)
LEAST_WAIT = timedelta(minutes=5)
"""In real time: systems are read every minute of it, however fast the clock is played."""
OF_CREDITS = ":credits"
"""Behind the name of a system: as what it is set aside that it does not list what is unapplied."""
WAIT_SETTING = "letters_wait_for_billing"

HAS_SYSTEMS = exists(select(col(BillingCursorRow.system)))


class ReadingGap(NamedTuple):
    """A system that was not read to the end for too long. `since`: the real time of its last whole reading, `on` its business date; None:
    it never was. `of_credits`: its invoices are read, and what its customers have unapplied is not."""

    system: SystemKey
    since: datetime | None
    on: date | None
    of_credits: bool = False

    def is_of(self, account: Any) -> ColumnElement[bool]:
        """The condition that an account is one of the system's."""
        condition: ColumnElement[bool] = account.startswith(ExternalKey(*self.system, "").id, autoescape=True)
        return condition


class ReadingGaps(tuple[ReadingGap, ...]):
    """All of one moment."""

    def build_conditions(self, account: Any) -> list[ColumnElement[bool]]:
        """The conditions on rows whose account is of no system that was not read; `account` is their column."""
        return [not_(gap.is_of(account)) for gap in self]

    def find_gap(self, account_id: str) -> ReadingGap | None:
        key = parse_external_key(account_id)
        return next((gap for gap in self if key and gap.system == (key.system, key.company)), None)


def load_reading_gaps(session: Session, now: datetime | None = None) -> ReadingGaps:
    """`now` is real time, UTC; None: this moment."""
    rows = session.scalars(select(BillingCursorRow).order_by(col(BillingCursorRow.system), col(BillingCursorRow.company))).all()
    if not rows:
        return ReadingGaps()
    clock = load_clock_of(session) or Clock.real_time()
    oldest = (now or datetime.now(UTC)) - compute_wait(session.get(Setting, WAIT_SETTING), clock)
    failing = _list_failing(session)

    def build_gap(row: BillingCursorRow) -> ReadingGap | None:
        key, since, of_credits = SystemKey(row.system, row.company), row.caught_up_at, False
        if since is not None and since >= oldest and name_credits(key) in failing:
            since, of_credits = row.credits_read_at, True
        if since is not None and since >= oldest:
            return None
        return ReadingGap(key, since, clock.to_business(since).date() if since else None, of_credits)

    return ReadingGaps(gap for row in rows if (gap := build_gap(row)) is not None)


def name_credits(key: SystemKey) -> str:
    """As what it is set aside that the list of them was refused, or failed."""
    return f"{key.system}:{key.company}{OF_CREDITS}"


def _list_failing(session: Session) -> set[str]:
    """What of connected systems has failed the last time."""
    mine = (col(SetAsideRow.stage) == SetAsideStage.BILLING_SYSTEM.value, col(SetAsideRow.settled_at).is_(None))
    return set(session.scalars(select(col(SetAsideRow.item_id)).where(*mine)))


def compute_wait(setting: Setting | None, clock: Clock) -> timedelta:
    """How long, in real time, a system may go unread: the hours that are set are counted by the clock in use."""
    hours = timedelta(hours=setting.value["hours"]) if setting else USUAL_WAIT
    return max(hours * (clock.day_seconds / REAL_DAY_SECONDS), LEAST_WAIT)


def keep_wait(database: Database, hours: int) -> None:
    """Keep the setting where all that ask for letters find it."""
    with database.writing() as session:
        known = session.get(Setting, WAIT_SETTING)
        if (known.value if known else {"hours": USUAL_WAIT // timedelta(hours=1)}) != {"hours": hours}:
            session.merge(Setting(name=WAIT_SETTING, value={"hours": hours}))
