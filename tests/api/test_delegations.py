"""Delegations over HTTP: who sees which, and how one is taken back."""

from datetime import date
from typing import Any

import pytest

from adapters.identity.delegation_store import DelegationStore
from domain.approval.delegation import Delegation
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.api.test_case_lists import approval


def given(
    world: PortfolioWorld, delegation_id: str = "d-1", by: str = "anna", to: str = "finance_director-1", first: date = TODAY
) -> Delegation:
    delegation = Delegation(
        delegation_id=delegation_id, from_user=by, to_user=to, role=Role.COLLECTIONS_MANAGER, first_day=first, last_day=date(2013, 3, 31)
    )
    DelegationStore(world.database).add(delegation, by)
    return delegation


async def ids_of(client: Client) -> list[str]:
    return [each["delegation_id"] for each in (await client.get("/v1/delegations")).json()]


async def test_people_see_their_own_delegations_and_those_who_supervise_see_all(as_role: As, world: PortfolioWorld) -> None:
    given(world, "d-1", by="anna", to="otto")
    given(world, "d-2", by="anna", to="Credit_Analyst-1", first=date(2013, 3, 5))
    given(world, "d-3", by="credit_analyst-1", to="otto", first=date(2013, 3, 9))
    seen = {}
    for role in (Role.CREDIT_ANALYST, Role.COLLECTIONS_MANAGER, Role.AUDITOR, Role.COLLECTOR):
        async with as_role(role) as client:
            seen[role] = await ids_of(client)
    assert seen == {
        Role.CREDIT_ANALYST: ["d-3", "d-2"],
        Role.COLLECTIONS_MANAGER: ["d-3", "d-2", "d-1"],
        Role.AUDITOR: ["d-3", "d-2", "d-1"],
        Role.COLLECTOR: [],
    }


async def test_a_revoked_delegation_counts_no_more_and_says_who_revoked_it(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    given(world)
    asked = approval(world, 1)

    async def mine(client: Client) -> list[str]:
        return [item["id"] for item in (await client.get("/v1/approvals?mine=true")).json()["items"]]

    async with as_role(Role.FINANCE_DIRECTOR) as delegate, as_role(Role.COLLECTIONS_MANAGER) as manager:
        assert await mine(delegate) == [asked]
        shown = (await manager.delete("/v1/delegations/d-1")).json()
        assert (shown["revoked_by"], shown["revoked_at"][:10]) == ("collections_manager-1", TODAY.isoformat())
        assert await mine(delegate) == []
        assert await ids_of(manager) == ["d-1"]


async def test_a_second_revocation_changes_nothing(manager: Client, world: PortfolioWorld) -> None:
    given(world)
    DelegationStore(world.database).revoke("d-1", "anna", moment_on(TODAY).business)
    shown: dict[str, Any] = (await manager.delete("/v1/delegations/d-1")).json()
    assert shown["revoked_by"] == "anna"


@pytest.mark.parametrize(("giver", "status"), [("Finance_Director-1", 200), ("anna", 403)])
async def test_whoever_gave_it_may_take_it_back_and_other_approvers_may_not(
    giver: str, status: int, as_role: As, world: PortfolioWorld
) -> None:
    given(world, by=giver, to="otto")
    async with as_role(Role.FINANCE_DIRECTOR) as director:
        answer = await director.delete("/v1/delegations/d-1")
    assert answer.status_code == status
    if status == 403:
        assert "ask anna" in answer.json()["detail"]


async def test_an_unknown_delegation_is_not_found(manager: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await manager.delete("/v1/delegations/nowhere"), 404)
