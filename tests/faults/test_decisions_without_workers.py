"""What people decide while every worker is down is taken, kept, and done once when the workers are back; and nothing that is ruled out is.

A business day lasts six seconds, and a suspension's notice one day.
"""

import asyncio
from pathlib import Path

import pytest

from adapters.database.engine import Database
from api.web.idempotency import REPLAYED_HEADER
from domain import identifiers as ids
from tests.faults.decision_scenarios import DecisionScenario, find_dispute_id, find_plan_id, find_suspension_id, find_write_off_id
from tests.faults.decisions import DecisionEnvironment, ExpectedOutcome, RequestedDecision, start_decision_environment
from tests.faults.journal_snapshot import count_kinds

DAY_SECONDS = 6.0
AWAY_SECONDS = 1.0
"""How long the API waits for a worker when there is none."""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_what_is_decided_while_every_worker_is_down_is_done_once_when_they_are_back(database: Database, tmp_path: Path) -> None:
    async with start_decision_environment(database, tmp_path, DAY_SECONDS, short_notice=True) as desk:
        situation = DecisionScenario(desk)
        worker = await desk.stage.start_worker()
        await situation.set_up()
        await worker.kill()

        decisions, before = situation.decisions(), desk.acts_written()
        assert len(decisions) >= 100
        await post_without_workers(desk, decisions)

        await desk.stage.start_worker()
        await desk.wait_until_written(decisions)
        desk.check_decisions(decisions)
        await outcomes(desk, situation)
        desk.check_decisions(decisions)
        assert desk.acts_written() - before == {wanted.act_id for wanted in decisions if wanted.act_id}


async def post_without_workers(desk: DecisionEnvironment, decisions: list[RequestedDecision]) -> None:
    """Half of them twice under one Idempotency-Key; and those that a case took in, once more as the raw signal."""
    desk.cases.set_timeout(AWAY_SECONDS)
    for who in {wanted.who for wanted in decisions}:
        await desk.client(*who)
    answers = await asyncio.gather(*(desk.post_decision(wanted, f"key-{index}") for index, wanted in enumerate(decisions)))
    taken = [(index, answer) for index, answer in enumerate(answers) if decisions[index].fate is not ExpectedOutcome.TURNED_AWAY]
    assert {(answer.status_code, answer.json()["recorded"]) for _, answer in taken} == {(202, "will be applied")}

    again = taken[::2]
    repeated = await asyncio.gather(*(desk.post_decision(decisions[index], f"key-{index}") for index, _ in again))
    assert [(answer.headers[REPLAYED_HEADER], answer.json()) for answer in repeated] == [("true", first.json()) for _, first in again]
    acts = {wanted.act_id for wanted in decisions}
    await asyncio.gather(*(desk.signal_again(act_id) for act_id in desk.cases.sent if act_id in acts))


async def outcomes(desk: DecisionEnvironment, situation: DecisionScenario) -> None:
    """What was approved is carried out, once."""
    paid_off = [find_dispute_id(bill) for bill in situation.credits[:5]]
    await desk.wait_for_entries("dispute.resolved", [*paid_off, *map(find_dispute_id, situation.contested[:5])])
    await desk.wait_for_entries("plan.offered", map(find_plan_id, situation.planned[:7]))
    await desk.wait_for_entries("suspension.suspended", map(find_suspension_id, situation.to_sign_off[:3]))
    await desk.wait_for_entries("suspension.reinstated", map(find_suspension_id, situation.suspended[:2]))
    await desk.wait_for_entries("write_off.booked", map(find_write_off_id, situation.proposed[:2]))
    await desk.wait_for_entries("approval.asked", [ids.approval_case_id(find_plan_id(bill), 1) for bill in situation.unplanned])
    await desk.wait_for_entries("approval.asked", [ids.approval_case_id(find_suspension_id(bill), 1) for bill in situation.late])
    await desk.wait_for_entries("credit_note.issued", [ids.invoice_case_id(bill.number) for bill in situation.credits[:5]])
    books = desk.read_chains()
    for case_id, kind in (
        *[(ids.invoice_case_id(bill.number), "credit_note.issued") for bill in situation.credits[:5]],
        *[(find_write_off_id(bill), "write_off.booked") for bill in situation.proposed[:2]],
        *[(find_suspension_id(bill), "suspension.suspended") for bill in situation.to_sign_off[:3]],
        *[(find_plan_id(bill), "plan.offered") for bill in situation.planned[:7]],
    ):
        assert count_kinds(books[case_id])[kind] == 1, case_id
    for wrongly in (
        find_dispute_id(situation.credits[7]),
        find_plan_id(situation.planned[9]),
        find_suspension_id(situation.to_warn[3]),
        find_write_off_id(situation.proposed[2]),
    ):
        assert not {"approval.signed", "approval.granted"} & set(count_kinds(books[ids.approval_case_id(wrongly, 1)])), wrongly
