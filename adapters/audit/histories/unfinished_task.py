"""Leave out of a history what a task took in that never ended: the run was ended because that task failed each time."""

from collections.abc import Sequence

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

_FAULTS = (EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
_DONE_BY_TASKS = (
    EventType.EVENT_TYPE_MARKER_RECORDED,
    EventType.EVENT_TYPE_TIMER_STARTED,
    EventType.EVENT_TYPE_TIMER_CANCELED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
)
"""The events that the end of a task leaves."""


def leave_out_unfinished_task(history: WorkflowHistory) -> WorkflowHistory:
    """Return the history up to the last task that ended, if the run was terminated while its next task failed; else as it is."""
    events: Sequence[HistoryEvent] = history.events
    if not events or events[-1].event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        return history
    ended = max((place for place, each in enumerate(events) if each.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED), default=-1)
    if ended < 0 or not any(event.event_type in _FAULTS for event in events[ended:]):
        return history
    after = next((place for place in range(ended + 1, len(events)) if events[place].event_type not in _DONE_BY_TASKS), len(events))
    return WorkflowHistory(history.workflow_id, list(events[:after]))
