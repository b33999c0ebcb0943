"""Histories recorded from earlier code are replayed by today's: a run that lives for months must survive every release.

Record with `python -m tests.histories.record`.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from adapters.audit.histories.divergence import event_type_name
from adapters.audit.histories.replayer import HistoryReplayer
from adapters.audit.histories.run_history_loader import RunHistory
from domain.audit.replay_comparison import JournalWrite
from domain.audit.replay_report import ReplayDivergence, RunSource
from domain.case.case_view import CaseView
from domain.clock import Moment
from domain.invoice.collection_stage import CollectionStage
from domain.invoice.invoice_case import InvoiceCase
from domain.payment_plan import plan_progress
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.policy.collection_policy import Step, StepAction
from domain.suspension import events
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.transitions import order_suspension
from tests.histories.record import FOLDER
from tests.workflows.test_temporal_lists import STAGE, list_sent_values
from worker import WORKFLOWS, build_workflow_runner
from workflows.case_runtime.search_attributes import SearchAttributeUpdater

FILES = sorted(FOLDER.glob("*.json"))


@cache
def recorded(file: Path) -> WorkflowHistory:
    content = json.loads(file.read_text(encoding="utf-8"))
    return WorkflowHistory.from_json(content["workflow_id"], content["history"])


SANDBOX = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("domain", "activities", "adapters", "pydantic")
)
"""The SDK's guard against what a workflow must not touch. Workers run without it (docs/decisions/0003), so it stands here."""


async def parted(file: Path, runner: WorkflowRunner | None = None) -> ReplayDivergence | None:
    """Where today's code cannot have made this history, or makes another journal of it; None when it does neither."""
    history = recorded(file)
    run = RunHistory(history.workflow_id, history.run_id, RunSource.ARCHIVED, history)
    (result,) = await HistoryReplayer(WORKFLOWS, runner or build_workflow_runner()).replay([run])
    return result.divergence or _written_otherwise(history, result.journal_writes)


