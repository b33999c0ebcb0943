"""Reads again what webhooks hinted at; what the system does not know any more is gone here too, where that can be believed. A hint
is done only when what was read is in the mirror: a restart in between reads it once more."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import structlog

from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError
from adapters.billing.external_key import SystemKey
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.webhooks.webhook_store import WaitingHint, WebhookStore
from adapters.database.engine import Database

MOST_HINTS = 500
"""Of one system in one run."""
MOST_ATTEMPTS = 5
"""At which the system failed while it answered for others: then a hint is let fall, for the readings and the comparison have what it
hinted at. While a system is away, none is counted."""

log = structlog.get_logger(__name__)


class HintReading:
    def __init__(
        self, database: Database, systems: Mapping[SystemKey, ConnectionSync], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._systems, self._store, self._now = systems, WebhookStore(database), now

    def run(self) -> int:
        """As `read_system`, all of them."""
        return sum(map(self.read_system, self._systems))

    def read_system(self, key: SystemKey, until: Callable[[], bool] = lambda: False) -> int:
        """Read each invoice once, however often it was hinted at; how many were. A system that is away is asked again by the next run, and
        first for what it has failed at the least. `until` says after each whether the rest is left to the next run."""
        self._store.forget_old(self._now())
        sync = self._systems[key]
        read, unanswered = 0, list[tuple[WaitingHint, Exception]]()
        unknown = list[tuple[WaitingHint, datetime]]()
        for place, hint in enumerate(sorted(self._store.list_waiting(key, MOST_HINTS), key=lambda hint: hint.attempts)):
            if place and until():
                break
            began = self._now()
            try:
                found = sync.refresh_if_there(hint.external_id)
            except (BillingAwayError, ConnectionRefusedByBillingError) as error:
                unanswered.append((hint, error))
                if len(unanswered) > 1 or getattr(error, "rest", None):
                    break
            except Exception as error:  # whatever it is, it is this invoice's alone
                self._count_failure(key, hint, error)
            else:
                if found is None:
                    unknown.append((hint, began))
                else:
                    self._store.mark_done(hint.call_ids, began, self._now())
                    read += 1
                self._count_failures(key, unanswered)
                unanswered.clear()
        if unanswered and _answers_for_others(sync):
            self._count_failures(key, unanswered)
        return read + self._take_unknown(key, unknown)

    def _take_unknown(self, key: SystemKey, unknown: Sequence[tuple[WaitingHint, datetime]]) -> int:
        """What the system does not know is none yet, or gone here too; how many hints are done by it. Of what is not believed to be gone,
        what really is so is the comparison's to find. Where the system went away meanwhile, they wait for the next run."""
        done, sync = 0, self._systems[key]
        try:
            gone = sync.find_gone([hint.external_id for hint, _ in unknown])
        except (BillingAwayError, ConnectionRefusedByBillingError) as error:
            log.warning("unknown_invoices_not_read", system=key.system, error=type(error).__name__)
            return 0
        for hint, began in unknown:
            try:
                if hint.external_id in gone:
                    sync.take_gone(hint.external_id)
            except Exception as error:  # whatever it is, it is this invoice's alone
                self._count_failure(key, hint, error)
            else:
                self._store.mark_done(hint.call_ids, began, self._now())
                done += 1
        return done

    def _count_failures(self, key: SystemKey, failures: Iterable[tuple[WaitingHint, Exception]]) -> None:
        for failed in failures:
            self._count_failure(key, *failed)

    def _count_failure(self, key: SystemKey, hint: WaitingHint, error: Exception) -> None:
        """Of a system that answers for others. One that has failed often enough is let fall, and counted so."""
        is_last = hint.attempts + 1 >= MOST_ATTEMPTS
        log.warning("hint_not_read", system=key.system, invoice=hint.external_id, error=type(error).__name__, dropped=is_last)
        if is_last:
            self._store.drop(key, hint.call_ids, self._now())
        else:
            self._store.count_attempt(hint.call_ids)


def _answers_for_others(sync: ConnectionSync) -> bool:
    """Whether it is there, and lets Duecourse in, although it failed at an invoice just now."""
    try:
        sync.connector.list_open_items(None, 1)
    except Exception:  # whatever it is, it shows no answer
        return False
    return True
