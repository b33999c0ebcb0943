"""Letters and tasks: what went out, and what waits for a person."""

from typing import Annotated

from fastapi import APIRouter, Query

from adapters.read_model.correspondence import LetterRow, list_letters, list_tasks, read_letter
from api.commands.notes_and_tasks import close_task
from api.context import ApiParts
from api.presenters import records as presenting
from api.schemas.requests import DecisionIn, TaskDoneIn
from api.schemas.responses import LetterOut, LetterWithText, TaskOut
from api.web.authentication import DecidingLetters, Parts, Reader, WorkingTasks
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, not_found

letters_router = APIRouter(prefix="/v1/letters", tags=["letters"], route_class=OnceRoute, responses=RESPONSES)
tasks_router = APIRouter(prefix="/v1/tasks", tags=["tasks"], route_class=OnceRoute, responses=RESPONSES)
LETTER_STATES = "^(intended|transmitting|sent|refused|unknown|void)$"


@letters_router.get("", operation_id="list_letters", summary="Letters, the newest first")
def letters(
    parts: Parts,
    _: Reader,
    state: Annotated[str | None, Query(pattern=LETTER_STATES)] = None,
    account: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LetterOut]:
    rows, following = list_letters(parts.database, limit, cursor, state=state, account=account)
    return Page(items=[presenting.letter(row) for row in rows], next=following)


@letters_router.get("/{letter_id}", operation_id="read_letter", summary="One letter with its text")
def letter(letter_id: int, parts: Parts, _: Reader) -> LetterWithText:
    return presenting.letter_with_text(_existing(parts, letter_id))


@letters_router.post("/{letter_id}/decision", operation_id="decide_letter", summary="Settle a refused letter, or one of unknown fate")
def decision(letter_id: int, said: DecisionIn, parts: Parts, actor: DecidingLetters) -> LetterWithText:
    """`delivered`: it did arrive. `resend`: it goes again, with the same Message-ID."""
    parts.letter_decisions.decide(letter_id, said.decision, actor.user, said.comment, parts.business_now)
    return presenting.letter_with_text(_existing(parts, letter_id))


def _existing(parts: ApiParts, letter_id: int) -> LetterRow:
    row = read_letter(parts.database, letter_id)
    if row is None:
        raise not_found("letter", str(letter_id), "GET /v1/letters lists them")
    return row


@tasks_router.get("", operation_id="list_tasks", summary="What people should do, by the day it is due")
def tasks(
    parts: Parts,
    _: Reader,
    state: Annotated[str, Query(pattern="^(open|done|dropped)$")] = "open",
    kind: str | None = None,
    role: str | None = None,
    assignee: str | None = None,
    account: str | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[TaskOut]:
    rows, following = list_tasks(parts.database, limit, cursor, state, kind=kind, role=role, assignee=assignee, account_id=account)
    return Page(items=[presenting.task(row) for row in rows], next=following)


@tasks_router.post("/{task_id}/done", operation_id="close_task", summary="Close a task")
def done(task_id: int, said: TaskDoneIn, parts: Parts, actor: WorkingTasks) -> TaskOut:
    row = close_task(parts.database, task_id, said.outcome, actor.user)
    if row is None:
        raise not_found("task", str(task_id), "GET /v1/tasks lists them")
    return presenting.task(row)
