"""Accounts of a first import wait for their release; those who lead let them go."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import hold_accounts
from api.app import attach_context
from api.schemas.imports import EXAMPLE_INVOICE
from domain.clock import Clock, start_of_day
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import CLOCK, REAL_NOW, TODAY, PortfolioWorld, moment_on
from tests.api.test_imports import GOOD, upload
from tests.api.test_letter_stops import remind


@pytest.fixture
def held(world: PortfolioWorld) -> PortfolioWorld:
    """A-1 of maria and A-2 of ben are held."""
    world.account("A-1")
    world.account("A-2", collector="ben")
    at = moment_on(TODAY)
    with world.database.writing() as session:
        hold_accounts(session, ["A-1", "A-2"], BrakeContext("import-1", "nils", at.business, at.real))
    return world


@pytest.fixture
def real_clock(app: FastAPI) -> None:
    """The clock is moved to the tests' business date, and not played faster."""
    clock = Clock(real_anchor=REAL_NOW, business_anchor=start_of_day(TODAY) + timedelta(hours=9))
    attach_context(app, replace(app.state.parts, clock=clock))


async def held_accounts(client: Client) -> list[str]:
    answer = await client.get("/v1/held-accounts")
    assert answer.status_code == 200, answer.text
    return [row["account_id"] for row in answer.json()["items"]]


async def test_a_manager_releases_some_and_then_all(held: PortfolioWorld, manager: Client, collector: Client) -> None:
    assert await held_accounts(collector) == ["A-1", "A-2"]
    some = await manager.post("/v1/releases", json={"collector": "ben", "reason": "looked through"})
    assert (some.status_code, some.json()) == (200, {"released": 1, "accounts": ["A-2"], "held": 1, "live": False})
    assert await held_accounts(collector) == ["A-1"]
    rest = (await manager.post("/v1/releases", json={"everything": True})).json()
    assert (rest["accounts"], rest["held"], rest["live"]) == (["A-1"], 0, True)
    records = (await collector.get("/v1/releases", params={"account": "A-2"})).json()["items"]
    assert [(each["event"], each["made_by"], each["reason"]) for each in records] == [
        ("released", "collections_manager-1", "looked through"),
        ("held", "nils", ""),
    ]
    assert len((await collector.get("/v1/releases")).json()["items"]) == 4


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"everything": True, "country": "DE"}, 422),
        ({"country": "Germany"}, 422),
        ({"all": True}, 422),
        ({"accounts": ["A-1", "nobody"]}, 404),
        ({"country": "FR"}, 409),
    ],
)
async def test_a_release_that_cannot_be_releases_nobody(
    held: PortfolioWorld, manager: Client, problem: Problem, body: dict[str, Any], status: int
) -> None:
    problem(await manager.post("/v1/releases", json=body), status)
    assert await held_accounts(manager) == ["A-1", "A-2"]


async def test_nobody_is_released_twice_but_a_request_may_be_repeated(held: PortfolioWorld, manager: Client, problem: Problem) -> None:
    body, once = {"accounts": ["A-1"]}, {"Idempotency-Key": "once"}
    first, again = [await manager.post("/v1/releases", json=body, headers=once) for _ in range(2)]
    assert first.json() == again.json()
    assert "A-1" in problem(await manager.post("/v1/releases", json=body), 409)["detail"]
    assert await held_accounts(manager) == ["A-2"]


async def test_a_collector_releases_nobody(held: PortfolioWorld, collector: Client, problem: Problem) -> None:
    problem(await collector.post("/v1/releases", json={"everything": True}), 403)
    assert await held_accounts(collector) == ["A-1", "A-2"]


async def test_a_step_of_an_account_that_is_held_says_so(held: PortfolioWorld, collector: Client, manager: Client) -> None:
    case = held.invoice("I-1")
    assert case is not None
    remind(held, case)
    waits = "Letter “First reminder” waits: the account has been held for release since 1 Mar 2013"
    assert (await collector.get("/v1/invoices/I-1")).json()["why"] == waits
    explained = (await collector.get("/v1/invoices/I-1/why")).json()
    assert (explained["reason"], explained["sentence"]) == (
        "awaits_release",
        waits.replace("Letter ", "").replace("waits", "waited").replace("has been", "had been"),
    )
    await manager.post("/v1/releases", json={"everything": True})
    assert "release" not in (await collector.get("/v1/invoices/I-1")).json()["why"]


# --- the import


async def test_an_import_on_a_played_clock_holds_nobody(world: PortfolioWorld, manager: Client) -> None:
    assert CLOCK.day_seconds < 86_400
    run = (await manager.post("/v1/imports", **upload(GOOD))).json()
    assert (run["held_accounts"], await held_accounts(manager)) == (0, [])


async def test_a_first_import_holds_its_accounts_and_those_that_are_new_once_all_were_released_are_not_held(
    world: PortfolioWorld, real_clock: None, manager: Client
) -> None:
    run = (await manager.post("/v1/imports", **upload(GOOD))).json()
    held = await held_accounts(manager)
    assert (run["held_accounts"], len(held)) == (1, 1)
    assert (await manager.get(f"/v1/imports/{run['id']}")).json()["held_accounts"] == 1
    await manager.post("/v1/releases", json={"everything": True})
    other = GOOD.replace(held[0], "A-NEW").replace(GOOD.split(",")[0], "N-NEW", 1)
    assert (await manager.post("/v1/imports", **upload(other))).json()["held_accounts"] == 0
    assert await held_accounts(manager) == []


async def test_who_knows_releases_with_the_import(world: PortfolioWorld, real_clock: None, manager: Client) -> None:
    given = upload(GOOD)
    given["data"] = {**given["data"], "release": "true"}
    assert (await manager.post("/v1/imports", **given)).json()["held_accounts"] == 0
    assert await held_accounts(manager) == []


async def test_who_may_import_and_not_release_cannot_release_with_the_import(
    world: PortfolioWorld, real_clock: None, as_role: As, problem: Problem
) -> None:
    given = upload(GOOD)
    given["data"] = {**given["data"], "release": "true"}
    async with as_role(Role.BILLING_OPS) as clerk:
        problem(await clerk.post("/v1/imports", **given), 403)
        assert (await clerk.post("/v1/imports", **upload(GOOD))).json()["held_accounts"] == 1


async def test_invoices_that_come_one_by_one_are_held_too(world: PortfolioWorld, real_clock: None, manager: Client) -> None:
    assert (await manager.post("/v1/invoices", json={"invoices": [EXAMPLE_INVOICE]})).status_code == 200
    assert await held_accounts(manager) == ["A-7"]
