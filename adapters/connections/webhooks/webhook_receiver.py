"""Takes in calls of billing systems: proven on the raw body, kept, and answered; what they hint at is read afterwards, by the worker.

A call is a hint and never a truth: nothing that it says of an invoice is believed.
"""

import hmac
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import BillingError, ForgedWebhookError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import WebhookHint
from adapters.connections.connection_description import WebhookProof
from adapters.connections.connection_registry import ConnectedSystem, ConnectionRegistry
from adapters.connections.connection_store import UnknownConnectionError
from adapters.connections.webhooks.webhook_store import WebhookStore
from adapters.database.engine import Database
from domain.errors import UserError

log = structlog.get_logger(__name__)

UNREADABLE = "the call cannot be read"
SECRET_HEADER = "x-duecourse-secret"
"""In which a system that signs nothing may send its secret; or it stands at the end of the address."""

FORGED_WRITES, FORGED_SECONDS = 5, 5.0
"""So often in so many seconds forged calls are written down at once; what more of them comes is added up."""


class _Forged(NamedTuple):
    """Calls that are not written down yet; why the last one was refused, and when."""

    number: int
    why: str
    at: datetime


class WebhookNotReadyError(UserError):
    """A call that cannot be verified now, because the connection's secret cannot be read. It is to be sent again."""

    title = "This connection cannot be used now"
    status = 503
    problem_type = "not-ready"


class WebhookReceiver:
    """Safe to share between threads."""

    def __init__(self, database: Database, systems: ConnectionRegistry, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._systems, self._store, self._now = systems, WebhookStore(database), now
        self._lock, self._forged, self._written = threading.Lock(), dict[SystemKey, _Forged](), deque[float](maxlen=FORGED_WRITES)

    def receive(self, name: str, headers: Mapping[str, str], body: bytes, secret: str | None) -> int:
        """How many invoices are to be read because of it. `headers`: their names in small letters; `secret`: from the address. A call for a
        connection that is switched off is let fall, so that the system goes on calling. Raises UnknownConnectionError, ForgedWebhookError,
        WebhookNotReadyError."""
        found = [each for each in self._systems.find(name) if _takes_calls(each)]
        if not found:
            raise UnknownConnectionError(f"no connection {name!r} is called by its system")
        now, forged = self._now(), list[tuple[ConnectedSystem, str]]()
        for system in found:
            if system.switched_off_at is not None:
                return 0
            if system.fault:
                raise WebhookNotReadyError(f"the connection {system.id} cannot be used now; send it again later")
            try:
                hints = _verify(system, headers, body, secret or headers.get(SECRET_HEADER, ""), now)
            except BillingError as error:
                forged.append((system, str(error)))
            except Exception as error:  # whatever a system may send must not become a fault of ours, at which it gives up calling
                log.warning("webhook_not_read", system=system.id, error=type(error).__name__)
                forged.append((system, UNREADABLE))
            else:
                self._write_forged()
                return self._store.take(system.key, hints, body, now)
        system, why = forged[0]
        with self._lock:
            known = self._forged.get(system.key)
            self._forged[system.key] = _Forged(known.number + 1 if known else 1, why, now)
        self._write_forged()
        raise ForgedWebhookError(why)

    def _write_forged(self) -> None:
        """Whoever forges many is no reason for as many transactions: what is added up is written with a later call."""
        with self._lock:
            now = time.monotonic()
            is_too_soon = len(self._written) == FORGED_WRITES and now - self._written[0] < FORGED_SECONDS
            if not self._forged or is_too_soon:
                return
            self._written.append(now)
            due, self._forged = self._forged, {}
        for key, forged in due.items():
            self._store.count_forged(key, forged.why, forged.at, forged.number)


def _takes_calls(system: ConnectedSystem) -> bool:
    return system.connection is None or system.webhook_proof is not WebhookProof.NONE


def _verify(system: ConnectedSystem, headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> tuple[WebhookHint, ...]:
    """Raises BillingError."""
    if not system.webhook:
        raise ForgedWebhookError("this connection has no webhook secret that is good: make one, and enter it in the billing system")
    if system.webhook_proof is WebhookProof.SHARED and not any(
        hmac.compare_digest(known.encode(), secret.encode("utf-8", "replace")) for known in system.webhook
    ):
        raise ForgedWebhookError("the secret of the address is missing, or is none that is good")
    if ConnectorCapability.VERIFY_WEBHOOK not in system.connector.capabilities:
        raise ForgedWebhookError("this system has no webhook")
    hints = system.connector.verify_webhook(headers, body, now)
    if not all(isinstance(hint.event_id, str) and isinstance(hint.external_id, str | None) for hint in hints):
        raise ForgedWebhookError(UNREADABLE)
    return hints
