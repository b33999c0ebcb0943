"""Locate where today's code diverges from a history: at which event, in which workflow.

Temporal's core names the event, or the local activity that left it, in most of its messages. Where it does not (it then quotes what
differs, or the project's code raised an error), the event is searched in the workflow task at which the replay broke off.
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
"""Temporal's code for a divergence of code and history."""

EVENT_ID_PATTERN = re.compile(r"HistoryEvent\(id: ([0-9]+)")
LOCAL_ACTIVITY_PATTERN = re.compile(r"LocalActivity\(([0-9]+)\)")
QUOTED_PATTERN = re.compile(r"'([^']+)'")
MESSAGE_PATTERN, ERROR_TYPE_PATTERN = re.compile(r'message: "((?:[^"\\]|\\.)*)"'), re.compile(r'type: "([^"]+)"')
"""The message, and the type of an error of the project's code, within a failure as the core prints it with all its parts."""


def locate_divergence(history: WorkflowHistory, error: Exception, task: int) -> ReplayDivergence:
    """Locate a divergence. `task`: the number of the last event that the code received; 0 when it received none."""
    message = _extract_message(str(error))
    event = (
        _find_named_event(history.events, message)
        or _find_quoted_event(history.events, message, task)
        or _find_task_event(history.events, task)
    )
    started = history.events[0].workflow_execution_started_event_attributes
    return ReplayDivergence(
        workflow=started.workflow_type.name,
        case_id=history.workflow_id,
        event_id=event.event_id,
        event=event_type_name(event),
        said=message,
    )


def event_type_name(event: HistoryEvent) -> str:
    """Return the type of an event as Temporal's documentation names it: `TimerStarted`."""
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").title().replace("_", "")


def _extract_message(error: str) -> str:
    message, error_type = MESSAGE_PATTERN.search(error), ERROR_TYPE_PATTERN.search(error)
    return (f"{error_type[1]}: " if error_type else "") + (message[1] if message else " ".join(error.split()))


def _find_named_event(events: Sequence[HistoryEvent], message: str) -> HistoryEvent | None:
    if match := EVENT_ID_PATTERN.search(message):
        return next((event for event in events if event.event_id == int(match[1])), None)
    if match := LOCAL_ACTIVITY_PATTERN.search(message):
        return next((event for event in events if _get_local_activity_seq(event) == int(match[1])), None)
    return None


def _get_local_activity_seq(event: HistoryEvent) -> int | None:
    """Return the number of the run's local activity that left this marker; None for another event."""
    data = event.marker_recorded_event_attributes.details.get("data")
    return json.loads(data.payloads[0].data).get("seq") if data else None


def _find_quoted_event(events: Sequence[HistoryEvent], message: str, task: int) -> HistoryEvent | None:
    """Find the first event of the recorded workflow task that contains a quoted word of the message."""
    words = QUOTED_PATTERN.findall(message) if NONDETERMINISM_CODE in message else []
    return next((event for event in _iterate_task_events(events, task) if any(word in str(event) for word in words)), None)


def _iterate_task_events(events: Sequence[HistoryEvent], task: int) -> Iterator[HistoryEvent]:
    following = (event for event in events if event.event_id > task)
    return takewhile(lambda event: event.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, following)


def _find_task_event(events: Sequence[HistoryEvent], task: int) -> HistoryEvent:
    return next((event for event in events if event.event_id == task), events[0])
