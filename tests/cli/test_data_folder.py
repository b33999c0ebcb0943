"""A data folder that is not as it should be: each command says so in a sentence, and makes nothing that nobody asked for."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from adapters.composition import open_database
from adapters.config.settings import Settings
from adapters.database import read_only
from adapters.database.engine import Database
from adapters.process.data_folder import describe_storage_error, prepare_data_folder
from adapters.process.instance_lock import InstanceLock
from cli.app import _run_command, app
from tests.api.portfolio_world import PortfolioWorld
from tests.databases import PostgresServer

Run = Callable[..., str]

COMMANDS = (
    ("token", "collector", "--user", "anna"),
    ("token", "--revoke", "dc_x"),
    ("sign-in",),
    ("user", "add", "anna", "collector"),
    ("user", "list"),
    ("user", "remove-role", "anna", "collector"),
    ("user", "deactivate", "anna"),
    ("policy", "list"),
    ("policy", "adopt", "standard"),
    ("status",),
    ("audit", "verify"),
    ("letters", "stop", "a price list"),
    ("release", "--all"),
    ("clock", "pause"),
    ("billing", "list"),
)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*words: str, status: int) -> str:
        """What the command says on standard error; fails when it ends with another status, or in a traceback."""
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", ["duecourse.py", *words])
        capsys.readouterr()
        assert _run_command(lambda: app(list(words))) == status, capsys.readouterr()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return printed.err if status else printed.out

    return run


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_folder_that_does_not_exist_is_refused_and_not_made(tmp_path: Path, run: Run, words: tuple[str, ...]) -> None:
    folder = tmp_path / "none"
    said = run(*words, "--data-dir", str(folder), status=2)
    assert f"there is no Duecourse in {folder}" in said
    assert "--data-dir FOLDER" in said
    assert not folder.exists()


def test_the_refusal_names_the_whole_command(tmp_path: Path, run: Run) -> None:
    said = run("user", "remove-role", "anna", "collector", "--data-dir", str(tmp_path / "none"), status=2)
    assert "`duecourse user remove-role anna collector --data-dir FOLDER`" in said
    assert "`duecourse up" in said


def test_a_servers_database_that_is_empty_is_refused_and_left_so(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresServer
) -> None:
    postgres_server._sql("CREATE DATABASE nothing_yet")
    monkeypatch.setenv("DUECOURSE_DATABASE_URL", postgres_server.url("nothing_yet"))
    said = run("token", "collector", "--user", "anna", "--data-dir", str(tmp_path), status=2)
    assert "`duecourse prepare`" in said
    database = Database(postgres_server.url("nothing_yet"))
    assert database.find_known_revision() is None
    database.close()


def test_a_user_of_the_database_who_may_not_change_the_tables_is_told_who_may() -> None:
    refused = psycopg.errors.InsufficientPrivilege("permission denied for schema public\nLINE 2: CREATE TABLE alembic_version (")
    said = describe_storage_error(ProgrammingError("CREATE TABLE", {}, refused))
    assert said is not None
    assert "may not do this (permission denied for schema public); after a new release, its tables' owner runs `duecourse prepare`" in said


def test_beside_servers_of_ones_own_a_link_leads_to_the_consoles_address(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    open_database(Settings.load(data_dir=tmp_path)).close()
    assert "DUECOURSE_CONSOLE_URL" in run("sign-in", "--data-dir", str(tmp_path), status=2)
    assert "start it with `duecourse up`" in run("status", "--data-dir", str(tmp_path), status=0)

    monkeypatch.setenv("DUECOURSE_CONSOLE_URL", "https://duecourse.acme.com/")
    monkeypatch.setenv("DUECOURSE_TEMPORAL_ADDRESS", "temporal.acme.com:7233")
    assert run("sign-in", "--data-dir", str(tmp_path), status=0).startswith("https://duecourse.acme.com/sign-in?code=")
    assert "their /readyz says" in run("status", "--data-dir", str(tmp_path), status=0)


def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path, run: Run) -> None:
    file = tmp_path / "data"
    file.write_text("x")
    assert "a file stands where a folder is needed" in run("up", "--no-sample", "--data-dir", str(file), status=2)
    assert "a file stands where a folder is needed" in run("up", "--no-sample", "--data-dir", str(file / "below"), status=2)
    assert "there is no Duecourse" in run("audit", "verify", "--data-dir", str(file), status=2)


@pytest.mark.parametrize("content", [b"no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 8_000])
def test_a_damaged_database_is_named_with_what_to_do(tmp_path: Path, run: Run, content: bytes) -> None:
    (tmp_path / "duecourse.db").write_bytes(content)
    for words in (("token", "collector", "--user", "anna"), ("audit", "verify"), ("up", "--no-sample")):
        assert "put back a copy" in run(*words, "--data-dir", str(tmp_path), status=2)


def test_a_database_whose_middle_is_damaged_is_named(tmp_path: Path, run: Run) -> None:
    settings = Settings.load(data_dir=tmp_path)
    open_database(settings).close()
    file = tmp_path / "duecourse.db"
    content = bytearray(file.read_bytes())
    content[4_096:] = b"\xa5" * (len(content) - 4_096)
    file.write_bytes(content)
    assert "put back a copy" in run("audit", "verify", "--data-dir", str(tmp_path), status=2)


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    database = open_database(Settings.load(data_dir=tmp_path))
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(Exception, match="full") as caught:
            connection.exec_driver_sql(f"CREATE TABLE more AS SELECT '{'x' * 9_000}'")
    database.close()
    assert "the disk is full" in (describe_storage_error(caught.value) or "")
    with pytest.raises(OSError) as caught_os:
        Path("/dev/full").write_text("x", encoding="utf-8")
    assert "the disk is full" in (describe_storage_error(caught_os.value) or "")


def test_what_is_no_fault_of_a_disk_keeps_its_traceback() -> None:
    assert describe_storage_error(ConnectionRefusedError(111, "refused")) is None
    assert describe_storage_error(ValueError("x")) is None


def test_a_folder_that_others_may_look_into_is_closed_to_them(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    open_database(Settings.load(data_dir=folder)).close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o775)
    InstanceLock.acquire(folder).release()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_somebody_elses_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    tmp_path.chmod(0o755)
    prepare_data_folder(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("unwritten", [False, True])
def test_a_copy_that_cannot_be_written_to_is_verified(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, unwritten: bool) -> None:
    """With what SQLite had not yet put into the database too."""
    database = open_database(Settings.load(data_dir=tmp_path / "house"))
    world = PortfolioWorld(database)
    world.account()
    world.invoice("I-1")
    copy = tmp_path / "copy"
    copy.mkdir()
    if unwritten:
        for file in (tmp_path / "house").glob("duecourse.db*"):
            (copy / file.name).write_bytes(file.read_bytes())
        database.close()
    else:
        database.close()
        (copy / "duecourse.db").write_bytes((tmp_path / "house" / "duecourse.db").read_bytes())
    before = {file.name: file.read_bytes() for file in copy.iterdir()}
    monkeypatch.setattr(read_only, "is_writable", lambda file: False)  # the tests' user may be one to whom everything is writable
    shown = run("audit", "verify", "--data-dir", str(copy), status=0)
    assert "1" in shown
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == before


def test_a_copy_of_an_older_version_is_refused_with_what_to_do(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(f"sqlite:///{tmp_path / 'duecourse.db'}").engine.connect().close()
    monkeypatch.setattr(read_only, "is_writable", lambda file: False)
    assert "older version" in run("audit", "verify", "--data-dir", str(tmp_path), status=2)


@pytest.mark.skipif(os.geteuid() == 0, reason="to this user everything is writable")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, run: Run) -> None:
    open_database(Settings.load(data_dir=tmp_path)).close()
    tmp_path.chmod(0o500)
    said = run("token", "collector", "--user", "anna", "--data-dir", str(tmp_path), status=2)
    assert "writable" in said
