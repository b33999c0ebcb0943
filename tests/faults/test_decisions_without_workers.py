"""What people decide while every worker is down is taken, kept, and done once when the workers are back; and nothing that is ruled out is.

A business day lasts six seconds, and a suspension's notice one day.
"""

import asyncio
from pathlib import Path

import pytest

from adapters.database.engine import Database
from api.web.idempotency import REPLAYED
from domain import identifiers as ids
from tests.faults.decision_scenarios import Situation, dispute_of, plan_of, suspension_of, write_off_of
from tests.faults.decisions import Bureau, Fate, Wanted, bureau
from tests.faults.journal_snapshot import of_kind

DAY_SECONDS = 6.0
AWAY_SECONDS = 1.0
"""How long the API waits for a worker when there is none."""


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_what_is_decided_while_every_worker_is_down_is_done_once_when_they_are_back(database: Database, tmp_path: Path) -> None:
    async with bureau(database, tmp_path, DAY_SECONDS, short_notice=True) as desk:
        situation = Situation(desk)
        worker = await desk.stage.working()
        await situation.bring_about()
        await worker.kill()

        decisions, before = situation.decisions(), desk.acts_written()
        assert len(decisions) >= 100
        await post_without_workers(desk, decisions)

        await desk.stage.working()
        await desk.all_written(decisions)
        desk.check(decisions)
        await outcomes(desk, situation)
        desk.check(decisions)
        assert desk.acts_written() - before == {wanted.act_id for wanted in decisions if wanted.act_id}


async def post_without_workers(desk: Bureau, decisions: list[Wanted]) -> None:
    """Half of them twice under one Idempotency-Key; and those that a case took in, once more as the raw signal."""
    desk.cases.patience(AWAY_SECONDS)
    for who in {wanted.who for wanted in decisions}:
        await desk.client(*who)
    answers = await asyncio.gather(*(desk.want(wanted, f"key-{index}") for index, wanted in enumerate(decisions)))
    taken = [(index, answer) for index, answer in enumerate(answers) if decisions[index].fate is not Fate.TURNED_AWAY]
    assert {(answer.status_code, answer.json()["recorded"]) for _, answer in taken} == {(202, "will be applied")}

    again = taken[::2]
    repeated = await asyncio.gather(*(desk.want(decisions[index], f"key-{index}") for index, _ in again))
    assert [(answer.headers[REPLAYED], answer.json()) for answer in repeated] == [("true", first.json()) for _, first in again]
    acts = {wanted.act_id for wanted in decisions}
    await asyncio.gather(*(desk.signal_again(act_id) for act_id in desk.cases.sent if act_id in acts))


async def outcomes(desk: Bureau, situation: Situation) -> None:
    """What was approved is carried out, once."""
    paid_off = [dispute_of(bill) for bill in situation.credits[:5]]
    await desk.reached("dispute.resolved", [*paid_off, *map(dispute_of, situation.contested[:5])])
    await desk.reached("plan.offered", map(plan_of, situation.planned[:7]))
    await desk.reached("suspension.suspended", map(suspension_of, situation.to_sign_off[:3]))
    await desk.reached("suspension.reinstated", map(suspension_of, situation.suspended[:2]))
    await desk.reached("write_off.booked", map(write_off_of, situation.proposed[:2]))
    await desk.reached("approval.asked", [ids.approval_case(plan_of(bill), 1) for bill in situation.unplanned])
    await desk.reached("approval.asked", [ids.approval_case(suspension_of(bill), 1) for bill in situation.late])
    await desk.reached("credit_note.issued", [ids.invoice_case(bill.number) for bill in situation.credits[:5]])
    books = desk.books()
    for case_id, kind in (
        *[(ids.invoice_case(bill.number), "credit_note.issued") for bill in situation.credits[:5]],
        *[(write_off_of(bill), "write_off.booked") for bill in situation.proposed[:2]],
        *[(suspension_of(bill), "suspension.suspended") for bill in situation.to_sign_off[:3]],
        *[(plan_of(bill), "plan.offered") for bill in situation.planned[:7]],
    ):
        assert of_kind(books[case_id])[kind] == 1, case_id
    for wrongly in (
        dispute_of(situation.credits[7]), plan_of(situation.planned[9]), suspension_of(situation.to_warn[3]),
        write_off_of(situation.proposed[2]),
    ):  # fmt: skip
        assert not {"approval.signed", "approval.granted"} & set(of_kind(books[ids.approval_case(wrongly, 1)])), wrongly
