"""Nobody decides what they may not, by whatever way they try: at the API, or by a signal written to Temporal directly.

It is a Monday morning, and stays so. Mia is a collector, and a collections manager too; anna, otto and greta manage; dora directs.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator

import pytest

from adapters.database.engine import Database
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict, DecideApproval
from domain.approval.delegation import Delegation
from domain.roles import Role
from tests.databases import _sqlite_template
from tests.faults.decisions import (
    MONDAY,
    DecisionEnvironment,
    DecisionInvoice,
    build_invoices,
    money_body,
    start_decision_environment,
    terms_body,
)
from tests.patience import Looks
from workflows.write_off import WriteOff

COLLECTOR, MANAGER, DIRECTOR, ANALYST = Role.COLLECTOR, Role.COLLECTIONS_MANAGER, Role.FINANCE_DIRECTOR, Role.CREDIT_ANALYST
MIA, ANNA, OTTO = ("mia", COLLECTOR), ("anna", MANAGER), ("otto", MANAGER)
ROUNDS = 20
AMOUNTS = ("0.01", "1.00", "999.99", "1000.00", "10000.00", "10000.01", "50000.01", "10000000.00")


@pytest.fixture(scope="module")
async def environment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DecisionEnvironment]:
    """One environment for the module's tests, with a worker; each has invoices of its own."""
    folder = tmp_path_factory.mktemp("gate")
    shutil.copy(_sqlite_template(), folder / "duecourse.db")
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    async with start_decision_environment(database, folder) as environment:
        await environment.fault_environment.start_worker()
        yield environment
    database.close()


async def proposed(environment: DecisionEnvironment, *plans: DecisionInvoice) -> list[str]:
    """Plans that mia proposed over these invoices; the ids of the approvals that they wait for."""
    await environment.open_invoices(plans)
    body = {"currency": "EUR", "terms": terms_body(environment.today(30), 1)}
    await environment.post_all(*[(MIA, f"accounts/{bill.account}/plans", {"invoices": [bill.number], **body}) for bill in plans])
    approvals = [ids.approval_case_id(ids.plan_case_id(bill.account, 1), 1) for bill in plans]
    await environment.wait_for_entries("approval.asked", approvals)
    return approvals


async def signal(environment: DecisionEnvironment, case_id: str, name: str, command: DecideApproval) -> None:
    await environment.fault_environment.client.get_workflow_handle(case_id).signal(name, command)


def decision(actor: str, role: Role, act_id: str, delegation: Delegation | None = None) -> DecideApproval:
    return DecideApproval(act_id=act_id, actor=actor, role=role, verdict=ApprovalVerdict.APPROVE, delegation=delegation)


async def test_of_two_managers_in_the_same_moment_one_wins_and_the_other_hears_who_decided(environment: DecisionEnvironment) -> None:
    approvals = await proposed(environment, *build_invoices("TWO", ROUNDS))
    await asyncio.gather(environment.client(*ANNA), environment.client(*OTTO))
    for number, approval in enumerate(approvals):
        first, second = (ANNA, OTTO) if number % 2 else (OTTO, ANNA)
        answers = await asyncio.gather(
            environment.post(first, f"approvals/{approval}/decision", {"decision": "approve"}),
            environment.post(second, f"approvals/{approval}/decision", {"decision": "reject", "comment": "not with this customer"}),
        )
        won = [who[0] for who, answer in zip((first, second), answers, strict=True) if answer.status_code == 200]
        [lost] = [answer for answer in answers if answer.status_code == 409]
        assert len(won) == 1
        assert f"by {won[0]} on {environment.today()}" in lost.json()["detail"]
        decided = [entry for entry in environment.entries(approval) if entry.kind in ("approval.signed", "approval.rejected")]
        assert [entry.actor for entry in decided] == won


