"""Giving accounts of a list to another collector, those that were ticked or all that match: first how many they are and what they owe,
then who gets them, and why."""

from collections.abc import Sequence
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import QueryParams

from adapters.read_model.lists.account_list import list_matching_account_ids
from adapters.read_model.lists.chosen_rows import load_chosen_accounts
from api.console.acts.api_call import ApiAnswer, find_earlier_answer, send_to_api
from api.console.acts.forms import load_act_forms
from api.console.acts.people import list_colleagues, offer_people, resolve_names
from api.console.acts.refusal import say_refusal
from api.console.acts.sent_form import KEY_FIELD, Values, get_first, read_sent_form
from api.console.acts.shown_form import show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.lists.account_list import ACCOUNT_LIST, REASSIGNMENT, REASSIGNMENT_PAGE, build_account_filter
from api.console.lists.acts_on_many.row_requests import INVALID
from api.console.lists.acts_on_many.work_pages import find_stale_fault
from api.console.lists.chosen_fields import CHOSEN_FIELD, QUERY_FIELD, mark_rows
from api.console.lists.list_state import ListState, open_list
from api.console.rendering import PageReader, load_reader, render
from api.context import ApiContext
from api.web.authentication import Context, require_right
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_ACCOUNTS = 10_000
"""So many one request to the API may name."""


class ShownAccounts(NamedTuple):
    """The accounts that a form was shown with, by id. `is_cut`: there are more than MAX_ACCOUNTS."""

    rows: Sequence[str]

    @property
    def seen(self) -> str:
        """The same for the same accounts alone."""
        return mark_rows(self.rows)

    @property
    def is_cut(self) -> bool:
        return len(self.rows) > MAX_ACCOUNTS


@router.get(REASSIGNMENT_PAGE)
def show_reassignment(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    require_right(actor, load_act_forms()[REASSIGNMENT].permission)
    asked = request.query_params
    state = _read_state(context, actor, QueryParams(asked[QUERY_FIELD]) if QUERY_FIELD in asked else asked)
    return _render_reassignment(request, context, actor, state, {CHOSEN_FIELD: asked.getlist(CHOSEN_FIELD)})


@router.post(REASSIGNMENT_PAGE)
async def reassign_all(request: Request, context: Context, actor: PageReader) -> Response:
    """Those that were shown, or nothing: what matches by now is shown again where it is not the same, but for the same form sent twice,
    whose first sending may be why."""
    form = load_act_forms()[REASSIGNMENT]
    await run_in_threadpool(require_right, actor, form.permission)
    sent = await read_sent_form(request, max_fields=MAX_ACCOUNTS)
    state = await run_in_threadpool(_read_state, context, actor, QueryParams(sent.first(QUERY_FIELD)))
    reader = await run_in_threadpool(load_reader, context, actor)
    shown = await run_in_threadpool(_list_accounts, context, state, sent.values)
    earlier = await run_in_threadpool(find_earlier_answer, context, actor.user, sent.key) if sent.is_ours else None
    if earlier:
        return await run_in_threadpool(_render_reassignment, request, context, actor, state, sent.values, "", _say_moved(earlier))

    async def again(status: int, fault: str) -> HTMLResponse:
        page = await run_in_threadpool(_render_reassignment, request, context, actor, state, sent.values, fault)
        page.status_code = status
        return page

    if stale := find_stale_fault(sent, shown, reader.act_words):
        status, [(_, fault)] = stale
        return await again(status, fault)
    colleagues = await run_in_threadpool(list_colleagues, context.identity)
    meant, unknown = resolve_names(form, sent.values, colleagues, reader.act_words)
    if unknown:
        return await again(INVALID, unknown[0][1])
    body = {"accounts": list(shown.rows), "to": get_first(meant, "to"), "why": sent.first("why").strip()}
    answer = await send_to_api(request, form, {}, body, sent.key)
    if answer.is_refusal:
        return await again(answer.status, say_refusal(answer, reader))
    return await run_in_threadpool(_render_reassignment, request, context, actor, state, sent.values, "", _say_moved(answer))


def _say_moved(answer: ApiAnswer) -> dict[str, object]:
    return {name: answer.document[name] for name in ("moved", "tasks", "to")}


def _read_state(context: ApiContext, actor: Actor, parameters: QueryParams) -> ListState:
    """Raises Problem 422."""
    return open_list(context, ACCOUNT_LIST, parameters, load_reader(context, actor).phrases)


def _list_accounts(context: ApiContext, state: ListState, given: Values) -> ShownAccounts:
    """Those that were ticked and are there, or all that match."""
    if chosen := given.get(CHOSEN_FIELD):
        return ShownAccounts(list(load_chosen_accounts(context.database, list(dict.fromkeys(chosen)), context.today).names))
    return ShownAccounts(list_matching_account_ids(context.database, build_account_filter(state.values), context.today, MAX_ACCOUNTS + 1))


def _render_reassignment(
    request: Request,
    context: ApiContext,
    actor: Actor,
    state: ListState,
    given: Values,
    fault: str = "",
    done: dict[str, object] | None = None,
) -> HTMLResponse:
    shown = _list_accounts(context, state, given)
    chosen = list(given.get(CHOSEN_FIELD, ()))
    ticked = load_chosen_accounts(context.database, shown.rows, context.today).totals if chosen else None
    reader = load_reader(context, actor)
    values = {name: given[name] for name in ("to", "why") if name in given}
    faults = [("", fault)] if fault else ()
    key, form = get_first(given, KEY_FIELD), load_act_forms()[REASSIGNMENT]
    people = offer_people(form, list_colleagues(context.identity), reader.phrases)
    return render(
        request,
        context,
        "list_reassignment.html",
        actor,
        state=state,
        form=show_form(REASSIGNMENT, form, {}, NO_SUBJECT, reader, values, faults, key, people),
        totals=ticked or ACCOUNT_LIST.load_totals(context, state.values),
        chosen=chosen,
        count=len(shown.rows),
        too_many=shown.is_cut,
        seen=shown.seen,
        moved=done,
    )
