"""Replays histories with today's code, and hears what each run had written to its journal.

A local activity's arguments are not in the history, its result is. The code that is replayed makes the arguments again; an interceptor
sees them on their way, and the result tells which of them the database took.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
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

from adapters.audit.histories.divergence import parting
from adapters.audit.histories.run_histories import RunHistory
from adapters.temporal.data_converter import CONVERTER
from domain.audit.replay_comparison import Wake
from domain.audit.replay_report import Parting
from domain.case_record import Record, Recorded

RECORD = "record"
"""The local activity by which every case writes."""

_Heard = tuple[Record, workflow.ActivityHandle[Any]]


class Replayed(NamedTuple):
    """A run, what it wrote, and where today's code cannot have made its history: None when it can."""

    run: RunHistory
    wakes: list[Wake]
    parting: Parting | None


class Replaying:
    """`workflows` are today's classes. Raises nothing for a history that they cannot replay: the result says so."""

    def __init__(self, workflows: Sequence[type], runner: WorkflowRunner | None = None) -> None:
        self._workflows, self._runner = workflows, runner or UnsandboxedWorkflowRunner()

    async def replay(self, runs: Iterable[RunHistory]) -> list[Replayed]:
        """One after the other, in order, in a thread of their own: whoever else is served goes on being served. A run without a history,
        which the caller knows why it lacks, is passed over."""
        kept = [run for run in runs if run.history is not None]
        return await asyncio.to_thread(lambda: asyncio.run(self._replay(kept))) if kept else []

    async def _replay(self, runs: Sequence[RunHistory]) -> list[Replayed]:
        """In what the SDK calls debug mode: each task of a workflow is replayed on the spot instead of in yet another thread, and a machine
        that is busy for two seconds does not pass for a workflow that hangs."""
        listening, following = _Listening(), _Following(self._runner)
        replayer = Replayer(
            workflows=self._workflows, workflow_runner=following, data_converter=CONVERTER, interceptors=[listening], debug_mode=True
        )  # fmt: skip
        replayed = list[Replayed]()
        async with replayer.workflow_replay_iterator(_histories(runs)) as results:
            for run in runs:
                result = await anext(results)
                heard, task = listening.heard.pop(result.history.run_id, []), following.tasks.pop(result.history.run_id, 0)
                if result.replay_failure:
                    replayed.append(Replayed(run, heads_alone(result.history), parting(result.history, result.replay_failure, task)))
                else:
                    replayed.append(Replayed(run, [wake for each in heard if (wake := _wake(each))], None))
        return replayed


async def _histories(runs: Sequence[RunHistory]) -> AsyncIterator[WorkflowHistory]:
    for run in runs:
        assert run.history is not None
        yield run.history


def _wake(heard: _Heard) -> Wake | None:
    """None when nothing was written: the run was told to go on where an earlier one ended, or the database did not take it."""
    record, handle = heard
    if not handle.done():
        return Wake(record.entries, None)
    if handle.cancelled() or handle.exception():
        return None
    answer: Recorded = handle.result()
    return None if answer.carried else Wake(record.entries, answer.head)


def heads_alone(history: WorkflowHistory) -> list[Wake]:
    """What a history says of its journal by itself, without any code of ours."""
    markers = (
        event.marker_recorded_event_attributes for event in history.events if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
    )
    results = [marker.details["result"].payloads[0].data for marker in markers if "result" in marker.details]
    answers = [answer for answer in map(json.loads, results) if isinstance(answer, dict) and "head" in answer]
    return [Wake(None, str(answer["head"])) for answer in answers if not answer.get("carried")]


class _Listening(Interceptor):
    """Every record that a replayed run makes, under the id of its run."""

    def __init__(self) -> None:
        self.heard: dict[str, list[_Heard]] = {}

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        heard = self.heard

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(_Outbound(outbound, heard))

        return Inbound


class _Outbound(WorkflowOutboundInterceptor):
    def __init__(self, following: WorkflowOutboundInterceptor, heard: dict[str, list[_Heard]]) -> None:
        super().__init__(following)
        self._heard = heard

    def start_local_activity(self, input: StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        """A record is kept as it is: it goes nowhere, and needs no encoding."""
        if input.activity != RECORD:
            return super().start_local_activity(input)
        handle = super().start_local_activity(replace(input, args=()))
        self._heard.setdefault(workflow.info().run_id, []).append((input.args[0], handle))
        return handle


class _Following(WorkflowRunner):
    """Up to which event of its history each replayed run has come, under the id of the run."""

    def __init__(self, runner: WorkflowRunner) -> None:
        self._runner = runner
        self.tasks: dict[str, int] = {}

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = self._runner.create_instance(det)
        activate = instance.activate

        def followed(act: Any) -> Any:
            self.tasks[act.run_id] = act.history_length
            return activate(act)

        instance.activate = followed  # type: ignore[method-assign]
        return instance
