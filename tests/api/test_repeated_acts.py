"""An act whose answer was lost is sent again under its key: it was done, whatever has ended meanwhile, and whoever did it is told so."""

from urllib.parse import quote

from sqlalchemy import delete

from adapters.database.tables import IdempotencyKey
from domain.approval.approval_case import ApprovalCase
from domain.approval.command_rules import apply_command
from domain.approval.view import build_case_view
from domain.roles import Role
from tests.api.account_cases import NOW, write_case
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import PortfolioWorld
from tests.api.stored_approvals import store_approval

KEY = {"Idempotency-Key": "k-1"}


def forget_answers(world: PortfolioWorld) -> None:
    """As after an answer that said that nothing is known."""
    with world.database.writing() as session:
        session.execute(delete(IdempotencyKey))


async def test_a_pause_is_told_as_done_when_its_invoice_was_paid_meanwhile(
    collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    world.account()
    case = world.invoice("I-1")
    assert case is not None
    pause = {"reason": "we look into it"}
    first = (await collector.post("/v1/invoices/I-1/pause", json=pause, headers=KEY)).json()
    world.write(case)
    world.record_payment(case, case.facts.open_balance)
    forget_answers(world)
    again = await collector.post("/v1/invoices/I-1/pause", json=pause, headers=KEY)
    assert (again.status_code, again.json()) == (200, {**first, "repeated": True})
    problem(await collector.post("/v1/invoices/I-1/pause", json=pause), 409)


async def test_the_decision_that_ended_an_approval_is_told_as_done(as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    world.account()
    case = store_approval(world, {"EUR": 10_000})
    path = f"/v1/approvals/{quote(case.journal.case_id, safe='')}/decision"
    world.cases.running[case.journal.case_id] = ""
    async with as_role(Role.COLLECTIONS_MANAGER) as manager:
        first = (await manager.post(path, json={"decision": "approve"}, headers=KEY)).json()
        decide(world, case)
        forget_answers(world)
        again = await manager.post(path, json={"decision": "approve"}, headers=KEY)
        assert (again.status_code, again.json()["act_id"], again.json()["repeated"]) == (200, first["act_id"], True)
        assert "can be done to it any more" in problem(await manager.post(path, json={"decision": "approve"}), 409)["detail"]


def decide(world: PortfolioWorld, case: ApprovalCase) -> None:
    """As its workflow does what was sent to it, and ends."""
    (command,) = world.cases.acts
    apply_command(case, command, NOW)
    write_case(world, case, build_case_view)
    del world.cases.running[case.journal.case_id]
