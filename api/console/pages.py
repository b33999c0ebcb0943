"""The console's routes. Each gathers what its page shows; nothing is changed here but a played clock."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.database.clock_store import ClockChange
from adapters.database.row_states import ClockChannel
from adapters.read_model.correspondence import list_pressing_tasks
from adapters.read_model.invoices import InvoiceFilter, list_invoices
from adapters.read_model.letter_brakes import list_reading_gaps
from adapters.read_model.overview.overview_figures import OverviewReader
from adapters.read_model.portfolio_totals import load_current_work, load_stage_order
from adapters.read_model.unreached_roles import find_unreached_people, find_unreached_roles, list_settled_notices
from adapters.set_aside.set_aside_store import count_waiting
from api.commands.clock import change_clock
from api.console.acts.sent_form import OWN_FORM
from api.console.mail_policy import MAIL_CONTENT_SECURITY_POLICY
from api.console.rendering import CLOCK_SPEEDS, PageReader, render
from api.routes.invoices import MAX_DAYS_PAST_DUE
from api.web.access_logging import record_shown_letter
from api.web.authentication import Context, require_right
from api.web.one_snapshot import from_one_snapshot
from api.web.permissions import Permission
from api.web.problems import invalid_request_problem, not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.billing.billing_events import InvoiceStatus
from domain.digits import parse_digits

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_LIST_LENGTH = 50
MAX_PRESSING_TASKS = 8


@router.get("/")
@from_one_snapshot
def show_portfolio(
    request: Request,
    context: Context,
    actor: PageReader,
    q: Annotated[str, Query(max_length=100)] = "",
    stage: str = "",
    currency: str = "",
    collector: str = "",
    overdue: str = "",
    until: str = "",
    hold: str = "",
    cursor: str = "",
) -> HTMLResponse:
    """Empty fields of the filter form come as empty strings. What is counted over the whole portfolio is the overview's."""
    invoice_filter = InvoiceFilter(
        q=q or None,
        stage=stage or None,
        currency=currency or None,
        collector=collector or None,
        status=None if stage else InvoiceStatus.OPEN,
        min_days_past_due=_parse_days(overdue) if overdue else None,
        max_days_past_due=_parse_days(until, "until") if until else None,
        on_hold={"yes": True, "no": False}.get(hold),
    )
    reader: OverviewReader = request.app.state.overview
    figures = reader.read(context.today, context.now(), context.clock)
    rows, following = list_invoices(context.database, invoice_filter, context.today, MAX_LIST_LENGTH, cursor or None)
    order = load_stage_order(context.database)
    tasks = list_pressing_tasks(context.database, MAX_PRESSING_TASKS)
    return render(
        request,
        context,
        "portfolio.html",
        actor,
        figures=figures,
        work=load_current_work(context.database, context.today),
        is_empty=not figures.stages and not figures.settled,
        currencies=sorted({currency for row in figures.stages for currency in row.open_balance}),
        most=max((row.invoices for row in figures.stages), default=1),
        invoices=rows,
        tasks=tasks,
        unreached=find_unreached_roles(context.database, context.today),
        set_aside=count_waiting(context.database),
        unreached_people=find_unreached_people(context.database),
        order=order,
        chosen={"q": q, "stage": stage, "currency": currency, "collector": collector, "overdue": overdue, "until": until, "hold": hold},
        next_page=request.url.include_query_params(cursor=following).query if following else None,
        later_page=bool(cursor),
    )


@router.get("/roles")
def show_unreached_roles(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    """What waits for a role in which nobody can be told, and what became of what waited before."""
    return render(
        request,
        context,
        "roles.html",
        actor,
        unreached=find_unreached_roles(context.database, context.today),
        unreached_people=find_unreached_people(context.database),
        settled=list_settled_notices(context.database, MAX_LIST_LENGTH),
    )


@router.get("/preview")
def show_preview(request: Request, context: Context, actor: PageReader, account: str = "") -> HTMLResponse:
    """The letters of the next business days; of one account, each as its reader would see it."""
    ahead = context.preview.look_ahead(context.business_now, account=account or None)
    mails = [each.mail for each in ahead.letters] if account else []
    page = render(
        request,
        context,
        "preview.html",
        actor,
        ahead=ahead,
        mails=mails,
        account_id=account,
        reading_gaps=list_reading_gaps(context.database),
    )
    page.headers["Content-Security-Policy"] = MAIL_CONTENT_SECURITY_POLICY
    return page


@router.get("/inbox")
def show_inbox(request: Request, context: Context, actor: PageReader, before: str = "") -> HTMLResponse:
    mails = context.inbox.list(MAX_LIST_LENGTH + 1, before or None) if context.inbox else ()
    shown = mails[:MAX_LIST_LENGTH]
    older = shown[-1].id if len(mails) > MAX_LIST_LENGTH else None
    return render(request, context, "inbox.html", actor, mails=shown, older=older, later_page=bool(before))


@router.get("/inbox/{mail_id}")
def show_mail(request: Request, mail_id: str, context: Context, actor: PageReader) -> HTMLResponse:
    found = context.inbox.get(mail_id) if context.inbox else None
    if found is None:
        raise not_found_problem("mail", mail_id, "the inbox lists those that are there")
    record_shown_letter(request, found.message_id)
    page = render(request, context, "mail.html", actor, mail=found)
    page.headers["Content-Security-Policy"] = MAIL_CONTENT_SECURITY_POLICY
    return page


@router.post("/clock", dependencies=[OWN_FORM])
async def set_clock(
    context: Context,
    actor: PageReader,
    paused: Annotated[str, Form(max_length=5)] = "",
    day_seconds: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Pause, slow or resume a played clock. Raises Problem 403, RealClockError."""
    await run_in_threadpool(require_right, actor, Permission.SET_CLOCK)
    speed = float(day_seconds) if day_seconds in CLOCK_SPEEDS else None
    change = ClockChange(paused={"yes": True, "no": False}.get(paused), day_seconds=speed)
    await change_clock(context, change, actor.user, ClockChannel.CONSOLE)
    return RedirectResponse("/", status_code=303)


def _parse_days(text: str, field: str = "overdue") -> int:
    """Raises Problem 422."""
    days = parse_digits(text)
    if days is None or days > MAX_DAYS_PAST_DUE:
        raise invalid_request_problem(field, f"write for how many days they are overdue, 0 to {MAX_DAYS_PAST_DUE:,}")
    return days
