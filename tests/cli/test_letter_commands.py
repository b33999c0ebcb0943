"""Letters are stopped and let go at the command line."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.composition import open_database
from adapters.config.settings import Settings
from adapters.correspondence.release_store import ReleaseStore
from adapters.database.engine import Database
from adapters.database.tables import Account
from cli.app import _run_command, app
from domain.clock import Clock
from tests.time_skipping_play import write_invoice_file

Run = Callable[..., str]


@pytest.fixture
def data(tmp_path: Path) -> Database:
    database = open_database(Settings.load(data_dir=tmp_path))
    with database.writing() as session:
        session.add(Account(id="A-1", name="Nord", country="DE", time_zone="UTC", language="de"))
    return database


@pytest.fixture
def command(tmp_path: Path, data: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str, status: int = 0) -> str:
        """What a command prints; fails when it ends with another status."""
        monkeypatch.setenv("COLUMNS", "250")
        capsys.readouterr()
        assert _run_command(lambda: app([*words, "--data-dir", str(tmp_path)])) == status
        printed = capsys.readouterr()
        return printed.err if status else printed.out

    return run


def test_letters_are_stopped_shown_and_let_go_again(command: Run) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    stop_id = command("letters", "stop", "a wrong price list", "--account", "A-1", "--until", tomorrow.isoformat()).split()[-1]
    shown = command("letters", "stops")
    assert all(word in shown for word in (stop_id, "account A-1", tomorrow.isoformat(), "a wrong price list"))
    assert command("letters", "continue", stop_id).endswith("its letters go again\n")
    assert command("letters", "stops") == "no letter is stopped\n"
    assert stop_id in command("letters", "stops", "--all")


def test_what_cannot_be_stopped_is_said(command: Run) -> None:
    command("letters", "stop", "a wrong price list")
    assert "stopped already" not in command("letters", "stop", "once more", "--account", "A-1")
    assert "stopped them on" in command("letters", "stop", "once more", status=2)
    assert "no account 'A-9'" in command("letters", "stop", "x", "--account", "A-9", status=2)
    assert "not both" in command("letters", "stop", "x", "--account", "A-1", "--policy", "standard", status=2)
    assert "is over" in command("letters", "stop", "x", "--until", "2013-01-01", status=2)
    assert "no stop 'none'" in command("letters", "continue", "none", status=2)


def test_an_empty_folder_has_no_letters_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run_command(lambda: app(["letters", "stop", "x", "--data-dir", str(tmp_path / "none")])) == 2
    assert "there is no Duecourse in" in capsys.readouterr().err


# --- accounts that are held for release


@pytest.fixture
def invoices(tmp_path: Path) -> str:
    row = {"issue_date": "2013-05-01", "due_date": "2013-05-31", "currency": "EUR", "total": "10.00", "country": "DE"}
    rows = [
        {
            "number": f"N-{account}",
            "account_id": account,
            **row,
            "time_zone": "Europe/Berlin",
            "language": "de",
            "collector": collector,
            "email": "kim@customer.test",
        }
        for account, collector in (("A-2", "anna"), ("A-3", "anna"), ("A-4", "ben"))
    ]
    return str(write_invoice_file(tmp_path / "invoices.csv", rows))


def test_a_first_import_is_held_until_it_is_released(command: Run, invoices: str) -> None:
    assert "3 new accounts are held for release" in command("import", invoices)
    assert all(account in command("letters", "held") for account in ("A-2", "A-3", "A-4"))
    assert command("release", "--collector", "anna") == "released 2, still held 1\n"
    assert "A-2: not held" in command("release", "A-2", status=2)
    assert command("release", "A-4", "--reason", "looked through") == "released 1, still held 0\n"
    assert command("letters", "held") == "0 held for release\n"
    assert "no account that is held" in command("release", "--all", status=2)


def test_who_knows_imports_without_a_hold(command: Run, invoices: str, data: Database) -> None:
    assert "held" not in command("import", invoices, "--release")
    assert not ReleaseStore(data).holds_new_accounts(Clock.real_time())


def test_a_release_names_whom_it_releases(command: Run) -> None:
    assert "release --all, or name accounts" in command("release", status=2)
    assert "release --all, or name accounts" in command("release", "A-1", "--all", status=2)
    assert "no accounts nobody" in command("release", "nobody", status=2)


# --- the preview


def test_a_preview_before_the_first_start_shows_who_would_get_what(command: Run, invoices: str) -> None:
    command("import", invoices)
    command("release", "A-4")
    shown = command("preview")
    assert all(word in shown for word in ("A-2", "A-4", "reminder", "for release", "3 letters until"))
    one = command("preview", "--account", "A-2")
    assert "N-A-2" in one
    assert "A-4" not in one
    assert command("preview", "--account", "nobody").startswith("0 letters until")
