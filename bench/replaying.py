"""Measure how many histories of invoices are replayed in a second on one core, and compared with the journal.

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

from adapters.audit.histories.replayer import HistoryReplayer, ReplayResult
from adapters.audit.histories.run_history_loader import RunHistory
from adapters.shipped_files import PROJECT
from domain.audit.replay_comparison import DatabaseEntry, compare_replay
from domain.audit.replay_report import EntryVerdict, RunSource
from worker import WORKFLOWS

HISTORIES = PROJECT / "tests" / "histories"
REPLAY_COUNT, RUNS_PER_ACCOUNT, SEED = 300, 50, 20130601
ORDINARY_SHARES = {
    "paid_without_a_letter": 80,
    "paid_after_a_courtesy_note": 7,
    "paid_after_a_reminder": 8,
    "paid_after_a_second_reminder": 5,
}
"""Shares of a hundred invoices."""


def load_ordinary_runs() -> list[RunHistory]:
    return [run for life, share in ORDINARY_SHARES.items() for run in [load_recorded_run(life)] * share]


SERIES = "2026-11"
"""Later series use its cases' ids again."""


def load_eventful_runs() -> list[RunHistory]:
    lives = sorted(file.name.split(".")[1] for file in HISTORIES.glob(f"invoice_collection.*.{SERIES}.json"))
    return [load_recorded_run(life) for life in lives if life not in ORDINARY_SHARES]


def load_recorded_run(life: str) -> RunHistory:
    file = HISTORIES / f"invoice_collection.{life}.{SERIES}.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    history = WorkflowHistory.from_json(content["workflow_id"], content["history"])
    return RunHistory(history.workflow_id, history.run_id, RunSource.ARCHIVED, history)


CHAIN_FIELDS = {"case_id", "seq", "hash", "previous"}


def build_database_entries(replayed: ReplayResult) -> list[DatabaseEntry]:
    """Build the database's entries of a case whose journal was not changed."""
    entries = [entry for write in replayed.journal_writes for entry in write.entries or ()]
    return [
        DatabaseEntry(entry.case_id, entry.seq, entry.hash, entry.previous, entry.model_dump(exclude=CHAIN_FIELDS)) for entry in entries
    ]


async def measure_replay(replays: int = REPLAY_COUNT) -> dict[str, float]:
    """Measure ordinary and eventful histories, per second of real time."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return {
        "replayed_per_s": replays / await _time_replays(load_ordinary_runs(), replays),
        "eventful_replayed_per_s": replays / await _time_replays(load_eventful_runs(), replays),
    }


async def _time_replays(runs: list[RunHistory], replays: int) -> float:
    """Time replays in accounts of some invoices. Reading the histories and the database beforehand is not counted."""
    replayer = HistoryReplayer(WORKFLOWS)
    database = {replayed.run.case_id: build_database_entries(replayed) for replayed in await replayer.replay(runs)}
    accounts = list(split_batches(islice(cycle(Random(SEED).sample(runs, len(runs))), replays), RUNS_PER_ACCOUNT))
    started = perf_counter()
    for account in accounts:
        for replayed in await replayer.replay(account):
            rows = database[replayed.run.case_id]
            comparison = compare_replay(replayed.run.case_id, replayed.journal_writes, rows, rows[-1].hash)
            assert comparison.counts == {EntryVerdict.MATCHED: len(rows)}, comparison
    return perf_counter() - started


def split_batches(runs: Iterable[RunHistory], size: int) -> Iterator[list[RunHistory]]:
    remaining = iter(runs)
    while batch := list(islice(remaining, size)):
        yield batch


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(measure_replay())) + "\n")
    sys.stdout.flush()
    os._exit(0)
