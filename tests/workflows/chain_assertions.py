"""The check of every test that plays a case: its journal is whole, and the server's history knows the same head."""

import json
import math
from typing import Any

from sqlalchemy import select
from sqlmodel import col
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle, WorkflowHistory

from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry
from domain.journal.chain_check import find_broken_entry
from domain.journal.entry import GENESIS, Entry

DONE_AGAIN = {EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT}


def assert_whole_chain(database: Database, case: Case, orphans: float = 0) -> str:
    """The head of a case's journal, which must lead back to its beginning and leave out no more entries than `orphans`."""
    with database.reading() as session:
        rows = session.scalars(select(JournalEntry).where(col(JournalEntry.case_id) == case.case_id)).all()
        entries = {row.hash: Entry.model_validate(row.model_dump()) for row in rows}
    followed, head = list[Entry](), case.head
    while head != GENESIS:
        followed.append(entries[head])
        head = entries[head].previous
    assert find_broken_entry(followed[::-1]) is None
    assert len(entries) - len(followed) <= orphans, sorted((entry.seq, entry.kind.value) for entry in entries.values())
    assert (case.seq, case.head) == (followed[0].seq, followed[0].hash)
    return case.head


async def fetch_history_head(case: WorkflowHandle[Any, Any]) -> str:
    """The journal's head as the Temporal server's own history carries it."""
    return find_last_head(await case.fetch_history())


def find_last_head(history: WorkflowHistory) -> str:
    markers = [event for event in history.events if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED]
    written = [event.marker_recorded_event_attributes for event in markers if not is_patch_marker(event)]
    result = written[-1].details["result"].payloads[0]
    return str(json.loads(result.data)["head"])


def is_patch_marker(event: HistoryEvent) -> bool:
    """`workflow.patched` leaves a marker too; every other is of a journal write."""
    return event.marker_recorded_event_attributes.marker_name == "core_patch"


def allowed_orphans(history: WorkflowHistory, orphans: int) -> float:
    """Any number where the server had a task done again, because the machine was busy or news came in the moment in which the case ended:
    what the task wrote the first time stays beside the chain."""
    return math.inf if any(event.event_type in DONE_AGAIN for event in history.events) else orphans
