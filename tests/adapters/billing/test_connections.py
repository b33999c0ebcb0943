"""Which systems are connected is read from a file without secrets; each is read on its own, and one that is away is shown."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from sqlalchemy import select, update
from sqlmodel import col

from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import SystemKey
from adapters.composition import compose_services
from adapters.config.settings import Settings
from adapters.connections import connection_sync
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_description import ConnectionFileError
from adapters.connections.connection_file import load_connections
from adapters.connections.connection_states import ConnectionState, list_connection_states, load_connection_state
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.routed_billing import RoutedBilling
from adapters.database.engine import Database
from adapters.database.row_states import DifferenceKind
from adapters.database.tables import BillingDifferenceRow, Invoice
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from api.presenters.metrics import render_billing_metrics
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.ledger.builders import TODAY, list_events

ERP: dict[str, object] = {
    "name": "erp",
    "kind": "tryton",
    "address": "https://erp.example.com/production",
    "country": "DE",
    "time_zone": "Europe/Berlin",
    "language": "de",
}


def write_file(folder: Path, *connections: Mapping[str, object]) -> Settings:
    (folder / "connections.yaml").write_text(yaml.safe_dump({"connections": [dict(each) for each in connections]}))
    return Settings.load(data_dir=folder)


def test_without_a_file_nothing_is_connected(tmp_path: Path, house_database: Database) -> None:
    settings = Settings.load(data_dir=tmp_path)
    assert load_connections(settings) == ()
    services = compose_services(settings, house_database)
    assert (list(services.connected), list(services.connected.billings)) == ([], [])
    assert isinstance(services.billing, RoutedBilling), "one may be connected while it runs"


def test_a_connection_is_opened_with_the_key_from_a_file_that_nobody_else_may_read(tmp_path: Path, house_database: Database) -> None:
    key = tmp_path / "erp.key"
    key.write_text("secret-key\n")
    key.chmod(0o640)
    settings = write_file(tmp_path, {**ERP, "api_key_file": str(key)})
    (connection,) = load_connections(settings)
    with pytest.raises(ConnectionFileError, match="chmod 600"):
        connection.open()
    key.chmod(0o600)
    assert connection.open().key == SystemKey("erp", "1")
    services = compose_services(settings, house_database)
    assert (type(services.billing), list(services.connected)) == (RoutedBilling, [SystemKey("erp", "1")])


def test_a_key_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (connection,) = load_connections(write_file(tmp_path, {**ERP, "name": "erp-north"}))
    with pytest.raises(ConnectionFileError, match="set DUECOURSE_BILLING_KEY_ERP_NORTH"):
        connection.open()
    monkeypatch.setenv("DUECOURSE_BILLING_KEY_ERP_NORTH", "secret-key")
    assert connection.open().key == SystemKey("erp-north", "1")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "ERP"}, "cannot name a connection"),
        ({"kind": "sap"}, "kind"),
        ({"address": "erp.example.com"}, "address"),
        ({"time_zone": "Berlin"}, "no time zone"),
        ({"language": "xx"}, "no language of letters"),
        ({"api_key": "secret"}, "api_key"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    with pytest.raises(ConnectionFileError, match=said):
        load_connections(write_file(tmp_path, {**ERP, **changed}))


def test_two_connections_of_one_name_and_company_are_refused(tmp_path: Path) -> None:
    assert len(load_connections(write_file(tmp_path, ERP, {**ERP, "company": 2}))) == 2
    with pytest.raises(ConnectionFileError, match="one name and company"):
        load_connections(write_file(tmp_path, ERP, ERP))


def test_a_system_that_is_away_is_shown_and_holds_up_no_other(database: Database, house_database: Database) -> None:
    house = LedgerConnectedWorld(house_database)
    house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    defaults = AccountDefaults("DE", "Europe/Berlin", "de")

    class Away:
        key, is_away = SystemKey("north", "1"), True

        def __getattr__(self, name: str) -> object:
            if self.is_away:
                raise BillingAwayError("Tryton does not answer", 3_600)
            return getattr(house.connector, name)

    away, store, zone = Away(), SetAsideStore(database), ZoneInfo("Europe/Berlin")
    systems = {
        away.key: ConnectionSync(database, away, defaults),  # type: ignore[arg-type]
        house.connector.key: ConnectionSync(database, house.connector, defaults),
    }
    assert ConnectedReading(systems, database, zone).run() == 1
    assert len(list_events(database)) == 1
    waiting = store.list_waiting(SetAsideStage.BILLING_SYSTEM)["north:1"]
    assert (waiting.next_try_at - waiting.last_tried_at).total_seconds() >= 3_600, "it asked to be left alone for so long"
    state = load_connection_state(database, away.key)
    assert (state.away_reason, state.away_since, state.caught_up_at) == (
        "BillingAwayError: Tryton does not answer",
        waiting.first_failed_at,
        None,
    )
    away.is_away = False
    assert ConnectedReading(systems, database, zone).run() == 0, "it rests"
    store.ask_retry(waiting.id, "mia")
    assert ConnectedReading(systems, database, zone).run() == 1
    assert store.list_waiting(SetAsideStage.BILLING_SYSTEM) == {}
    assert load_connection_state(database, away.key).away_since is None


def test_a_backlog_is_shown_as_one_though_it_was_read_to_the_end_before(database: Database, house_database: Database) -> None:
    house = LedgerConnectedWorld(house_database)
    account = house.add_account("Customer Ltd")
    house.issue_invoice(account, 1_000, TODAY)
    sync = ConnectionSync(database, house.connector, AccountDefaults("DE", "Europe/Berlin", "de"))
    sync.sync()
    for _ in range(connection_sync.PAGE_SIZE + 1):
        house.issue_invoice(account, 1_000, TODAY)

    def find_state(most_pages: int) -> tuple[bool, bool]:
        sync.sync(most_pages)
        state = load_connection_state(database, house.connector.key)
        figures = render_billing_metrics([state], datetime.now(UTC))
        return state.has_more, 'duecourse_billing_has_more{system="ledger:1"} 1' in figures

    assert [find_state(1), find_state(5)] == [(True, True), (False, False)]


def test_for_how_long_a_system_is_away_is_a_figure(database: Database) -> None:
    SetAsideStore(database).set_aside(SetAsideStage.BILLING_SYSTEM, "north:1", BillingAwayError("503"))
    state = load_connection_state(database, SystemKey("north", "1"))
    assert state.away_since is not None
    figures = render_billing_metrics([state], state.away_since + timedelta(hours=2)).splitlines()
    assert 'duecourse_billing_away_seconds{system="north:1"} 7200' in figures


def test_each_night_everything_is_compared_and_what_differs_is_kept(database: Database, house_database: Database) -> None:
    house = LedgerConnectedWorld(house_database)
    account = house.add_account("Customer Ltd")
    invoice = house.issue_invoice(account, 1_000, TODAY)
    house.issue_invoice(account, 2_000, TODAY)
    key, zone, now = house.connector.key, ZoneInfo("Europe/Berlin"), datetime(2026, 11, 30, 0, 59, tzinfo=UTC)
    sync = ConnectionSync(database, house.connector, AccountDefaults("DE", "Europe/Berlin", "de"))

    def run() -> ConnectionState:
        ConnectedReading({key: sync}, database, zone, lambda: now).run()
        return load_connection_state(database, key)

    assert (run().compared_items, run().differences) == (2, ())
    with database.writing() as session:  # as if it had been lost on the way
        session.execute(update(Invoice).where(col(Invoice.id) == f"@ledger:1:{invoice}").values(open_balance=400))
    assert run().differences == (), "the night was compared"
    now += timedelta(minutes=1)
    planted = (DifferenceKind.BALANCE, f"@ledger:1:{invoice}", invoice, "EUR", "400", "1000")
    assert (run().compared_at, run().differences) == (now, (planted,))
    figures = render_billing_metrics(list_connection_states(database), now + timedelta(days=2)).splitlines()
    assert 'duecourse_billing_differences{system="ledger:1"} 1' in figures
    first, now = now, now + timedelta(days=1)
    assert run().differences == (planted,)
    with database.writing() as session:
        session.execute(update(Invoice).where(col(Invoice.id) == f"@ledger:1:{invoice}").values(open_balance=1_000))
    now += timedelta(days=1)
    assert run().differences == ()
    with database.reading() as session:
        kept = session.execute(select(BillingDifferenceRow)).scalars().all()
    assert [(row.first_seen_at, row.last_seen_at, row.gone_at) for row in kept] == [(first, first + timedelta(days=1), now)]


def test_a_comparison_that_fails_is_shown_and_does_not_stop_the_reading(database: Database, house_database: Database) -> None:
    house = LedgerConnectedWorld(house_database)
    house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)

    class Uncomparable:
        def __getattr__(self, name: str) -> object:
            return getattr(house.connector, name)

        def list_open_items(self, cursor: str | None, limit: int) -> object:
            raise BillingAwayError("too large")

    connector: Any = Uncomparable()
    sync = ConnectionSync(database, connector, AccountDefaults("DE", "Europe/Berlin", "de"))
    reading = ConnectedReading({house.connector.key: sync}, database, ZoneInfo("UTC"))
    assert [reading.run() for _ in range(3)] == [1, 0, 0]
    waiting = SetAsideStore(database).list_waiting(SetAsideStage.BILLING_SYSTEM)
    assert {name: item.attempts for name, item in waiting.items()} == {"ledger:1:comparison": 2}, "it rests after its second try"
