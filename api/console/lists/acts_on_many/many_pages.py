"""The page of an act on many rows: what it would be done to, before anything is done."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import QueryParams

from adapters.read_model.lists.list_totals import ListTotals
from api.console.acts.form_body import UnreadableField, build_body
from api.console.acts.people import list_colleagues, offer_people, resolve_names
from api.console.acts.refusal import Faults
from api.console.acts.sent_form import KEY_FIELD, Values, get_first, read_sent_form
from api.console.acts.shown_form import show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.acts.wording import Reader
from api.console.lists.acts_on_many.list_works import ActOnRows, ListWork, ListWorks
from api.console.lists.acts_on_many.many_acts import (
    ALL_OPEN,
    INVOICES_FIELD,
    ROW_KINDS,
    RowKind,
    list_left_out,
    load_many_form,
    means_all_invoices,
)
from api.console.lists.acts_on_many.row_requests import INVALID, RowRequests, work_through
from api.console.lists.acts_on_many.work_pages import MAX_CHOSEN_AGAIN, begin_once, find_begun, find_stale_fault, lead_to_work
from api.console.lists.chosen_fields import CHOSEN_FIELD, QUERY_FIELD, mark_rows
from api.console.lists.list_state import ListState, open_list
from api.console.mentioned_people import find_unknown_people
from api.console.rendering import PageReader, load_reader, render
from api.context import ApiContext
from api.web.authentication import Context, require_right
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_ROWS = 2_000
"""So many rows at most by one form."""

ACT_FIELD = "act"


class Selection(NamedTuple):
    """The rows that an act is about, by id and name: those that were ticked, or all that match. `is_cut`: there are more than MAX_ROWS."""

    kind: RowKind
    act: str
    state: ListState
    chosen: Sequence[str]
    rows: Mapping[str, str]
    totals: ListTotals
    is_cut: bool

    @property
    def seen(self) -> str:
        """The same for the same rows alone."""
        return mark_rows(self.rows)


@router.get("/lists/{name}/acts")
def show_act_on_many(request: Request, name: str, context: Context, actor: PageReader) -> HTMLResponse:
    """How many rows it is about, and what they come to. Raises Problem 404, 403 and 422."""
    given = {field: request.query_params.getlist(field) for field in request.query_params}
    return _render_form(request, context, actor, _select_rows(context, actor, name, given), {})


@router.post("/lists/{name}/acts")
async def begin_act_on_many(request: Request, name: str, context: Context, actor: PageReader) -> Response:
    """Those that were shown, or nothing. What is wrong with the form is found at the first row: then nothing is done to any. The same form
    sent again leads to what it began."""
    sent = await read_sent_form(request, max_fields=MAX_ROWS + 100)
    works: ListWorks = request.app.state.list_works
    if begun := await find_begun(works, sent, actor.user):
        return begun
    selection = await run_in_threadpool(_select_rows, context, actor, name, sent.values)
    reader = await run_in_threadpool(load_reader, context, actor)

    async def again(status: int, faults: Faults) -> HTMLResponse:
        page = await run_in_threadpool(_render_form, request, context, actor, selection, sent.values, faults)
        page.status_code = status
        return page

    if stale := find_stale_fault(sent, selection, reader.act_words):
        return await again(*stale)
    form, colleagues = load_many_form(selection.act), await run_in_threadpool(list_colleagues, context.identity)
    meant, unknown = resolve_names(form, sent.values, colleagues, reader.act_words)
    if unknown:
        return await again(INVALID, unknown)
    try:
        body = _build_request(selection, {**sent.values, **meant}, reader)
    except UnreadableField as fault:
        return await again(INVALID, [(fault.field, reader.act_words.fill_notice("unreadable", example=fault.example))])
    left_out = await run_in_threadpool(
        list_left_out, context.database, selection.act, list(selection.rows), body, context.today, reader.phrases
    )
    nobodies = await run_in_threadpool(find_unknown_people, context, form, sent.values)
    requests = RowRequests(request, actor, selection.kind.path_id, selection.act, body, sent.key, context.today)

    def do(work: ListWork) -> Coroutine[Any, Any, None]:
        work.unknown_people = nobodies
        return work_through(works, work, requests, left_out, reader)

    work = await begin_once(works, actor.user, sent.key, _describe_act(selection), selection.rows, do)
    return await again(INVALID, work.faults) if work.faults else lead_to_work(work)


def _select_rows(context: ApiContext, actor: Actor, name: str, given: Values) -> Selection:
    """Raises Problem 404 where the list has no such act as it is narrowed, and 403 where the role may not."""
    act, kind = get_first(given, ACT_FIELD), ROW_KINDS.get(name)
    if kind is None or act not in kind.acts:
        raise not_found_problem("act on a list", act, "the lists lead to those that there are")
    require_right(actor, load_many_form(act).permission)
    state = open_list(context, kind.console_list, QueryParams(get_first(given, QUERY_FIELD)), load_reader(context, actor).phrases)
    if not kind.offers_acts(state.values):
        raise not_found_problem("act on a list", act, "narrow the list down to what it can be done to")
    chosen = list(dict.fromkeys(given.get(CHOSEN_FIELD, ())))[: MAX_ROWS + 1]
    ids = chosen or kind.list_ids(context, state.values, MAX_ROWS + 1)
    rows = kind.load_rows(context, ids[:MAX_ROWS])
    return Selection(kind, act, state, chosen, rows.names, rows.totals, len(ids) > MAX_ROWS)


def _describe_act(selection: Selection) -> ActOnRows:
    own, again = selection.kind.console_list, ""
    if len(selection.chosen) <= MAX_CHOSEN_AGAIN:
        chosen = [(CHOSEN_FIELD, each) for each in selection.chosen]
        again = f"/lists/{own.name}/acts?{urlencode([(ACT_FIELD, selection.act), (QUERY_FIELD, selection.state.query), *chosen])}"
    return ActOnRows(own.name, selection.act, selection.state.build_url(), again, own.page)


def _build_request(selection: Selection, values: Values, reader: Reader) -> dict[str, Any]:
    """Raises UnreadableField."""
    body = build_body(load_many_form(selection.act), values, reader.locale)
    return body | {INVOICES_FIELD: ALL_OPEN} if means_all_invoices(selection.act) else body


def _render_form(
    request: Request, context: ApiContext, actor: Actor, selection: Selection, given: Values, faults: Faults = ()
) -> HTMLResponse:
    form, reader = load_many_form(selection.act), load_reader(context, actor)
    values = {name: given[name] for name in form.fields if name in given}
    key = get_first(given, KEY_FIELD) if request.method == "POST" else ""
    people = offer_people(form, list_colleagues(context.identity), reader.phrases)
    return render(
        request,
        context,
        "list_act.html",
        actor,
        selection=selection,
        form=show_form(selection.act, form, {}, NO_SUBJECT, reader, values, faults, key, people),
        totals=selection.totals,
        most=MAX_ROWS,
    )
