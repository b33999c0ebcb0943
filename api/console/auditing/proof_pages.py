"""Proofs at the console: an account's replay, the verification of everything stored, and the trail of views."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import quote

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
from api.console.auditing.proof_works import ProofWork, ProofWorks, Report
from api.console.gone_works import GoneKind, build_work_address, render_gone_work
from api.console.rendering import render
from api.web.access_logging import AccessLogBuffer, record_shown_account
from api.web.authentication import Context
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
AUDIT_PAGE = "/audit"
PROOFS_PAGE = AUDIT_PAGE + "/proofs"
VERIFY, REPLAY = "verify", "replay"
"""As the words for proofs have them."""

MAX_VIEWS = 100
WAITED_SECONDS = 2.0
"""For so long a page waits for what it began."""


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

    async def verify(work: ProofWork) -> Report:
        return await run_in_threadpool(Verification(context.database, context.audits.archive).run, work.report_progress)

    return await _begin(request, actor, None, verify)


@router.post(AUDIT_PAGE + "/accounts/{account_id}")
async def replay_account(request: Request, account_id: str, context: Context, actor: Auditing) -> Response:
    """Replay an account's histories with today's code."""
    sent = await read_sent_form(request)
    account = await run_in_threadpool(find_account, context.database, account_id, context.today, 0)
    if account is None:
        raise not_found_problem("account", account_id, "the list of accounts finds it by a part of its name or number")
    if not sent.is_ours:
        return RedirectResponse(request.url.path, status_code=303)

    async def replay(work: ProofWork) -> Report:
        return await context.audits.replay(account_id, work.report_progress)

    return await _begin(request, actor, account_id, replay)


@router.get(PROOFS_PAGE + "/{token}")
def show_proof(request: Request, token: str, context: Context, actor: Auditing) -> HTMLResponse:
    """How far a proof has come, and then what it says. Raises Problem 404, and what kept it from being made."""
    works: ProofWorks = request.app.state.proof_works
    work = works.find(token, actor.user)
    if work is None:
        return render_gone_work(request, context, actor, token, GoneKind.PROOF, "it is kept for an hour: ask for it once more")
    account = find_account(context.database, work.account_id, context.today, 0) if work.account_id is not None else None
    if account is not None:
        record_shown_account(request, account.id)
    if work.fault is not None:
        raise ArchiveStoreError(str(work.fault)) if isinstance(work.fault, RPCError) else work.fault
    template = "proof_running.html" if work.is_running else "verification.html" if work.account_id is None else "replay.html"
    return render(request, context, template, actor, work=work, account=account, report=work.report)


async def _begin(request: Request, actor: Actor, account_id: str | None, prove: Callable[[ProofWork], Awaitable[Report]]) -> Response:
    """Begin it in the background, and wait for a moment: most accounts are small."""
    works: ProofWorks = request.app.state.proof_works
    work, is_new = works.begin(actor.user, account_id)
    if is_new:
        await asyncio.wait([works.hold(_work(work, prove))], timeout=WAITED_SECONDS)
    page = AUDIT_PAGE if account_id is None else f"{AUDIT_PAGE}/accounts/{quote(account_id, safe='')}"
    return RedirectResponse(build_work_address(PROOFS_PAGE, work, VERIFY if account_id is None else REPLAY, page, page), status_code=303)


async def _work(work: ProofWork, prove: Callable[[ProofWork], Awaitable[Report]]) -> None:
    try:
        work.end(await prove(work))
    except Exception as error:
        work.end(None, error)
    except BaseException as error:
        work.end(None, error)
        raise
