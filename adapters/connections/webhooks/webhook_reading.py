"""Reads again what webhooks hinted at. A hint is done only when what was read is in the mirror: a restart in between reads it once more."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

import structlog

from adapters.billing.errors import BillingAwayError, UnknownInvoiceError
from adapters.billing.external_key import SystemKey
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.webhooks.webhook_store import WaitingHint, WebhookStore
from adapters.database.engine import Database

MOST_HINTS = 500
"""Of one system in one run."""
MOST_ATTEMPTS = 5
"""Then a hint is let fall: the readings and the comparison have what it hinted at."""

log = structlog.get_logger(__name__)


class WebhookReading:
    def __init__(
        self, database: Database, systems: Mapping[SystemKey, ConnectionSync], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._systems, self._store, self._now = systems, WebhookStore(database), now

    def run(self, resting: Collection[SystemKey] = ()) -> int:
        """Read each invoice once, however often it was hinted at; how many were. A system that is away is asked again by the next run, and
        first for what it has failed at the least; `resting` are those that are asked for nothing now."""
        read = sum(self._read_system(key, sync) for key, sync in self._systems.items() if key not in resting)
        self._store.forget_old(self._now())
        return read

    def _read_system(self, key: SystemKey, sync: ConnectionSync) -> int:
        read = 0
        for hint in sorted(self._store.list_waiting(key, MOST_HINTS), key=lambda hint: hint.attempts):
            began, is_away = self._now(), False
            try:
                is_over = self._read(key, sync, hint)
            except BillingAwayError as error:
                is_away, is_over = True, self._let_fall(key, hint, error)
            if is_over:
                self._store.mark_done(hint.call_ids, began, self._now())
                read += 1
            else:
                self._store.count_attempt(hint.call_ids)
            if is_away:
                break
        return read

    def _read(self, key: SystemKey, sync: ConnectionSync, hint: WaitingHint) -> bool:
        """Whether nothing is left to do about it. Raises BillingAwayError."""
        try:
            sync.refresh(hint.external_id)
        except BillingAwayError:
            raise
        except UnknownInvoiceError:
            return True  # none yet, or gone: the comparison names it
        except Exception as error:  # whatever it is, it is this invoice's alone
            return self._let_fall(key, hint, error)
        return True

    def _let_fall(self, key: SystemKey, hint: WaitingHint, error: Exception) -> bool:
        """Whether it has failed often enough."""
        is_last = hint.attempts + 1 >= MOST_ATTEMPTS
        log.warning("hint_not_read", system=key.system, invoice=hint.external_id, error=type(error).__name__, let_fall=is_last)
        return is_last