async def by_every_route(
    environment: DecisionEnvironment, approval: str, asker: str, signals: dict[str, str], own: Role = COLLECTOR
) -> None:
    """Whoever asked tries to approve it: with each of their roles, in another's place, under another spelling, and past the API.

    `signals`: what else a decision can be signalled to, by case id.
    """
    path, approve = f"approvals/{approval}/decision", {"decision": "approve"}
    at_the_door = await environment.post((asker, own), path, approve)
    assert at_the_door.status_code in (403, 409), at_the_door.text
    for user in (asker, asker.upper(), asker.title()):
        for role in (MANAGER, DIRECTOR, ANALYST):
            answer = await environment.post((user, role), path, approve)
            assert (answer.status_code, f"{user} asked for this" in answer.json()["detail"]) == (409, True), answer.text

    tries, today = 0, MONDAY.date()
    given = Delegation(delegation_id="d", from_user="greta", to_user=asker, role=MANAGER, first_day=today, last_day=today)
    for user, delegation in ((asker, None), (asker.upper(), None), (f" {asker.title()} ", None), (asker, given)):
        for case_id, name in {approval: "decided", **signals}.items():
            tries += 1
            await signal(environment, case_id, name, decision(user, MANAGER, f"{approval}:{tries}", delegation))
    taken = Delegation(delegation_id="e", from_user=asker, to_user="kurt", role=MANAGER, first_day=today, last_day=today)
    await signal(environment, approval, "decided", decision("kurt", MANAGER, f"{approval}:{tries + 1}", taken))

    await environment.wait_for_entries("act.refused", [approval], tries + 1)
    refusals = environment.entry_facts(approval, "act.refused")
    assert len(refusals) == tries + 1
    assert all("asked for this" in str(refused["reason"]) for refused in refusals)
    assert not {"approval.signed", "approval.granted"} & set(environment.entry_kinds(approval))
    assert environment.row(approval).outcome is None


async def test_a_collector_cannot_approve_their_own_plan_at_any_amount_by_any_route(environment: DecisionEnvironment) -> None:
    plans = [DecisionInvoice(f"OWN{number}", total=amount) for number, amount in enumerate(AMOUNTS)]
    approvals = await proposed(environment, *plans)
    for bill, approval in zip(plans, approvals, strict=True):
        plan = ids.plan_case_id(bill.account, 1)
        await by_every_route(environment, approval, "mia", {plan: "decided", ids.invoice_case_id(bill.number): "decide_payment_plan"})


async def test_a_colleague_s_revision_frees_nobody_to_approve_their_own_plan(environment: DecisionEnvironment) -> None:
    await proposed(environment, DecisionInvoice("REVISED"))
    plan = ids.plan_case_id("A-REVISED", 1)
    await environment.post_all(
        (("cora", COLLECTOR), f"plans/{plan}/revision", {"terms": terms_body(environment.today(30), 1), "why": "the same again"})
    )
    second = ids.approval_case_id(plan, 2)
    await environment.wait_for_entries("approval.asked", [second])
    for user in ("mia", "MIA", "cora"):
        answer = await environment.post((user, MANAGER), f"approvals/{second}/decision", {"decision": "approve"})
        assert (answer.status_code, f"{user} asked for this" in answer.json()["detail"]) == (409, True), answer.text
    assert environment.row(second).outcome is None


async def test_delegation_takes_nobody_past_their_own_request(environment: DecisionEnvironment) -> None:
    [approval] = await proposed(environment, DecisionInvoice("DELEGATED"))
    path, approve, days = (
        f"approvals/{approval}/decision",
        {"decision": "approve"},
        {"first_day": environment.today(), "last_day": environment.today()},
    )
    await asyncio.gather(environment.client("mia", ANALYST), environment.client("kurt", ANALYST), environment.client("MIA", MANAGER))
    for oneself in ("mia", "MIA", " Mia "):
        answer = await environment.post(("mia", MANAGER), "delegations", {"to_user": oneself, **days})
        assert answer.status_code == 422, answer.text
    await environment.post_all((("greta", MANAGER), "delegations", {"to_user": "mia", **days}))
    in_greta_s_place = await environment.post(("mia", ANALYST), path, approve)
    assert (in_greta_s_place.status_code, "mia asked for this" in in_greta_s_place.json()["detail"]) == (409, True)
    await environment.post_all((("mia", MANAGER), "delegations", {"to_user": "kurt", **days}))
    in_mia_s_place = await environment.post(("kurt", ANALYST), path, approve)
    assert (in_mia_s_place.status_code, "in their place" in in_mia_s_place.json()["detail"]) == (409, True)

    [later] = await proposed(environment, DecisionInvoice("DELEGATED-BEFORE"))
    greta = await environment.post(("greta", MANAGER), f"approvals/{later}/decision", approve)
    assert (greta.status_code, "acts for greta" in greta.json()["detail"]) == (409, True)
    assert {environment.row(approval).outcome, environment.row(later).outcome} == {None}


async def test_a_decision_by_signal_of_somebody_entitled_counts_and_says_by_which_way_it_came(environment: DecisionEnvironment) -> None:
    plans = build_invoices("WAY", 4)
    approvals = await proposed(environment, *plans)
    by_plan, by_invoice = ids.plan_case_id(plans[1].account, 1), ids.invoice_case_id(plans[2].number)
    await signal(environment, approvals[0], "decided", decision("anna", MANAGER, "way-1"))
    await signal(environment, by_plan, "decided", decision("anna", MANAGER, "way-2"))
    await signal(environment, by_invoice, "decide_payment_plan", decision("anna", MANAGER, "way-3"))
    await environment.post_all((ANNA, f"approvals/{approvals[3]}/decision", {"decision": "approve"}))
    await environment.wait_for_entries("approval.granted", approvals)
    signed = [environment.entry_facts(approval, "approval.signed") for approval in approvals]
    assert [[facts["channel"] for facts in each] for each in signed] == [["temporal"], ["temporal"], ["temporal"], ["api"]]
    await environment.wait_for_entries("plan.offered", [ids.plan_case_id(bill.account, 1) for bill in plans])


