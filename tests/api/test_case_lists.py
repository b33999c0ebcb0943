"""What waits for whom: the lists of approvals and disputes, on both databases."""

from datetime import date
from typing import Any

import pytest

from adapters.database.tables import Case
from adapters.identity.delegation_store import DelegationStore
from domain.approval.delegation import Delegation
from domain.roles import Role
from tests.api.awaited_rows import build_awaited_rows
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import REAL_NOW, PortfolioWorld


def approval(
    world: PortfolioWorld, number: int, role: str = "collections_manager", due: date | None = date(2013, 3, 4), **body: Any
) -> str:
    """An approval of a credit note of EUR 25 that ben asked for, as its workflow wrote it."""
    case_id = f"approval:dispute:I-{number}:1:1"
    summary = {
        "matter": "credit_note",
        "amount": 2_500,
        "currency": "EUR",
        "requester": "ben",
        "subject": f"dispute:I-{number}:1",
        "invoices": f"I-{number}",
        "tier": 1,
        "tiers": 1,
        "roles": role,
        "due_on": str(due) if due else None,
        "asked_on": "2013-03-01",
        "escalated": False,
        "signed_by": "",
        "ended": None,
    }
    row: dict[str, Any] = {
        "case_id": case_id,
        "run_id": "r",
        "kind": "approval",
        "account_id": "A-1",
        "stage": "asked",
        "next_on": due,
        "waiting_for": role,
        "awaiting_role": role.split()[-1] if role else None,
        "summary": summary | body,
        "seq": 1,
        "head": "h",
        "updated_at": REAL_NOW,
        "outcome": "approved" if body.get("ended") else None,
    }
    written = Case(**row)
    world.add(*build_awaited_rows(written))
    world.add(written)
    return case_id


@pytest.fixture
def three(world: PortfolioWorld) -> list[str]:
    """One for a manager; one that was escalated to a director; one that is over."""
    world.account()
    return [
        approval(world, 1, due=date(2013, 3, 5)),
        approval(world, 2, role="collections_manager finance_director"),
        approval(world, 3, role="", due=None, ended="the credit note was approved by anna on 2013-03-02"),
    ]


async def ids_of(client: Client, query: str) -> list[str]:
    answer = await client.get(f"/v1/approvals{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_the_nearest_deadline_comes_first_and_what_is_over_last(manager: Client, three: list[str]) -> None:
    assert await ids_of(manager, "") == [three[1], three[0], three[2]]
    assert await ids_of(manager, "?open=true") == [three[1], three[0]]


async def test_pages_go_on_where_they_stopped(manager: Client, three: list[str]) -> None:
    first = (await manager.get("/v1/approvals?limit=2")).json()
    rest = (await manager.get(f"/v1/approvals?limit=2&cursor={first['next']}")).json()
    assert [item["id"] for item in [*first["items"], *rest["items"]]] == [three[1], three[0], three[2]]
    assert rest["next"] is None


async def test_an_escalated_approval_stands_in_the_lists_of_both_roles(manager: Client, three: list[str]) -> None:
    assert await ids_of(manager, "?role=finance_director") == [three[1]]
    assert await ids_of(manager, "?role=collections_manager") == [three[1], three[0]]


async def test_mine_leaves_out_what_i_asked_for_or_have_signed(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    mine = approval(world, 1)
    approval(world, 2, requester="collections_manager-1")
    approval(world, 3, signed_by="otto collections_manager-1")
    approval(world, 4, signed_by="collections_manager-10")
    async with as_role(Role.COLLECTIONS_MANAGER) as client:
        assert await ids_of(client, "?mine=true") == [mine, "approval:dispute:I-4:1:1"]


async def test_mine_leaves_out_whatever_the_decision_would_refuse(as_role: As, world: PortfolioWorld) -> None:
    """What was asked for together with others, by somebody who acts for the reader, or signed in their place; in upper or lower case."""
    world.account()
    approval(world, 1, requester="Collections_Manager-1")
    approval(world, 2, also_asked="otto COLLECTIONS_MANAGER-1")
    approval(world, 3, acting_for="collections_manager-1")
    approval(world, 4, signed_by="otto", signed_for="collections_manager-1")
    mine = approval(world, 5, also_asked="otto", acting_for="dora", signed_by="mia", signed_for="carl")
    async with as_role(Role.COLLECTIONS_MANAGER) as client:
        assert await ids_of(client, "?mine=true") == [mine]


async def test_a_delegation_from_somebody_in_conflict_gives_no_say_and_another_one_does(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    director = "finance_director"
    approval(world, 1, role=director, requester="dora")
    theirs = approval(world, 2, role=director, requester="dirk")
    _delegate(world, "dora", "collections_manager-1")
    async with as_role(Role.COLLECTIONS_MANAGER) as client:
        assert await ids_of(client, "?mine=true") == [theirs]
        _delegate(world, "carl", "collections_manager-1")
        assert len(await ids_of(client, "?mine=true")) == 2


def _delegate(world: PortfolioWorld, giver: str, taker: str) -> None:
    delegation = Delegation(
        delegation_id=giver,
        from_user=giver,
        to_user=taker,
        role=Role.FINANCE_DIRECTOR,
        first_day=date(2000, 1, 1),
        last_day=date(2100, 1, 1),
    )
    DelegationStore(world.database).add(delegation, giver)


async def test_pages_of_mine_are_full_although_others_are_left_out(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    ids = [approval(world, number, requester="collections_manager-1" if number % 2 else "ben") for number in range(1, 8)]
    async with as_role(Role.COLLECTIONS_MANAGER) as client:
        first = (await client.get("/v1/approvals?mine=true&limit=2")).json()
        assert [item["id"] for item in first["items"]] == [ids[1], ids[3]]
        rest = (await client.get(f"/v1/approvals?mine=true&limit=2&cursor={first['next']}")).json()
    assert ([item["id"] for item in rest["items"]], rest["next"]) == ([ids[5]], None)


async def test_an_unknown_approval_is_not_found(manager: Client, world: PortfolioWorld, problem: Problem) -> None:
    problem(await manager.post("/v1/approvals/nowhere/decision", json={"decision": "approve"}), 404)
