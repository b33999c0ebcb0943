"""The audit: who looked at which account, and the erasure of personal details."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.concurrency import run_in_threadpool

from adapters.read_model.access_log import ViewFilter, list_views
from adapters.temporal.case_start import Beginning
from api.commands.case_commands import do_or_begin
from api.routes.account_lookup import ActId, ExistingAccount
from api.routes.invoice_commands import WAITS
from api.schemas.audit import ErasureOut, ViewOut
from api.schemas.responses import ActAnswer
from api.web.access_logging import ViewTrail, trail_of
from api.web.authentication import Auditing, Erasing, Parts
from api.web.idempotency import OnceRoute
from api.web.pagination import Cursor, Limit, Page
from api.web.problems import RESPONSES, Problem
from domain import identifiers as ids
from domain.erasure.commands import EraseAccount
from domain.erasure.workflow_input import ERASING

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=OnceRoute, responses=RESPONSES)
ERASURE = "/accounts/{account_id}/erasure"
Trail = Annotated[ViewTrail, Depends(trail_of)]


def wanted(
    account: str | None = None,
    user: str | None = None,
    first_day: Annotated[date | None, Query(description="a business date, included")] = None,
    last_day: Annotated[date | None, Query(description="a business date, included")] = None,
) -> ViewFilter:
    return ViewFilter(account=account, user=user, first_day=first_day, last_day=last_day)


@router.get("/views", operation_id="list_views", summary="Who looked at which account, the newest first")
async def views(
    _: Auditing, parts: Parts, trail: Trail, filter: Annotated[ViewFilter, Depends(wanted)], limit: Limit = 50, cursor: Cursor = None
) -> Page[ViewOut]:
    """Every read of an account, an invoice, a case, a letter or a file, over the API or at the console. Who reads the same account again by
    the same route within an hour is one row with a count. Who acts on an account stands in its journal."""
    await trail.flush()
    rows, following = await run_in_threadpool(list_views, parts.database, filter, limit, cursor)
    return Page(items=[ViewOut.of(row) for row in rows], next=following)


@router.get(ERASURE, operation_id="preview_erasure", summary="What would be erased of an account, and what was")
def preview(actor: Auditing, account: ExistingAccount, parts: Parts) -> ErasureOut:
    """Nothing is changed. `now.blocked` says why nothing may go yet: something is open, or its records must still be kept."""
    return ErasureOut(
        now=parts.erasure.plan(account.id, actor.user, parts.business_now), before=parts.erasure.reports(account.id)
    )  # fmt: skip


@router.post(ERASURE, operation_id="erase_account", summary="Erase an account's personal details", responses=WAITS)
async def erase(actor: Erasing, account: ExistingAccount, id: ActId, parts: Parts, response: Response) -> ActAnswer:
    """For good. What stands against it is said before anything begins; the journal says what went, and its chain goes on."""
    plan = await run_in_threadpool(parts.erasure.plan, account.id, actor.user, parts.business_now)
    if plan.blocked:
        raise Problem(409, "refused", "Nothing may be erased yet", "; ".join(plan.blocked))
    opening = await run_in_threadpool(parts.erasure.opening, account.id, parts.clock)
    beginning = Beginning(ERASING, ids.erasure_case(account.id), opening, account.id)
    return await do_or_begin(parts, beginning, EraseAccount(act_id=id, actor=actor.user, account_id=account.id), response)
