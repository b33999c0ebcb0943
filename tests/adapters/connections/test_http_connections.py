"""Kill Bill and plain HTTP are connected like any other kind, and tested, read and compared by the command line."""

import io
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Thread

import pytest
import uvicorn
import yaml

from adapters.billing.external_key import SystemKey
from adapters.composition import open_database
from adapters.config.settings import Settings
from adapters.connections.connection_description import ConnectionDescription, ConnectionFileError
from adapters.connections.connection_file import load_connections, read_connection
from adapters.plain_http.description_folders import LARGEST_DESCRIPTION
from cli.app import _run_command, app
from examples.billing_service.house import House, open_sample_house
from examples.billing_service.service import create_app
from tests.adapters.ledger.builders import TODAY
from tests.adapters.plain_http.sample_world import DESCRIPTION, TOKEN

SHARED = {"country": "DE", "time_zone": "Europe/Berlin", "language": "de"}
PLAIN = {"name": "house", "kind": "plain_http", "address": "http://localhost:1", "description": str(DESCRIPTION), **SHARED}
KILLBILL = {"name": "killbill", "kind": "killbill", "address": "https://killbill.example.com", "user": "duecourse", **SHARED}


def load_one(folder: Path, described: Mapping[str, object]) -> ConnectionDescription:
    (folder / "connections.yaml").write_text(yaml.safe_dump({"connections": [dict(described)]}))
    (connection,) = load_connections(Settings.load(data_dir=folder))
    return connection


def test_each_is_opened_with_its_secrets_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = load_one(tmp_path, PLAIN)
    with pytest.raises(ConnectionFileError, match="set DUECOURSE_BILLING_KEY_HOUSE"):
        plain.open()
    monkeypatch.setenv("DUECOURSE_BILLING_KEY_HOUSE", "secret")
    assert (plain.open().key, plain.secret_names) == (SystemKey("house", "1"), ("api_key",))
    killbill = load_one(tmp_path, KILLBILL)
    for secret, variable in (("password", "PASSWORD"), ("api_key", "KEY"), ("api_secret", "API_SECRET")):
        assert secret in killbill.secret_names
        with pytest.raises(ConnectionFileError, match=f"set DUECOURSE_BILLING_{variable}_KILLBILL"):
            killbill.open()
        monkeypatch.setenv(f"DUECOURSE_BILLING_{variable}_KILLBILL", "secret")
    assert killbill.open().key == SystemKey("killbill", "1")


def test_a_secret_that_the_description_names_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    description, password = tmp_path / "api.yaml", tmp_path / "password"
    description.write_text(DESCRIPTION.read_text().replace("{bearer: api_key}", "{basic: {user: me, password: password}}"))
    password.write_text("secret\n")
    password.chmod(0o644)
    plain = load_one(tmp_path, {**PLAIN, "description": str(description), "secret_files": {"password": str(password)}})
    with pytest.raises(ConnectionFileError, match="chmod 600"):
        plain.open()
    password.chmod(0o600)
    assert plain.open().key == SystemKey("house", "1")


def test_a_description_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUECOURSE_BILLING_KEY_HOUSE", "secret")
    description = tmp_path / "api.yaml"
    description.write_text(DESCRIPTION.read_text().replace("  rows: data", "  row: data", 1))
    plain = load_one(tmp_path, {**PLAIN, "description": str(description)})
    with pytest.raises(ConnectionFileError, match=r"api\.yaml:[0-9]+: unknown key 'row'; did you mean 'rows'\?"):
        plain.open()
    with pytest.raises(ConnectionFileError, match="no whole path"):
        load_one(tmp_path, {**PLAIN, "description": "api.yaml"})


