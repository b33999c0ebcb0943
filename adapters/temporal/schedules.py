"""The scheduled workflows, started by Temporal's own schedules: sending letters, reading billing events, referring accounts, sealing,
telling people of approvals, archiving histories, and checking that every open case runs."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from adapters.database.clock_store import is_accelerated
from adapters.set_aside.each import concerns_all, try_each
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain import identifiers as ids
from domain.clock import Clock

CORRESPONDENCE_SECONDS = 60.0
BILLING_SYNC_SECONDS = 15.0
CONNECTED_SYSTEMS_SECONDS = 60.0
COMPARED_SYSTEMS_SECONDS = 300.0
"""Real time: however fast the business clock is played, other systems are asked no more often. Whether one is to be compared is looked at
every few minutes; it is once a night."""

CATCH_UP_WINDOW = timedelta(seconds=10)
DIGEST_SECONDS = 300.0
"""How soon after its hour the digest of approvals goes, and how soon one that failed is tried again."""

HISTORY_ARCHIVE_SECONDS = 600.0
"""Real time, however fast the business clock is played: the server's retention is real time, too."""

STANDING_CHECK_SECONDS = 300.0
"""Real time: a case that the server lost stands still for so long at most."""

SHORT_KEPT_WORKFLOWS = (
    ids.WorkflowName.CORRESPONDENCE_RUN,
    ids.WorkflowName.BILLING_SYNC,
    ids.WorkflowName.CONNECTED_SYSTEMS,
    ids.WorkflowName.COMPARED_SYSTEMS,
    ids.WorkflowName.REFERRALS,
    ids.WorkflowName.HISTORY_ARCHIVE,
    ids.WorkflowName.APPROVAL_DIGEST,
    ids.WorkflowName.STANDING_CHECK,
)
_SHORT_KEPT_LIST = ", ".join(f'"{name}"' for name in SHORT_KEPT_WORKFLOWS)
RUN_RETENTION = timedelta(days=2)
"""The time for which the histories of scheduled runs are kept: the database has all that they contain, and 7,200 of them a day would fill
the disk if they were kept for as long as those of invoices."""


async def upsert_schedules(client: Client, clock: Clock) -> dict[str, Exception]:
    """Create or correct the schedules, each on its own; return the errors of those that could not be, by workflow. While a run takes longer
    than its interval, no second one starts. Raises RPCError when the server does not answer."""
    schedules = _list_schedules(clock)
    return await try_each({workflow.value: partial(_upsert_schedule, client, *schedule) for workflow, schedule in schedules.items()})


async def keep_schedules(client: Client, clock: Clock, set_aside: SetAsideStore) -> None:
    """As `upsert_schedules`; one that cannot be created is set aside."""
    failed = {f"{name}:schedule": error for name, error in (await upsert_schedules(client, clock)).items()}
    made = {f"{name.value}:schedule" for name in _list_schedules(clock)} - failed.keys()
    await asyncio.to_thread(set_aside.set_all_aside, SetAsideStage.SCHEDULE, failed)
    await asyncio.to_thread(set_aside.settle, SetAsideStage.SCHEDULE, made)


