"""Finds where a history and today's code part: at which event, in which workflow.

Temporal's core names the event, or the local activity that left it, in most of its messages. Where it does not (it then quotes what
differs, or some code of ours raised an error), the event is looked for in the workflow task at which the replay broke off.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from domain.audit.replay_report import ReplayDivergence

NONDETERMINISM_CODE = "TMPRL1100"
"""How Temporal marks that code and history part."""

EVENT_ID_PATTERN = re.compile(r"HistoryEvent\(id: (\d+)")
LOCAL_ACTIVITY_PATTERN = re.compile(r"LocalActivity\((\d+)\)")
QUOTED_PATTERN = re.compile(r"'([^']+)'")
MESSAGE_PATTERN, ERROR_TYPE_PATTERN = re.compile(r'message: "((?:[^"\\]|\\.)*)"'), re.compile(r'type: "([^"]+)"')
"""What is said, and of which type an error of our own code is, within a failure as the core prints it with all its parts."""


def locate_divergence(history: WorkflowHistory, error: Exception, task: int) -> ReplayDivergence:
    """`task`: the last event that the code was told of, by number; 0 when it was told of none."""
    said = _extract_message(str(error))
    event = (
        _find_named_event(history.events, said) or _find_quoted_event(history.events, said, task) or _find_task_event(history.events, task)
    )
    started = history.events[0].workflow_execution_started_event_attributes
    return ReplayDivergence(
        workflow=started.workflow_type.name,
        case_id=history.workflow_id,
        event_id=event.event_id,
        event=event_type_name(event),
        said=said,
    )


def event_type_name(event: HistoryEvent) -> str:
    """As Temporal's own pages call it: `TimerStarted`."""
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").title().replace("_", "")


def _extract_message(error: str) -> str:
    said, of_type = MESSAGE_PATTERN.search(error), ERROR_TYPE_PATTERN.search(error)
    return (f"{of_type[1]}: " if of_type else "") + (said[1] if said else " ".join(error.split()))


def _find_named_event(events: Sequence[HistoryEvent], message: str) -> HistoryEvent | None:
    if found := EVENT_ID_PATTERN.search(message):
        return next((event for event in events if event.event_id == int(found[1])), None)
    if found := LOCAL_ACTIVITY_PATTERN.search(message):
        return next((event for event in events if _local_activity_seq(event) == int(found[1])), None)
    return None


def _local_activity_seq(event: HistoryEvent) -> int | None:
    """Which local activity of the run left this marker, if one did."""
    data = event.marker_recorded_event_attributes.details.get("data")
    return json.loads(data.payloads[0].data).get("seq") if data else None


def _find_quoted_event(events: Sequence[HistoryEvent], message: str, task: int) -> HistoryEvent | None:
    """Of what the workflow task did when it was recorded, the first that has what is quoted."""
    words = QUOTED_PATTERN.findall(message) if NONDETERMINISM_CODE in message else []
    return next((event for event in _iterate_task_events(events, task) if any(word in str(event) for word in words)), None)


def _iterate_task_events(events: Sequence[HistoryEvent], task: int) -> Iterator[HistoryEvent]:
    following = (event for event in events if event.event_id > task)
    return takewhile(lambda event: event.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, following)


def _find_task_event(events: Sequence[HistoryEvent], task: int) -> HistoryEvent:
    return next((event for event in events if event.event_id == task), events[0])
