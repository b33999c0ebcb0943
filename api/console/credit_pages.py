"""The console's part about unapplied credit: what is left, what is proposed, and the forms to apply it and to take that back."""

import json
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from adapters.billing.results import CreditApplication
from adapters.read_model.accounts import AccountDetail
from api.commands.unapplied_credit import apply_credit, is_machine, load_unapplied_credit, take_back_application
from api.console.acts.sent_form import OWN_FORM
from api.console.rendering import PageReader
from api.context import ApiContext
from api.schemas.billing import ApplicationReversalIn, CreditShareIn
from api.web.authentication import Context, reject_cross_origin_request, require_right
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import invalid_request_problem
from api.web.request_ids import derive_act_id
from api.web.request_target import EncodedPathRoute
from domain.billing.credit_application import CreditShare
from domain.money import Money
from domain.roles import Actor, is_same_person

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
APPLICATIONS = "/accounts/{account_id}/credit/applications"
Text = Annotated[str, Form(max_length=300)]


def build_credit_facts(context: ApiContext, actor: Actor, account: AccountDetail) -> dict[str, Any]:
    """What the section on the account's page shows. `act`: under which a form that is sent twice books once."""
    collects = account.collector is not None and is_same_person(actor.user, account.collector) and not is_machine(context, actor)
    return {
        "credit": load_unapplied_credit(context, account.id),
        "credit_numbers": {invoice.id: invoice.number for invoice in account.invoices},
        "may_apply": permission_denial_reason(actor.role, Permission.RECORD_PAYMENTS) is None,
        "collects": collects,
        "act": secrets.token_hex(16),
    }


@router.post(APPLICATIONS, dependencies=[OWN_FORM])
async def apply_from_page(
    request: Request,
    account_id: str,
    context: Context,
    actor: PageReader,
    currency: Text,
    act: Text,
    share: Annotated[list[str] | None, Form()] = None,
    credit_id: Text = "",
    invoice_id: Text = "",
    amount: Text = "",
) -> Response:
    """The shares that were ticked, as the page wrote them, or the one that was typed in. Raises Problem 403, also for another site's form;
    422, and what the billing port says."""
    reject_cross_origin_request(request)
    await run_in_threadpool(require_right, actor, Permission.RECORD_PAYMENTS)
    chosen = [_read_share(each, currency) for each in share] if share else [_build_share(credit_id, invoice_id, amount, currency)]
    key = derive_act_id("application", actor.user, request.url.path, act)

    def apply() -> CreditApplication:
        return apply_credit(context, actor, account_id, currency, chosen, key)

    await run_in_threadpool(apply)
    await context.cases.trigger_billing_sync()
    return _return_to_page(request)


@router.post(APPLICATIONS + "/{application_id}/reversal", dependencies=[OWN_FORM])
async def take_back_from_page(
    request: Request, account_id: str, application_id: str, context: Context, actor: PageReader, act: Text, reason: Text = ""
) -> Response:
    """Raises Problem 403, also for another site's form; 404, 422, and what the billing port says."""
    reject_cross_origin_request(request)
    await run_in_threadpool(require_right, actor, Permission.RECORD_PAYMENTS)
    try:
        why = ApplicationReversalIn(reason=reason).reason
    except ValidationError as error:
        raise invalid_request_problem("reason", "write why it is taken back, in at most 200 characters") from error
    key = derive_act_id("application", actor.user, request.url.path, act)
    await run_in_threadpool(lambda: take_back_application(context, actor, account_id, application_id, why, key))
    await context.cases.trigger_billing_sync()
    return _return_to_page(request)


def _return_to_page(request: Request) -> Response:
    return RedirectResponse(request.url.path.partition("/credit/applications")[0], status_code=303)


def _read_share(text: str, currency: str) -> CreditShare:
    """Raises Problem 422."""
    try:
        credit_id, invoice_id, minor = json.loads(text)
        major = str(Money(minor=minor, currency=currency).major)
    except (ValueError, TypeError) as error:
        raise invalid_request_problem("share", "choose from what the account's page proposes") from error
    return _build_share(credit_id, invoice_id, major, currency)


def _build_share(credit_id: str, invoice_id: str, amount: str, currency: str) -> CreditShare:
    """Raises Problem 422."""
    try:
        body = CreditShareIn(credit_id=credit_id, invoice_id=invoice_id, amount=amount.strip(), currency=currency)
    except (ValidationError, AttributeError) as error:
        raise invalid_request_problem("amount", "choose a credit and an invoice, and write an amount such as 12.34") from error
    return CreditShare(credit_id=body.credit_id, invoice_id=body.invoice_id, amount=body.minor)
