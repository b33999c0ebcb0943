"""A person's worklist, in order, with the reasons; and what failed and was set aside, so that the rest went on."""

from typing import Annotated

from fastapi import APIRouter, Query

from adapters.read_model.cursors import decode_cursor, paginate_rows
from adapters.read_model.unreached_roles import find_unreached_people, find_unreached_roles, list_settled_notices
from adapters.read_model.worklist import load_worklist, load_worklist_scope
from adapters.set_aside.set_aside_store import SetAsideItem, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from api.commands.set_aside import retry_item
from api.presenters.account_place import tell_account_place
from api.presenters.language import ReaderPhrases
from api.presenters.phrases import Phrases
from api.presenters.worklist import present_unreached_roles, present_work_item
from api.schemas.request_body import RowId
from api.schemas.worklist import AccountPlaceOut, SetAsideOut, UnreachedRolesOut, WorkItemOut
from api.web.authentication import Context, ReadingActor, SetAsideRetryingActor
from api.web.idempotency import IdempotentRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES, not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.portfolio.worklist_ranking import WorkKind
from domain.roles import Actor, Role

router = APIRouter(prefix="/v1/worklist", tags=["worklist"], responses=PROBLEM_RESPONSES, route_class=EncodedPathRoute)
set_aside_router = APIRouter(prefix="/v1/set-aside", tags=["health"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
MAX_SETTLED_NOTICES = 50


@router.get("", operation_id="read_worklist", summary="What to do next, in order, and why")
def get_worklist(
    context: Context,
    actor: ReadingActor,
    words: ReaderPhrases,
    collector: Annotated[str | None, Query(min_length=1, max_length=100, description="this collector's list instead of your own")] = None,
    kind: Annotated[
        list[WorkKind] | None, Query(max_length=len(WorkKind), description="only these kinds; may be given several times")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[WorkItemOut]:
    """Yours are your accounts, those you cover today, the tasks given to you, and what waits for your role."""
    today = context.today
    whose = Actor(user=collector, role=Role.COLLECTOR) if collector else actor
    scope = load_worklist_scope(context.database, whose, today)
    lines, following = load_worklist(context.database, scope, today, limit, cursor, kind or ())
    return Page(items=[present_work_item(line, today, words) for line in lines], next=following)


@router.get(
    "/accounts/{account_id}", operation_id="find_account_place", summary="Whose list an account is on today, or why it is on nobody's"
)
def get_account_place(
    account_id: str,
    context: Context,
    actor: ReadingActor,
    words: ReaderPhrases,
    collector: Annotated[str | None, Query(min_length=1, max_length=100, description="as this collector's list sees it")] = None,
) -> AccountPlaceOut:
    """Told from what the worklists are made of: tasks, cases, promises, holds, and what the timeline does by itself."""
    whose = Actor(user=collector, role=Role.COLLECTOR) if collector else actor
    place = tell_account_place(context, account_id, whose, words, is_own=collector is None)
    if place is None:
        raise not_found_problem("account", account_id, "GET /v1/accounts?q= finds it by a part of its name")
    return place


@router.get("/roles", operation_id="list_unreached_roles", summary="What waits for a role, or a person, whom nobody can tell")
def get_unreached_roles(context: Context, _: ReadingActor) -> UnreachedRolesOut:
    """Give the role to somebody with an address, by `duecourse user add USER ROLE --email ADDRESS`: what waits is told within minutes."""
    roles = find_unreached_roles(context.database, context.today)
    people = find_unreached_people(context.database)
    return present_unreached_roles(roles, people, list_settled_notices(context.database, MAX_SETTLED_NOTICES))


@set_aside_router.get("", operation_id="list_set_aside", summary="What failed and was set aside, so that the rest went on")
def get_set_aside(
    context: Context,
    _: ReadingActor,
    words: ReaderPhrases,
    stage: Annotated[SetAsideStage | None, Query(description="only what failed at this stage of the work")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SetAsideOut]:
    """Each is tried again by itself, with growing pauses, and leaves the list once it went."""
    place = decode_cursor(cursor, int)
    items = SetAsideStore(context.database).list_page(limit + 1, place[0] if place else None, stage)
    shown, following = paginate_rows(items, limit, lambda item: (item.id,))
    return Page(items=[_present_set_aside(item, words) for item in shown], next=following)


@set_aside_router.post("/{item_id}/retry", operation_id="retry_set_aside", summary="Have it tried at once", status_code=202)
async def retry_set_aside(item_id: RowId, context: Context, actor: SetAsideRetryingActor, words: ReaderPhrases) -> SetAsideOut:
    """It leaves the list once it went. If it fails again it stays, with one more attempt and its reason of today. The list keeps who asked
    last, and when."""
    return _present_set_aside(await retry_item(context, actor, item_id), words)


def _present_set_aside(item: SetAsideItem, words: Phrases) -> SetAsideOut:
    facts = {"set_aside_stage": item.stage.value, "set_aside_reason": item.reason.value, "item": item.item_id}
    return SetAsideOut(**item.model_dump(exclude={"payload"}), says=words.render_worklist_reason("set_aside", facts))
