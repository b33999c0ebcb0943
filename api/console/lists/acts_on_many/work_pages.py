"""The page of an act on many rows: how far it has come, and to what it could not be done; or that nothing is known of it any more, and how
it is begun again."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any, Protocol

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.console.acts.refusal import Faults
from api.console.acts.sent_form import SentForm
from api.console.acts.wording import ActWording
from api.console.gone_works import GoneKind, build_work_address, render_gone_work
from api.console.lists.acts_on_many.list_works import ActOnRows, ListWork, ListWorks
from api.console.lists.chosen_fields import SEEN_FIELD
from api.console.rendering import PageReader, render
from api.web.authentication import Context
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
    advice = "it is kept for an hour: the journals of the invoices have what was done"
    return render_gone_work(request, context, actor, token, GoneKind.ACT_ON_LIST, advice)


class ShownRows(Protocol):
    """The rows that a form was shown with. `seen`: the mark of these alone; `is_cut`: there are more than it may be about."""

    @property
    def rows(self) -> Collection[str]: ...
    @property
    def seen(self) -> str: ...
    @property
    def is_cut(self) -> bool: ...


async def find_begun(works: ListWorks, sent: SentForm, user: str) -> Response | None:
    """Where a form leads that was sent before: to what it began, if that began with anything."""
    known = works.find_by_key(sent.key, user) if sent.is_ours else None
    if known is None:
        return None
    await known.is_first_tried.wait()
    return None if known.faults else lead_to_work(known)


def find_stale_fault(sent: SentForm, shown: ShownRows, words: ActWording) -> tuple[int, Faults] | None:
    """Why nothing may be begun with a form, and with which status it is answered: another session's, or the rows are not those that it was
    shown with."""
    if not sent.is_ours:
        return 403, [("", words.notices["stale"])]
    if sent.first(SEEN_FIELD) != shown.seen or shown.is_cut or not shown.rows:
        return 409, [("", words.notices["list_changed"])]
    return None


async def begin_once(
    works: ListWorks, user: str, key: str, what: ActOnRows, rows: Mapping[str, str], do: Callable[[ListWork], Coroutine[Any, Any, None]]
) -> ListWork:
    """Begin it in the background, once for a form's `key`, and wait until its first row was tried, and for a moment longer: few rows are
    done by then."""
    work, is_new = works.begin(user, key, what, rows)
    task = works.hold(do(work)) if is_new else None
    await work.is_first_tried.wait()
    if task:
        await asyncio.wait([task], timeout=WAITED_SECONDS)
    return work


def lead_to_work(work: ListWork) -> Response:
    return RedirectResponse(build_work_address(WORKS_PAGE, work, work.what.act, work.what.again, work.what.back), status_code=303)
