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
def recorded_cases() -> list[RecordedCase]:
    """Those whose journal is there from its first entry on."""
    return [case for case in asyncio.run(_replayed()) if case.entries and case.entries[0].seq == 1]


async def _replayed() -> list[RecordedCase]:
    found = []
    for file in sorted(FOLDER.glob("*.json")):
        content, listening = json.loads(file.read_text(encoding="utf-8")), _RecordInterceptor()
        replayer = Replayer(
            workflows=WORKFLOWS,
            workflow_runner=UnsandboxedWorkflowRunner(),
            data_converter=DATA_CONVERTER,
            interceptors=[listening],
        )
        await replayer.replay_workflow(WorkflowHistory.from_json(content["workflow_id"], content["history"]))
        heard = [record for each in listening.pending_writes.values() for record, handle in each if _is_written(handle)]
        *_, life, series, _ = file.name.split(".")
        found.append(RecordedCase(series, life, content["workflow_id"], heard))
    return found


def _is_written(handle: ActivityHandle[Any]) -> bool:
    return handle.done() and not handle.cancelled() and not handle.exception() and not handle.result().carried


def account_of(series: str, lives: Sequence[str]) -> list[AccountEntry]:
    """The journal of an account that lived through all of these. They are of one series: in another the same cases live again."""
    cases = (case for case in recorded_cases() if case.series == series and case.life in lives)
    return read_account_entries(entry for case in cases for entry in case.entries)
