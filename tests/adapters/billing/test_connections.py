"""Which systems are connected is read from a file without secrets; each is read on its own, and one that is away is shown."""

from pathlib import Path

import pytest
import yaml

from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import SystemKey
from adapters.composition import compose_services
from adapters.config.settings import Settings
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_file import ConnectionFileError, load_connections
from adapters.connections.connection_sync import AccountDefaults, ConnectionSync
from adapters.connections.routed_billing import RoutedBilling
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.ledger.builders import TODAY, list_events

ERP = {
    "name": "erp",
    "kind": "tryton",
    "address": "https://erp.example.com/production",
    "country": "DE",
    "time_zone": "Europe/Berlin",
    "language": "de",
}


def write_file(folder: Path, *connections: dict[str, object]) -> Settings:
    (folder / "connections.yaml").write_text(yaml.safe_dump({"connections": list(connections)}))
    return Settings.load(data_dir=folder)


def test_without_a_file_nothing_is_connected(tmp_path: Path, house_database: Database) -> None:
    settings = Settings.load(data_dir=tmp_path)
    assert load_connections(settings) == ()
    services = compose_services(settings, house_database)
    assert (type(services.billing), services.connected) == (Ledger, {})


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

    away, store = Away(), SetAsideStore(database)
    systems = {
        away.key: ConnectionSync(database, away, defaults),  # type: ignore[arg-type]
        house.connector.key: ConnectionSync(database, house.connector, defaults),
    }
    assert ConnectedReading(systems, store).run() == 1
    assert len(list_events(database)) == 1
    waiting = store.list_waiting(SetAsideStage.BILLING_SYSTEM)["north:1"]
    assert (waiting.next_try_at - waiting.last_tried_at).total_seconds() >= 3_600, "it asked to be left alone for so long"
    away.is_away = False
    assert ConnectedReading(systems, store).run() == 0, "it rests"
    store.ask_retry(waiting.id, "mia")
    assert ConnectedReading(systems, store).run() == 1
    assert store.list_waiting(SetAsideStage.BILLING_SYSTEM) == {}
