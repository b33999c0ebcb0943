"""What a lost run had heard and not journalled, and what the first task that failed had taken in."""

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from adapters.case_check.lost_run import find_fault_message, find_unheard_signals

SIGNALED, STARTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED
COMPLETED, FAILED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
MARKER = EventType.EVENT_TYPE_MARKER_RECORDED


def history(*kinds: "EventType.ValueType") -> list[HistoryEvent]:
    """Events of these kinds, numbered from 1. A task's end names its begin, the event before it; a marker the task's end before it."""
    events = [HistoryEvent(event_id=number, event_type=kind) for number, kind in enumerate(kinds, 1)]
    for event in events:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                event.workflow_execution_signaled_event_attributes.signal_name = f"s{event.event_id}"
            case EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                event.workflow_task_completed_event_attributes.started_event_id = event.event_id - 1
            case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                event.workflow_task_failed_event_attributes.started_event_id = event.event_id - 1
                event.workflow_task_failed_event_attributes.failure.message = f"fault {event.event_id}"
            case EventType.EVENT_TYPE_MARKER_RECORDED:
                event.marker_recorded_event_attributes.workflow_task_completed_event_id = event.event_id - 1
    return events


def test_what_came_after_the_last_task_that_wrote_is_unheard() -> None:
    events = history(SIGNALED, STARTED, COMPLETED, MARKER, SIGNALED, STARTED, COMPLETED, SIGNALED)
    assert [signal.label for signal in find_unheard_signals(events)] == ["s5 (event 5)", "s8 (event 8)"]


def test_of_a_run_that_wrote_nothing_everything_is_unheard() -> None:
    assert [signal.event_id for signal in find_unheard_signals(history(SIGNALED, STARTED, SIGNALED))] == [1, 3]


def test_what_the_first_failing_task_took_in_is_told_from_what_came_later() -> None:
    events = history(SIGNALED, STARTED, COMPLETED, MARKER, SIGNALED, STARTED, FAILED, SIGNALED, STARTED, FAILED)
    assert [(signal.event_id, signal.came_before_fault) for signal in find_unheard_signals(events)] == [(5, True), (8, False)]
    assert find_fault_message(events) == "fault 10"


def test_a_task_that_failed_once_and_was_done_since_is_no_fault() -> None:
    events = history(STARTED, FAILED, STARTED, COMPLETED, MARKER, SIGNALED)
    assert find_fault_message(events) is None
    assert not any(signal.came_before_fault for signal in find_unheard_signals(events))


def test_a_name_that_cannot_be_printed_is_shown_as_far_as_it_can() -> None:
    (event,) = history(SIGNALED)
    event.workflow_execution_signaled_event_attributes.signal_name = "a\nb" + "c" * 200
    (signal,) = find_unheard_signals([event])
    assert signal.label == f"a?b{'c' * 61} (event 1)"
