"""Connected systems are read and compared each on its own: one that is slow or fails holds up no other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from tests.time_skipping import time_skipping
from worker import build_workflow_runner
from workflows.case_runtime.system_turns import MOST_AT_ONCE
from workflows.compared_systems import ComparedSystems
from workflows.connected_systems import ConnectedSystems

PATIENCE = 20.0


class SlowSystems:
    """The first is answered only when all others were; `most`: how many were under way at once."""

    def __init__(self, names: Sequence[str], failing: str = "") -> None:
        self.names, self.failing = names, failing
        self.others, self.under_way, self.most = asyncio.Event(), 0, 0
        self.done: list[str] = []

    @activity.defn
    async def list_systems(self) -> list[str]:
        return list(self.names)

    @activity.defn
    async def read_system(self, name: str) -> int:
        await self._work(name)
        return 1

    @activity.defn
    async def compare_system(self, name: str) -> bool:
        await self._work(name)
        return True

    async def _work(self, name: str) -> None:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            if name == self.failing:
                raise ApplicationError("no", non_retryable=True)
            if name == self.names[0]:
                await asyncio.wait_for(self.others.wait(), PATIENCE)
            self.done.append(name)
        finally:
            self.under_way -= 1
            if len(self.done) + bool(self.failing) >= len(self.names) - 1:
                self.others.set()


@pytest.fixture
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    async with time_skipping() as environment:
        yield environment


async def run(environment: WorkflowEnvironment, workflow: Any, systems: SlowSystems) -> int:
    worker = Worker(
        environment.client,
        task_queue="systems",
        workflows=[ConnectedSystems, ComparedSystems],
        activities=[systems.list_systems, systems.read_system, systems.compare_system],
        workflow_runner=build_workflow_runner(),
    )
    async with worker:
        with environment.auto_time_skipping_disabled():
            return int(await environment.client.execute_workflow(workflow, id="systems", task_queue="systems"))


@pytest.mark.parametrize("workflow", [ConnectedSystems.run, ComparedSystems.run])
async def test_one_that_is_slow_holds_up_no_other_and_only_some_are_asked_at_once(environment: WorkflowEnvironment, workflow: Any) -> None:
    systems = SlowSystems([f"system-{number}" for number in range(MOST_AT_ONCE + 4)])
    assert await run(environment, workflow, systems) == len(systems.names)
    assert (systems.done[-1], systems.most <= MOST_AT_ONCE) == ("system-0", True)


async def test_one_that_fails_holds_up_no_other_and_the_run_says_so(environment: WorkflowEnvironment) -> None:
    systems = SlowSystems(["first", "second", "third"], failing="second")
    with pytest.raises(WorkflowFailureError):
        await run(environment, ConnectedSystems.run, systems)
    assert sorted(systems.done) == ["first", "third"]
