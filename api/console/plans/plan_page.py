"""The pages on which a payment plan is built: one that is proposed, and other terms for one that there is."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from adapters.preview.plan_as_it_stands import find_plan_rate
from adapters.read_model.case_pages.case_details import list_case_invoices
from adapters.read_model.cases import CaseRow
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, list_invoices
from api.console.acts.sent_form import read_sent_form
from api.console.plans.plan_builder import answer_builder, show_builder
from api.console.plans.plan_form import PlanForm
from api.console.plans.plan_subject import PlanSubject
from api.console.rendering import load_reader, require_page_right
from api.context import ApiContext
from api.routes.accounts import require_account_detail
from api.routes.plans import require_plan
from api.web.authentication import Context
from api.web.permissions import Permission
from api.web.request_target import EncodedPathRoute
from domain.billing.billing_events import InvoiceStatus
from domain.payment_plan.summary import PaymentPlanSummary
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_INVOICES = 500
Planner = Annotated[Actor, Depends(require_page_right(Permission.PLAN_PAYMENTS))]


@router.get("/accounts/{account_id}/plan")
def show_proposal(request: Request, account_id: str, context: Context, actor: Planner, currency: str = "") -> HTMLResponse:
    """Begins with all that is overdue, in equal parts."""
    subject = _load_debt(context, account_id, currency)
    overdue = [row.id for row in subject.invoices if row.days_past_due(context.today) > 0]
    form = PlanForm.begin(context, overdue or [row.id for row in subject.invoices])
    return show_builder(request, context, actor, subject, form)


@router.post("/accounts/{account_id}/plan")
async def build_proposal(request: Request, account_id: str, context: Context, actor: Planner) -> Response:
    sent = await read_sent_form(request)
    subject = await run_in_threadpool(_load_debt, context, account_id, sent.first("currency"))
    return await answer_builder(request, context, actor, subject, sent)


@router.get("/cases/{plan_id}/terms")
def show_terms(request: Request, plan_id: str, context: Context, actor: Planner) -> HTMLResponse:
    """Begins with the terms as they are. Raises Problem 404."""
    plan = require_plan(context, plan_id)
    form = PlanForm.show_terms(plan, find_plan_rate(context.database, plan), load_reader(context, actor).locale)
    return show_builder(request, context, actor, _load_plan(context, plan), form)


@router.post("/cases/{plan_id}/terms")
async def build_terms(request: Request, plan_id: str, context: Context, actor: Planner) -> Response:
    """Raises Problem 404."""
    sent = await read_sent_form(request)
    plan = await run_in_threadpool(require_plan, context, plan_id)
    return await answer_builder(request, context, actor, await run_in_threadpool(_load_plan, context, plan), sent)


def _load_debt(context: ApiContext, account_id: str, wanted: str) -> PlanSubject:
    """What the account owes in the wanted currency; without one, in that of its oldest invoice. Raises Problem 404."""
    account = require_account_detail(context, account_id)
    owed, _ = list_invoices(
        context.database, InvoiceFilter(account=account_id, status=InvoiceStatus.OPEN), context.today, MAX_INVOICES, None
    )
    currencies = _list_currencies(owed)
    currency = wanted if wanted in currencies else next(iter(currencies), "")
    return PlanSubject(account, [row for row in owed if row.currency == currency], currency, currencies)


def _load_plan(context: ApiContext, plan: CaseRow) -> PlanSubject:
    account, currency = require_account_detail(context, plan.account_id), plan.summary_of(PaymentPlanSummary).currency
    return PlanSubject(account, list_case_invoices(context.database, plan, context.today), currency, [currency], plan)


def _list_currencies(rows: Sequence[InvoiceRow]) -> list[str]:
    return list(dict.fromkeys(row.currency for row in rows))
