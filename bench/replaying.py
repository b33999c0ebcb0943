"""How many histories of invoices are replayed in a second on one core, and held against the journal that they tell.

The histories are some of those that the tests replay, in two mixtures. Ordinary lives come as often as in the public accounts-receivable
file between June and October 2013, where of 450 invoices that were paid 358 had had no letter, 32 a courtesy note, 37 a reminder, and 23 a
second one. Eventful lives are all the others that were recorded: the longest there are, as often as each other.

The last line is the figures as JSON.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from random import Random
from time import perf_counter

from temporalio.client import WorkflowHistory

from adapters.audit.histories.replayer import Replayed, Replaying
from adapters.audit.histories.run_histories import RunHistory
from adapters.project import PROJECT
from domain.audit.replay_comparison import Written, compare
from domain.audit.replay_report import EntryVerdict, RunSource
from worker import WORKFLOWS

HISTORIES = PROJECT / "tests" / "histories"
REPLAYS, AN_ACCOUNT, SEED = 300, 50, 20130601
ORDINARY = {
    "paid_without_a_letter": 80, "paid_after_a_courtesy_note": 7, "paid_after_a_reminder": 8, "paid_after_a_second_reminder": 5,
}  # fmt: skip
"""Of a hundred invoices."""


def ordinary() -> list[RunHistory]:
    return [run for life, share in ORDINARY.items() for run in [recorded(life)] * share]


def eventful() -> list[RunHistory]:
    lives = sorted(file.name.split(".")[1] for file in HISTORIES.glob("invoice_collection.*.json"))
    return [recorded(life) for life in lives if life not in ORDINARY]


def recorded(life: str) -> RunHistory:
    (file,) = HISTORIES.glob(f"invoice_collection.{life}.*.json")
    content = json.loads(file.read_text(encoding="utf-8"))
    history = WorkflowHistory.from_json(content["workflow_id"], content["history"])
    return RunHistory(history.workflow_id, history.run_id, RunSource.ARCHIVED, history)


def written(replayed: Replayed) -> list[Written]:
    """What the database has of a case whose journal nobody touched."""
    told = [entry for wake in replayed.wakes for entry in wake.entries or ()]
    return [
        Written(one.case_id, one.seq, one.hash, one.previous, one.model_dump(exclude={"case_id", "seq", "hash", "previous"}))
        for one in told
    ]


async def measure(replays: int = REPLAYS) -> dict[str, float]:
    """In real time."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return {
        "replayed_per_s": replays / await _seconds(ordinary(), replays),
        "eventful_replayed_per_s": replays / await _seconds(eventful(), replays),
    }


async def _seconds(runs: list[RunHistory], replays: int) -> float:
    """The replays come in accounts of some invoices. Reading the histories and the database beforehand is not counted."""
    replaying = Replaying(WORKFLOWS)
    database = {one.run.case_id: written(one) for one in await replaying.replay(runs)}
    accounts = list(batched(islice(cycle(Random(SEED).sample(runs, len(runs))), replays), AN_ACCOUNT))
    started = perf_counter()
    for account in accounts:
        for replayed in await replaying.replay(account):
            rows = database[replayed.run.case_id]
            found = compare(replayed.run.case_id, replayed.wakes, rows, rows[-1].hash)
            assert found.counts == {EntryVerdict.MATCHED: len(rows)}, found
    return perf_counter() - started


def batched(runs: Iterable[RunHistory], size: int) -> Iterator[list[RunHistory]]:
    remaining = iter(runs)
    while some := list(islice(remaining, size)):
        yield some


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure())) + "\n")
    sys.stdout.flush()
    os._exit(0)
