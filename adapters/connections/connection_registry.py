"""The systems that are connected now: those of the file, and those that people added. A running process sees within seconds what changed.

A connection that cannot be opened holds up no other: it is there, refuses with the reason, and is shown.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from adapters.billing.connector import BillingConnector
from adapters.billing.external_key import SystemKey
from adapters.cases.begun_orders import BegunOrders
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.config.settings import Settings, SettingsError
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.connected_billing import ConnectedBilling
from adapters.connections.connection_description import ConnectionDescription, OpenSecrets, WebhookProof
from adapters.connections.connection_file import load_connections
from adapters.connections.connection_store import ConnectionStore, KeptConnection
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.rests.resting_connector import build_resting_connector
from adapters.connections.rests.system_rests import SystemRests
from adapters.connections.secret_box import load_secret_box
from adapters.connections.unusable_connector import build_unusable_connector
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger

LOOK_EVERY_SECONDS = 2.0
"""So often it is looked whether a connection was changed, where they are used."""
SWITCHED_OFF = "this connection is switched off; it is switched on again on its page, or by `duecourse billing switch-on`"
UNSENDABLE = "its secret has signs that cannot be sent to the system; enter it again by `duecourse billing rotate`"
_NOWHERE = AccountDefaults("XX", "UTC", "en")
"""Of a connection that cannot be read: nothing is taken in with it."""


class ConnectedSystem(NamedTuple):
    """One company of one system. `fault`: why it cannot be used; empty where it can. `kept`: as a person added it; None for one of a file.
    `connection` is None where what describes it cannot be used. `webhook`: the secrets that are good now."""

    key: SystemKey
    kind: str
    connection: ConnectionDescription | None
    kept: KeptConnection | None
    fault: str
    connector: BillingConnector
    sync: ConnectionSync
    billing: ConnectedBilling
    webhook: tuple[str, ...]

    def __repr__(self) -> str:
        return f"ConnectedSystem({self.key.system}:{self.key.company})"

    @property
    def id(self) -> str:
        return f"{self.key.system}:{self.key.company}"

    @property
    def switched_off_at(self) -> datetime | None:
        return self.kept.switched_off_at if self.kept else None

    @property
    def webhook_proof(self) -> WebhookProof:
        return self.connection.webhook_proof if self.connection else WebhookProof.NONE


class _Kept(NamedTuple):
    """`good_until`: when one of its webhook's secrets ends, and it is to be opened again."""

    version: int
    good_until: datetime | None
    system: ConnectedSystem


