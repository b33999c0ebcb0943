"""A worker that is killed in the middle of two hundred decisions loses none of them and does none twice.

It is a Monday morning, and stays so. Each decision is on a case of its own: a hundred are approvals, the others collectors' acts.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adapters.database.engine import Database
from domain import identifiers as ids
from domain.roles import Role
from tests.faults.decisions import (
    DecisionEnvironment,
    DecisionInvoice,
    RequestedDecision,
    build_invoices,
    money_body,
    start_decision_environment,
    terms_body,
)
from tests.faults.journal_snapshot import count_kinds

MIA, ANNA, OTTO = ("mia", Role.COLLECTOR), ("anna", Role.COLLECTIONS_MANAGER), ("otto", Role.COLLECTIONS_MANAGER)
PLANS, OTHERS = 100, 100
KILLED_AFTER = 40
"""So many decisions are in the journal when the worker dies."""
ANSWERED_SECONDS = 3.0
WHY = "this is why"


def decisions(environment: DecisionEnvironment, plans: list[DecisionInvoice], others: list[DecisionInvoice]) -> list[RequestedDecision]:
    """The approvals and the acts, mixed."""
    approvals = [
        RequestedDecision(*(ANNA if number % 2 else OTTO), f"approvals/{approval_of(bill)}/decision", {"decision": "approve"})
        for number, bill in enumerate(plans)
    ]
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("promises", {**money_body("100.00"), "by": environment.today(10)}),
        ("pause", {"reason": WHY}),
        ("calls", {"outcome": "reached", "note": WHY}),
        ("notes", {"text": WHY}),
        ("escalations", {"role": "sales", "comment": WHY}),
        ("disputes", {**money_body("40.00"), "reason": "wrong_price"}),
    ]
    acts = [
        RequestedDecision(*MIA, f"invoices/{bill.number}/{kinds[number % len(kinds)][0]}", kinds[number % len(kinds)][1])
        for number, bill in enumerate(others)
    ]
    return [expected for pair in zip(approvals, acts, strict=True) for expected in pair]


def approval_of(bill: DecisionInvoice) -> str:
    return ids.approval_case_id(ids.plan_case_id(bill.account, 1), 1)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_worker_killed_in_the_middle_of_two_hundred_decisions_loses_none(database: Database, tmp_path: Path) -> None:
    plans, others = build_invoices("PLAN", PLANS), build_invoices("PLAIN", OTHERS)
    async with start_decision_environment(database, tmp_path) as environment:
        worker = await environment.fault_environment.start_worker()
        await environment.open_invoices([*plans, *others])
        body = {"currency": "EUR", "terms": terms_body(environment.today(30))}
        await environment.post_all(*[(MIA, f"accounts/{bill.account}/plans", {"invoices": [bill.number], **body}) for bill in plans])
        await environment.wait_for_entries("approval.asked", map(approval_of, plans))

        expected = decisions(environment, plans, others)
        environment.cases.set_timeout(ANSWERED_SECONDS)
        known = set(environment.by_act())
        posted = [asyncio.create_task(environment.post_decision(each, f"key-{number}")) for number, each in enumerate(expected)]
        await environment.fault_environment.wait_until(
            lambda: len(environment.acts_written() - known) >= KILLED_AFTER, "the decisions are under way"
        )
        await worker.kill()
        written = len(environment.acts_written() - known)
        assert KILLED_AFTER <= written < len(expected)
        await environment.fault_environment.start_worker()

        answers = await asyncio.gather(*posted)
        assert {answer.status_code for answer in answers} == {200, 202}
        await environment.wait_until_written(expected)
        environment.check_decisions(expected)
        await environment.wait_for_entries("plan.offered", [ids.plan_case_id(bill.account, 1) for bill in plans])
        environment.check_decisions(expected)
        journals = environment.read_chains()
        assert all(count_kinds(journals[approval_of(bill)])["approval.signed"] == 1 for bill in plans)
        assert all(count_kinds(journals[ids.plan_case_id(bill.account, 1)])["plan.offered"] == 1 for bill in plans)
