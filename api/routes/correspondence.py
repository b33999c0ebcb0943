"""Letters and tasks: what went out, and what waits for a person."""

from typing import Annotated

from fastapi import APIRouter, Query

from adapters.database.row_states import MessageState, TaskState
from adapters.preview.letter_preview import DEFAULT_DAYS, MOST_DAYS
from adapters.read_model.correspondence import LetterRow, find_letter, find_task, list_letters, list_tasks
from api.commands.notes_and_tasks import close_task
from api.context import ApiContext
from api.presenters.correspondence import present_letter, present_letter_with_text, present_preview, present_task
from api.schemas.correspondence import DecisionIn, LetterOut, LetterWithText, PreviewOut, TaskDoneIn, TaskOut
from api.schemas.request_body import RowId
from api.web.authentication import Context, LetterDecidingActor, ReadingActor, TaskWorkingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.permissions import may_close_task
from api.web.problems import PROBLEM_RESPONSES, Problem, not_found_problem

letters_router = APIRouter(prefix="/v1/letters", tags=["letters"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
previews_router = APIRouter(prefix="/v1/preview", tags=["letters"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
tasks_router = APIRouter(prefix="/v1/tasks", tags=["tasks"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
LETTER_STATES = f"^({'|'.join(MessageState)})$"
TASK_STATES = f"^({'|'.join(TaskState)})$"


@letters_router.get("", operation_id="list_letters", summary="Letters, the newest first")
def get_letters(
    context: Context,
    _: ReadingActor,
    state: Annotated[str | None, Query(pattern=LETTER_STATES)] = None,
    account: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LetterOut]:
    rows, following = list_letters(context.database, limit, cursor, state=state, account=account)
    return Page(items=[present_letter(row) for row in rows], next=following)


@letters_router.get("/{letter_id}", operation_id="read_letter", summary="One letter with its text")
def get_letter(letter_id: RowId, context: Context, _: ReadingActor) -> LetterWithText:
    return present_letter_with_text(_require_letter(context, letter_id))


@letters_router.post("/{letter_id}/decision", operation_id="decide_letter", summary="Settle a refused letter, or one of unknown fate")
def decide_letter(letter_id: RowId, body: DecisionIn, context: Context, actor: LetterDecidingActor) -> LetterWithText:
    """`delivered`: it did arrive. `resend`: it goes again, with the same Message-ID."""
    context.letter_decisions.decide(letter_id, body.decision, actor.user, body.comment, context.business_now)
    return present_letter_with_text(_require_letter(context, letter_id))


def _require_letter(context: ApiContext, letter_id: int) -> LetterRow:
    row = find_letter(context.database, letter_id)
    if row is None:
        raise not_found_problem("letter", str(letter_id), "GET /v1/letters lists them")
    return row


@previews_router.get("", operation_id="preview_letters", summary="Who would get what and when in the next business days")
def get_preview(
    context: Context,
    _: ReadingActor,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS, description="business days, today included")] = DEFAULT_DAYS,
    account: Annotated[str | None, Query(description="only this account, each letter with its text")] = None,
    collector: Annotated[str | None, Query(description="only this collector's accounts")] = None,
    text: Annotated[bool, Query(description="each letter with its text")] = False,
) -> PreviewOut:
    """Duecourse's own rules, played ahead on a copy: nothing is written. Accounts that are held for release, and letters that are stopped,
    are played as if they were not. What nobody can know is left out: payments, promises, new invoices, letters that cases will ask for."""
    ahead = context.preview.look_ahead(context.business_now, days, account, collector)
    return present_preview(ahead, text or account is not None)


@tasks_router.get("", operation_id="list_tasks", summary="What people should do, by the day it is due")
def get_tasks(
    context: Context,
    _: ReadingActor,
    state: Annotated[str, Query(pattern=TASK_STATES)] = TaskState.OPEN,
    kind: str | None = None,
    role: str | None = None,
    assignee: str | None = None,
    account: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TaskOut]:
    rows, following = list_tasks(context.database, limit, cursor, state, kind=kind, role=role, assignee=assignee, account_id=account)
    return Page(items=[present_task(row) for row in rows], next=following)


@tasks_router.post("/{task_id}/done", operation_id="close_task", summary="Close a task")
def mark_task_done(task_id: RowId, body: TaskDoneIn, context: Context, actor: TaskWorkingActor) -> TaskOut:
    """Those of billing close the tasks that wait for them: what could not be booked from here, and credit to be applied."""
    waiting = find_task(context.database, task_id)
    if waiting and not may_close_task(actor.role, waiting.role):
        raise Problem(403, "not-allowed", "It is not yours to close", f"this task waits for somebody who is {waiting.role}")
    row = close_task(context.database, task_id, body.outcome, actor.user)
    if row is None:
        raise not_found_problem("task", str(task_id), "GET /v1/tasks lists them")
    return present_task(row)
