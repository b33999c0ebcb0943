"""An activity that fails again and again is seen, whichever it is, until it no longer fails."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import cast

import pytest
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from adapters.database.engine import Database
from adapters.set_aside.set_aside_store import SetAsideStore, count_waiting
from adapters.set_aside.stages import SetAsideStage
from adapters.temporal.failure_watch import ATTEMPTS_BEFORE_ALARM, FailureWatch


class Work:
    """An activity that fails as long as it has a reason."""

    def __init__(self, database: Database, workflow: str) -> None:
        self.failure: Exception | None = None
        self.watched = FailureWatch(SetAsideStore(database)).intercept_activity(cast("ActivityInboundInterceptor", self))
        self.workflow = workflow

    async def execute_activity(self, _: object) -> str:
        if self.failure:
            raise self.failure
        return "done"

    async def run(self, attempt: int) -> str:
        environment = ActivityEnvironment()
        environment.info = replace(
            environment.info, attempt=attempt, workflow_type=self.workflow, workflow_id="invoice:I1", activity_type="work"
        )
        execute: Callable[[ExecuteActivityInput], Awaitable[object]] = self.watched.execute_activity
        return cast("str", await environment.run(execute, cast("ExecuteActivityInput", None)))


@pytest.mark.parametrize(
    ("workflow", "stage", "item_id"),
    [
        ("DailySeal", SetAsideStage.SCHEDULE, "DailySeal:work"),
        ("InvoiceCollection", SetAsideStage.CASE_WORK, "invoice:I1:work"),
    ],
)
async def test_it_is_set_aside_at_the_third_attempt_and_settled_when_it_succeeds(
    database: Database, workflow: str, stage: SetAsideStage, item_id: str
) -> None:
    work = Work(database, workflow)
    work.failure = ValueError("a leaf cannot be read")
    for attempt in range(1, ATTEMPTS_BEFORE_ALARM):
        with pytest.raises(ValueError):
            await work.run(attempt)
    assert count_waiting(database) == {}
    with pytest.raises(ValueError):
        await work.run(ATTEMPTS_BEFORE_ALARM)
    (item,) = SetAsideStore(database).list_waiting(stage).values()
    assert (item.item_id, item.detail) == (item_id, "ValueError: a leaf cannot be read")
    work.failure = None
    assert await work.run(ATTEMPTS_BEFORE_ALARM + 1) == "done"
    assert count_waiting(database) == {}


async def test_what_waits_for_a_person_is_no_failure(database: Database) -> None:
    work = Work(database, "AccountSuspension")
    work.failure = ValueError("the billing system is away")
    with pytest.raises(ValueError):
        await work.run(ATTEMPTS_BEFORE_ALARM)
    assert count_waiting(database) == {SetAsideStage.CASE_WORK: 1}
    work.failure = ApplicationError("a person does this", category=ApplicationErrorCategory.BENIGN)
    for attempt in range(ATTEMPTS_BEFORE_ALARM + 1, ATTEMPTS_BEFORE_ALARM + 4):
        with pytest.raises(ApplicationError):
            await work.run(attempt)
        assert count_waiting(database) == {}


async def test_a_scheduled_work_that_gives_up_at_once_is_seen_and_the_next_run_settles_it(database: Database) -> None:
    work = Work(database, "DailySeal")
    work.failure = ApplicationError("a day before the last one", non_retryable=True)
    with pytest.raises(ApplicationError):
        await work.run(1)
    assert count_waiting(database) == {SetAsideStage.SCHEDULE: 1}
    work.failure = None
    await work.run(1)
    assert count_waiting(database) == {}
