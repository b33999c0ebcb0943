"""What is said of a server that goes away and comes back, and what goes on meanwhile."""

import asyncio
import logging
from collections.abc import Iterable

import psycopg
import pytest
import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from temporalio.service import RPCError, RPCStatusCode

from adapters.database.engine import Database
from adapters.database.group_commit import GroupCommit
from adapters.outages import describe_database_address, describe_outage, is_outage, outlast, repeat_through_outages
from adapters.process.log_setup import ACTIVITY_LOG, set_up_logging
from adapters.process.server_watch import ServerWatch, WatchedServer, find_absence
from tests.databases import PostgresServer

REFUSED = 'connection failed: connection to server at "db", port 5432 failed: Connection refused\n\tIs the server running?'


def postgres_error(said: str = REFUSED, kind: type[psycopg.Error] = psycopg.OperationalError) -> DBAPIError:
    wrapper = OperationalError if issubclass(kind, psycopg.OperationalError) else IntegrityError
    return wrapper("SELECT 1", {}, kind(said))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (postgres_error(), True),
        (postgres_error("terminating connection", psycopg.errors.AdminShutdown), True),
        (postgres_error("starting up", psycopg.errors.CannotConnectNow), True),
        (postgres_error("sorry, too many clients already", psycopg.errors.TooManyConnections), True),
        (PoolTimeoutError(), True),
        (RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b""), True),
        (ExceptionGroup("letters", [postgres_error(), ExceptionGroup("", [postgres_error()])]), True),
        (ExceptionGroup("letters", [postgres_error(), ValueError("no letter")]), False),
        (postgres_error("deadlock detected", psycopg.errors.DeadlockDetected), False),
        (postgres_error("duplicate key", psycopg.errors.UniqueViolation), False),
        (OperationalError("SELECT 1", {}, Exception("database is locked")), False),
        (RPCError("no such workflow", RPCStatusCode.NOT_FOUND, b""), False),
        (ConnectionRefusedError(), False),
    ],
)
def test_an_outage_is_told_from_what_waiting_does_not_mend(error: Exception, expected: bool) -> None:
    assert is_outage(error) is expected


def test_a_database_is_named_without_its_password() -> None:
    assert describe_database_address("postgresql+psycopg://me:hunter2@db.acme.com:5433/duecourse") == "db.acme.com:5433/duecourse"
    assert describe_database_address("postgresql+psycopg://me@/duecourse?host=/run/postgresql") == "/run/postgresql/duecourse"
    assert describe_database_address("postgresql+psycopg:///duecourse") == "this machine/duecourse"
    assert describe_outage(postgres_error()) == "Connection refused"


async def watch(answers: Iterable[str | None]) -> list[str]:
    """What is said while a server answers like this, one look after the other."""
    said: list[str] = []
    given = iter(answers)

    async def look() -> str | None:
        return next(given)

    server = WatchedServer("the database at db/x", look, 5)
    watching = ServerWatch([server], said.append)
    for _ in list(answers):
        await watching.look_at(server)
    return said


async def test_a_server_that_goes_away_is_said_once_and_so_is_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.process.server_watch.monotonic", lambda: 100.0)
    said = await watch([None, "Connection refused", "Connection refused", "starting up", None, None])

    assert said == [
        "the database at db/x does not answer (Connection refused); all that needs it waits, and goes on by itself",
        "the database at db/x answers again, after 0 s; everything goes on",
    ]


async def test_a_server_that_says_nothing_is_away_after_two_looks_and_is_not_asked_twice_at_a_time() -> None:
    said: list[str] = []
    asked, answer = 0, asyncio.Event()

    async def look() -> None:
        nonlocal asked
        asked += 1
        await answer.wait()

    server = WatchedServer("the database at db/x", look, 0.01)
    watching = ServerWatch([server], said.append)
    await watching.look_at(server)
    assert (said, watching.absent) == ([], [])
    await watching.look_at(server)
    assert watching.absent == ["the database at db/x"]
    answer.set()
    await asyncio.sleep(0)
    await watching.look_at(server)

    assert (asked, len(said), watching.absent) == (1, 2, [])


def test_a_database_is_asked_through_its_pool(postgres_server: PostgresServer) -> None:
    url = postgres_server.create()
    database = Database(url)

    assert find_absence(database) is None
    with postgres_server.away():
        assert find_absence(database) == "No such file or directory"
    assert find_absence(database) is None
    database.close()
    postgres_server.give_back(url)


async def test_a_duty_goes_on_after_an_outage_and_ends_with_any_other_fault() -> None:
    attempts: list[Exception | None] = [postgres_error(), RPCError("", RPCStatusCode.UNAVAILABLE, b""), None]
    monkey = pytest.MonkeyPatch()
    monkey.setattr("adapters.outages.PAUSE_SECONDS", 0)

    async def duty() -> None:
        if error := attempts.pop(0):
            raise error

    async def faulty() -> bool:
        raise ValueError("ours")

    await repeat_through_outages(duty, asyncio.Event(), "a duty")
    monkey.undo()
    assert attempts == []
    with pytest.raises(ValueError, match="ours"):
        await outlast(faulty, "a duty")


async def test_a_duty_that_is_to_stop_is_not_begun_again() -> None:
    stop = asyncio.Event()
    stop.set()

    async def duty() -> None:
        raise postgres_error()

    await repeat_through_outages(duty, stop, "a duty")


async def test_writes_that_meet_an_outage_together_fail_together() -> None:
    calls: list[int] = []

    def write(items: object) -> list[None]:
        calls.append(len(items))  # type: ignore[arg-type]
        raise postgres_error()

    commit: GroupCommit[str, None] = GroupCommit(write)
    results = await asyncio.gather(*(commit(item) for item in "abc"), return_exceptions=True)

    assert [type(result) for result in results] == [OperationalError] * 3
    assert sum(calls) == 3


def test_what_fails_for_an_outage_is_not_logged_each_time(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger(ACTIVITY_LOG), "disabled", False)  # import-linter switches off what there is
    root, structured = logging.getLogger(), structlog.get_config()
    before, level = list(root.handlers), root.level
    set_up_logging(None)
    for error in (postgres_error(), ValueError("ours")):
        logging.getLogger(ACTIVITY_LOG).warning("Completing activity as failed", exc_info=error)
    logging.getLogger("another").warning("a loss", exc_info=postgres_error())
    root.handlers, root.level = before, level
    structlog.configure(**structured)

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "ours" in lines[0]
    assert "a loss" in lines[1]
