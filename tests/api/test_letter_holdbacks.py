"""A collector takes the next letter to a customer back, until it has gone, and lets it go again."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.database.row_states import MessageState
from adapters.database.tables import Message
from tests.api.conftest import Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on

DAY = timedelta(days=1)
BODY = {"reason": "they pay today", "last_day": TODAY.isoformat()}
ADDRESS = "/v1/accounts/A-1/letter-holdbacks"


@pytest.fixture
def ahead(world: PortfolioWorld) -> PortfolioWorld:
    """A reminder to A-1 falls due."""
    world.account()
    world.invoice("I-1", started=False)
    return world


async def foresee(client: Client) -> dict[str, Any]:
    (letter,) = (await client.get("/v1/preview", params={"account": "A-1"})).json()["letters"]
    found: dict[str, Any] = letter
    return found


async def test_a_letter_that_was_taken_back_is_let_go_again(ahead: PortfolioWorld, collector: Client, problem: Problem) -> None:
    due = await foresee(collector)
    headers = {"Idempotency-Key": "k"}
    body = BODY | {"letter": due["message_id"]}
    made, again = [await collector.post(ADDRESS, json=body, headers=headers) for _ in range(2)]
    assert (made.status_code, made.json()) == (201, again.json())
    assert (await foresee(collector))["stopped"]
    stop = made.json()
    assert (stop["target"], stop["last_day"], stop["active"]) == ("A-1", TODAY.isoformat(), True)
    problem(await collector.post(ADDRESS, json=BODY), 409)
    problem(await collector.delete(f"/v1/accounts/A-2/letter-holdbacks/{stop['id']}"), 404)
    problem(await collector.delete(f"{ADDRESS}/none"), 404)
    assert not (await collector.delete(f"{ADDRESS}/{stop['id']}")).json()["active"]
    assert not (await foresee(collector))["stopped"]


async def test_what_has_gone_is_not_taken_back(ahead: PortfolioWorld, collector: Client, problem: Problem) -> None:
    due = await foresee(collector)
    gone = Message(key="k", account_id="A-1", language="de", currency="EUR", slot=moment_on(TODAY).business, message_id=due["message_id"])
    gone.state = MessageState.TRANSMITTING
    ahead.add(gone)
    answer = await collector.post(ADDRESS, json=BODY | {"letter": due["message_id"]})
    assert problem(answer, 409)["type"] == "urn:duecourse:problem:gone"
    assert (await collector.get("/v1/letter-stops")).json() == []


@pytest.mark.parametrize(
    "change", [{"reason": ""}, {"last_day": (TODAY - DAY).isoformat()}, {"last_day": (TODAY + 32 * DAY).isoformat()}, {"last_day": None}]
)
async def test_a_letter_is_held_back_for_a_reason_and_until_a_day(
    ahead: PortfolioWorld, collector: Client, problem: Problem, change: dict[str, Any]
) -> None:
    problem(await collector.post(ADDRESS, json=BODY | change), 422)


async def test_a_collector_lets_no_stop_of_a_managers_go(
    ahead: PortfolioWorld, manager: Client, collector: Client, problem: Problem
) -> None:
    body = {"scope": "account", "target": "A-1", "reason": "a wrong price list", "last_day": TODAY.isoformat()}
    stop = (await manager.post("/v1/letter-stops", json=body)).json()
    problem(await collector.delete(f"{ADDRESS}/{stop['id']}"), 403)
