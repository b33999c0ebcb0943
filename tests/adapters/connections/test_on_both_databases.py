"""What is kept of connections is kept by either database."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from adapters.billing.errors import ForgedWebhookError
from adapters.billing.external_key import SystemKey
from adapters.config.settings import Settings
from adapters.connections.connection_admin import ConnectionAdmin
from adapters.connections.connection_file import read_connection
from adapters.connections.connection_overview import ConnectionStanding, load_connection_overviews
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.connections.connection_runs import ConnectionRuns
from adapters.connections.connection_store import ConnectionStore
from adapters.connections.webhooks.hint_reading import HintReading
from adapters.connections.webhooks.webhook_receiver import WebhookReceiver
from adapters.connections.webhooks.webhook_store import KEPT_FOR
from adapters.database.engine import Database
from adapters.database.row_states import ConnectionEventKind, ConnectionRunKind
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import GOOD_KEY, MIA, OTHER_KEY, describe_house
from tests.adapters.ledger.builders import AT, TODAY

KEY, NOW = SystemKey("house", "1"), datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_a_connection_lives_its_life(database: Database, settings: Settings, house: LedgerConnectedWorld) -> None:
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    systems = ConnectionRegistry(database, settings, lambda: AT)
    admin, runs, store = ConnectionAdmin(database, settings, systems), ConnectionRuns(database), ConnectionStore(database)
    admin.add(read_connection(describe_house()), {"api_key": GOOD_KEY}, MIA)
    admin.change_secret("house", "api_key", OTHER_KEY, MIA)
    admin.change_webhook_secret("house", "hush-1", MIA)
    assert admin.begin_new_key(MIA)[1] == ["house"]

    def call(event: str, hinted: str | None, secret: str, at: datetime) -> None:
        body = json.dumps({"id": event, "invoice": hinted}).encode()
        with suppress(ForgedWebhookError):
            WebhookReceiver(database, systems, lambda: at).receive("house", {}, body, secret)

    for event, hinted, secret in (("e1", invoice, "hush-1"), ("e1", invoice, "hush-1"), ("e2", None, "hush-1"), ("e3", invoice, "forged")):
        call(event, hinted, secret, NOW)
    assert HintReading(database, systems, lambda: NOW).run() == 1
    call("e4", invoice, "hush-1", NOW + KEPT_FOR)
    assert HintReading(database, systems, lambda: NOW + KEPT_FOR + timedelta(seconds=1)).run() == 1
    (system,) = systems.list_all()
    runs.test(system, "mia")
    runs.compare(system, "mia")
    runs.begin(KEY, ConnectionRunKind.READING, "mia")
    runs.read(system, "mia")
    (overview,) = load_connection_overviews(database, systems.list_all())
    counts = overview.webhooks
    assert (counts.taken, counts.repeated, counts.foreign, counts.forged, counts.waiting) == (2, 1, 1, 1, 0)
    assert (overview.standing, {kind: run.failure for kind, run in overview.runs.items()}) == (
        ConnectionStanding.WORKS,
        dict.fromkeys(ConnectionRunKind, ""),
    )
    admin.switch("house", off=True, by=MIA)
    assert [event.kind for event in store.list_events(2)] == [ConnectionEventKind.SWITCHED_OFF, ConnectionEventKind.ENCRYPTED_ANEW]
