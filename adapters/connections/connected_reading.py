"""The reading of all connected systems, one after the other: one that is away rests, is shown, and holds up no other."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog

from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import SystemKey
from adapters.connections.connection_sync import ConnectionSync
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage

SECONDS_BETWEEN = 60.0
"""Between two readings of a system that had nothing more to say."""

MOST_PAGES = 20
"""In one run: then what came is told to the cases, and the next run reads on."""

log = structlog.get_logger(__name__)


class ConnectedReading:
    def __init__(self, systems: Mapping[SystemKey, ConnectionSync], set_aside: SetAsideStore) -> None:
        self._systems, self._set_aside = systems, set_aside
        self._next: dict[SystemKey, float] = {}

    def run(self) -> int:
        """Read what each has to say; how many invoices changed. What fails is set aside, and tried again when it has rested, or when the
        system asked to be called again."""
        if not self._systems:
            return 0
        waiting, changed = self._set_aside.list_waiting(SetAsideStage.BILLING_SYSTEM), 0
        for key, sync in self._systems.items():
            item = waiting.get(_name(key))
            if time.monotonic() < self._next.get(key, 0.0) or (item is not None and item.is_resting(datetime.now(UTC))):
                continue
            changed += self._read(key, sync, is_waiting=item is not None)
        return changed

    def _read(self, key: SystemKey, sync: ConnectionSync, *, is_waiting: bool) -> int:
        try:
            result = sync.sync(MOST_PAGES)
        except Exception as error:  # whatever it is, it is this system's alone
            rest = timedelta(seconds=(error.retry_after or 0.0) if isinstance(error, BillingAwayError) else 0.0)
            log.warning("billing_system_not_read", system=_name(key), reason=f"{type(error).__name__}: {error}")
            self._set_aside.set_aside(SetAsideStage.BILLING_SYSTEM, _name(key), error, rest)
            return 0
        self._next[key] = time.monotonic() + (0.0 if result.has_more else SECONDS_BETWEEN)
        if is_waiting:
            self._set_aside.settle(SetAsideStage.BILLING_SYSTEM, [_name(key)])
        for left_out in result.left_out:
            log.warning("external_invoice_left_out", system=_name(key), invoice=left_out.external_id, reason=left_out.reason)
        return result.changed


def _name(key: SystemKey) -> str:
    return f"{key.system}:{key.company}"
