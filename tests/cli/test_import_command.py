"""The import at the command line: its exit status, what it says beside the verdicts, and complete lists."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import cli.import_command
import cli.standalone
from cli.app import ROWS_REJECTED_STATUS, _run_command, app
from tests.adapters.imports.field_cases import HEADER, line


def test_an_import_ends_with_3_where_rows_were_rejected_and_closes_what_a_complete_list_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    file, data = tmp_path / "items.csv", tmp_path / "data"

    def run(*lines: str, options: tuple[str, ...] = (), status: int = 0) -> str:
        file.write_bytes("\n".join((HEADER, *lines)).encode("cp1252"))
        words = ["import", str(file), "--business-date", "2013-03-04", "--data-dir", str(data), *options]
        assert _run_command(lambda: app(words)) == status
        printed = capsys.readouterr()
        return printed.err if status == 2 else printed.out

    said = run(line(name="Bräu"), line(number="R-2"), line(number="R-3", due="soon"), status=ROWS_REJECTED_STATUS)
    assert "row 4: due_date: 'soon'" in said
    assert "it was read as cp1252" in said
    (rejects,) = (data / "rejected").iterdir()
    assert rejects.read_bytes().count(b"\n") == 2
    assert "row 2: taken, but due_date" in run(line(number="R-4", due="2013-01-01"), line(), line(number="R-2"), options=("--dry-run",))

    assert "1 invoices are open here and not in the file" in run(line(), options=("--complete",))
    assert "1 invoices are missing in the file, not 2" in run(line(), options=("--close-missing", "2"), status=2)
    assert "1 invoices were closed as settled elsewhere" in run(line(), options=("--close-missing", "1"))
    assert "not in the file" not in run(line(), options=("--complete",))


@pytest.fixture
def one_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Imports a file for the first time; what it prints."""
    monkeypatch.setattr(cli.standalone, "set_up_logging", logged_to.append)
    monkeypatch.setattr(cli.standalone, "forward_sdk_log", lambda: None)
    logged_to.clear()

    def run() -> str:
        (tmp_path / "items.csv").write_bytes(f"{HEADER}\n{line()}".encode("cp1252"))
        words = ["import", str(tmp_path / "items.csv"), "--business-date", "2013-03-04", "--data-dir", str(tmp_path / "data")]
        assert _run_command(lambda: app(words)) == 0
        return capsys.readouterr().out

    return run


logged_to: list[Path | None] = []


def test_an_import_that_does_not_reach_temporal_says_that_all_is_in_and_when_it_is_acted_on(
    one_import: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUECOURSE_TEMPORAL_ADDRESS", "127.0.0.1:1")
    said = one_import()

    assert "All of this is in. Duecourse acts on it by itself once Temporal is reached: do not import it again" in said
    assert "no Temporal server answers at 127.0.0.1:1" in said
    assert logged_to == [tmp_path / "data" / "logs" / "duecourse.log"]


def test_an_import_with_a_certificate_that_cannot_be_used_says_so_after_it(
    one_import: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUECOURSE_TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("DUECOURSE_TEMPORAL_TLS_CA_FILE", "/nowhere.pem")
    said = one_import()

    assert "do not import it again (DUECOURSE_TEMPORAL_TLS_CA_FILE cannot be used" in said


@pytest.mark.parametrize(
    ("has_schedule", "has_worker", "expected"),
    [
        (True, True, "Duecourse acts on it now."),
        (True, False, "No worker runs: Duecourse acts on it once one does, `duecourse worker`."),
        (False, False, "Nothing has run on this Temporal server yet"),
    ],
)
def test_an_import_says_what_acts_on_it(
    one_import: Callable[[], str], monkeypatch: pytest.MonkeyPatch, has_schedule: bool, has_worker: bool, expected: str
) -> None:
    async def answer(value: object) -> object:
        return value

    monkeypatch.setenv("DUECOURSE_TEMPORAL_ADDRESS", "temporal:7233")
    monkeypatch.setattr(cli.import_command, "connect_to_temporal", answer)
    monkeypatch.setattr(cli.import_command, "trigger_billing_sync", lambda _: answer(has_schedule))
    monkeypatch.setattr(cli.import_command, "has_workers", lambda _: answer(has_worker))

    assert expected in one_import()


def test_an_import_in_a_container_without_user_names_says_whose_number_it_was(
    one_import: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_no_name() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("cli.options.getuser", find_no_name)
    assert "Duecourse acts on it when it next runs: `duecourse up`." in one_import()

    with closing(sqlite3.connect(tmp_path / "data" / "duecourse.db")) as raw:
        assert raw.execute("SELECT started_by FROM imports").fetchone() == (f"uid {os.getuid()}",)
