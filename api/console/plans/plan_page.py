"""The page on which a payment plan is built."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from adapters.i18n.formatting import format_localised_money
from adapters.i18n.wording import fill_placeholders
from adapters.preview.plan_ahead import PlanAhead
from adapters.read_model.accounts import AccountDetail
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, list_invoices
from api.console.acts.api_call import send_to_api
from api.console.acts.form_body import UnreadableField
from api.console.acts.forms import load_act_forms
from api.console.acts.sent_form import KEY_FIELD, read_sent_form
from api.console.acts.shown_form import PLAIN_AMOUNT
from api.console.acts.wording import Reader
from api.console.plans.computed_plan import compute_plan
from api.console.plans.plan_form import RHYTHMS, PlanForm
from api.console.rendering import DONE_PARAMETER, QUEUED_PARAMETER, load_reader, render, require_page_right
from api.context import ApiContext
from api.routes.accounts import require_account_detail
from api.schemas.plans import PlanPreviewIn
from api.web.access_logging import record_shown_account
from api.web.authentication import Context
from api.web.permissions import Permission
from api.web.problems import Problem
from api.web.request_ids import derive_act_id
from api.web.request_target import EncodedPathRoute
from domain.billing.billing_events import InvoiceStatus
from domain.policy.policy_parsing import PolicyError
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
PROPOSE_FORM = "propose_plan"
MAX_INVOICES = 500
EMPTY_ROW = {"day": "", "amount": ""}
"""In which a further instalment is written."""

SEND, COMPUTE = "send", "compute"


Planner = Annotated[Actor, Depends(require_page_right(Permission.PLAN_PAYMENTS))]


class Built(NamedTuple):
    """What comes of what was filled in: the plan, or why there is none."""

    plan: PlanAhead | None
    fault: str


@router.get("/accounts/{account_id}/plan")
def show_builder(request: Request, account_id: str, context: Context, actor: Planner, currency: str = "") -> HTMLResponse:
    """Begins with all that is overdue, in equal parts."""
    account = require_account_detail(context, account_id)
    owed = _list_owed(context, account_id)
    chosen = _choose_currency(owed, currency)
    overdue = [row.id for row in owed if row.currency == chosen and row.days_past_due(context.today) > 0]
    form = PlanForm.begin(context, overdue or [row.id for row in owed if row.currency == chosen])
    reader = load_reader(context, actor)
    return _render_builder(request, context, actor, account, owed, chosen, form, _build(context, actor, account, form, chosen, reader))


@router.post("/accounts/{account_id}/plan")
async def build_plan(request: Request, account_id: str, context: Context, actor: Planner) -> Response:
    """Computed, checked as it was edited, or proposed."""
    sent = await read_sent_form(request)
    do = sent.first("do")
    form, currency = PlanForm.read(sent.values, edited=do != COMPUTE), sent.first("currency")
    account = await run_in_threadpool(require_account_detail, context, account_id)
    reader = await run_in_threadpool(load_reader, context, actor)

    def show_page(built: Built, status: int) -> HTMLResponse:
        page = _render_builder(request, context, actor, account, _list_owed(context, account_id), currency, form, built, sent.key)
        page.status_code = status
        return page

    if not sent.is_ours:
        return await run_in_threadpool(show_page, Built(None, reader.act_words.notices["stale"]), 403)
    built = await run_in_threadpool(_build, context, actor, account, form, currency, reader)
    if built.plan is None or do != SEND:
        return await run_in_threadpool(show_page, built, 422 if do == SEND else 200)
    body = {**form.build_body(currency, reader.locale), "asked_by": form.asked_by or "us", "comment": form.comment.strip()}
    answer = await send_to_api(request, load_act_forms()[PROPOSE_FORM], {"account_id": account_id}, body, sent.key)
    if answer.is_refusal:
        fault = reader.act_words.fill_notice("refused", detail=str(answer.document.get("detail", "")))
        return await run_in_threadpool(show_page, Built(built.plan, fault), answer.status)
    queued = f"&{QUEUED_PARAMETER}=yes" if answer.is_queued else ""
    address = request.url.path.removesuffix("/plan")
    return RedirectResponse(f"{address}?{DONE_PARAMETER}={PROPOSE_FORM}{queued}", status_code=303)


def _build(context: ApiContext, actor: Actor, account: AccountDetail, form: PlanForm, currency: str, reader: Reader) -> Built:
    words = reader.act_words
    try:
        body = PlanPreviewIn.model_validate(form.build_body(currency, reader.locale))
        if fault := _find_difference(context, account, body, reader):
            return Built(None, fault)
        return Built(compute_plan(context, account, body, actor.user), "")
    except UnreadableField as fault:
        return Built(None, words.fill_notice("unreadable", example=fault.example))
    except PolicyError:
        return Built(None, reader.phrases.plan_page["no_policy"])
    except ValidationError:
        return Built(None, reader.phrases.plan_page["incomplete"])
    except Problem as problem:
        return Built(None, words.fill_notice("refused", detail=problem.detail))


def _find_difference(context: ApiContext, account: AccountDetail, body: PlanPreviewIn, reader: Reader) -> str:
    """Say in the reader's words that edited instalments are not what is owed; empty where they are."""
    debt = sum(row.open_balance for row in _list_owed(context, account.id) if row.id in body.invoices)
    parts = sum(part.minor for part in body.terms.custom)
    if not body.terms.custom or parts == debt:
        return ""
    money = reader.phrases.shared.format_money
    return fill_placeholders(
        reader.phrases.plan_page["does_not_add"], {"sum": money(parts, body.currency), "debt": money(debt, body.currency)}
    )


def _list_owed(context: ApiContext, account_id: str) -> list[InvoiceRow]:
    owed = InvoiceFilter(account=account_id, status=InvoiceStatus.OPEN)
    return list_invoices(context.database, owed, context.today, MAX_INVOICES, None)[0]


def _choose_currency(owed: Sequence[InvoiceRow], wanted: str) -> str:
    currencies = [row.currency for row in owed]
    return wanted if wanted in currencies else next(iter(currencies), "")


def _render_builder(
    request: Request,
    context: ApiContext,
    actor: Actor,
    account: AccountDetail,
    owed: Sequence[InvoiceRow],
    currency: str,
    form: PlanForm,
    built: Built,
    key: str = "",
) -> HTMLResponse:
    record_shown_account(request, account.id)
    locale = load_reader(context, actor).locale
    computed = built.plan.schedule.instalments if built.plan and not form.edited else ()
    rows = [
        {
            "day": each.due_on.isoformat(),
            "amount": format_localised_money(each.amount - each.interest, currency, locale, PLAIN_AMOUNT),
        }
        for each in computed
    ]
    return render(
        request,
        context,
        "plan.html",
        actor,
        account=account,
        owed=[row for row in owed if row.currency == currency],
        currencies=list(dict.fromkeys(row.currency for row in owed)),
        currency=currency,
        form=form,
        rows=[*(rows or form.list_rows()), EMPTY_ROW],
        rhythms=RHYTHMS,
        plan=built.plan,
        fault=built.fault,
        key=key or derive_act_id("form", request.url.path, actor.user, context.now().isoformat()),
        key_field=KEY_FIELD,
    )