class ConnectionRegistry(Mapping[SystemKey, ConnectionSync]):
    """What reads each system that is in use, by its key. Safe to share between threads."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        business_now: Callable[[], datetime],
        real_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises ConnectionFileError."""
        self.settings = settings
        self._database, self._store = database, ConnectionStore(database)
        self._business_now, self._real_now = business_now, real_now
        self._ledger, self._by_hand, self._lock = Ledger(database), BookingsByHand(database), threading.Lock()
        self._orders, self._rests = BegunOrders(database), SystemRests(database, real_now)
        self._of_file = [self._open(each, None) for each in load_connections(settings)]
        self._kept: dict[str, _Kept] = {}
        self._looked_at = self._sought_at = float("-inf")

    def __getitem__(self, key: SystemKey) -> ConnectionSync:
        return self._by_key()[key].sync

    def __iter__(self) -> Iterator[SystemKey]:
        return iter(self._by_key())

    def __len__(self) -> int:
        return len(self._by_key())

    def _by_key(self) -> dict[SystemKey, ConnectedSystem]:
        return {system.key: system for system in self.list_all() if system.switched_off_at is None}

    def list_all(self) -> list[ConnectedSystem]:
        """Those that are switched off, too; in the order of their names."""
        with self._lock:
            if time.monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
                self._look_again()
            return sorted([*self._of_file, *(each.system for each in self._kept.values())], key=lambda system: system.key)

    def look_again(self) -> None:
        """What was changed here counts at once."""
        with self._lock:
            self._look_again()

    def find(self, name: str) -> list[ConnectedSystem]:
        """Find by `system:company`, or by the system's name alone, of which there may be several. A name that is none is looked for anew,
        but not each time that somebody asks for it."""
        found = [system for system in self.list_all() if name in (system.id, system.key.system)]
        if not found and time.monotonic() - self._sought_at >= LOOK_EVERY_SECONDS:
            self._sought_at = time.monotonic()
            self.look_again()
        return found or [system for system in self.list_all() if name in (system.id, system.key.system)]

    @property
    def billings(self) -> "Mapping[SystemKey, ConnectedBilling]":
        """What books in each system, also in one that is switched off, which refuses it."""
        return _Billings(self)

    def _look_again(self) -> None:
        now = self._real_now()
        versions = self._store.read_versions()
        self._kept = {name: each for name, each in self._kept.items() if name in versions}
        stale = {
            name
            for name, version in versions.items()
            if (known := self._kept.get(name)) is None
            or known.version != version
            or known.system.fault
            or (known.good_until is not None and known.good_until <= now)
        }
        for kept in self._store.list_kept() if stale else ():
            if kept.name in stale:
                ends = [until for _, until in kept.webhook_secrets if until is not None and until > now]
                self._kept[kept.name] = _Kept(kept.version, min(ends, default=None), self._open_kept(kept, now))
        self._looked_at = time.monotonic()

    def _open_kept(self, kept: KeptConnection, now: datetime) -> ConnectedSystem:
        key = SystemKey(kept.name, kept.company)
        try:
            connection = kept.read(self.settings.data_dir)
        except SettingsError as error:
            return self._build(key, kept.kind, None, kept, build_unusable_connector(key, str(error)), str(error))
        if kept.switched_off_at is not None:
            return self._build(key, kept.kind, connection, kept, build_unusable_connector(key, SWITCHED_OFF, is_off=True))
        return self._open(connection, kept, lambda: kept.unlock(load_secret_box(self.settings), now))

    def _open(
        self, connection: ConnectionDescription, kept: KeptConnection | None, read_secrets: Callable[[], OpenSecrets] | None = None
    ) -> ConnectedSystem:
        try:
            ready = connection.with_secrets(read_secrets()) if read_secrets else connection
            connector, fault, webhook = ready.open(), "", ready.read_webhook_secrets()
        except Exception as error:  # whatever it is, it is this connection's alone
            fault, webhook = _describe_fault(error), ()
            connector = build_unusable_connector(connection.key, fault)
        return self._build(connection.key, connection.kind, connection, kept, connector, fault, webhook)

    def _build(
        self,
        key: SystemKey,
        kind: str,
        connection: ConnectionDescription | None,
        kept: KeptConnection | None,
        connector: BillingConnector,
        fault: str = "",
        webhook: tuple[str, ...] = (),
    ) -> ConnectedSystem:
        defaults = connection.defaults if connection else _NOWHERE
        connector = build_resting_connector(connector, self._rests)
        sync = ConnectionSync(self._database, connector, defaults, self._business_now, self._real_now)
        billing = ConnectedBilling(connector, sync, self._ledger, self._by_hand, self._orders)
        return ConnectedSystem(key, kind, connection, kept, fault, connector, sync, billing, webhook)


def _describe_fault(error: Exception) -> str:
    """Why a connection cannot be opened; the words of an error that is no one's own may repeat the secret."""
    if isinstance(error, SettingsError):
        return str(error)
    return UNSENDABLE if isinstance(error, ValueError) else f"it cannot be opened: {type(error).__name__}"


class _Billings(Mapping[SystemKey, ConnectedBilling]):
    def __init__(self, systems: ConnectionRegistry) -> None:
        self._systems = systems

    def __getitem__(self, key: SystemKey) -> ConnectedBilling:
        return {system.key: system.billing for system in self._systems.list_all()}[key]

    def __iter__(self) -> Iterator[SystemKey]:
        return (system.key for system in self._systems.list_all())

    def __len__(self) -> int:
        return len(self._systems.list_all())
