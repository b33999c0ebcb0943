"""Letters are stopped and let go at the command line."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.composition import open_database
from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.tables import Account
from cli.app import _run_command, app

Run = Callable[..., str]


@pytest.fixture
def data(tmp_path: Path) -> Database:
    database = open_database(Settings.load(data_dir=tmp_path))
    with database.writing() as session:
        session.add(Account(id="A-1", name="Nord", country="DE", time_zone="UTC", language="de"))
    return database


@pytest.fixture
def letters(tmp_path: Path, data: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str, status: int = 0) -> str:
        """What `duecourse letters …` prints; fails when it ends with another status."""
        monkeypatch.setenv("COLUMNS", "250")
        capsys.readouterr()
        assert _run_command(lambda: app(["letters", *words, "--data-dir", str(tmp_path)])) == status
        printed = capsys.readouterr()
        return printed.err if status else printed.out

    return run


def test_letters_are_stopped_shown_and_let_go_again(letters: Run) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    stop_id = letters("stop", "a wrong price list", "--account", "A-1", "--until", tomorrow.isoformat()).split()[-1]
    shown = letters("stops")
    assert all(word in shown for word in (stop_id, "account A-1", tomorrow.isoformat(), "a wrong price list"))
    assert letters("continue", stop_id).endswith("its letters go again\n")
    assert letters("stops") == "no letter is stopped\n"
    assert stop_id in letters("stops", "--all")


def test_what_cannot_be_stopped_is_said(letters: Run) -> None:
    letters("stop", "a wrong price list")
    assert "stopped already" not in letters("stop", "once more", "--account", "A-1")
    assert "stopped them on" in letters("stop", "once more", status=2)
    assert "no account 'A-9'" in letters("stop", "x", "--account", "A-9", status=2)
    assert "not both" in letters("stop", "x", "--account", "A-1", "--policy", "standard", status=2)
    assert "is over" in letters("stop", "x", "--until", "2013-01-01", status=2)
    assert "no stop 'none'" in letters("continue", "none", status=2)


def test_an_empty_folder_has_no_letters_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _run_command(lambda: app(["letters", "stop", "x", "--data-dir", str(tmp_path / "none")])) == 2
    assert "there is no Duecourse in" in capsys.readouterr().err
