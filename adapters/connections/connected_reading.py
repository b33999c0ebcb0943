"""The reading of connected systems, what is noted there, and their comparison once a night: each on its own, so that one that is slow or
away holds up no other, and no comparison a reading."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from adapters.billing.errors import BillingAwayError, UnansweredOrderError
from adapters.billing.external_key import SystemKey
from adapters.connections.comparison import Comparison, compare_system
from adapters.connections.connection_states import ConnectionState, load_connection_state, name_system
from adapters.connections.connection_sync import CREDITS_REFUSED, ConnectionSync
from adapters.connections.difference_store import keep_comparison
from adapters.connections.notes.journal_notes import leave_notes
from adapters.connections.oversight.missing_invoices import read_missing_again
from adapters.connections.rests.system_rests import SystemRests
from adapters.connections.webhooks.hint_reading import HintReading
from adapters.correspondence.reading_gaps import name_credits
from adapters.database.engine import Database
from adapters.real_time import find_real_now
from adapters.set_aside.set_aside_store import SetAsideItem, SetAsideStore
from adapters.set_aside.stages import SetAsideStage

MOST_PAGES = 20
"""In a row: then it is looked again what webhooks hinted at."""

LONGEST_RUN = timedelta(seconds=90)
"""A run that has read one system for so long leaves the rest to the next one: the next run of all begins when the last system is read."""

COMPARED_FROM = 2
"""The hour of the company's night from which the systems are compared."""

log = structlog.get_logger(__name__)