@pytest.mark.parametrize("total", ["100.00", "60000.00"])
async def test_who_asked_for_a_suspension_cannot_approve_it(environment: DecisionEnvironment, total: str) -> None:
    bill = DecisionInvoice(f"SUSP{total.split('.')[0]}", total, due_in=-10)
    await environment.open_invoices([bill])
    await environment.post_all((MIA, f"accounts/{bill.account}/suspension", {}))
    case_id = ids.suspension_case_id(bill.account)
    await environment.wait_for_entries("approval.asked", [ids.approval_case_id(case_id, 1)])
    await by_every_route(
        environment, ids.approval_case_id(case_id, 1), "mia", {case_id: "decided", ids.invoice_case_id(bill.number): "sign_off_suspension"}
    )


@pytest.mark.parametrize("total", ["100.00", "60000.00"])
async def test_who_proposed_a_write_off_cannot_approve_it(environment: DecisionEnvironment, total: str) -> None:
    bill = DecisionInvoice(f"OFF{total.split('.')[0]}", total, due_in=-10)
    await environment.open_invoices([bill])
    case_id, beginnings = ids.write_off_case_id(bill.account), environment.api.case_inputs
    await environment.fault_environment.client.start_workflow(
        WriteOff.run,
        beginnings.load_write_off_input(bill.account),
        id=case_id,
        task_queue=ids.TASK_QUEUE,
        start_signal="handed_over",
        start_signal_args=[beginnings.load_claims(bill.account, [bill.number])],
    )
    await environment.wait_for_entries("write_off.handed_over", [case_id])
    wim = Role.WRITE_OFF_ANALYST
    [own] = await environment.post_all((("wim", wim), f"accounts/{bill.account}/write-off/decision", {"decision": "whole"}))
    await environment.wait_for_entries("approval.asked", [ids.approval_case_id(case_id, 1)])
    assert [entry.actor for entry in environment.entries(case_id) if entry.facts.get("act") == own["act_id"]] == ["wim"]
    await by_every_route(environment, ids.approval_case_id(case_id, 1), "wim", {case_id: "decided"}, own=wim)


async def test_what_waits_for_whom_is_listed_with_temporal_s_own_tools(environment: DecisionEnvironment) -> None:
    plan, contested = DecisionInvoice("LISTED"), DecisionInvoice("LISTED-TOO")
    [approval] = await proposed(environment, plan)
    await environment.open_invoices([contested])
    await environment.post_all((MIA, f"invoices/{contested.number}/disputes", {**money_body("40.00"), "reason": "wrong_price"}))
    dispute = ids.dispute_case_id(contested.number, 1)
    await environment.wait_for_entries("dispute.raised", [dispute])

    of_manager = f"DuecourseAwaiting='collections_manager' AND DuecourseAccount='{plan.account}'"
    await listed(environment, of_manager, {approval})
    await listed(environment, f"DuecourseAwaiting='sales_ops' AND DuecourseAccount='{contested.account}'", {dispute})
    await listed(
        environment, f"DuecourseAccount='{plan.account}'", {approval, ids.plan_case_id(plan.account, 1), ids.invoice_case_id(plan.number)}
    )
    stage = environment.row(dispute).stage
    await listed(environment, f"DuecourseStage='{stage}' AND DuecourseAccount='{contested.account}' AND WorkflowType='Dispute'", {dispute})
    assert approval in await found(environment, "DuecourseAwaiting='collections_manager'")

    await environment.post_all((ANNA, f"approvals/{approval}/decision", {"decision": "approve"}))
    await listed(environment, of_manager, set())
    await listed(environment, f"DuecourseStage='offered' AND DuecourseAccount='{plan.account}'", {ids.plan_case_id(plan.account, 1)})


async def found(environment: DecisionEnvironment, query: str) -> set[str]:
    return {execution.id async for execution in environment.fault_environment.client.list_workflows(query)}


async def listed(environment: DecisionEnvironment, query: str, expected: set[str]) -> None:
    """Until the server lists exactly these cases, which it does some moments after they changed."""
    async for _ in Looks(0.1):
        now = await found(environment, query)
        if now == expected:
            return
    raise AssertionError(f"{query} lists {sorted(now)}, not {sorted(expected)}")
