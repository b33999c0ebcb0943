"""The business clock over HTTP: shown to everybody, changed by few, and never the real one."""

from datetime import UTC, datetime

import pytest
from fastapi import FastAPI

from adapters.database.clock_store import apply_clock_change, is_clock_change_pending, start_clock
from adapters.database.engine import Database
from api.commands import clock as clock_command
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.form_tokens import find_form_token


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
    assert (changed.paused, changed.day_seconds, changed.set_by) == (True, 60, "collections_manager-1")


async def test_an_auditor_sees_who_changed_it_how_and_when(as_role: As, manager: Client, database: Database) -> None:
    start_clock(database, datetime.now(UTC), day_seconds=10)
    await manager.post("/v1/clock", json={"day_seconds": 60})
    await manager.post("/v1/clock", json={"paused": True})
    async with as_role(Role.AUDITOR) as auditor:
        newest = (await auditor.get("/v1/audit/clock-changes", params={"limit": 1})).json()
        older = (await auditor.get("/v1/audit/clock-changes", params={"cursor": newest["next"]})).json()["items"]
    seen = [(each["made_by"], each["channel"], each["paused"], each["day_seconds"]) for each in newest["items"] + older]
    assert seen == [("collections_manager-1", "api", True, None), ("collections_manager-1", "api", None, 60.0)]
    assert (older[0]["paused_before"], older[0]["day_seconds_before"]) == (False, 10.0)
    assert (await manager.get("/v1/audit/clock-changes")).status_code == 403


async def test_the_real_clock_is_left_alone(as_role: As, manager: Client, database: Database, problem: Problem) -> None:
    start_clock(database, datetime.now(UTC))

    document = problem(await manager.post("/v1/clock", json={"paused": True}), 409)

    assert "real clock" in document["detail"]
    async with as_role(Role.AUDITOR) as auditor:
        assert (await auditor.get("/v1/audit/clock-changes")).json()["items"] == []


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
        page = await admin.get("/", follow_redirects=True)
        pause = {"paused": "yes", "form_token": find_form_token(page.text)}
        foreign = await admin.post("/clock", data=pause, headers={"Origin": "https://elsewhere.example"})
        assert foreign.status_code == 403
        assert (await admin.post("/clock", data={"paused": "yes"}, headers={"Origin": "http://duecourse.test"})).status_code == 403
        assert not is_clock_change_pending(database)
        own = await admin.post("/clock", data=pause, headers={"Origin": "http://duecourse.test"})
        assert (own.status_code, own.headers["location"]) == (303, "/")
    assert is_clock_change_pending(database)
