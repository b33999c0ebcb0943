"""A person's day, in order, with the reasons."""

from typing import Annotated

from fastapi import APIRouter, Query

from adapters.read_model.worklist import desk_of, read_worklist
from api.presenters.language import Words
from api.presenters.worklist import present
from api.schemas.worklist import WorkItemOut
from api.web.authentication import Parts, Reader
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES
from domain.portfolio.worklist_ranking import Work
from domain.roles import Actor, Role

router = APIRouter(prefix="/v1/worklist", tags=["worklist"], responses=RESPONSES)


@router.get("", operation_id="read_worklist", summary="What to do next, in order, and why")
def worklist(
    parts: Parts,
    actor: Reader,
    words: Words,
    collector: Annotated[str | None, Query(min_length=1, max_length=100, description="this collector's list instead of your own")] = None,
    kind: Annotated[list[Work] | None, Query(description="only these kinds; may be given several times")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[WorkItemOut]:
    """Yours are your accounts, those you cover today, the tasks given to you, and what waits for your role."""
    today = parts.today
    whose = Actor(user=collector, role=Role.COLLECTOR) if collector else actor
    desk = desk_of(parts.database, whose, today)
    lines, following = read_worklist(parts.database, desk, today, limit, cursor, kind or ())
    return Page(items=[present(line, today, words) for line in lines], next=following)
