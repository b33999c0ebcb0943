"""The business clock in the database: set once, continued at every start.

A clock that is played faster than real time stops while Duecourse is down. So the last business time that can have been seen is recorded
while it runs, and the next start continues the clock from there.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel import Session

from adapters.database.engine import Database
from adapters.database.row_states import ClockChannel
from adapters.database.tables import ClockChangeRecord, Setting
from domain.clock import REAL_DAY_SECONDS, Clock, start_of_day
from domain.errors import OperatingError, UserError

SHORTEST_DAY_SECONDS = 0.1
CLOCK_SETTING = "business_clock"
HEARTBEAT = timedelta(seconds=1)


class ClockConflictError(OperatingError):
    """The data folder has another clock than the one requested."""


class RealClockError(UserError):
    """Somebody would pause or slow the real clock."""

    title = "Only a played clock can be paused or slowed"
    status = 409
    problem_type = "refused"


class ClockChange(BaseModel):
    """What is to become of a played clock; None: as it is."""

    paused: bool | None = None
    day_seconds: float | None = Field(default=None, ge=SHORTEST_DAY_SECONDS, lt=REAL_DAY_SECONDS)


class _StoredClock(BaseModel):
    """`last_seen` is real time, UTC: the clock has shown nothing later. `wanted`: a change that the process which keeps the clock has not
    made yet, `wanted_by` whoever asked last; `begun_with`: how many seconds a business day lasted at the beginning, where that was changed
    since."""

    clock: Clock
    as_of: date | None
    last_seen: AwareDatetime
    wanted: ClockChange | None = None
    wanted_by: str = ""
    begun_with: float | None = None


def load_clock(database: Database) -> Clock | None:
    """Load the clock; None before the first start."""
    stored = _load_stored_clock(database)
    return stored.clock if stored else None


def load_clock_of(session: Session) -> Clock | None:
    """As `load_clock`, in a session that is open."""
    stored = _read_stored_clock(session)
    return stored.clock if stored else None


def store_clock(database: Database, clock: Clock, now: datetime, as_of: date | None = None) -> None:
    """Store the clock. `now` is real time (UTC); `as_of` the business date that was requested."""
    _save_stored_clock(database, _StoredClock(clock=clock, as_of=as_of, last_seen=now))


def start_clock(database: Database, now: datetime, as_of: date | None = None, day_seconds: float | None = None) -> Clock:
    """Return the clock that runs from `now` (real time, UTC): the stored one, continued where it stopped, or at the first start a new one.

    `as_of` is the business date at which a new clock begins (00:00 UTC). Raises ClockConflictError when another clock is stored.
    """
    stored = _load_stored_clock(database)
    if stored is None:
        clock = _create_clock(now, as_of, day_seconds)
        store_clock(database, clock, now, as_of)
        return clock
    _reject_conflicting_options(stored, as_of, day_seconds)
    clock = stored.clock
    if is_accelerated(clock):
        stopped_at = clock.to_business(min(stored.last_seen, now))
        clock = clock.model_copy(update={"real_anchor": now, "business_anchor": stopped_at, "set_by": ""})
        _save_stored_clock(database, stored.model_copy(update={"clock": clock, "last_seen": now}))
    return clock


def is_accelerated(clock: Clock) -> bool:
    """Return true for a clock that runs faster than real time."""
    return clock.is_played


def request_clock_change(database: Database, change: ClockChange, by: str, channel: ClockChannel) -> None:
    """Ask the process that keeps the clock for a change; where none runs, `apply_clock_change` makes it. Two that are asked for at once are
    both made. Who asks for what is recorded. Raises RealClockError."""
    now = datetime.now(UTC)
    with database.writing() as session:
        stored = _read_stored_clock(session)
        if stored is None or not stored.clock.is_played:
            raise RealClockError("this data folder is on the real clock, which nobody can pause or slow")
        wanted = (stored.wanted or ClockChange()).model_copy(update=change.model_dump(exclude_none=True))
        _write_stored_clock(database, session, stored.model_copy(update={"wanted": wanted, "wanted_by": by}))
        record = ClockChangeRecord(
            made_by=by,
            channel=channel.value,
            paused=change.paused,
            day_seconds=change.day_seconds,
            paused_before=stored.clock.paused,
            day_seconds_before=stored.clock.day_seconds,
            made_at=stored.clock.to_business(min(stored.last_seen, now)),
            recorded_at=now,
        )
        session.add(record)


def apply_clock_change(database: Database, now: datetime) -> Clock | None:
    """Make the change that was asked for, at a moment of real time (UTC); None when none was. Business time goes neither back nor ahead:
    where Duecourse was down meanwhile, it goes on from where it stopped."""
    with database.writing() as session:
        stored = _read_stored_clock(session)
        if stored is None or stored.wanted is None:
            return None
        clock, wanted = stored.clock, stored.wanted
        paused = clock.paused if wanted.paused is None else wanted.paused
        changed = clock.set_going(min(stored.last_seen, now), paused=paused, day_seconds=wanted.day_seconds)
        changed = changed.model_copy(update={"real_anchor": now, "set_by": stored.wanted_by})
        update = {"clock": changed, "wanted": None, "last_seen": now, "begun_with": stored.begun_with or clock.day_seconds}
        _write_stored_clock(database, session, stored.model_copy(update=update))
        return changed


def is_clock_change_pending(database: Database) -> bool:
    stored = _load_stored_clock(database)
    return stored is not None and stored.wanted is not None


def store_last_seen(database: Database, until: datetime) -> None:
    """Record that the clock will have shown nothing later than `until` (real time)."""
    with database.writing() as session:
        stored = _read_stored_clock(session)
        if stored is not None:
            _write_stored_clock(database, session, stored.model_copy(update={"last_seen": until}))


async def record_clock_progress(database: Database, clock: Clock, stop: asyncio.Event) -> None:
    """Record the progress of an accelerated clock until `stop`: always one heartbeat ahead, so that business time never goes back after a
    process is killed."""
    if not is_accelerated(clock):
        return
    while not stop.is_set():
        await asyncio.to_thread(store_last_seen, database, datetime.now(UTC) + HEARTBEAT)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), HEARTBEAT.total_seconds() * 0.8)
    await asyncio.to_thread(store_last_seen, database, datetime.now(UTC))


def _create_clock(now: datetime, as_of: date | None, day_seconds: float | None) -> Clock:
    if as_of is None and day_seconds is None:
        return Clock.real_time()
    begin = start_of_day(as_of) if as_of else now
    return Clock(real_anchor=now, business_anchor=begin, day_seconds=day_seconds or REAL_DAY_SECONDS)


def _reject_conflicting_options(stored: _StoredClock, as_of: date | None, day_seconds: float | None) -> None:
    conflicts = []
    if as_of is not None and as_of != stored.as_of:
        conflicts.append(f"--as-of {as_of}")
    if day_seconds is not None and day_seconds not in (stored.begun_with, stored.clock.day_seconds):
        conflicts.append(f"--day-seconds {day_seconds:g}")
    if conflicts:
        beginning = f"began as of {stored.as_of}" if stored.as_of else "began on the day it was made"
        raise ClockConflictError(
            f"this data folder has a clock of its own ({beginning}, {stored.clock.day_seconds:g} s a business day), "
            f"which {' '.join(conflicts)} contradicts; "
            "leave these options out to go on with it, or name a new folder with --data-dir"
        )


def _load_stored_clock(database: Database) -> _StoredClock | None:
    with database.reading() as session:
        return _read_stored_clock(session)


def _read_stored_clock(session: Session) -> _StoredClock | None:
    row = session.get(Setting, CLOCK_SETTING)
    return _StoredClock.model_validate(row.value) if row else None


def _save_stored_clock(database: Database, stored: _StoredClock) -> None:
    with database.writing() as session:
        _write_stored_clock(database, session, stored)


def _write_stored_clock(database: Database, session: Session, stored: _StoredClock) -> None:
    insert = database.build_insert(Setting).values(name=CLOCK_SETTING, value=stored.model_dump(mode="json"))
    session.execute(insert.on_conflict_do_update(index_elements=["name"], set_={"value": insert.excluded.value}))
