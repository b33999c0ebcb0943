"""The reading of all connected systems, one after the other, what is noted there, and their comparison once a night: one that is away
rests, is shown, and holds up no other."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import SystemKey
from adapters.connections.comparison import compare_open_items
from adapters.connections.connection_states import load_connection_state, name_system
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.difference_store import keep_comparison
from adapters.connections.journal_notes import leave_notes
from adapters.connections.webhooks.webhook_reading import WebhookReading
from adapters.database.engine import Database
from adapters.set_aside.set_aside_store import SetAsideItem, SetAsideStore
from adapters.set_aside.stages import SetAsideStage

MOST_PAGES = 20
"""Of one system in a row: then it is the next one's turn."""

LONGEST_RUN = timedelta(minutes=5)
"""A run that has read for so long leaves the rest to the next one."""

COMPARED_FROM = 2
"""The hour of the company's night from which the systems are compared."""

log = structlog.get_logger(__name__)


def _real_now() -> datetime:
    return datetime.now(UTC)


class ConnectedReading:
    def __init__(
        self,
        systems: Mapping[SystemKey, ConnectionSync],
        database: Database,
        zone: ZoneInfo,
        real_now: Callable[[], datetime] = _real_now,
    ) -> None:
        """`zone`: the company's, by which its night begins."""
        self._systems, self._database, self._zone, self._real_now = systems, database, zone, real_now
        self._set_aside, self._webhooks = SetAsideStore(database), WebhookReading(database, systems, real_now)

    def run(self) -> int:
        """Read what each has to say, and compare it once a night; how many invoices changed. What fails is set aside, and tried again when
        it has rested, or when the system asked to be called again."""
        if not self._systems:
            return 0
        changed, until = 0, time.monotonic() + LONGEST_RUN.total_seconds()
        waiting = self._set_aside.list_waiting(SetAsideStage.BILLING_SYSTEM)
        resting = {key for key in self._systems if self._is_resting(waiting.get(name_system(key)))}
        pending = [key for key in self._systems if key not in resting]
        self._webhooks.run(resting)
        while pending and time.monotonic() < until:
            unread = []
            for key in pending:
                read, has_more = self._read(key, is_waiting=name_system(key) in waiting)
                changed += read
                if has_more is None:
                    resting.add(key)
                if has_more:
                    unread.append(key)
                elif has_more is False:
                    self._compare(key, waiting.get(_name_comparison(key)))
                    self._leave_notes(key, waiting.get(_name_notes(key)))
            pending = unread
            if pending:
                self._webhooks.run(resting)
        return changed

    def _is_resting(self, item: SetAsideItem | None) -> bool:
        return item is not None and item.is_resting(self._real_now())

    def _read(self, key: SystemKey, *, is_waiting: bool) -> tuple[int, bool | None]:
        """How many invoices changed, and whether there is more; None when it is away."""
        try:
            result = self._systems[key].sync(MOST_PAGES)
        except Exception as error:  # whatever it is, it is this system's alone
            self._note_failure(name_system(key), error)
            return 0, None
        if is_waiting:
            self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, [name_system(key)])
        for left_out in result.left_out:
            log.warning("external_invoice_left_out", system=name_system(key), invoice=left_out.external_id, reason=left_out.reason)
        return result.changed, result.has_more

    def _compare(self, key: SystemKey, failed: SetAsideItem | None) -> None:
        """Once a night, after the system was read to the end."""
        began = self._real_now()
        compared_at = load_connection_state(self._database, key).compared_at
        if self._is_resting(failed) or (compared_at is not None and compared_at >= self._find_night(began)):
            return
        try:
            comparison = compare_open_items(self._database, self._systems[key].connector)
        except Exception as error:
            self._note_failure(_name_comparison(key), error)
            return
        keep_comparison(self._database, key, comparison, began)
        if failed is not None:
            self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, [_name_comparison(key)])
        log.info("billing_system_compared", system=name_system(key), items=comparison.compared, differences=len(comparison.differences))

    def _leave_notes(self, key: SystemKey, failed: SetAsideItem | None) -> None:
        """What the journal has of letters, calls, promises and disputes since, where the system has a place for it."""
        if self._is_resting(failed):
            return
        sync = self._systems[key]
        try:
            leave_notes(self._database, sync.connector, sync.language, self._real_now())
        except Exception as error:
            self._note_failure(_name_notes(key), error)
            return
        if failed is not None:
            self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, [_name_notes(key)])

    def _find_night(self, now: datetime) -> datetime:
        """Return when the last night began."""
        local = now.astimezone(self._zone)
        tonight = local.replace(hour=COMPARED_FROM, minute=0, second=0, microsecond=0)
        return tonight if tonight <= local else tonight - timedelta(days=1)

    def _note_failure(self, item_id: str, error: Exception) -> None:
        rest = timedelta(seconds=(error.retry_after or 0.0) if isinstance(error, BillingAwayError) else 0.0)
        log.warning("billing_system_not_read", system=item_id, reason=f"{type(error).__name__}: {error}")
        self._set_aside.set_aside(SetAsideStage.BILLING_SYSTEM, item_id, error, rest)


def _name_comparison(key: SystemKey) -> str:
    return f"{name_system(key)}:comparison"


def _name_notes(key: SystemKey) -> str:
    return f"{name_system(key)}:notes"
