"""Sending on the real Temporal server: a worker that is killed in the middle, and two runs at once."""

import asyncio
from collections import Counter
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col

from activities.letter_sending import LetterTally
from adapters.database.engine import Database
from adapters.database.tables import Message
from domain import identifiers as ids
from tests.faults.due_letters import (
    build_due_invoices,
    count_letters_by_state,
    count_open_tasks,
    count_requests_by_state,
    noon_clock,
    request_due_letters,
)
from tests.faults.fault_environment import FaultEnvironment, start_fault_environment
from tests.patience import PATIENCE
from workflows.correspondence_run import CorrespondenceRun

LETTERS = 150


async def _run(environment: FaultEnvironment, name: str) -> LetterTally:
    return await environment.client.execute_workflow(CorrespondenceRun.run, id=name, task_queue=ids.TASK_QUEUE)


def _message_ids(database: Database, state: str) -> set[str]:
    with database.reading() as session:
        return set(session.scalars(select(col(Message.message_id)).where(col(Message.state) == state)))


async def test_a_worker_killed_while_sending_sends_nothing_twice_and_the_next_one_sends_the_rest(
    database: Database, tmp_path: Path
) -> None:
    async with start_fault_environment(database, tmp_path / "data", noon_clock()) as environment:
        request_due_letters(environment.parts, build_due_invoices(LETTERS), tmp_path)
        first = await environment.start_worker()
        environment.office.rests_after = LETTERS // 3
        run = asyncio.create_task(_run(environment, "killed"))
        await environment.wait_until(lambda: len(environment.office.taken) >= LETTERS // 3, "a third of the letters has gone")
        await first.kill()
        taken_by_then = len(environment.office.taken)
        environment.office.goes_on.set()

        await environment.start_worker()
        await asyncio.wait_for(run, PATIENCE)
        for number in range(PATIENCE):
            if "transmitting" not in count_letters_by_state(database):
                break
            await asyncio.sleep(1)
            await _run(environment, f"next-{number}")

    unknown = _message_ids(database, "unknown")
    assert LETTERS // 3 <= taken_by_then < LETTERS
    assert count_letters_by_state(database) == Counter({"sent": LETTERS - len(unknown), "unknown": len(unknown)})
    assert count_requests_by_state(database) == count_letters_by_state(database)
    assert set(Counter(letter.message_id for letter in environment.office.handed).values()) == {1}
    assert _message_ids(database, "sent") <= set(environment.office.times_taken) <= _message_ids(database, "sent") | unknown
    assert Counter(kind for kind, _ in count_open_tasks(database)) == Counter({"unknown_letter": len(unknown)})
    assert len(unknown) <= 8


async def test_the_same_run_started_twice_at_once_sends_each_letter_once(database: Database, tmp_path: Path) -> None:
    async with start_fault_environment(database, tmp_path / "data", noon_clock()) as environment:
        request_due_letters(environment.parts, build_due_invoices(LETTERS), tmp_path)
        await asyncio.gather(environment.start_worker(), environment.start_worker())

        tallies = await asyncio.gather(_run(environment, "one"), _run(environment, "another"))

    assert sum(tally.sent for tally in tallies) == LETTERS
    assert sum(tally.refused + tally.deferred + tally.unknown for tally in tallies) == 0
    assert count_letters_by_state(database) == {"sent": LETTERS}
    assert len(environment.office.times_taken) == LETTERS
    assert set(environment.office.times_taken.values()) == {1}
    assert not count_open_tasks(database)
