"""Connections that people add: their secrets are encrypted, tried before they are kept, and what happens to one holds up no other."""

import logging
import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_ISDIR
from threading import Barrier, BrokenBarrierError
from zoneinfo import ZoneInfo

import pytest
import yaml
from sqlalchemy import text

from adapters.billing.errors import BillingAwayError, UnsupportedOperationError
from adapters.billing.external_key import ExternalKey, SystemKey
from adapters.composition import compose_services
from adapters.config.settings import Settings
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_admin import ConnectionAdmin, ConnectionTrialError
from adapters.connections.connection_file import InvalidConnectionError, read_connection
from adapters.connections.connection_overview import ConnectionStanding, load_connection_overviews
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.connections.connection_store import ConnectionKnownError, ConnectionStore, SecretRefusedError, UnknownConnectionError
from adapters.connections.secret_box import SecretsKeyError, begin_new_key, get_key_file
from adapters.database.engine import Database
from adapters.database.row_states import ConnectionEventKind
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.text_files import read_text_file
from domain.errors import OperatingError
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import GOOD_KEY, MIA, OTHER_KEY, describe_house
from tests.adapters.ledger.builders import AT, TODAY

KEY = SystemKey("house", "1")


def add(admin: ConnectionAdmin, name: str = "house", kind: str = "house", key: str = GOOD_KEY) -> None:
    admin.add(read_connection(describe_house(name, kind)), {"api_key": key}, MIA)


def read_all(database: Database) -> str:
    """Everything that stands in our database, in words."""
    with database.reading() as session:
        tables = [name for (name,) in session.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))]
        return "\n".join(str(row) for table in tables for row in session.execute(text(f"SELECT * FROM {table}")))


def test_what_is_added_is_read_at_once_by_whatever_runs(
    ours: Database, admin: ConnectionAdmin, settings: Settings, house: LedgerConnectedWorld
) -> None:
    house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    services = compose_services(settings, ours)
    assert list(services.connected) == []
    add(admin)
    assert services.connected.find("house"), "asked for by its name, it is looked for"
    assert ConnectedReading(services.connected, ours, ZoneInfo("UTC")).run() == 1
    (overview,) = load_connection_overviews(ours, services.connected.list_all())
    assert (overview.standing, overview.state.invoices_read) == (ConnectionStanding.WORKS, 1)


