"""Suspensions over HTTP: asked for what is overdue, put off, withdrawn, undone by those who may."""

from datetime import date

import pytest
from sqlalchemy import update

from adapters.database.tables import Account
from domain.billing.billing_events import InvoiceStatus
from domain.roles import Role
from domain.suspension.commands import (
    ExtendNotice,
    HandOverSuspendedAccount,
    ReinstateAccount,
    RequestApprovalAgain,
    RequestSuspension,
    ResendWarning,
    WithdrawSuspension,
)
from domain.suspension.state import SuspensionEnding
from domain.suspension.transitions import end_case
from domain.suspension.view import build_case_view
from domain.suspension.workflow_input import SuspensionInput
from tests.api.account_cases import NOW, SUSPENSION, create_account, create_suspension, write_case
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld

ONE = "/v1/accounts/A-1/suspension"


async def test_all_that_is_overdue_is_asked_for_unless_some_is_named(collector: Client, world: PortfolioWorld) -> None:
    create_account(world, "I-1", "I-2").invoice("I-3", due=TODAY, started=False)
    world.invoice("I-4", status=InvoiceStatus.PAID)
    for body, named in (({}, ["I-1", "I-2"]), ({"invoices": ["I-2", "I-2"]}, ["I-2"])):
        answer = await collector.post(ONE, json=body)
        assert (answer.status_code, answer.json()["recorded"]) == (200, "now"), answer.text
        command = world.cases.acts[-1]
        assert isinstance(command, RequestSuspension)
        assert [claim.invoice_id for claim in command.claims] == named
        assert (command.actor, command.claims[0].open_balance) == ("collector-1", 25_000)


async def test_the_first_asking_begins_the_case_and_the_next_joins_it(collector: Client, world: PortfolioWorld) -> None:
    create_account(world)
    await collector.post(ONE, json={})
    [begun] = world.cases.begun
    assert (begun.workflow, begun.case_id, begun.account_id, begun.collector) == ("AccountSuspension", SUSPENSION, "A-1", "maria")
    assert isinstance(begun.workflow_input, SuspensionInput)
    create_suspension(world)
    await collector.post(ONE, json={})
    assert len(world.cases.begun) == 1


async def test_asking_without_a_worker_is_recorded_for_later(collector: Client, world: PortfolioWorld) -> None:
    create_account(world).cases.answers = False
    answer = await collector.post(ONE, json={})
    assert (answer.status_code, answer.json()["recorded"]) == (202, "will be applied")


async def test_what_is_not_overdue_is_nothing_to_suspend_for(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_account(world, due=TODAY)
    assert "no invoice of this account is overdue" in problem(await collector.post(ONE, json={}), 409)["detail"]
    assert "I-1 is not overdue" in problem(await collector.post(ONE, json={"invoices": ["I-1"]}), 409)["detail"]
    assert world.cases.begun == []


async def test_what_no_case_would_take_begins_none(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_account(world, total=100)
    assert problem(await collector.post(ONE, json={}), 409)["detail"] == "nothing is owed on these invoices"
    with world.database.writing() as session:
        session.execute(update(Account).values(prepaid=True))
    assert "paid in advance" in problem(await collector.post(ONE, json={}), 409)["detail"]
    assert world.cases.begun == []


async def test_an_invoice_of_another_account_is_pointed_at(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_account(world)
    world.account("A-2")
    world.invoice("J-1", account="A-2", started=False)
    document = problem(await collector.post(ONE, json={"invoices": ["I-1", "J-1"]}), 422)
    assert [fault["pointer"] for fault in document["errors"]] == ["/invoices/1"]


async def test_a_repeated_asking_carries_the_same_act(collector: Client, world: PortfolioWorld) -> None:
    create_account(world)
    answers = [(await collector.post(ONE, json={}, headers={"Idempotency-Key": "k"})).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(world.cases.acts) == 1


async def test_each_act_on_a_suspension_reaches_its_case(collector: Client, manager: Client, world: PortfolioWorld) -> None:
    create_suspension(create_account(world))
    for client, path, body, kind in (
        (collector, "renewal", None, RequestApprovalAgain),
        (collector, "warning", None, ResendWarning),
        (collector, "extension", {"until": "2013-04-15", "reason": "strike"}, ExtendNotice),
        (collector, "withdrawal", {"reason": "a guarantee"}, WithdrawSuspension),
        (manager, "reinstatement", {"reason": "a guarantee"}, ReinstateAccount),
        (manager, "hand-over", None, HandOverSuspendedAccount),
    ):
        answer = await client.post(f"{ONE}/{path}", json=body)
        assert (answer.status_code, answer.json()["recorded"]) == (200, "now"), answer.text
        assert isinstance(world.cases.acts[-1], kind)
    extended = world.cases.acts[2]
    assert isinstance(extended, ExtendNotice)
    assert (extended.until, extended.reason, extended.actor) == (date(2013, 4, 15), "strike", "collector-1")


@pytest.mark.parametrize("path", ["reinstatement", "hand-over"])
async def test_a_collector_neither_reinstates_nor_hands_over(collector: Client, problem: Problem, world: PortfolioWorld, path: str) -> None:
    create_suspension(create_account(world))
    document = problem(await collector.post(f"{ONE}/{path}", json={"reason": "x"}), 403)
    assert document["detail"].endswith("ask someone who is admin, collections_manager")


async def test_what_a_suspension_refuses_is_a_conflict_in_its_own_words(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_suspension(create_account(world))
    world.cases.running[SUSPENSION] = "no notice is running"
    body = {"until": "2013-04-15", "reason": "strike"}
    assert problem(await collector.post(f"{ONE}/extension", json=body), 409)["detail"] == "no notice is running"


async def test_a_suspension_that_is_over_says_how_it_ended(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    case = create_suspension(create_account(world))
    end_case(case, SuspensionEnding.WITHDRAWN, NOW, "maria")
    write_case(world, case, build_case_view)
    del world.cases.running[SUSPENSION]
    document = problem(await collector.post(f"{ONE}/withdrawal", json={"reason": "x"}), 409)
    assert document["detail"].startswith("this suspension is over: withdrawn")


async def test_an_extension_needs_its_day_and_its_reason(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    create_suspension(create_account(world))
    document = problem(await collector.post(f"{ONE}/extension", json={}), 422)
    assert {fault["pointer"] for fault in document["errors"]} == {"/until", "/reason"}


async def test_unknown_accounts_and_accounts_without_a_suspension_are_not_found(
    collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    problem(await collector.post(ONE, json={}), 404)
    create_account(world)
    assert "asks for one" in problem(await collector.get(ONE), 404)["detail"]
    problem(await collector.post(f"{ONE}/withdrawal", json={"reason": "x"}), 404)


async def test_a_suspension_is_shown_with_what_is_owed_and_who_asked(auditor: Client, world: PortfolioWorld) -> None:
    create_suspension(create_account(world))
    shown = (await auditor.get(ONE)).json()
    assert (shown["id"], shown["stage"], shown["invoice_ids"], shown["asked_by"]) == (SUSPENSION, "warning_approval", ["I-1"], ["maria"])
    assert (shown["owed"], shown["notice_ends"]) == ([{"amount": "250.00", "currency": "EUR"}], None)
    assert [item["id"] for item in (await auditor.get("/v1/suspensions?account=A-1&open=true")).json()["items"]] == [SUSPENSION]
    assert (await auditor.get("/v1/suspensions?open=false")).json()["items"] == []


async def test_an_auditor_asks_for_no_suspension(as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    create_account(world)
    async with as_role(Role.AUDITOR) as auditor:
        problem(await auditor.post(ONE, json={}), 403)
