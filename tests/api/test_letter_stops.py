"""Letters are stopped and let go by those who lead; everybody reads why nothing goes."""

from datetime import timedelta
from typing import Any

import pytest

from domain.clock import Moment
from domain.invoice.invoice_case import InvoiceCase
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import POLICY, REAL_NOW, TODAY, PortfolioWorld, moment_on

DAY = timedelta(days=1)
ACCOUNT_STOP = {"scope": "account", "target": "A-1", "reason": "a wrong price list"}


async def stop(manager: Client, **body: Any) -> dict[str, Any]:
    answer = await manager.post("/v1/letter-stops", json={"scope": "all", "reason": "a wrong price list", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def listed(client: Client, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get("/v1/letter-stops", params=query)
    assert answer.status_code == 200, answer.text
    stops: list[dict[str, Any]] = answer.json()
    return stops


async def test_a_stop_is_listed_while_it_lasts_and_kept_when_it_is_over(world: PortfolioWorld, manager: Client, collector: Client) -> None:
    made = await stop(manager, last_day=(TODAY + DAY).isoformat())
    assert (made["made_by"], made["active"], made["target"], made["last_day"]) == ("collections_manager-1", True, "", "2013-03-02")
    assert await listed(collector) == [made]
    for _ in range(2):
        ended = (await manager.delete(f"/v1/letter-stops/{made['id']}")).json()
        assert (ended["active"], ended["ended_by"]) == (False, "collections_manager-1")
    assert await listed(collector) == []
    assert await listed(collector, ended=True) == [ended]


@pytest.mark.parametrize("role", [Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR, Role.ADMIN])
async def test_those_who_lead_may_stop_letters(world: PortfolioWorld, as_role: As, role: Role) -> None:
    async with as_role(role) as client:
        assert (await client.post("/v1/letter-stops", json={"scope": "all", "reason": "x"})).status_code == 201


async def test_a_collector_may_neither_stop_letters_nor_let_them_go(
    world: PortfolioWorld, manager: Client, collector: Client, problem: Problem
) -> None:
    made = await stop(manager)
    problem(await collector.post("/v1/letter-stops", json={"scope": "all", "reason": "x"}), 403)
    problem(await collector.delete(f"/v1/letter-stops/{made['id']}"), 403)
    assert await listed(collector) == [made]


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "all", "target": "A-1", "reason": "x"},
        {"scope": "account", "reason": "x"},
        {"scope": "country", "target": "DE", "reason": "x"},
        {"scope": "all"},
        {"scope": "all", "reason": ""},
        {"scope": "all", "reason": "x", "last_day": (TODAY - DAY).isoformat()},
        {"scope": "all", "reason": "x", "until": "2013-03-04"},
    ],
)
async def test_a_stop_that_cannot_be_is_refused(world: PortfolioWorld, manager: Client, problem: Problem, body: dict[str, Any]) -> None:
    problem(await manager.post("/v1/letter-stops", json=body), 422)
    assert await listed(manager) == []


@pytest.mark.parametrize("body", [ACCOUNT_STOP, {"scope": "policy", "target": "gentle", "reason": "x"}])
async def test_what_is_not_known_is_not_found(world: PortfolioWorld, manager: Client, problem: Problem, body: dict[str, Any]) -> None:
    problem(await manager.post("/v1/letter-stops", json=body), 404)
    problem(await manager.delete("/v1/letter-stops/none"), 404)


async def test_the_same_letters_are_stopped_once(world: PortfolioWorld, manager: Client, problem: Problem) -> None:
    world.account()
    made = await stop(manager, scope="account", target="A-1")
    assert made["id"] in problem(await manager.post("/v1/letter-stops", json=ACCOUNT_STOP), 409)["detail"]
    await stop(manager)  # a wider stop is another one
    assert len(await listed(manager)) == 2


async def test_a_request_that_is_repeated_stops_once(world: PortfolioWorld, manager: Client) -> None:
    answers = [
        await manager.post("/v1/letter-stops", json={"scope": "all", "reason": "x"}, headers={"Idempotency-Key": "once"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(await listed(manager)) == 1


def remind(world: PortfolioWorld, case: InvoiceCase) -> None:
    """The reminder is taken, and its letter has not gone."""
    at = moment_on(TODAY)
    step = POLICY.load_policy().find_step("reminder")
    assert step is not None
    case.take_step(step, Moment(at.business, REAL_NOW))
    world.write(case)


async def test_a_step_that_waits_says_what_it_waits_for(world: PortfolioWorld, manager: Client, collector: Client) -> None:
    world.account()
    case = world.invoice("I-1")
    assert case is not None
    before = (await collector.get("/v1/invoices/I-1")).json()["why"]
    made = await stop(manager, scope="policy", target=POLICY.name, last_day="2013-03-04")
    assert (await collector.get("/v1/invoices/I-1")).json()["why"] == before  # nothing of it waits yet
    remind(world, case)
    why = (await collector.get("/v1/invoices/I-1")).json()["why"]
    assert why == (
        "Letter “First reminder” waits: letters have been stopped since 1 Mar 2013 until 4 Mar 2013 by collections_manager-1 "
        "(a wrong price list)"
    )
    explained = (await collector.get("/v1/invoices/I-1/why")).json()
    assert (explained["reason"], "stopped since 1 Mar 2013" in explained["sentence"]) == ("letters_stopped", True)
    await manager.delete(f"/v1/letter-stops/{made['id']}")
    assert "stopped" not in (await collector.get("/v1/invoices/I-1")).json()["why"]


@pytest.mark.parametrize("language", ["de", "fr", "es"])
async def test_it_says_so_in_the_readers_language(world: PortfolioWorld, manager: Client, as_role: As, language: str) -> None:
    world.account()
    case = world.invoice("I-1")
    assert case is not None
    remind(world, case)
    await stop(manager)
    async with as_role(Role.COLLECTOR, **{"Accept-Language": language}) as reader:
        why = (await reader.get("/v1/invoices/I-1")).json()["why"]
    assert "2013" in why
    assert "collections_manager-1" in why
