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
from tests.faults.decisions import Bill, Bureau, Wanted, bills, bureau, money, terms
from tests.faults.journal_snapshot import of_kind

MIA, ANNA, OTTO = ("mia", Role.COLLECTOR), ("anna", Role.COLLECTIONS_MANAGER), ("otto", Role.COLLECTIONS_MANAGER)
PLANS, OTHERS = 100, 100
KILLED_AFTER = 40
"""So many decisions are in the journal when the worker dies."""
ANSWERED_SECONDS = 3.0
WHY = "this is why"


def decisions(desk: Bureau, plans: list[Bill], others: list[Bill]) -> list[Wanted]:
    """The approvals and the acts, mixed."""
    approvals = [
        Wanted(*(ANNA if number % 2 else OTTO), f"approvals/{approval_of(bill)}/decision", {"decision": "approve"})
        for number, bill in enumerate(plans)
    ]  # fmt: skip
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("promises", {**money("100.00"), "by": desk.today(10)}), ("pause", {"reason": WHY}), ("calls", {"outcome": "reached", "note": WHY}),
        ("notes", {"text": WHY}), ("escalations", {"role": "sales", "comment": WHY}),
        ("disputes", {**money("40.00"), "reason": "wrong_price"}),
    ]  # fmt: skip
    acts = [
        Wanted(*MIA, f"invoices/{bill.number}/{kinds[number % len(kinds)][0]}", kinds[number % len(kinds)][1])
        for number, bill in enumerate(others)
    ]  # fmt: skip
    return [wanted for pair in zip(approvals, acts, strict=True) for wanted in pair]


def approval_of(bill: Bill) -> str:
    return ids.approval_case(ids.plan_case(bill.account, 1), 1)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_worker_killed_in_the_middle_of_two_hundred_decisions_loses_none(database: Database, tmp_path: Path) -> None:
    plans, others = bills("PLAN", PLANS), bills("PLAIN", OTHERS)
    async with bureau(database, tmp_path) as desk:
        worker = await desk.stage.working()
        await desk.open([*plans, *others])
        body = {"currency": "EUR", "terms": terms(desk.today(30))}
        await desk.do(*[(MIA, f"accounts/{bill.account}/plans", {"invoices": [bill.number], **body}) for bill in plans])
        await desk.reached("approval.asked", map(approval_of, plans))

        wanted = decisions(desk, plans, others)
        desk.cases.patience(ANSWERED_SECONDS)
        known = set(desk.by_act())
        posted = [asyncio.create_task(desk.want(each, f"key-{number}")) for number, each in enumerate(wanted)]
        await desk.stage.until(lambda: len(desk.acts_written() - known) >= KILLED_AFTER, "the decisions are under way")
        await worker.kill()
        written = len(desk.acts_written() - known)
        assert KILLED_AFTER <= written < len(wanted)
        await desk.stage.working()

        answers = await asyncio.gather(*posted)
        assert {answer.status_code for answer in answers} == {200, 202}
        await desk.all_written(wanted)
        desk.check(wanted)
        await desk.reached("plan.offered", [ids.plan_case(bill.account, 1) for bill in plans])
        desk.check(wanted)
        books = desk.books()
        assert all(of_kind(books[approval_of(bill)])["approval.signed"] == 1 for bill in plans)
        assert all(of_kind(books[ids.plan_case(bill.account, 1)])["plan.offered"] == 1 for bill in plans)
