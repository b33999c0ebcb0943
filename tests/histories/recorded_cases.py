"""What the workflows of the recorded histories told their journals and the read model, rebuilt by replaying them."""

import asyncio
import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner
from temporalio.workflow import ActivityHandle

from adapters.audit.histories.replayer import _RecordInterceptor
from adapters.temporal.data_converter import DATA_CONVERTER
from domain.case_write import CaseWrite
from domain.journal.account_entries import AccountEntry
from domain.journal.entry import Entry
from tests.domain.projection.naive_account_state import read_account_entries
from tests.histories.record import FOLDER
from worker import WORKFLOWS

NOT_FROM_THE_FIRST_ENTRY = {
    "approval_digest",
    "billing_sync",
    "compared_systems",
    "connected_systems",
    "correspondence_run",
    "erasing.erased",
    "history_archive",
    "invoice_collection.reopened_after_a_bounced_payment",
    "invoice_collection.terminated_and_begun_again",
    "referrals",
    "standing_check",
}
"""What was recorded of runs that write no journal, or go on with an earlier run's."""


class RecordedName(NamedTuple):
    """What a file is called: of which story it was recorded, in which series."""

    file: str
    life: str
    series: str


class RecordedCase(NamedTuple):
    """`records`: everything that one run wrote, wake by wake. `life`: the story that it was recorded of, in which series."""

    series: str
    life: str
    case_id: str
    records: Sequence[CaseWrite]

    @property
    def entries(self) -> list[Entry]:
        return [entry for record in self.records for entry in record.entries]


@cache
def list_recorded_names() -> list[RecordedName]:
    """Those of `recorded_cases`, whose replay takes a while and starts threads."""
    return [name for name in _list_all_names() if name.file.removesuffix(f".{name.series}.json") not in NOT_FROM_THE_FIRST_ENTRY]


def _list_all_names() -> list[RecordedName]:
    parted = {file.name: file.name.split(".") for file in sorted(FOLDER.glob("*.json"))}
    return [RecordedName(file, life=parts[-3], series=parts[-2]) for file, parts in parted.items()]


@cache
def recorded_cases() -> dict[str, RecordedCase]:
    """Those whose journal is there from its first entry on, by the names of their files."""
    cases = {file: case for file, case in asyncio.run(_replayed()).items() if case.entries and case.entries[0].seq == 1}
    differing = cases.keys() ^ {name.file for name in list_recorded_names()}
    assert not differing, f"{sorted(differing)}: correct NOT_FROM_THE_FIRST_ENTRY"
    return cases


async def _replayed() -> dict[str, RecordedCase]:
    found = {}
    for file, life, series in _list_all_names():
        content, listening = json.loads((FOLDER / file).read_text(encoding="utf-8")), _RecordInterceptor()
        replayer = Replayer(
            workflows=WORKFLOWS,
            workflow_runner=UnsandboxedWorkflowRunner(),
            data_converter=DATA_CONVERTER,
            interceptors=[listening],
        )
        await replayer.replay_workflow(WorkflowHistory.from_json(content["workflow_id"], content["history"]))
        heard = [record for each in listening.pending_writes.values() for record, handle in each if _is_written(handle)]
        found[file] = RecordedCase(series, life, content["workflow_id"], heard)
    return found


def _is_written(handle: ActivityHandle[Any]) -> bool:
    return handle.done() and not handle.cancelled() and not handle.exception() and not handle.result().carried


def account_of(series: str, lives: Sequence[str]) -> list[AccountEntry]:
    """The journal of an account that lived through all of these. They are of one series: in another the same cases live again."""
    cases = (case for case in recorded_cases().values() if case.series == series and case.life in lives)
    return read_account_entries(entry for case in cases for entry in case.entries)
