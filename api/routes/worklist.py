"""The route of a person's worklist, in order, with the reasons."""

from typing import Annotated

from fastapi import APIRouter, Query

from adapters.read_model.unreached_roles import find_unreached_roles, list_settled_notices
from adapters.read_model.worklist import load_worklist, load_worklist_scope
from api.presenters.language import ReaderPhrases
from api.presenters.worklist import present_unreached_roles, present_work_item
from api.schemas.worklist import UnreachedRolesOut, WorkItemOut
from api.web.authentication import Context, ReadingActor
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import PROBLEM_RESPONSES
from api.web.request_target import EncodedPathRoute
from domain.portfolio.worklist_ranking import WorkKind
from domain.roles import Actor, Role

router = APIRouter(prefix="/v1/worklist", tags=["worklist"], responses=PROBLEM_RESPONSES, route_class=EncodedPathRoute)
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


@router.get("/roles", operation_id="list_unreached_roles", summary="What waits for a role in which nobody can be told")
def get_unreached_roles(context: Context, _: ReadingActor) -> UnreachedRolesOut:
    """Give the role to somebody with an address, by `duecourse user add USER ROLE --email ADDRESS`: what waits is told within minutes."""
    roles = find_unreached_roles(context.database, context.today)
    return present_unreached_roles(roles, list_settled_notices(context.database, MAX_SETTLED_NOTICES))