def _written_otherwise(history: WorkflowHistory, wakes: Sequence[JournalWrite]) -> ReplayDivergence | None:
    """These histories have no task that was cut short, so that each writing must end with the very hash that the history kept."""
    head = next((wake.head for wake in wakes if wake.head and wake.entries and wake.entries[-1].hash != wake.head), None)
    if head is None:
        return None
    event = next(event for event in history.events if f'"head":"{head}"' in str(event.marker_recorded_event_attributes).replace("\\", ""))
    started = history.events[0].workflow_execution_started_event_attributes
    return ReplayDivergence(
        workflow=started.workflow_type.name,
        case_id=history.workflow_id,
        event_id=event.event_id,
        event=event_type_name(event),
        said="the journal goes on with another entry",
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    parting = await parted(file)
    assert parting is None, f"{file.name} cannot be replayed any more: {parting}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays_inside_the_sandbox(file: Path) -> None:
    parting = await parted(file, SANDBOX)
    assert parting is None, f"{file.name} touches what a workflow must not: {parting}"


def test_invoices_of_a_later_series_show_every_coarse_stage_and_the_first_ones_their_steps() -> None:
    """Both live side by side: a run goes on as it was started (docs/decisions/0020)."""
    shown = {file: list_sent_values(recorded(file), STAGE) for file in FILES if file.name.startswith("invoice_collection.")}
    first = {file for file in shown if file.stem.endswith(".2026-11")}
    assert {environment for file in first for environment in shown[file]}.isdisjoint(CollectionStage)
    assert {environment for file in shown.keys() - first for environment in shown[file]} == set(CollectionStage)


def test_every_workflow_has_a_recorded_history() -> None:
    started = {recorded(file).events[0].workflow_execution_started_event_attributes.workflow_type.name for file in FILES}
    assert started == {workflow.__name__ for workflow in WORKFLOWS}


# --- a change of the code that would decide otherwise than what was recorded


class Change(NamedTuple):
    """Of one method, or one function of a module; and where it shows, at the latest, in one of the recorded histories."""

    of: type | ModuleType
    method: str
    other: Callable[..., Any]
    workflow: str
    life: str
    event: tuple[int, str]

    @property
    def file(self) -> Path:
        return next(file for file in FILES if file.name.startswith(f"{self.life}."))

    @property
    def files(self) -> list[Path]:
        """All that were recorded of this kind."""
        return [file for file in FILES if file.name.startswith(f"{self.life.partition('.')[0]}.")]

    def make(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(self.of, self.method, self.other)

    def make_for_new_runs(self, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
        """Behind a patch, as every such change must be made; the answers that the recorded runs get."""
        before, other, answers = getattr(self.of, self.method), self.other, list[bool]()

        def either(*given: Any, **named: Any) -> Any:
            answers.append(workflow.patched("another-decision"))
            return (other if answers[-1] else before)(*given, **named)

        monkeypatch.setattr(self.of, self.method, either)
        return answers


def _calls(self: InvoiceCase, step: Step, at: Moment, take: Callable[..., None] = InvoiceCase.take_step) -> None:
    take(self, step.model_copy(update={"act": StepAction.CALL, "letter": None}), at)


def _never_wakes(self: InvoiceCase, now: datetime) -> None:
    return None


def _notes_another_account(self: InvoiceCase, at: Moment, open_case: Callable[..., None] = InvoiceCase.open) -> None:
    self.journal.account_id = "ANOTHER"
    open_case(self, at)


def _shows_its_step(
    self: SearchAttributeUpdater, view: CaseView, update: Callable[..., None] = SearchAttributeUpdater.update_attributes
) -> None:
    update(self, view.model_copy(update={"collection_stage": view.stage, "held_stage": view.stage}))


def _suspends_at_once(case: SuspensionCase, at: Moment) -> int:
    """As if the approval of the warning were the sign-off already: billing is called where a letter was written."""
    order_suspension(case, at)
    return case.journal.seq


CHANGES = {
    "a call instead of a reminder": Change(
        InvoiceCase, "take_step", _calls, "InvoiceCollection", "invoice_collection.full_timeline_to_paid", (16, "MarkerRecorded")
    ),
    "a step on no day": Change(
        InvoiceCase, "wakes_at", _never_wakes, "InvoiceCollection", "invoice_collection.promise_broken", (9, "TimerStarted")
    ),
    "an entry of another account": Change(
        InvoiceCase, "open", _notes_another_account, "InvoiceCollection", "invoice_collection.promise_broken", (5, "MarkerRecorded")
    ),
    "a step where a coarse stage was shown": Change(
        SearchAttributeUpdater,
        "update_attributes",
        _shows_its_step,
        "InvoiceCollection",
        "invoice_collection.full_timeline_to_paid.2026-11b",
        (7, "TimerStarted"),
    ),
    "a suspension without a warning": Change(
        events,
        "send_warning",
        _suspends_at_once,
        "AccountSuspension",
        "account_suspension.cured_in_its_notice",
        (63, "ActivityTaskScheduled"),
    ),
    "a plan that is broken without grace": Change(
        plan_progress,
        "_record_missed_instalment",
        plan_progress._break_plan,
        "PaymentPlan",
        "payment_plan.plan_broken",
        (99, "ActivityTaskScheduled"),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_changed_decision_is_named_with_its_workflow_and_the_event_at_which_it_shows(
    change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    change.make(monkeypatch)
    parting = await parted(change.file)
    assert parting is not None
    assert (parting.workflow, parting.case_id) == (change.workflow, recorded(change.file).workflow_id)
    assert (parting.event_id, parting.event) == change.event
    answer = str(parting)
    assert all(word in answer for word in (change.workflow, parting.case_id, f"event {parting.event_id}, {parting.event}"))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_the_same_change_behind_a_patch_leaves_what_was_recorded_as_it_was(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = change.make_for_new_runs(monkeypatch)
    assert [parting for file in change.files if (parting := await parted(file))] == []
    assert set(answers) == {False}


async def test_an_error_of_the_code_is_named_with_the_task_in_which_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(case: PaymentPlanCase, *_: object) -> None:
        raise ArithmeticError("no instalment is 'due'")

    monkeypatch.setattr(plan_progress, "_record_missed_instalment", fails)
    (file,) = (file for file in FILES if file.name.startswith("payment_plan.plan_broken."))
    parting = await parted(file)
    assert parting is not None
    assert (parting.event, parting.said) == ("WorkflowTaskStarted", "ArithmeticError: no instalment is 'due'")
