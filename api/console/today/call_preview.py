"""The part of Today that is asked for anew while somebody fills in a call: what will happen then."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse

from api.console.acts.forms import load_act_forms
from api.console.acts.sent_form import Values, get_first, read_sent_form
from api.console.rendering import PageReader, load_reader, render
from api.console.today.customer import load_customer
from api.console.today.foreseen import CALL_FORM, foresee_call
from api.context import ApiContext
from api.web.access_logging import record_shown_account
from api.web.authentication import Context, require_right
from api.web.one_snapshot import from_one_snapshot
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
PREVIEW_PATH = "/today/foreseen"


@router.post(PREVIEW_PATH)
async def post_foreseen(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    """Nothing is done, and nothing kept, of what the form says: it is sent, rather than asked for, so that no address has it. Raises
    Problem 403 where the reader may not call, 404 for an account that there is not."""
    require_right(actor, load_act_forms()[CALL_FORM].permission)
    sent = await read_sent_form(request)
    return await run_in_threadpool(_show_foreseen, request=request, context=context, actor=actor, values=sent.values)


@from_one_snapshot
def _show_foreseen(request: Request, context: ApiContext, actor: Actor, values: Values) -> HTMLResponse:
    account_id, reader = get_first(values, "account_id"), load_reader(context, actor)
    customer = load_customer(context, account_id, reader)
    if customer is None:
        raise not_found_problem("account", account_id, "GET /v1/accounts?q= finds it by a part of its name")
    record_shown_account(request, account_id)
    return render(request, context, "foreseen.html", actor, foreseen=foresee_call(context, customer, actor, values, reader))