class ConnectedReading:
    def __init__(
        self,
        systems: Mapping[SystemKey, ConnectionSync],
        database: Database,
        zone: ZoneInfo,
        real_now: Callable[[], datetime] = find_real_now,
    ) -> None:
        """`zone`: the company's, by which its night begins."""
        self._systems, self._database, self._zone, self._real_now = systems, database, zone, real_now
        self._set_aside, self._webhooks = SetAsideStore(database), HintReading(database, systems, real_now)
        self._rests = SystemRests(database, real_now)

    def list_systems(self) -> list[str]:
        """The names of those in use."""
        return [name_system(key) for key in self._systems]

    def run(self) -> int:
        """Read all of them one after the other, and compare each that is due; how many invoices changed."""
        names = self.list_systems()
        changed = sum(map(self.read_system, names))
        for name in names:
            self.compare_system(name)
        return changed

    def read_system(self, name: str) -> int:
        """Read what it has to say, for so long at most, and what was hinted at of it first; how many invoices changed. What fails is
        set aside, and tried again when it has rested, or when the system asked to be called again."""
        waiting = self._set_aside.list_waiting(SetAsideStage.BILLING_SYSTEM)
        key = self._find_awake(name, waiting)
        if key is None:
            return 0
        end, changed = time.monotonic() + LONGEST_RUN.total_seconds(), 0

        def is_over() -> bool:
            return time.monotonic() >= end

        has_more: bool | None = True
        while has_more:
            self._read_hints(key, is_over, waiting.get(_name_hints(key)))
            read, has_more = self._read(key, is_over, waiting)
            changed += read
            if has_more is None or (has_more and is_over()):
                return changed
        self._leave_notes(key, is_over, waiting.get(_name_notes(key)))
        return changed

    def compare_system(self, name: str) -> bool:
        """Compare it once a night, after it was read to the end; whether it was. One that failed when its differences were read again goes
        on with these."""
        waiting = self._set_aside.list_waiting(SetAsideStage.BILLING_SYSTEM)
        key = self._find_awake(name, waiting)
        return key is not None and self._compare(key, waiting.get(_name_comparison(key)))

    def _find_awake(self, name: str, waiting: Mapping[str, SetAsideItem]) -> SystemKey | None:
        """None for one that is not in use any more, or that rests."""
        key = next((each for each in self._systems if name_system(each) == name), None)
        return None if key is None or self._is_resting(waiting.get(name)) or self._rests.find_rest(key) else key

    def _is_resting(self, item: SetAsideItem | None) -> bool:
        return item is not None and item.is_resting(self._real_now())

    def _read_hints(self, key: SystemKey, until: Callable[[], bool], failed: SetAsideItem | None) -> None:
        """What webhooks hinted at. Whatever fails in it, the changes are read all the same."""
        if self._is_resting(failed):
            return
        try:
            self._webhooks.read_system(key, until)
        except Exception as error:
            self._note_failure(_name_hints(key), error)
            return
        if failed is not None:
            self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, [_name_hints(key)])

    def _read(self, key: SystemKey, until: Callable[[], bool], waiting: Mapping[str, SetAsideItem]) -> tuple[int, bool | None]:
        """How many invoices changed, and whether there is more; None when it is away. A list of what is unapplied that fails, be it that it
        is refused, keeps nothing else from going on, unless the system asks for rest."""
        sync = self._systems[key]
        has_failed = sync.credits_failure is not None and not isinstance(sync.credits_failure, CREDITS_REFUSED)
        skips_credits = has_failed and self._is_resting(waiting.get(name_credits(key)))
        try:
            result = sync.sync(MOST_PAGES, until=until, skips_credits=skips_credits)
        except Exception as error:  # whatever it is, it is this system's alone
            is_of_credits = error is sync.credits_failure
            if is_of_credits:
                self._note_failure(name_credits(key), error)
            if is_of_credits and not _asks_for_rest(error):
                self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, [name_system(key)] if name_system(key) in waiting else [])
                return 0, False
            self._note_failure(name_system(key), error)
            return 0, None
        settled = [name_system(key)]
        if result.credits_refused is not None:
            self._note_failure(name_credits(key), result.credits_refused)
        elif sync.has_read_credits:
            settled.append(name_credits(key))
        settled = [each for each in settled if each in waiting]
        self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, settled)
        for left_out in result.left_out:
            log.warning("external_invoice_left_out", system=name_system(key), invoice=left_out.external_id, reason=left_out.reason)
        return result.changed, result.has_more

    def _compare(self, key: SystemKey, failed: SetAsideItem | None) -> bool:
        began, state = self._real_now(), load_connection_state(self._database, key)
        is_read = state.caught_up_at is not None and not state.has_more and state.away_since is None
        is_done = state.compared_at is not None and state.compared_at >= self._find_night(began)
        if not is_read or (is_done and failed is None) or self._is_resting(failed):
            return False
        try:
            comparison = _resume_comparison(state) if is_done else self._compare_anew(key, began)
            read_missing_again(self._database, self._systems[key], comparison, self._real_now())
        except Exception as error:
            self._note_failure(_name_comparison(key), error)
            return False
        if failed is not None:
            self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, [_name_comparison(key)])
        log.info("billing_system_compared", system=name_system(key), items=comparison.compared, differences=len(comparison.differences))
        return True

    def _compare_anew(self, key: SystemKey, began: datetime) -> Comparison:
        comparison = compare_system(self._database, self._systems[key])
        keep_comparison(self._database, key, comparison, began)
        return comparison

    def _leave_notes(self, key: SystemKey, until: Callable[[], bool], failed: SetAsideItem | None) -> None:
        """What the journal has of letters, calls, promises and disputes since, where the system has a place for it."""
        if self._is_resting(failed):
            return
        sync = self._systems[key]
        try:
            leave_notes(self._database, sync.connector, sync.language, self._real_now(), until)
        except Exception as error:
            self._note_failure(_name_notes(key), error, _find_longest_call(error))
            return
        if failed is not None:
            self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, [_name_notes(key)])

    def _find_night(self, now: datetime) -> datetime:
        """Return when the last night began."""
        local = now.astimezone(self._zone)
        tonight = local.replace(hour=COMPARED_FROM, minute=0, second=0, microsecond=0)
        return tonight if tonight <= local else tonight - timedelta(days=1)

    def _note_failure(self, item_id: str, error: Exception, seconds: float = 0.0) -> None:
        """It rests as long as the system asks for, and `seconds` at the least."""
        rest = timedelta(seconds=max(seconds, (error.rest or 0.0) if isinstance(error, BillingAwayError) else 0.0))
        log.warning("billing_system_not_read", system=item_id, reason=f"{type(error).__name__}: {error}")
        self._set_aside.set_aside(SetAsideStage.BILLING_SYSTEM, item_id, error, rest)


def _asks_for_rest(error: Exception) -> bool:
    return isinstance(error, BillingAwayError) and error.rest is not None


def _find_longest_call(error: Exception) -> float:
    """For how many seconds a note that was not answered may still be written there: it is not left again before."""
    return (error.retry_after or 0.0) if isinstance(error, UnansweredOrderError) else 0.0


def _resume_comparison(state: ConnectionState) -> Comparison:
    """Return what the night's comparison found, whose differences were not all read again. What the system showed then is no sign that it
    shows anything now: nothing of it counts."""
    return Comparison(0, state.differences)


def _name_comparison(key: SystemKey) -> str:
    return f"{name_system(key)}:comparison"


def _name_hints(key: SystemKey) -> str:
    return f"{name_system(key)}:hints"


def _name_notes(key: SystemKey) -> str:
    return f"{name_system(key)}:notes"
