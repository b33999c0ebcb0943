"""The console's routes. Each gathers what its page shows; nothing is changed here but the session."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from adapters.read_model.correspondence import list_letters, list_tasks, pressing_tasks
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, list_invoices, read_invoice
from adapters.read_model.journal import JournalLine, account_history, case_history
from adapters.read_model.portfolio_totals import in_order, read_portfolio, stage_order
from api.commands.live_invoice import read_live
from api.console.rendering import FOLDER, reader, render
from api.console.timeline import timeline
from api.presenters.next_step_reason import why
from api.presenters.phrases import phrases
from api.routes.accounts import existing as existing_account
from api.web.access_logging import shows
from api.web.authentication import COOKIE, FROM_LINK, Parts
from api.web.middleware import CONTENT_POLICY
from api.web.problems import not_found
from domain import identifiers as ids
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Signed = Annotated[Actor, Depends(reader)]
SESSION_SECONDS = 7 * 86_400
LONGEST_LIST = 50
MOST_PRESSING = 8
MAIL_POLICY = CONTENT_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
    "script-src 'self'", "script-src 'none'"
)
"""A letter brings its own style attributes. It is shown in a sandboxed frame without scripts, forms or anything from elsewhere."""


@router.get("/")
def portfolio(
    request: Request,
    parts: Parts,
    actor: Signed,
    q: Annotated[str, Query(max_length=100)] = "",
    stage: str = "",
    currency: str = "",
    collector: str = "",
    overdue: str = "",
    hold: str = "",
    cursor: str = "",
) -> HTMLResponse:
    """Empty fields of the filter form come as empty strings."""
    wanted = InvoiceFilter(
        q=q or None,
        stage=stage or None,
        currency=currency or None,
        collector=collector or None,
        status=None if stage else "open",
        min_days_past_due=int(overdue) if overdue.isdecimal() else None,
        on_hold={"yes": True, "no": False}.get(hold),
    )
    figures = read_portfolio(parts.database, parts.today)
    rows, following = list_invoices(parts.database, wanted, parts.today, LONGEST_LIST, cursor or None)
    order = stage_order(parts.database)
    tasks = pressing_tasks(parts.database, MOST_PRESSING)
    return render(
        request, parts, "portfolio.html", actor,
        figures=figures, stages=in_order(figures.stages, order), most=max((row.count for row in figures.stages), default=1),
        invoices=rows, tasks=tasks, order=order,
        chosen={"q": q, "stage": stage, "currency": currency, "collector": collector, "overdue": overdue, "hold": hold},
        next_page=request.url.include_query_params(cursor=following).query if following else None,
        later_page=bool(cursor),
    )  # fmt: skip


@router.get("/invoices/{invoice_id}")
async def invoice(request: Request, invoice_id: str, parts: Parts, actor: Annotated[Actor, Depends(reader)]) -> HTMLResponse:
    row = await run_in_threadpool(_existing, parts, invoice_id)
    row, source, policy = await read_live(parts, row)

    def page() -> HTMLResponse:
        return render(
            request, parts, "invoice.html", actor,
            invoice=row, source=source, policy=policy, steps=timeline(row, policy, parts.today),
            why=phrases("en").say_why(*why(row.case, row.status, policy), row.currency),
            letters=list_letters(parts.database, limit=LONGEST_LIST, invoice=invoice_id)[0],
            tasks=list_tasks(parts.database, limit=LONGEST_LIST, state=None, invoice_id=invoice_id)[0],
            entries=_said(case_history(parts.database, ids.invoice_case(invoice_id))),
        )  # fmt: skip

    return await run_in_threadpool(page)


@router.get("/accounts/{account_id}")
def account(request: Request, account_id: str, parts: Parts, actor: Signed) -> HTMLResponse:
    lines, _ = account_history(parts.database, account_id, None, LONGEST_LIST, None)
    letters, _ = list_letters(parts.database, limit=LONGEST_LIST, account=account_id)
    return render(
        request, parts, "account.html", actor,
        account=existing_account(parts, account_id), entries=_said(lines), letters=letters,
    )  # fmt: skip


@router.get("/inbox")
def inbox(request: Request, parts: Parts, actor: Signed, before: str = "") -> HTMLResponse:
    mails = parts.inbox.list(LONGEST_LIST + 1, before or None) if parts.inbox else ()
    shown = mails[:LONGEST_LIST]
    older = shown[-1].id if len(mails) > LONGEST_LIST else None
    return render(request, parts, "inbox.html", actor, mails=shown, older=older, later_page=bool(before))


@router.get("/inbox/{mail_id}")
def mail(request: Request, mail_id: str, parts: Parts, actor: Signed) -> HTMLResponse:
    found = parts.inbox.get(mail_id) if parts.inbox else None
    if found is None:
        raise not_found("mail", mail_id, "the inbox lists those that are there")
    shows(request, found.message_id)
    page = render(request, parts, "mail.html", actor, mail=found)
    page.headers["Content-Security-Policy"] = MAIL_POLICY
    return page


@router.get("/sign-in")
def sign_in(request: Request, parts: Parts, code: str = "") -> Response:
    """A link's code is good once. Without one the page says how to get a link."""
    token = parts.identity.exchange(code) if code else None
    if token is None:
        return _sign_in_page(request, parts, "This link was used before, or is more than ten minutes old." if code else None)
    return _with_session(request, FROM_LINK + token)


@router.post("/sign-in")
def sign_in_with_token(request: Request, parts: Parts, token: Annotated[str, Form(max_length=200)] = "") -> Response:
    """With a token from `duecourse token`."""
    if parts.identity.who(token.strip()) is None:
        return _sign_in_page(request, parts, "This token is unknown, expired or revoked.")
    return _with_session(request, token.strip())


def _sign_in_page(request: Request, parts: Parts, refused: str | None) -> HTMLResponse:
    page = render(request, parts, "sign_in.html", None, refused=refused)
    page.status_code = 401 if refused else 200
    return page


def _with_session(request: Request, cookie: str) -> Response:
    response = RedirectResponse("/", status_code=303)
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, max_age=SESSION_SECONDS, httponly=True, samesite="lax", secure=secure)
    return response


@router.post("/sign-out")
def sign_out(request: Request, parts: Parts) -> Response:
    cookie = request.cookies.get(COOKIE, "")
    if cookie.startswith(FROM_LINK):
        parts.identity.revoke(cookie.removeprefix(FROM_LINK))
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(COOKIE)
    return response


@router.get("/console.css")
def style() -> FileResponse:
    return FileResponse(FOLDER / "console.css", media_type="text/css", headers={"Cache-Control": "no-cache"})


@router.get("/console.js")
def script() -> FileResponse:
    return FileResponse(FOLDER / "console.js", media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _existing(parts: Parts, invoice_id: str) -> InvoiceRow:
    row = read_invoice(parts.database, invoice_id)
    if row is None:
        raise not_found("invoice", invoice_id, "the portfolio's filter finds it by a part of its number")
    return row


def _said(lines: list[JournalLine]) -> list[tuple[JournalLine, str]]:
    """Each entry with its sentence, the latest first."""
    words = phrases("en")
    said = [(line, words.entry(line.kind, line.facts, line.currency)) for line in lines]
    return sorted(said, key=lambda pair: (pair[0].business_at, pair[0].case_id, pair[0].seq), reverse=True)
