"""What a start waits for, for how long, and what it says when that does not come."""

from pathlib import Path

import pytest

import cli.start_wait
from adapters.config.settings import Settings
from adapters.temporal.client import TemporalAbsentError, TemporalUnreachableError
from adapters.temporal.namespace_check import NamespaceError, NamespaceUncheckedError
from cli.start_wait import DatabaseUnreachableError, connect_to_set_server, wait_for_database
from tests.databases import PostgresServer

NOBODY = "postgresql+psycopg://duecourse:hunter2@127.0.0.1:1/ledger"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.start_wait, "PAUSE_SECONDS", 0.01)


async def test_a_database_that_does_not_come_is_refused_with_what_to_do_and_without_its_password() -> None:
    said: list[str] = []
    with pytest.raises(DatabaseUnreachableError) as refusal:
        await wait_for_database(Settings.load(database_url=NOBODY), said.append, patience=0.5)

    assert said == ["waiting for the database at 127.0.0.1:1/ledger, for up to 0.5 s (Connection refused) …"]
    told = "no database answers at 127.0.0.1:1/ledger after 0.5 s (Connection refused); start it, or correct DUECOURSE_DATABASE_URL"
    assert str(refusal.value) == told


async def test_a_database_that_no_waiting_brings_is_refused_at_once(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with pytest.raises(DatabaseUnreachableError, match=r"the server has no database ledger .*make it with `createdb`"):
        await wait_for_database(Settings.load(database_url=postgres_server.url("ledger")), said.append)
    for answer in (
        'FATAL:  password authentication failed for user "duecourse"',
        'FATAL:  role "duecourse" does not exist',
        'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "duecourse", database "ledger", no encryption',
        "fe_sendauth: no password supplied",
        "server does not support SSL, but SSL was required",
    ):
        monkeypatch.setattr(cli.start_wait, "find_absence", lambda _, answer=answer: answer)
        with pytest.raises(DatabaseUnreachableError, match="lets nobody in by the address in DUECOURSE_DATABASE_URL; correct it"):
            await wait_for_database(Settings.load(database_url=NOBODY), said.append)

    assert said == []


async def test_a_database_that_starts_is_waited_for_and_greeted(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    answers = ["Connection refused", "FATAL:  the database system is starting up", None]
    monkeypatch.setattr(cli.start_wait, "find_absence", lambda _: answers.pop(0))

    await wait_for_database(Settings.load(database_url=NOBODY), said.append)

    assert [line.partition(",")[0] for line in said] == [
        "waiting for the database at 127.0.0.1:1/ledger",
        "the database at 127.0.0.1:1/ledger answers",
    ]


async def test_a_database_file_is_not_waited_for(tmp_path: Path) -> None:
    await wait_for_database(Settings.load(data_dir=tmp_path / "none"), pytest.fail)


async def test_a_temporal_server_that_does_not_come_is_refused_with_what_to_do() -> None:
    said: list[str] = []
    with pytest.raises(TemporalAbsentError, match=r"no Temporal server answers at .*; start it, or correct DUECOURSE_TEMPORAL_ADDRESS"):
        await connect_to_set_server(Settings.load(temporal_address="127.0.0.1:1"), "127.0.0.1:1", said.append, patience=0.5)

    assert [line.partition(":")[0] for line in said] == ["waiting for the Temporal server at 127.0.0.1"]


async def test_a_temporal_server_that_starts_is_waited_for_until_its_namespace_can_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    connecting = [TemporalAbsentError("nobody"), None, None]
    checking = [NamespaceUncheckedError("no shard"), None]

    async def connect(*_: object, **__: object) -> str:
        if error := connecting.pop(0):
            raise error
        return "client"

    async def check(*_: object) -> None:
        if error := checking.pop(0):
            raise error

    monkeypatch.setattr(cli.start_wait, "connect_client", connect)
    monkeypatch.setattr(cli.start_wait, "prepare_namespace", check)

    client: object = await connect_to_set_server(Settings.load(temporal_address="temporal:7233"), "temporal:7233", said.append)

    assert client == "client"
    assert (len(said), said[-1]) == (2, "the Temporal server at temporal:7233 answers")


@pytest.mark.parametrize("error", [TemporalUnreachableError("its certificate expired"), NamespaceError("no such namespace")])
async def test_what_waiting_does_not_change_at_a_temporal_server_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def connect(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli.start_wait, "connect_client", connect)

    with pytest.raises(type(error), match=str(error)):
        await connect_to_set_server(Settings.load(temporal_address="temporal:7233"), "temporal:7233", pytest.fail)
