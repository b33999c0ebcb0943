"""How many histories of invoices are replayed in a second on one core, and held against the journal that they tell.

The histories are those that the tests replay. The last line is the figures as JSON.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter, process_time

from temporalio.client import WorkflowHistory

from adapters.history_book import RunHistory
from adapters.replaying import Replayed, Replaying
from domain.journal_comparison import Written, compare
from domain.replay_report import EntryVerdict, RunSource
from worker import WORKFLOWS

HISTORIES = Path(__file__).resolve().parents[1] / "tests" / "histories"
REPLAYS, AN_ACCOUNT = 300, 50


def recorded() -> list[RunHistory]:
    runs = []
    for file in sorted(HISTORIES.glob("invoice_collection.*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        history = WorkflowHistory.from_json(content["workflow_id"], content["history"])
        runs.append(RunHistory(history.workflow_id, history.run_id, RunSource.ARCHIVED, history))
    return runs


def written(replayed: Replayed) -> list[Written]:
    """What the database has of a case whose journal nobody touched."""
    told = [entry for wake in replayed.wakes for entry in wake.entries or ()]
    return [
        Written(one.case_id, one.seq, one.hash, one.previous, one.model_dump(exclude={"case_id", "seq", "hash", "previous"}))
        for one in told
    ]


async def measure(replays: int = REPLAYS) -> dict[str, float]:
    """The replays come in accounts of some invoices. Reading the histories and the database beforehand is not counted."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    replaying = Replaying(WORKFLOWS)
    database = {one.run.case_id: written(one) for one in await replaying.replay(recorded())}
    accounts = list(batched(islice(cycle(recorded()), replays), AN_ACCOUNT))
    started, cpu, entries = perf_counter(), process_time(), 0
    for account in accounts:
        for replayed in await replaying.replay(account):
            rows = database[replayed.run.case_id]
            found = compare(replayed.run.case_id, replayed.wakes, rows, rows[-1].hash)
            assert found.counts == {EntryVerdict.MATCHED: len(rows)}, found
            entries += len(rows)
    seconds, busy = perf_counter() - started, process_time() - cpu
    return {"replayed_per_s": replays / seconds, "replayed_per_cpu_s": replays / busy, "replayed_entries_per_s": entries / seconds}


def batched(runs: Iterable[RunHistory], size: int) -> Iterator[list[RunHistory]]:
    remaining = iter(runs)
    while some := list(islice(remaining, size)):
        yield some


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure())) + "\n")
    sys.stdout.flush()
    os._exit(0)