def test_no_secret_stands_anywhere_in_the_clear(
    ours: Database, admin: ConnectionAdmin, settings: Settings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    add(admin)
    admin.change_webhook_secret("house", "hush-1", MIA)
    admin.change_secret("house", "api_key", OTHER_KEY, MIA)
    kept = ConnectionStore(ours).get("house")
    (system,) = ConnectionRegistry(ours, settings, lambda: AT).list_all()
    shown = f"{read_all(ours)}{caplog.text}{kept!r}{system!r}{admin!r}{ConnectionStore(ours).list_events(9)}"
    assert not re.search(f"{GOOD_KEY}|{OTHER_KEY}|hush", shown)
    assert get_key_file(settings).stat().st_mode & 0o777 == 0o600
    assert get_key_file(settings).read_text().strip() not in shown


def test_who_changed_what_is_on_record_and_stays_there(ours: Database, admin: ConnectionAdmin) -> None:
    add(admin)
    admin.change_secret("house", "api_key", OTHER_KEY, MIA)
    admin.switch("house", off=True, by=MIA)
    admin.switch("house", off=True, by=MIA)
    events = ConnectionStore(ours).list_events(9, "house")
    kinds = [ConnectionEventKind.SWITCHED_OFF, ConnectionEventKind.SECRET_CHANGED, ConnectionEventKind.ADDED]
    assert [event.kind for event in events] == kinds
    assert {event.made_by for event in events} == {"mia"}
    assert events[1].detail == "api_key"
    with pytest.raises(Exception, match="append-only"), ours.writing() as session:
        session.execute(text("UPDATE connection_events SET made_by = 'x'"))


def test_a_secret_that_does_not_let_in_is_not_kept(ours: Database, admin: ConnectionAdmin) -> None:
    with pytest.raises(ConnectionTrialError, match="ask for a key of the house"):
        add(admin, key="wrong")
    assert ConnectionStore(ours).list_kept() == []
    add(admin)
    before = ConnectionStore(ours).get("house").secrets
    with pytest.raises(ConnectionTrialError):
        admin.change_secret("house", "api_key", "wrong", MIA)
    assert ConnectionStore(ours).get("house").secrets == before
    assert admin.change_secret("house", "api_key", "wrong", MIA, is_tried=False) == ()


def test_a_good_secret_ends_the_rest_of_a_system_that_was_away(ours: Database, admin: ConnectionAdmin, systems: ConnectionRegistry) -> None:
    admin.add(read_connection(describe_house()), {"api_key": "lapsed"}, MIA, is_tried=False)
    reading = ConnectedReading(systems, ours, ZoneInfo("UTC"))
    assert reading.run() == 0
    (overview,) = load_connection_overviews(ours, systems.list_all())
    assert (overview.standing, overview.why) == (ConnectionStanding.AWAY, "BillingAwayError: the house does not answer")
    steps = admin.change_secret("house", "api_key", GOOD_KEY, MIA)
    assert [step.works for step in steps] == [True, False]
    reading.run()
    assert SetAsideStore(ours).list_waiting(SetAsideStage.BILLING_SYSTEM) == {}


@pytest.mark.parametrize(
    ("name", "secrets", "refused", "said"),
    [
        ("house", {}, SecretRefusedError, "api_key is empty"),
        ("house", {"api_key": "  "}, SecretRefusedError, "api_key is empty"),
        ("house", {"api_key": "one\ntwo"}, SecretRefusedError, "line break"),
        ("house", {"api_key": GOOD_KEY, "other": "x"}, SecretRefusedError, "has no secret 'other'"),
        ("OtherHouse", {"api_key": GOOD_KEY}, InvalidConnectionError, "cannot name a connection"),
    ],
)
def test_what_cannot_be_kept_is_refused_without_repeating_it(
    admin: ConnectionAdmin, name: str, secrets: dict[str, str], refused: type[Exception], said: str
) -> None:
    with pytest.raises(refused, match=said) as error:
        admin.add(read_connection(describe_house(name)), secrets, MIA)
    assert "two" not in str(error.value)


def test_a_name_is_given_once_in_the_file_and_here(
    ours: Database, admin: ConnectionAdmin, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(admin)
    with pytest.raises(ConnectionKnownError):
        add(admin)
    monkeypatch.setenv("DUECOURSE_BILLING_KEY_NORTH", GOOD_KEY)
    (tmp_path / "connections.yaml").write_text(yaml.safe_dump({"connections": [describe_house("north")]}))
    systems = ConnectionRegistry(ours, settings, lambda: AT)
    assert [(system.id, system.kept is None, system.fault) for system in systems.list_all()] == [
        ("house:1", False, ""),
        ("north:1", True, ""),
    ]
    again = ConnectionAdmin(ours, settings, systems)
    with pytest.raises(ConnectionKnownError):
        add(again, "north")
    with pytest.raises(UnknownConnectionError, match="is changed there"):
        again.change_secret("north", "api_key", OTHER_KEY, MIA)


def test_a_connection_that_is_switched_off_is_not_read_and_books_nothing(
    admin: ConnectionAdmin, systems: ConnectionRegistry, house: LedgerConnectedWorld
) -> None:
    add(admin)
    admin.switch("house", off=True, by=MIA)
    assert list(systems) == []
    billing = systems.billings[KEY]
    with pytest.raises(UnsupportedOperationError, match="cannot do this from here"):
        billing.reinstate_account("key", ExternalKey("house", "1", "A1"), at=AT)
    admin.switch("house", off=False, by=MIA)
    assert list(systems) == [KEY]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.chmod(0o644), "chmod 600"),
        (lambda file: file.unlink(), "duecourse billing new-key"),
        (lambda file: file.write_text("ab" * 32), "was encrypted under the key"),
        (lambda file: file.write_text("something else"), "is no key of secrets"),
    ],
)
def test_a_key_that_is_lost_changed_or_readable_by_others_is_told_and_holds_up_no_other(
    ours: Database, admin: ConnectionAdmin, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spoil: object, said: str
) -> None:
    add(admin)
    monkeypatch.setenv("DUECOURSE_BILLING_KEY_NORTH", GOOD_KEY)
    (tmp_path / "connections.yaml").write_text(yaml.safe_dump({"connections": [describe_house("north")]}))
    spoil(get_key_file(settings))  # type: ignore[operator]
    systems = ConnectionRegistry(ours, settings, lambda: AT)
    assert ConnectedReading(systems, ours, ZoneInfo("UTC")).run() == 0
    overviews = {overview.system.id: overview for overview in load_connection_overviews(ours, systems.list_all())}
    assert overviews["north:1"].standing is ConnectionStanding.WORKS
    assert overviews["house:1"].standing is ConnectionStanding.UNUSABLE
    assert re.search(said, overviews["house:1"].why)
    with pytest.raises(BillingAwayError, match=said):
        systems[KEY].refresh("R1")


