"""Two workers in the middle of a burst, one of which is killed: how soon the other has taken over all of its work.

`python -m tests.faults.takeover --invoices 3000 --takeover-seconds 120` measures it on the machine at hand.
"""

import argparse
import asyncio
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from adapters.composition import open_database
from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.tables import Case, ContactRequest
from adapters.temporal.case_commands import UPDATE_TIMEOUT_SECONDS
from domain import identifiers as ids
from domain.clock import Clock, start_of_day
from domain.journal.entry_kinds import EntryKind
from domain.roles import Role
from tests.faults.decisions import DecisionEnvironment, DecisionInvoice
from tests.faults.fault_environment import start_fault_environment
from tests.processes.fork_server import find_server

COURTESY_DATE = date(2013, 6, 7)
DUE_DATE = date(2013, 6, 10)
PLAYED_DAY_SECONDS = 3_600.0
"""So long that only one step of each invoice falls due in the play."""

DECISIONS = 12
COLLECTOR = ("mia", Role.COLLECTOR)


class BurstInvoice(DecisionInvoice):
    """An invoice whose courtesy note is due on the first day of the play."""

    def row(self) -> dict[str, str]:
        # Tokyo's morning is midnight UTC: the slot opens with the timer
        return super().row() | {"issue_date": "2013-05-11", "due_date": DUE_DATE.isoformat(), "country": "JP", "time_zone": "Asia/Tokyo"}


class TakeoverResult(NamedTuple):
    """`done_seconds`: from the kill until every case had asked for its letter; `answer_seconds`: of each decision made after the kill."""

    asked_at_kill: int
    done_seconds: float
    answer_seconds: list[float]
    answer_statuses: list[int]


async def kill_worker_in_burst(database: Database, folder: Path, count: int, takeover_seconds: int) -> TakeoverResult:
    """Let `count` timers fire at once before two workers, kill one of them after a third, decide on cases that are still to come.

    Asserts that nothing is lost and nothing is done twice; leaves the times to the caller.
    """
    await asyncio.to_thread(find_server)  # which takes longer to start, once, than a worker
    due = datetime.now(UTC) + timedelta(seconds=30 + count / 10)
    clock = Clock(real_anchor=due, business_anchor=start_of_day(COURTESY_DATE), day_seconds=PLAYED_DAY_SECONDS)
    async with start_fault_environment(database, folder / "data", clock, takeover_seconds=takeover_seconds) as environment:
        people = DecisionEnvironment(environment, folder)
        people.cases.set_timeout(UPDATE_TIMEOUT_SECONDS)
        dying, _ = await environment.start_worker(), await environment.start_worker()
        await people.client(*COLLECTOR)
        await people.open_invoices([BurstInvoice(f"BURST{number:05}") for number in range(count)])
        assert datetime.now(UTC) < due, "the cases were opened too late for their timers to fire at once"

        await environment.wait_until(lambda: _count_requests(database) >= count // 3, "a third of the cases has asked for its letter")
        await dying.kill()
        killed, asked_at_kill = time.monotonic(), _count_requests(database)
        decided = _list_silent_invoices(database)[-DECISIONS:]
        answers = await asyncio.gather(*(_post_note(people, invoice_id) for invoice_id in decided))
        await environment.wait_until(lambda: _count_requests(database) == count, "every case has asked for its letter")
        done = time.monotonic() - killed
        await people.wait_for_entries(EntryKind.NOTE_ADDED, [ids.invoice_case_id(invoice_id) for invoice_id in decided])

        chains = people.read_chains()
        kinds = [[entry.kind for entry in chain] for chain in chains.values()]
        assert len(kinds) == count
        assert all(chain.count(EntryKind.LETTER_REQUESTED) == 1 for chain in kinds)
        assert sum(chain.count(EntryKind.NOTE_ADDED) for chain in kinds) == len(decided)
        await people.close()
    return TakeoverResult(asked_at_kill, done, [seconds for seconds, _ in answers], [status for _, status in answers])


async def _post_note(people: DecisionEnvironment, invoice_id: str) -> tuple[float, int]:
    begun = time.monotonic()
    answer = await people.post(COLLECTOR, f"invoices/{invoice_id}/notes", {"text": "will pay on Monday"}, key=f"note-{invoice_id}")
    return time.monotonic() - begun, answer.status_code


def _count_requests(database: Database) -> int:
    with database.reading() as session:
        return int(session.execute(select(func.count()).select_from(ContactRequest)).scalar_one())


def _list_silent_invoices(database: Database) -> list[str]:
    """The invoices that have not asked for their letter."""
    asked = select(col(ContactRequest.invoice_id))
    with database.reading() as session:
        return [each for each in session.scalars(select(col(Case.invoice_id)).where(col(Case.invoice_id).not_in(asked))) if each]


async def _measure(count: int, takeover_seconds: int) -> TakeoverResult:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Settings.load(data_dir=Path(folder) / "data"))
        return await kill_worker_in_burst(database, Path(folder), count, takeover_seconds)


def main() -> None:
    """Measure once, and print the times."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.takeover", description=__doc__)
    parser.add_argument("--invoices", type=int, default=3_000)
    parser.add_argument("--takeover-seconds", type=int, default=120)
    options = parser.parse_args()
    result = asyncio.run(_measure(options.invoices, options.takeover_seconds))
    print(
        f"{result.asked_at_kill} of {options.invoices} had asked when a worker was killed; all had {result.done_seconds:.1f} s later.\n"
        f"{len(result.answer_seconds)} decisions in between were answered in at most {max(result.answer_seconds):.1f} s: "
        f"{sorted(set(result.answer_statuses))}"
    )


if __name__ == "__main__":
    main()
