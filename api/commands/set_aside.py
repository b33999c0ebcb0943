"""Has what was set aside tried again at once."""

from datetime import UTC, datetime, timedelta

from fastapi.concurrency import run_in_threadpool

from adapters.set_aside.set_aside_store import SetAsideItem, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from api.context import ApiContext
from domain import identifiers as ids
from domain.roles import Actor

STAGE_SCHEDULES: dict[SetAsideStage, str | None] = {
    SetAsideStage.BILLING_EVENT: ids.BILLING_SYNC_ID,
    SetAsideStage.BILLING_SYSTEM: ids.CONNECTED_SYSTEMS_ID,
    SetAsideStage.COLLECTOR: ids.BILLING_SYNC_ID,
    SetAsideStage.CLOCK: None,
    SetAsideStage.LETTER: ids.CORRESPONDENCE_RUN_ID,
    SetAsideStage.LETTER_SELECTION: ids.CORRESPONDENCE_RUN_ID,
    SetAsideStage.LETTER_OUTCOME: ids.CORRESPONDENCE_RUN_ID,
    SetAsideStage.NOTICE: ids.APPROVAL_DIGEST_ID,
    SetAsideStage.DIGEST: ids.APPROVAL_DIGEST_ID,
    SetAsideStage.REFERRAL: ids.REFERRALS_ID,
    SetAsideStage.HISTORY: ids.HISTORY_ARCHIVE_ID,
    SetAsideStage.SEAL_MAIL: ids.DAILY_SEAL_ID,
    SetAsideStage.CASE_WORK: None,
    SetAsideStage.CASE: ids.STANDING_CHECK_ID,
}
"""The schedule that works on each stage; None where a case does, or the process that plays the clock. What a schedule failed at names
it."""

_SCHEDULE_OF_WORKFLOW: dict[str, str] = {
    ids.WorkflowName.BILLING_SYNC: ids.BILLING_SYNC_ID,
    ids.WorkflowName.CONNECTED_SYSTEMS: ids.CONNECTED_SYSTEMS_ID,
    ids.WorkflowName.COMPARED_SYSTEMS: ids.COMPARED_SYSTEMS_ID,
    ids.WorkflowName.CORRESPONDENCE_RUN: ids.CORRESPONDENCE_RUN_ID,
    ids.WorkflowName.APPROVAL_DIGEST: ids.APPROVAL_DIGEST_ID,
    ids.WorkflowName.REFERRALS: ids.REFERRALS_ID,
    ids.WorkflowName.HISTORY_ARCHIVE: ids.HISTORY_ARCHIVE_ID,
    ids.WorkflowName.DAILY_SEAL: ids.DAILY_SEAL_ID,
    ids.WorkflowName.STANDING_CHECK: ids.STANDING_CHECK_ID,
}


GIVEN_UP_AFTER = timedelta(hours=1)
"""A case's own work is tried again within minutes as long as its case waits for it: what has not been tried for so long was given up, or
its case is over. It stays in the list until somebody has seen it."""


async def retry_item(context: ApiContext, actor: Actor, number: int) -> SetAsideItem:
    """Have something that is set aside tried at once, and start what tries it. Raises NothingSetAsideError."""
    store = SetAsideStore(context.database)
    item = await run_in_threadpool(store.ask_retry, number, actor.user)
    if item.stage is SetAsideStage.CASE_WORK and item.last_tried_at < datetime.now(UTC) - GIVEN_UP_AFTER:
        await run_in_threadpool(store.settle, item.stage, {item.item_id})
    if schedule := find_schedule(item):
        await context.cases.trigger_schedule(schedule)
    return item


def find_schedule(item: SetAsideItem) -> str | None:
    """Find the schedule that tries an item; None where its own case does."""
    if item.stage is SetAsideStage.SCHEDULE:
        return _SCHEDULE_OF_WORKFLOW.get(item.item_id.partition(":")[0])
    return STAGE_SCHEDULES.get(item.stage)
