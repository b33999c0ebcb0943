"""Proofs at the console: an account's replay, the verification of everything stored, and the trail of views."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from temporalio.service import RPCError

from adapters.audit.histories.object_store import ArchiveStoreError
from adapters.audit.verification.verification import Verification
from adapters.read_model.access_log import AccessLogFilter, list_access_log
from adapters.read_model.accounts import find_account
from api.console.acts.sent_form import read_sent_form
from api.console.auditing.account_day_page import Auditing
from api.console.rendering import render
from api.web.access_logging import AccessLogBuffer
from api.web.authentication import Context
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
AUDIT_PAGE = "/audit"
MAX_VIEWS = 100


@router.get(AUDIT_PAGE)
async def show_audit(
    request: Request,
    context: Context,
    actor: Auditing,
    account: Annotated[str, Query(max_length=100)] = "",
    user: Annotated[str, Query(max_length=100)] = "",
    cursor: str = "",
) -> HTMLResponse:
    """Who looked at what; of one account, or by one person."""
    trail: AccessLogBuffer = request.app.state.trail
    await trail.flush()
    chosen = AccessLogFilter(account=account.strip() or None, user=user.strip() or None)

    def page() -> HTMLResponse:
        views, following = list_access_log(context.database, chosen, MAX_VIEWS, cursor or None)
        facts = {"views": views, "following": following, "chosen": {"account": account, "user": user}, "later_page": bool(cursor)}
        return render(request, context, "audit.html", actor, **facts)

    return await run_in_threadpool(page)


@router.post(AUDIT_PAGE)
async def verify_everything(request: Request, context: Context, actor: Auditing) -> Response:
    """Hold everything stored against hashes, chains and seals: some seconds for each hundred thousand entries."""
    if not (await read_sent_form(request)).is_ours:
        return RedirectResponse(AUDIT_PAGE, status_code=303)

    def page() -> HTMLResponse:
        report = Verification(context.database, context.audits.archive).run()
        return render(request, context, "verification.html", actor, report=report)

    return await run_in_threadpool(page)


@router.post(AUDIT_PAGE + "/accounts/{account_id}")
async def replay_account(request: Request, account_id: str, context: Context, actor: Auditing) -> Response:
    """Replay an account's histories with today's code. Raises ArchiveStoreError."""
    sent = await read_sent_form(request)
    account = await run_in_threadpool(find_account, context.database, account_id, context.today, 0)
    if account is None:
        raise not_found_problem("account", account_id, "the list of accounts finds it by a part of its name or number")
    if not sent.is_ours:
        return RedirectResponse(request.url.path, status_code=303)
    try:
        report = await context.audits.replay(account_id)
    except RPCError as error:
        raise ArchiveStoreError(str(error)) from error

    def page(reader: Actor) -> HTMLResponse:
        return render(request, context, "replay.html", reader, account=account, report=report)

    return await run_in_threadpool(page, actor)
