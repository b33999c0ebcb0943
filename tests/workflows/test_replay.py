"""Histories recorded from earlier code are replayed by today's: a run that lives for months must survive every release.

Record with `python -m tests.histories.record`.
"""

import json
from functools import cache
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import NondeterminismError

from domain.invoice_case import InvoiceCase, Moment
from domain.payment_plans import PaymentPlanCase
from domain.policy import Step, StepAct
from domain.suspensions import SuspensionCase
from tests.histories.record import FOLDER
from worker import WORKFLOWS, workflow_runner

FILES = sorted(FOLDER.glob("*.json"))


@cache
def recorded(file: Path) -> WorkflowHistory:
    content = json.loads(file.read_text(encoding="utf-8"))
    return WorkflowHistory.from_json(content["workflow_id"], content["history"])


SANDBOX = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("domain", "activities", "adapters", "pydantic")
)
"""The SDK's guard against what a workflow must not touch. Workers run without it (docs/decisions/0003), so it stands here."""


async def replay(file: Path, runner: WorkflowRunner | None = None) -> Exception | None:
    """Why today's code cannot have made this history; None when it can."""
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=runner or workflow_runner(), data_converter=pydantic_data_converter)
    return (await replayer.replay_workflow(recorded(file), raise_on_replay_failure=False)).replay_failure


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    failure = await replay(file)
    assert failure is None, f"{file.name} cannot be replayed any more: {failure}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays_inside_the_sandbox(file: Path) -> None:
    failure = await replay(file, SANDBOX)
    assert failure is None, f"{file.name} touches what a workflow must not: {failure}"


def test_every_workflow_has_a_recorded_history() -> None:
    started = {
        recorded(file).events[0].workflow_execution_started_event_attributes.workflow_type.name for file in FILES
    }  # fmt: skip
    assert started == {workflow.__name__ for workflow in WORKFLOWS}


async def test_a_changed_decision_cannot_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the first reminder a call, the timeline's history would be another one."""
    take = InvoiceCase.take

    def takes_another_step(self: InvoiceCase, step: Step, at: Moment) -> None:
        take(self, step.model_copy(update={"act": StepAct.CALL, "letter": None}), at)

    monkeypatch.setattr(InvoiceCase, "take", takes_another_step)
    (file,) = (file for file in FILES if "full_timeline" in file.name)
    assert isinstance(await replay(file), NondeterminismError)


async def test_a_step_that_comes_on_another_day_cannot_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InvoiceCase, "wakes_at", lambda self, now: None)
    (file,) = (file for file in FILES if "promise_broken" in file.name)
    assert isinstance(await replay(file), NondeterminismError)


async def test_an_account_that_is_suspended_without_a_warning_cannot_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the approval of the warning the sign-off already, billing would be called where a letter was written."""

    def suspends_at_once(self: SuspensionCase, at: Moment) -> int:
        self.order_suspension(at)
        return self.journal.seq

    monkeypatch.setattr(SuspensionCase, "send_warning", suspends_at_once)
    (file,) = (file for file in FILES if "account_suspension.cured_in_its_notice" in file.name)
    assert isinstance(await replay(file), NondeterminismError)


async def test_a_plan_that_is_broken_without_grace_cannot_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the first missed instalment the end of the plan, nobody would have been told that it was missed."""
    monkeypatch.setattr(PaymentPlanCase, "_miss", PaymentPlanCase._break)
    (file,) = (file for file in FILES if "payment_plan.plan_broken" in file.name)
    assert isinstance(await replay(file), NondeterminismError)