def test_after_a_lost_key_a_new_one_is_begun_by_hand_and_each_secret_entered_again(
    ours: Database, admin: ConnectionAdmin, settings: Settings, systems: ConnectionRegistry
) -> None:
    add(admin)
    admin.change_webhook_secret("house", "hush-1", MIA)
    get_key_file(settings).unlink()
    with pytest.raises(SecretsKeyError, match="is missing"):
        admin.change_secret("house", "api_key", OTHER_KEY, MIA)
    file, done, failed = admin.begin_new_key(MIA)
    assert (file, done, list(failed)) == (get_key_file(settings), [], ["house"])
    admin.change_secret("house", "api_key", OTHER_KEY, MIA)
    (system,) = systems.list_all()
    assert (system.fault, system.webhook) == ("", ()), "what its calls were proven by is to be entered again, too"
    admin.change_webhook_secret("house", "hush-2", MIA)
    assert [each.webhook for each in systems.list_all()] == [("hush-2",)]


def test_a_new_key_encrypts_everything_anew_and_the_old_one_can_go(
    ours: Database, admin: ConnectionAdmin, settings: Settings, systems: ConnectionRegistry
) -> None:
    add(admin)
    admin.change_webhook_secret("house", "hush-1", MIA)
    _, done, failed = admin.begin_new_key(MIA)
    assert (done, failed) == (["house"], {})
    file = get_key_file(settings)
    newest, _ = file.read_text().split()
    file.write_text(newest)
    systems.look_again()
    assert [(each.fault, each.webhook) for each in systems.list_all()] == [("", ("hush-1",))]
    assert admin.begin_new_key(MIA)[1] == ["house"]


