"""The page of an act on many rows: how far it has come, and to what it could not be done; or that nothing is known of it any more, and how
it is begun again."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.console.gone_works import build_work_address, find_gone_work
from api.console.lists.acts_on_many.list_works import ListWork, ListWorks
from api.console.rendering import PageReader, render
from api.web.authentication import Context
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
WORKS_PAGE = "/lists/works"
WAITED_SECONDS = 2.0
"""For so long a page waits for what it began: few rows are done by then."""

MAX_CHOSEN_AGAIN = 100
"""So many ticked rows the address of a work names, to begin it again with them: as many as one page of a list has."""


@router.get(WORKS_PAGE + "/{token}")
def show_work(request: Request, token: str, context: Context, actor: PageReader) -> HTMLResponse:
    """How far it has come, and to what it could not be done. Raises Problem 404."""
    works: ListWorks = request.app.state.list_works
    work = works.find(token, actor.user)
    if work is not None:
        return render(request, context, "list_work.html", actor, work=work, unknown_people=work.unknown_people)
    gone = find_gone_work(request, token, actor.user)
    if gone is None:
        raise not_found_problem("act on a list", "", "it is kept for an hour: the journals of the invoices have what was done")
    page = render(request, context, "gone_work.html", actor, gone=gone, is_list=True)
    page.status_code = 410
    return page


async def begin_work(works: ListWorks, work: ListWork, working: Coroutine[Any, Any, None]) -> None:
    """Until its first row was tried, and for a moment longer."""
    task = asyncio.create_task(working)
    works.tasks.add(task)
    task.add_done_callback(works.tasks.discard)
    await work.is_first_tried.wait()
    await asyncio.wait([task], timeout=WAITED_SECONDS)


def lead_to_work(work: ListWork) -> Response:
    return RedirectResponse(build_work_address(WORKS_PAGE, work, work.what.act, work.what.again, work.what.back), status_code=303)