def test_a_description_is_read_only_from_below_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies elsewhere is neither read nor quoted, and is not told from what is not there."""
    monkeypatch.setenv("DUECOURSE_BILLING_KEY_HOUSE", "secret")
    folder, outside = tmp_path / "data", tmp_path / "outside.yaml"
    folder.mkdir()
    outside.write_text("root: a secret of others")
    link, key, inside, large = (folder / name for name in ("link.yaml", "secrets.key", "api.yml", "large.yaml"))
    link.symlink_to(outside)
    key.write_text("a secret of ours")
    inside.write_text(DESCRIPTION.read_text())
    large.write_text("#" * (LARGEST_DESCRIPTION + 1))
    for refused in (outside, link, key, folder / ".." / "outside.yaml", tmp_path / "missing.yaml", Path("/etc/passwd")):
        plain = load_one(folder, {**PLAIN, "description": str(refused)})
        with pytest.raises(ConnectionFileError, match=f"put it below {folder}") as caught:
            plain.open()
        assert "secret" not in str(caught.value).replace(str(key), "")
        assert plain.secret_names == ("api_key",)
    for file, said in ((large, "256 KB"), (folder / "missing.yaml", "no such file")):
        with pytest.raises(ConnectionFileError, match=said):
            load_one(folder, {**PLAIN, "description": str(file)}).open()
    assert load_one(folder, {**PLAIN, "description": str(inside)}).open().key == SystemKey("house", "1")
    with pytest.raises(ConnectionFileError, match="below Duecourse's data folder"):
        read_connection({**PLAIN, "description": str(inside)}).open()


@pytest.fixture
def served_house() -> Iterator[tuple[House, str]]:
    """The sample service on a port of its own."""
    house = open_sample_house(TODAY)
    server = uvicorn.Server(uvicorn.Config(create_app(house, TOKEN), host="127.0.0.1", port=0, log_level="error"))
    socket = server.config.bind_socket()
    thread = Thread(target=server.run, args=([socket],), daemon=True)
    thread.start()
    yield house, f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    def run_command(*words: str, status: int = 0, typed: str = "") -> str:
        given = [*words, "--data-dir", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["duecourse.py", *given])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        assert _run_command(lambda: app(given)) == status, capsys.readouterr()
        return "".join(capsys.readouterr())

    return run_command


def test_the_sample_service_is_added_tested_read_and_compared(
    tmp_path: Path, served_house: tuple[House, str], run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, address = served_house
    open_database(Settings.load(data_dir=tmp_path)).close()
    options = [f"{name}={value}" for name, value in {**SHARED, "address": address, "description": DESCRIPTION}.items()]
    add = (
        "billing",
        "add",
        "house",
        "--kind",
        "plain_http",
        *(word for option in options for word in ("-o", option)),
        "--secret-file",
        "-",
    )
    assert "nothing was kept" in run(*add, typed="wrong", status=2)
    said = run(*add, typed=TOKEN)
    assert "house: read invoices: works: number R-00004: EUR 1200.50 of EUR 1200.50 are open" in said
    assert "house is connected" in said
    assert "house: bookings: not tried: " in said
    assert "ask for leave to write for the key: credit note, " in said
    monkeypatch.setattr("cli.billing_commands.PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr("adapters.connections.connection_sync.PAGE_SIZE", 2)
    read = run("billing", "sync", "house")
    assert "house: 4 invoices read, 4 changed" in read
    assert "house: 2 invoices read so far" in read
    assert "0 differences" in run("billing", "compare")
    house.issue_invoice(next(iter(house.customers)), 500, TODAY, TODAY)
    assert "missing_here" in run("billing", "compare", status=3)
    assert "missing_here" in run("billing", "list"), "what was found is kept"


def test_a_system_without_secrets_is_told_from_one_whose_secret_is_missing(tmp_path: Path, run: Callable[..., str]) -> None:
    """`--secret-file` for an API that lets everybody in."""
    open_database(Settings.load(data_dir=tmp_path)).close()
    file = tmp_path / "open.yaml"
    file.write_text(re.sub(r"(?m)^sign_in:.*\n", "", Path(DESCRIPTION).read_text()))
    options = [f"{name}={value}" for name, value in {**SHARED, "address": "http://127.0.0.1:1", "description": str(file)}.items()]
    add = ("billing", "add", "house", "--kind", "plain_http", *(word for option in options for word in ("-o", option)))
    assert "has no secret" in run(*add, "--secret-file", "-", typed="x", status=2)


def test_a_system_that_is_away_is_told_in_a_line(tmp_path: Path, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUECOURSE_BILLING_KEY_HOUSE", TOKEN)
    open_database(Settings.load(data_dir=tmp_path)).close()
    load_one(tmp_path, {**PLAIN, "address": "http://127.0.0.1:1"})
    for command in ("sync", "compare"):
        assert "house: AWAY: The sample billing service does not answer: ConnectError" in run("billing", command, status=1)
