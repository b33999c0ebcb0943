"""A person's day, in order, with the reasons."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.pages import Cursor, Limit, Page
from api.problems import RESPONSES
from api.readings.worklist import desk_of, read_worklist
from api.signed_in import Parts, Reader
from api.speaking import Words
from api.worklist_models import WorkItemOut, present
from domain.roles import Actor, Role
from domain.worklist import Work

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
