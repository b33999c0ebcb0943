"""What a run that was lost, or is stuck, has heard and not journalled: read from its history, where the server still has that."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

LONGEST_NAME = 64
"""In characters: so much of a signal's name is shown."""

_FAULTS = (EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)


class UnheardSignal(NamedTuple):
    """A signal of which the journal may have nothing. `event_id` is its place in the history, `at` real time. `came_before_fault`:
    the first workflow task that failed took it in."""

    event_id: int
    at: datetime
    name: str
    arguments: Sequence[Payload]
    came_before_fault: bool

    @property
    def label(self) -> str:
        """For people: the signal's name as far as it can be read, and its place."""
        readable = "".join(character if character.isprintable() else "?" for character in self.name[:LONGEST_NAME])
        return f"{readable} (event {self.event_id})"


def find_unheard_signals(events: Sequence[HistoryEvent]) -> list[UnheardSignal]:
    """Find the signals that came after the last task of which a journal write is recorded. A case applies what it has heard already only
    once, so that one too many does no harm."""
    heard, first, last = _find_last_write(events), *_find_fault(events)
    signals = []
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED and event.event_id > heard:
            sent = event.workflow_execution_signaled_event_attributes
            payloads, came_before_fault = list(sent.input.payloads), first < event.event_id < last
            at = event.event_time.ToDatetime(UTC)
            signals.append(UnheardSignal(event.event_id, at, sent.signal_name, payloads, came_before_fault))
    return signals


def find_fault_message(events: Sequence[HistoryEvent]) -> str | None:
    """Find what the server recorded of the task that failed, if the run has not gone on since; None when it has."""
    completed = max((event.event_id for event in events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED), default=0)
    faults = [event for event in events if event.event_type in _FAULTS and event.event_id > completed]
    failed = [event.workflow_task_failed_event_attributes.failure.message for event in faults]
    return next((message for message in reversed(failed) if message), "") if faults else None


def _find_last_write(events: Sequence[HistoryEvent]) -> int:
    """Return the event with which the task began whose journal write is the last one recorded; 0 without any."""
    markers = [event for event in events if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED]
    if not markers:
        return 0
    task = markers[-1].marker_recorded_event_attributes.workflow_task_completed_event_id
    completed = next(event for event in events if event.event_id == task)
    return completed.workflow_task_completed_event_attributes.started_event_id


def _find_fault(events: Sequence[HistoryEvent]) -> tuple[int, int]:
    """Return between which events that came what the first failing task took in; an empty range without one."""
    completed = max((event.event_id for event in events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED), default=0)
    fault = next((event for event in events if event.event_type in _FAULTS and event.event_id > completed), None)
    if fault is None:
        return completed, completed
    is_failed = fault.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    attributes = fault.workflow_task_failed_event_attributes if is_failed else fault.workflow_task_timed_out_event_attributes
    return completed, attributes.started_event_id or fault.event_id
