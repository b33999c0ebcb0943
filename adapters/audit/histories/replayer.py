"""Replay histories with today's code, and collect what each run wrote to its journal.

A local activity's arguments are not in the history, its result is. The code that is replayed makes the arguments again; an interceptor
sees them on their way, and the result shows which of them the database took.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.worker import (
    Interceptor,
    Replayer,
    StartLocalActivityInput,
    UnsandboxedWorkflowRunner,
    WorkflowInboundInterceptor,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
    WorkflowRunner,
)

from adapters.audit.histories.divergence import locate_divergence
from adapters.audit.histories.run_history_loader import RunHistory
from adapters.audit.histories.unfinished_task import leave_out_unfinished_task
from adapters.temporal.data_converter import WORKER_DATA_CONVERTER
from adapters.temporal.signal_guard import SignalGuard
from domain.audit.replay_comparison import JournalWrite
from domain.audit.replay_report import ReplayDivergence
from domain.case_write import CaseWrite, CaseWriteResult

RECORD_ACTIVITY = "record"
"""The local activity by which every case writes."""

ReplayProgress = Callable[[int, int], None]
"""Called before each run with the number of runs that are done, and of all; from another thread."""

_PendingWrite = tuple[CaseWrite, workflow.ActivityHandle[Any]]


class ReplayResult(NamedTuple):
    """A run, its journal writes, and the point at which today's code diverges from its history, None when it does not."""

    run: RunHistory
    journal_writes: list[JournalWrite]
    divergence: ReplayDivergence | None


class HistoryReplayer:
    """Replays runs; `workflows` are today's classes. A history that they cannot replay raises nothing: its result has the divergence."""

    def __init__(self, workflows: Sequence[type], runner: WorkflowRunner | None = None) -> None:
        self._workflows, self._runner = workflows, runner or UnsandboxedWorkflowRunner()

    async def replay(self, runs: Iterable[RunHistory], progress: ReplayProgress | None = None) -> list[ReplayResult]:
        """Replay runs one after the other, in order, in a thread of their own, so that the event loop stays responsive. A run without a
        history is passed over."""
        replayable = [run for run in runs if run.history is not None]
        report = progress or (lambda done, total: None)
        return await asyncio.to_thread(lambda: asyncio.run(self._replay_runs(replayable, report))) if replayable else []

    async def _replay_runs(self, runs: Sequence[RunHistory], progress: ReplayProgress) -> list[ReplayResult]:
        """In what the SDK calls debug mode: each task of a workflow is replayed on the spot instead of in yet another thread, and a machine
        that is busy for two seconds does not pass for a workflow that hangs."""
        listening, following = _RecordInterceptor(), _TaskTrackingRunner(self._runner)
        replayer = Replayer(
            workflows=self._workflows,
            workflow_runner=following,
            data_converter=WORKER_DATA_CONVERTER,
            interceptors=[listening, SignalGuard()],
            debug_mode=True,
        )
        replayed = list[ReplayResult]()
        async with replayer.workflow_replay_iterator(_iterate_histories(runs)) as results:
            for run in runs:
                progress(len(replayed), len(runs))
                result = await anext(results)
                pending_writes, task = (
                    listening.pending_writes.pop(result.history.run_id, []),
                    following.last_task_events.pop(result.history.run_id, 0),
                )
                if result.replay_failure:
                    replayed.append(
                        ReplayResult(
                            run, extract_head_writes(result.history), locate_divergence(result.history, result.replay_failure, task)
                        )
                    )
                else:
                    replayed.append(
                        ReplayResult(run, [journal_write for each in pending_writes if (journal_write := _build_journal_write(each))], None)
                    )
        return replayed


async def _iterate_histories(runs: Sequence[RunHistory]) -> AsyncIterator[WorkflowHistory]:
    for run in runs:
        assert run.history is not None
        yield leave_out_unfinished_task(run.history)


def _build_journal_write(pending: _PendingWrite) -> JournalWrite | None:
    """Build a write; None when nothing was written: the run continued an earlier one's chain, or the database did not take it."""
    record, handle = pending
    if not handle.done():
        return JournalWrite(record.entries, None)
    if handle.cancelled() or handle.exception():
        return None
    answer: CaseWriteResult = handle.result()
    return None if answer.carried else JournalWrite(record.entries, answer.head)


def extract_head_writes(history: WorkflowHistory) -> list[JournalWrite]:
    """Extract the heads that a history itself has of its journal, without running the workflow's code."""
    markers = (
        event.marker_recorded_event_attributes for event in history.events if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    )
    results = [marker.details["result"].payloads[0].data for marker in markers if "result" in marker.details]
    answers = [answer for answer in map(json.loads, results) if isinstance(answer, dict) and "head" in answer]
    return [JournalWrite(None, str(answer["head"])) for answer in answers if not answer.get("carried")]


class _RecordInterceptor(Interceptor):
    """Collects every record that a replayed run makes, by the id of the run."""

    def __init__(self) -> None:
        self.pending_writes: dict[str, list[_PendingWrite]] = {}

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        pending_writes = self.pending_writes

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(_RecordOutboundInterceptor(outbound, pending_writes))

        return Inbound


class _RecordOutboundInterceptor(WorkflowOutboundInterceptor):
    def __init__(self, next_interceptor: WorkflowOutboundInterceptor, pending_writes: dict[str, list[_PendingWrite]]) -> None:
        super().__init__(next_interceptor)
        self._pending_writes = pending_writes

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        """Keep a record as it is, without its encoding: it is sent nowhere."""
        if input.activity != RECORD_ACTIVITY:
            return super().start_local_activity(input)
        handle = super().start_local_activity(replace(input, args=()))
        self._pending_writes.setdefault(workflow.info().run_id, []).append((input.args[0], handle))
        return handle


class _TaskTrackingRunner(WorkflowRunner):
    """Tracks the last event of its history that each replayed run has reached, by the id of the run."""

    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner
        self.last_task_events: dict[str, int] = {}

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = self._runner.create_instance(det)
        activate = instance.activate

        def activate_and_track(activation: Any) -> Any:
            self.last_task_events[activation.run_id] = activation.history_length
            return activate(activation)

        instance.activate = activate_and_track  # type: ignore[method-assign, assignment]
        return instance
