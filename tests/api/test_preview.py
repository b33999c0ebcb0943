"""Who would get what and when, over the API and on its page."""

from typing import Any

import pytest
from sqlmodel import select

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import hold_accounts
from adapters.database.tables import Message
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on


@pytest.fixture
def ahead(world: PortfolioWorld) -> PortfolioWorld:
    """A-1 is held, A-2 is not; a reminder of each falls due."""
    at = moment_on(TODAY)
    for account in ("A-1", "A-2"):
        world.account(account)
        world.invoice(f"I-{account}", account, started=False)
    with world.database.writing() as session:
        hold_accounts(session, ["A-1"], BrakeContext("import-1", "nils", at.business, at.real))
    return world


async def preview(client: Client, **query: Any) -> dict[str, Any]:
    answer = await client.get("/v1/preview", params=query)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_held_and_released_accounts_are_foreseen_alike_and_nothing_is_written(ahead: PortfolioWorld, collector: Client) -> None:
    shown = await preview(collector)
    assert [(each["account_id"], each["held_for_release"], each["stopped"]) for each in shown["letters"]] == [
        ("A-1", True, False),
        ("A-2", False, False),
    ]
    assert all(each["text"] is None and each["letter"] == "reminder" for each in shown["letters"])
    assert (shown["until"], shown["accounts"], shown["has_more"], shown["hindered"]) == ("2013-03-07", 2, False, [])
    with ahead.database.reading() as session:
        assert session.exec(select(Message)).all() == []


async def test_the_letters_of_one_account_are_readable_whole(ahead: PortfolioWorld, collector: Client) -> None:
    (letter,) = (await preview(collector, account="A-1"))["letters"]
    assert "N-I-A-1" in letter["text"]
    assert letter["asked_for"] == {"amount": "250.00", "currency": "EUR"}
    assert all(each["text"] for each in (await preview(collector, text=True))["letters"])


async def test_a_collectors_accounts_are_looked_at_alone(ahead: PortfolioWorld, collector: Client) -> None:
    assert (await preview(collector, collector="nobody"))["letters"] == []
    assert len((await preview(collector, collector="maria"))["letters"]) == 2


@pytest.mark.parametrize("days", ["0", "21", "many"])
async def test_days_that_cannot_be_are_refused(ahead: PortfolioWorld, collector: Client, problem: Problem, days: str) -> None:
    problem(await collector.get("/v1/preview", params={"days": days}), 422)


async def test_the_page_lists_the_letters_and_shows_those_of_an_account(ahead: PortfolioWorld, as_role: As) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as person:
        everybody = await person.get("/preview")
        one = await person.get("/preview", params={"account": "A-1"})
        nobody = await person.get("/preview", params={"account": "<script>"})
    assert [page.status_code for page in (everybody, one, nobody)] == [200, 200, 200]
    assert everybody.text.count("held for release</span>") == 1
    assert "srcdoc" not in everybody.text
    assert one.text.count("srcdoc") == 1
    assert "No letter would go" in nobody.text
    assert "<script>" not in nobody.text.split("</head>")[1]
