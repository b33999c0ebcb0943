"""`duecourse billing`: connections are added with their secret from a file, standard input or the environment, never an argument."""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.billing.errors import ConnectionRefusedByBillingError
from cli.app import _run_command, app
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import GOOD_KEY, OTHER_KEY, HouseConnector, join_house
from tests.adapters.ledger.builders import TODAY
from tests.databases import open_sqlite_database

Run = Callable[..., str]
HOUSE = ("billing", "add", "house", "--kind", "house", "-o", "country=DE", "-o", "time_zone=Europe/Berlin", "-o", "language=de")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LedgerConnectedWorld]:
    with open_sqlite_database(tmp_path / "duecourse.db"), open_sqlite_database(tmp_path / "house.db") as database:
        join_house(database, monkeypatch)
        yield LedgerConnectedWorld(database)


@pytest.fixture
def run(tmp_path: Path, house: LedgerConnectedWorld, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*words: str, status: int = 0, typed: str = "") -> str:
        """All that the command says; fails when it ends with another status, or repeats a secret."""
        given = [*words, "--data-dir", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["duecourse.py", *given])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        assert _run_command(lambda: app(given)) == status, capsys.readouterr()
        said = "".join(capsys.readouterr())
        assert "Traceback" not in said
        assert "good-key" not in said
        return said

    return run


def test_a_system_is_added_tested_read_compared_and_its_secret_changed(run: Run, house: LedgerConnectedWorld, tmp_path: Path) -> None:
    house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    key = tmp_path / "key"
    key.write_text(f"{GOOD_KEY}\n")
    said = run(*HOUSE, "--secret-file", str(key))
    assert "house: read notes: DOES NOT WORK: 403\n    ask for the group Notes" in said
    assert "house is connected" in said
    assert "house: house, company 1: not read" in run("billing", "list")
    assert "1 differences" in run("billing", "compare", status=3)
    assert "house: 1 invoices read, 1 changed" in run("billing", "sync", "house")
    assert "0 differences" in run("billing", "compare")
    assert "house: 0 invoices were not found there" in run("billing", "gone", "house")
    assert "0 invoices are missing there now, and not 1" in run("billing", "gone", "house", "--count", "1", status=2)
    run("billing", "test", status=3)
    assert "house has another api_key" in run("billing", "rotate", "house", "--secret-file", "api_key=-", typed=OTHER_KEY)
    assert "house: house, company 1: works" in run("status")


def test_a_system_that_does_not_let_in_holds_up_no_other(run: Run, house: LedgerConnectedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    for name in ("barred", "house"):
        run(*(name if word == "house" and place == 2 else word for place, word in enumerate(HOUSE)), "--secret-file", "-", typed=GOOD_KEY)
    known = HouseConnector.__getattr__

    def refuse_one(connector: HouseConnector, name: str) -> object:
        if connector.key.system == "barred":
            raise ConnectionRefusedByBillingError("its key has expired; ask for another")
        return known(connector, name)

    monkeypatch.setattr(HouseConnector, "__getattr__", refuse_one)
    said = run("billing", "sync", status=1)
    assert "barred: NOT READ: its key has expired; ask for another" in said
    assert "house: 1 invoices read, 1 changed" in said
    said = run("billing", "compare", status=1)
    assert "barred: NOT READ: its key has expired; ask for another" in said
    assert "house: 1 open items there, 0 differences" in said

    def refuse_credits(connector: HouseConnector, name: str) -> object:
        if name == "list_credits":
            raise ConnectionRefusedByBillingError("ask for the group Credits")
        return known(connector, name)

    monkeypatch.setattr(HouseConnector, "__getattr__", refuse_credits)
    said = run("billing", "compare", "house", status=1)
    assert "house: 1 open items there, 0 differences" in said
    assert "NOT COMPARED: what customers have unapplied" in said


def test_a_wrong_secret_is_refused_and_the_one_before_stays(run: Run) -> None:
    assert "nothing was kept" in run(*HOUSE, "--secret-file", "-", typed="wrong", status=2)
    assert "no billing system is connected" in run("billing", "list", status=2)
    run(*HOUSE, "--secret-file", "-", typed=GOOD_KEY)
    assert "nothing was kept" in run("billing", "rotate", "house", "--secret-file", "-", typed="wrong", status=2)
    run("billing", "rotate", "house", "--secret-file", "-", "--untested", typed="wrong")
    assert "DOES NOT WORK" in run("billing", "test", status=3)


def test_a_secret_may_stand_in_the_environment_and_one_that_is_missing_is_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "the secret api_key is missing" in run(*HOUSE, status=2)
    monkeypatch.setenv("DUECOURSE_BILLING_API_KEY", GOOD_KEY)
    run(*HOUSE)


def test_options_that_are_none_are_refused(run: Run) -> None:
    assert "time_zone: 'Berlin' is no time zone" in run(*HOUSE, "-o", "time_zone=Berlin", status=2)
    assert "FIELD=VALUE" in run(*HOUSE, "-o", "country", status=2)
    assert "there is no secret other" in run(*HOUSE, "--secret-file", "other=x", status=2)
    assert "cannot be read" in run(*HOUSE, "--secret-file", "nowhere", status=2)
    assert "kind: write one of tryton" in run(*HOUSE, "--kind", "sap", "--secret-file", "-", status=2)


def test_the_address_of_a_webhook_is_shown_once_and_a_connection_is_switched_off_and_on(run: Run) -> None:
    run(*HOUSE, "--secret-file", "-", typed=GOOD_KEY)
    assert "/v1/webhooks/house/" in run("billing", "rotate-webhook", "house")
    run("billing", "switch-off", "house")
    assert "switched off" in run("billing", "list")
    run("billing", "switch-on", "house")
    assert "not read" in run("billing", "list")
    assert "no connection 'north'" in run("billing", "switch-off", "north", status=2)


def test_a_lost_key_is_told_and_begun_again_by_hand(run: Run, tmp_path: Path) -> None:
    run(*HOUSE, "--secret-file", "-", typed=GOOD_KEY)
    (tmp_path / "secrets.key").unlink()
    assert "cannot be used" not in run("billing", "list")
    assert "unusable: the key of the connections' secrets is missing" in run("status", status=1)
    assert "house: house/api_key was encrypted under the key" in run("billing", "new-key", status=1)
    run("billing", "rotate", "house", "--secret-file", "-", typed=OTHER_KEY)
    assert "not read" in run("status")