def _list_schedules(clock: Clock) -> dict[ids.WorkflowName, tuple[str, Schedule]]:
    """Return each scheduled workflow's schedule, with its id."""
    accelerated_seconds = max(1.0, clock.day_seconds / 24)
    business_day = timedelta(seconds=max(1.0, clock.day_seconds))
    digest_seconds = min(DIGEST_SECONDS, accelerated_seconds) if clock.hours_matter else clock.day_seconds

    def hasten(seconds: float) -> timedelta:
        return timedelta(seconds=min(accelerated_seconds, seconds) if is_accelerated(clock) else seconds)

    intervals = {
        ids.WorkflowName.CORRESPONDENCE_RUN: (ids.CORRESPONDENCE_RUN_ID, hasten(CORRESPONDENCE_SECONDS)),
        ids.WorkflowName.BILLING_SYNC: (ids.BILLING_SYNC_ID, hasten(BILLING_SYNC_SECONDS)),
        ids.WorkflowName.CONNECTED_SYSTEMS: (ids.CONNECTED_SYSTEMS_ID, timedelta(seconds=CONNECTED_SYSTEMS_SECONDS)),
        ids.WorkflowName.COMPARED_SYSTEMS: (ids.COMPARED_SYSTEMS_ID, timedelta(seconds=COMPARED_SYSTEMS_SECONDS)),
        ids.WorkflowName.HISTORY_ARCHIVE: (ids.HISTORY_ARCHIVE_ID, timedelta(seconds=HISTORY_ARCHIVE_SECONDS)),
        ids.WorkflowName.STANDING_CHECK: (ids.STANDING_CHECK_ID, timedelta(seconds=STANDING_CHECK_SECONDS)),
        ids.WorkflowName.APPROVAL_DIGEST: (ids.APPROVAL_DIGEST_ID, timedelta(seconds=max(1.0, digest_seconds))),
        ids.WorkflowName.REFERRALS: (ids.REFERRALS_ID, business_day),
        ids.WorkflowName.DAILY_SEAL: (ids.DAILY_SEAL_ID, business_day),
    }
    made_up_for = {ids.WorkflowName.DAILY_SEAL: business_day}
    return {
        workflow: (schedule_id, _build_schedule(schedule_id, workflow, every, made_up_for.get(workflow, CATCH_UP_WINDOW)))
        for workflow, (schedule_id, every) in intervals.items()
    }


async def delete_old_runs(client: Client) -> int:
    """Delete the histories of scheduled runs that ended more than `RUN_RETENTION` ago, each on its own; return their number. Raises
    ExceptionGroup for those that could not be deleted, once all were tried; RPCError when the server does not answer."""
    before = (datetime.now(UTC) - RUN_RETENTION).isoformat()
    query = f'WorkflowType IN ({_SHORT_KEPT_LIST}) AND CloseTime < "{before}"'
    count, failures = 0, list[Exception]()
    async for run in client.list_workflows(query):
        execution = WorkflowExecution(workflow_id=run.id, run_id=run.run_id)
        request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=execution)
        try:
            await client.workflow_service.delete_workflow_execution(request)
        except RPCError as error:
            if concerns_all(error):
                raise
            if error.status is not RPCStatusCode.NOT_FOUND:  # visibility lags: it may be gone
                failures.append(error)
        else:
            count += 1
    if failures:
        raise ExceptionGroup(f"{len(failures)} old runs could not be deleted", failures)
    return count


async def trigger_billing_sync(client: Client) -> bool:
    """Start BillingSync now instead of at its schedule's next time; false when there is no such schedule yet.

    The only way to start it: a run that is under way may have read already, so another one follows it, and never two at a time.
    """
    return await trigger_schedule(client, ids.BILLING_SYNC_ID)


async def trigger_schedule(client: Client, schedule_id: str) -> bool:
    """Start a scheduled workflow now, or as soon as the run that is under way is over; false when there is no such schedule yet."""
    try:
        await client.get_schedule_handle(schedule_id).trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)
    except RPCError:
        return False
    return True


def _build_schedule(schedule_id: str, workflow: ids.WorkflowName, every: timedelta, catch_up: timedelta = CATCH_UP_WINDOW) -> Schedule:
    """Build a schedule; a start that was missed is made up for within `catch_up`."""
    return Schedule(
        action=ScheduleActionStartWorkflow(workflow, id=schedule_id, task_queue=ids.TASK_QUEUE),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=max(catch_up, CATCH_UP_WINDOW)),
    )


async def _upsert_schedule(client: Client, schedule_id: str, schedule: Schedule) -> None:
    def keep_state(current: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule.state = current.description.schedule.state
        return ScheduleUpdate(schedule)

    try:
        await client.create_schedule(schedule_id, schedule)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(schedule_id).update(keep_state)
