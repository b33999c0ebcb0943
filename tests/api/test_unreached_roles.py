"""What waits for a role that nobody with an address has: a task of administrators, one for the role, that ends when somebody has it."""

import re
from html import unescape
from typing import Any

import pytest
from httpx import AsyncClient

from adapters.database.tables import WaitingNoticeRow
from adapters.identity.users_and_tokens import IdentityStore
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import REAL_NOW, PortfolioWorld
from tests.api.test_worklist import case, days, listed, task


@pytest.fixture
def waiting(world: PortfolioWorld) -> PortfolioWorld:
    """Of an account: an escalation and a dispute for sales, with a notice that waits; an approval that the manager is asked for."""
    world.account("A-1", name="Brauerei Nord GmbH")
    world.invoice("I-1", started=False)
    task(world, "escalation", invoice_id="I-1", role="sales", due_on=days(-3))
    case(world, "dispute", "answer", id="dispute:I-1:1", invoice_id="I-1", awaiting_role="sales")
    case(
        world,
        "approval",
        "decision",
        id="approval:suspension:A-1:1",
        awaiting_role="collections_manager",
        summary={"roles": "collections_manager"},
    )
    world.add(
        WaitingNoticeRow(
            key="n",
            role="sales",
            template="dispute_raised",
            details={"invoice": "I-1"},
            case_id="dispute:I-1:1",
            account_id="A-1",
            asked_on=days(-1),
            recorded_at=REAL_NOW,
        )
    )
    return world


async def test_an_administrator_has_one_thing_to_do_for_each_role_and_reads_which_cases_wait(as_role: As, waiting: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN) as admin:
        sales, manager = await listed(admin, "?kind=unreached_role")
    assert [item["id"] for item in (manager, sales)] == ["role:collections_manager", "role:sales"]
    assert (sales["due_on"], sales["link"]) == (str(days(-3)), "/roles")
    assert sales["why"] == [
        "2 cases wait for the sales team, and nobody with an address has this role: invoice (Brauerei Nord GmbH), "
        "dispute (Brauerei Nord GmbH). An administrator gives it to somebody, on the page of users",
        "It has been due for 3 days",
    ]
    assert manager["why"][0].startswith("1 case waits for the collections manager")


async def test_nobody_but_administrators_has_it_to_do(as_role: As, waiting: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER) as manager:
        assert await listed(manager, "?kind=unreached_role") == []


async def test_it_ends_of_itself_when_somebody_with_an_address_has_the_role(as_role: As, waiting: PortfolioWorld) -> None:
    people = IdentityStore(waiting.database)
    people.add_user("sven", Role.SALES)
    async with as_role(Role.ADMIN) as admin:
        assert len(await listed(admin, "?kind=unreached_role")) == 2, "sven has no address"
        people.add_user("sven", Role.SALES, email="sven@ours.test")
        assert [item["id"] for item in await listed(admin, "?kind=unreached_role")] == ["role:collections_manager"]
        people.add_user("anna", Role.COLLECTIONS_MANAGER, email="anna@ours.test")
        assert await listed(admin, "?kind=unreached_role") == []
        people.deactivate_user("anna")
        assert [item["id"] for item in await listed(admin, "?kind=unreached_role")] == ["role:collections_manager"]


async def test_the_list_names_every_case_with_the_notices_that_wait(auditor: AsyncClient, waiting: PortfolioWorld) -> None:
    answer = (await auditor.get("/v1/worklist/roles")).json()
    manager, sales = answer["roles"]
    assert [(case["case_id"], case["since"], case["notices"]) for case in sales["cases"]] == [
        ("invoice:I-1", str(days(-3)), 0),
        ("dispute:I-1:1", str(days(-1)), 1),
    ]
    assert [case["since"] for case in manager["cases"]] == [None]
    assert answer["settled"] == []


async def test_the_console_names_the_role_and_what_to_do(as_role: As, waiting: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        assert 'href="/roles">sales team</a>: 2 cases wait' in (await admin.get("/")).text
        page = (await admin.get("/roles")).text
        form = re.findall(r'href="(/act/add_user\?role=sales[^"]*)"', page)[0]
        assert 'value="sales" checked' in (await admin.get(unescape(form))).text
    assert 'href="/cases/dispute%3AI-1%3A1">' in page
    assert 'href="/invoices/I-1">' in page
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        assert "An administrator does that on the page of users." in (await collector.get("/roles")).text


async def test_a_person_without_an_address_for_whom_notices_wait_is_one_thing_to_do(as_role: As, world: PortfolioWorld) -> None:
    world.account("A-1", name="Brauerei Nord GmbH")
    world.invoice("I-1", started=False)
    people = IdentityStore(world.database)
    people.add_user("carl", Role.COLLECTOR)
    told: dict[str, Any] = {
        "role": "",
        "person": "carl",
        "template": "approval_ended",
        "details": {},
        "asked_on": days(-1),
        "recorded_at": REAL_NOW,
    }
    for number in (1, 2):
        world.add(WaitingNoticeRow(key=f"n{number}", case_id="approval:plan:A-1:1:1", account_id="A-1", **told))
    async with as_role(Role.COLLECTIONS_MANAGER) as manager:
        assert await listed(manager, "?kind=unreached_person") == []
    async with as_role(Role.ADMIN) as admin:
        [item] = await listed(admin, "?kind=unreached_person")
        assert (item["id"], item["due_on"], item["link"]) == ("person:carl", str(days(-1)), "/roles")
        assert item["why"][0] == (
            "2 notices wait for carl, who has no e-mail address: approval (Brauerei Nord GmbH). "
            "An administrator gives them one, on the page of users"
        )
        [found] = (await admin.get("/v1/worklist/roles")).json()["people"]
        assert (found["person"], found["cases"][0]["notices"]) == ("carl", 2)
        page = (await admin.get("/roles", headers={"Accept": "text/html"})).text
        assert "carl has no e-mail address" in page
        assert "2 notices wait" in (await admin.get("/", headers={"Accept": "text/html"})).text
        people.add_user("carl", Role.COLLECTOR, email="carl@ours.test")
        assert await listed(admin, "?kind=unreached_person") == []


async def test_who_runs_it_is_warned_where_no_administrator_can_be_told(as_role: As, auditor: AsyncClient, waiting: PortfolioWorld) -> None:
    async with as_role(None) as stranger:
        (warning,) = (await stranger.get("/readyz")).json()["warnings"]
        assert "collections_manager, sales;" in warning
        IdentityStore(waiting.database).add_user("ada", Role.ADMIN, email="ada@ours.test")
        assert (await stranger.get("/readyz")).json()["warnings"] == []
    figures = (await auditor.get("/metrics")).text.splitlines()
    assert 'duecourse_unreached_cases{role="sales"} 2' in figures
    assert 'duecourse_unreached_cases{role="collections_manager"} 1' in figures


async def test_where_everybody_can_be_told_there_is_nothing_to_warn_of(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(None) as stranger:
        assert (await stranger.get("/readyz")).json()["warnings"] == []
