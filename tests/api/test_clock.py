"""The business clock over HTTP: shown to everybody, changed by few, and never the real one."""

from datetime import UTC, datetime

import pytest
from fastapi import FastAPI

from adapters.database.clock_store import apply_clock_change, is_clock_change_pending, start_clock
from adapters.database.engine import Database
from api.commands import clock as clock_command
from domain.roles import Role
from tests.api.conftest import As, Client, Problem


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody plays the clock here: do not wait for them."""
    monkeypatch.setattr(clock_command, "TAKE_OVER_SECONDS", 0.1)


async def test_it_is_shown(collector: Client) -> None:
    shown = (await collector.get("/v1/clock")).json()

    assert (shown["paused"], shown["business_date"]) == (False, shown["now"][:10])


async def test_a_change_of_a_played_clock_waits_for_who_plays_it(manager: Client, database: Database) -> None:
    now = datetime.now(UTC)
    start_clock(database, now, day_seconds=10)

    answer = await manager.post("/v1/clock", json={"paused": True, "day_seconds": 60})

    assert answer.status_code == 202
    changed = apply_clock_change(database, now)
    assert changed is not None
    assert (changed.paused, changed.day_seconds) == (True, 60)


async def test_the_real_clock_is_left_alone(manager: Client, database: Database, problem: Problem) -> None:
    start_clock(database, datetime.now(UTC))

    document = problem(await manager.post("/v1/clock", json={"paused": True}), 409)

    assert "real clock" in document["detail"]


@pytest.mark.parametrize("body", [{"day_seconds": 0}, {"day_seconds": 86_400}, {"paused": "perhaps"}, {"speed": 2}])
async def test_what_is_no_change_is_refused(manager: Client, database: Database, problem: Problem, body: dict[str, object]) -> None:
    start_clock(database, datetime.now(UTC), day_seconds=10)

    problem(await manager.post("/v1/clock", json=body), 422)

    assert not is_clock_change_pending(database)


async def test_the_console_changes_it_for_those_who_may_and_for_no_other_site(app: FastAPI, as_role: As, database: Database) -> None:
    start_clock(database, datetime.now(UTC), day_seconds=10)
    async with as_role(Role.COLLECTOR) as collector:
        assert (await collector.post("/clock", data={"paused": "yes"})).status_code == 403
    token = as_role.identity.issue_token("admin-1", Role.ADMIN)
    async with as_role(None, Cookie=f"duecourse_session={token}") as admin:
        foreign = await admin.post("/clock", data={"paused": "yes"}, headers={"Origin": "https://elsewhere.example"})
        assert foreign.status_code == 403
        assert not is_clock_change_pending(database)
        own = await admin.post("/clock", data={"paused": "yes"}, headers={"Origin": "http://duecourse.test"})
        assert (own.status_code, own.headers["location"]) == (303, "/")
    assert is_clock_change_pending(database)
