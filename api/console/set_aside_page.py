"""The console's page of what failed and was set aside, in the reader's own language, with a button that has it tried again."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.set_aside.set_aside_store import SetAsideStore
from api.commands.set_aside import retry_item
from api.console.acts.sent_form import OWN_FORM
from api.console.rendering import PageReader, render
from api.presenters.worklist import SET_ASIDE_PAGE
from api.schemas.request_body import RowId
from api.web.authentication import Context, reject_cross_origin_request, require_right
from api.web.permissions import Permission, permission_denial_reason
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_ITEMS = 200


@router.get(SET_ASIDE_PAGE)
def show_set_aside(request: Request, context: Context, actor: PageReader, after: Annotated[RowId | None, Query()] = None) -> HTMLResponse:
    """A page of them, those after the number `after`."""
    items = SetAsideStore(context.database).list_page(MAX_ITEMS + 1, after)
    shown = items[:MAX_ITEMS]
    return render(
        request,
        context,
        "set_aside.html",
        actor,
        items=shown,
        following=shown[-1].id if len(items) > MAX_ITEMS else None,
        later_page=after is not None,
        now=context.now(),
        may_retry=permission_denial_reason(actor.role, Permission.RETRY_SET_ASIDE) is None,
    )


@router.post(SET_ASIDE_PAGE + "/{item_id}/retry", dependencies=[OWN_FORM])
async def retry_from_page(request: Request, item_id: RowId, context: Context, actor: PageReader) -> Response:
    """Raises Problem 403, also for another site's form; NothingSetAsideError."""
    reject_cross_origin_request(request)
    await run_in_threadpool(require_right, actor, Permission.RETRY_SET_ASIDE)
    await retry_item(context, actor, item_id)
    return RedirectResponse(SET_ASIDE_PAGE, status_code=303)