def test_two_who_begin_a_new_key_at_once_lose_none(
    ours: Database, admin: ConnectionAdmin, settings: Settings, systems: ConnectionRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(admin)
    both_have_read = Barrier(2, timeout=0.5)
    begun: list[str] = []

    def read_together(file: Path, error: type[OperatingError]) -> str:
        found = read_text_file(file, error)
        with suppress(BrokenBarrierError):
            both_have_read.wait()
        return found

    def note(of: Settings) -> Path:
        file = begin_new_key(of)
        begun.append(file.read_text().split()[0])
        return file

    monkeypatch.setattr("adapters.connections.secret_box.read_text_file", read_together)
    monkeypatch.setattr("adapters.connections.connection_admin.begin_new_key", note)
    with ThreadPoolExecutor(2) as pool:
        made = [pool.submit(admin.begin_new_key, MIA) for _ in range(2)]
        assert [future.result()[2] for future in made] == [{}, {}]
    assert set(begun) < set(get_key_file(settings).read_text().split())
    systems.look_again()
    assert systems.list_all()[0].fault == ""


def test_a_key_is_on_the_disk_before_anything_is_encrypted_under_it(
    admin: ConnectionAdmin, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bool] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        kept.append(S_ISDIR(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    add(admin)
    admin.begin_new_key(MIA)
    assert kept == [False, True, False, True], "the file, and then its name"


def test_the_key_may_stand_in_the_environment_several_with_commas(
    ours: Database, house: LedgerConnectedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_admin(keys: str) -> tuple[ConnectionAdmin, ConnectionRegistry]:
        monkeypatch.setenv("DUECOURSE_SECRETS_KEY", keys)
        settings = Settings.load(data_dir=tmp_path)
        systems = ConnectionRegistry(ours, settings, lambda: AT)
        return ConnectionAdmin(ours, settings, systems), systems

    add(open_admin("ab" * 32)[0])
    assert not (tmp_path / "secrets.key").exists()
    admin, systems = open_admin(f"{'cd' * 32},{'ab' * 32}")
    assert systems.list_all()[0].fault == ""
    assert admin.begin_new_key(MIA) == (None, ["house"], {})
    assert open_admin("cd" * 32)[1].list_all()[0].fault == ""
    assert "which is not in DUECOURSE_SECRETS_KEY" in open_admin("ab" * 32)[1].list_all()[0].fault


def test_what_was_encrypted_for_one_connection_is_decrypted_for_no_other(
    ours: Database, admin: ConnectionAdmin, settings: Settings
) -> None:
    add(admin)
    add(admin, "north")
    with ours.writing() as session:
        session.execute(text("UPDATE billing_connections SET secrets = (SELECT secrets FROM billing_connections WHERE name = 'house')"))
    admin.switch("house", off=False, by=MIA)
    assert [bool(system.fault) for system in ConnectionRegistry(ours, settings, lambda: AT).list_all()] == [False, True]


def test_two_webhook_secrets_are_good_until_a_day(ours: Database, admin: ConnectionAdmin, settings: Settings) -> None:
    add(admin)
    now = datetime.now(UTC)

    def list_good(later: timedelta) -> tuple[str, ...]:
        (system,) = ConnectionRegistry(ours, settings, lambda: AT, lambda: now + later).list_all()
        return system.webhook

    assert admin.change_webhook_secret("house", "hush-1", MIA) is None
    until = admin.change_webhook_secret("house", "hush-2", MIA, timedelta(days=3))
    assert until is not None
    assert timedelta(days=2) < until - now < timedelta(days=4)
    assert list_good(timedelta(days=2)) == ("hush-2", "hush-1")
    assert list_good(timedelta(days=4)) == ("hush-2",)
    admin.change_webhook_secret("house", "hush-3", MIA, timedelta(days=30))
    assert list_good(timedelta(days=4)) == ("hush-3", "hush-2"), "what was to end sooner still does"
    with pytest.raises(SecretRefusedError):
        admin.change_webhook_secret("house", " ", MIA)


def test_a_running_process_lets_a_webhook_secret_lapse(ours: Database, admin: ConnectionAdmin, settings: Settings) -> None:
    add(admin)
    admin.change_webhook_secret("house", "hush-1", MIA)
    admin.change_webhook_secret("house", "hush-2", MIA, timedelta(hours=1))
    now = datetime.now(UTC)
    systems = ConnectionRegistry(ours, settings, lambda: AT, lambda: now)
    assert systems.list_all()[0].webhook == ("hush-2", "hush-1")
    now += timedelta(hours=2)
    systems.look_again()
    assert systems.list_all()[0].webhook == ("hush-2",)


@pytest.mark.parametrize("said", ["which has the key of 'house', cannot be read: Permission denied", "it cannot be opened: KeyError"])
def test_a_connection_of_the_file_that_cannot_be_opened_holds_up_no_other(
    ours: Database, house: LedgerConnectedWorld, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    """Such as one whose key is in a folder that may not be entered."""
    monkeypatch.setenv("DUECOURSE_BILLING_KEY_NORTH", GOOD_KEY)
    described = [{**describe_house(), "api_key_file": str(tmp_path / "barred" / "key")}, describe_house("north")]
    (tmp_path / "connections.yaml").write_text(yaml.safe_dump({"connections": described}))
    is_file = Path.is_file

    def refuse(path: Path) -> bool:
        if path.name != "key":
            return is_file(path)
        raise KeyError(path) if "KeyError" in said else PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refuse)
    opened = {system.key.system: system.fault for system in ConnectionRegistry(ours, settings, lambda: AT).list_all()}
    assert opened["north"] == ""
    assert said in opened["house"]


def test_a_connection_that_this_version_cannot_use_is_shown(ours: Database, admin: ConnectionAdmin, systems: ConnectionRegistry) -> None:
    add(admin)
    with ours.writing() as session:
        session.execute(text("UPDATE billing_connections SET kind = 'sap', version = version + 1"))
    systems.look_again()
    (overview,) = load_connection_overviews(ours, systems.list_all())
    assert (overview.standing, overview.system.kind) == (ConnectionStanding.UNUSABLE, "sap")
    assert "write one of" in overview.why
