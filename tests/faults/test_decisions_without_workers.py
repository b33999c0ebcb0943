"""What people decide while every worker is down is taken, kept, and done once when the workers are back; and nothing that is ruled out is.

A business day lasts twelve seconds, and a suspension's notice one day.
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

DAY_SECONDS = 12.0
AWAY_SECONDS = 1.0
"""How long the API waits for a worker when there is none."""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_what_is_decided_while_every_worker_is_down_is_done_once_when_they_are_back(database: Database, tmp_path: Path) -> None:
    async with start_decision_environment(database, tmp_path, DAY_SECONDS, short_notice=True) as environment:
        scenario = DecisionScenario(environment)
        worker = await environment.fault_environment.start_worker()
        await scenario.set_up()
        await worker.kill()

        decisions, before = scenario.decisions(), environment.acts_written()
        assert len(decisions) >= 100
        await post_without_workers(environment, decisions)

        await environment.fault_environment.start_worker()
        await environment.wait_until_written(decisions)
        environment.check_decisions(decisions)
        await outcomes(environment, scenario)
        environment.check_decisions(decisions)
        assert environment.acts_written() - before == {expected.act_id for expected in decisions if expected.act_id}


async def post_without_workers(environment: DecisionEnvironment, decisions: list[RequestedDecision]) -> None:
    """Half of them twice under one Idempotency-Key; and those that a case took in, once more as the raw signal."""
    environment.cases.set_timeout(AWAY_SECONDS)
    for who in {expected.who for expected in decisions}:
        await environment.client(*who)
    answers = await asyncio.gather(*(environment.post_decision(expected, f"key-{index}") for index, expected in enumerate(decisions)))
    taken = [(index, answer) for index, answer in enumerate(answers) if decisions[index].fate is not ExpectedOutcome.TURNED_AWAY]
    assert {(answer.status_code, answer.json()["recorded"]) for _, answer in taken} == {(202, "will be applied")}

    again = taken[::2]
    repeated = await asyncio.gather(*(environment.post_decision(decisions[index], f"key-{index}") for index, _ in again))
    assert [(answer.headers[REPLAYED_HEADER], answer.json()) for answer in repeated] == [("true", first.json()) for _, first in again]
    acts = {expected.act_id for expected in decisions}
    await asyncio.gather(*(environment.signal_again(act_id) for act_id in environment.cases.sent if act_id in acts))


async def outcomes(environment: DecisionEnvironment, scenario: DecisionScenario) -> None:
    """What was approved is carried out, once."""
    paid_off = [find_dispute_id(bill) for bill in scenario.credits[:5]]
    await environment.wait_for_entries("dispute.resolved", [*paid_off, *map(find_dispute_id, scenario.contested[:5])])
    await environment.wait_for_entries("plan.offered", map(find_plan_id, scenario.planned[:7]))
    await environment.wait_for_entries("suspension.suspended", map(find_suspension_id, scenario.to_sign_off[:3]))
    await environment.wait_for_entries("suspension.reinstated", map(find_suspension_id, scenario.suspended[:2]))
    await environment.wait_for_entries("write_off.booked", map(find_write_off_id, scenario.proposed[:2]))
    await environment.wait_for_entries("approval.asked", [ids.approval_case_id(find_plan_id(bill), 1) for bill in scenario.unplanned])
    await environment.wait_for_entries("approval.asked", [ids.approval_case_id(find_suspension_id(bill), 1) for bill in scenario.late])
    await environment.wait_for_entries("credit_note.issued", [ids.invoice_case_id(bill.number) for bill in scenario.credits[:5]])
    journals = environment.read_chains()
    for case_id, kind in (
        *[(ids.invoice_case_id(bill.number), "credit_note.issued") for bill in scenario.credits[:5]],
        *[(find_write_off_id(bill), "write_off.booked") for bill in scenario.proposed[:2]],
        *[(find_suspension_id(bill), "suspension.suspended") for bill in scenario.to_sign_off[:3]],
        *[(find_plan_id(bill), "plan.offered") for bill in scenario.planned[:7]],
    ):
        assert count_kinds(journals[case_id])[kind] == 1, case_id
    for wrongly in (
        find_dispute_id(scenario.credits[7]),
        find_plan_id(scenario.planned[9]),
        find_suspension_id(scenario.to_warn[3]),
        find_write_off_id(scenario.proposed[2]),
    ):
        assert not {"approval.signed", "approval.granted"} & set(count_kinds(journals[ids.approval_case_id(wrongly, 1)])), wrongly
