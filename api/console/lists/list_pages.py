"""The routes of the lists: a page of each, its views, and its files."""

from typing import Annotated
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.datastructures import QueryParams

from adapters.identity.saved_views import MAX_NAME, MAX_QUERY, SavedView, SavedViews
from api.console.acts.forms import load_act_forms
from api.console.acts.sent_form import FOREIGN_FORM, SentForm, read_sent_form
from api.console.lists.account_list import ACCOUNT_LIST
from api.console.lists.acts_on_many.many_acts import list_possible_acts
from api.console.lists.case_list import CASE_LIST
from api.console.lists.console_list import ConsoleList
from api.console.lists.exports import CSV_TYPE, WORKBOOK_TYPE, write_csv, write_workbook
from api.console.lists.invoice_list import INVOICE_LIST
from api.console.lists.letter_list import LETTER_LIST
from api.console.lists.list_state import CURSOR, list_default_columns, open_list, read_list_state
from api.console.rendering import PageReader, load_reader, render
from api.context import ApiContext
from api.web.authentication import Context
from api.web.one_snapshot import from_one_snapshot
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
PAGE_LENGTH = 50
LISTS: dict[str, ConsoleList] = {each.name: each for each in (ACCOUNT_LIST, INVOICE_LIST, CASE_LIST, LETTER_LIST)}
SAID, VIEW_SAVED, VIEW_FORGOTTEN, TOO_MANY_VIEWS, NO_NAME = "said", "view_saved", "view_forgotten", "too_many_views", "no_name"
SAYINGS = frozenset({VIEW_SAVED, VIEW_FORGOTTEN, TOO_MANY_VIEWS, NO_NAME})


def require_list(name: str, _: PageReader) -> ConsoleList:
    """Raises Problem 404, and to strangers 401."""
    if name not in LISTS:
        raise not_found_problem("list", name, "the pages of the lists lead to their files and views")
    return LISTS[name]


NamedList = Annotated[ConsoleList, Depends(require_list)]


@router.get(ACCOUNT_LIST.page)
@from_one_snapshot
def show_accounts(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    return _show_list(request, context, actor, ACCOUNT_LIST)


@router.get(INVOICE_LIST.page)
@from_one_snapshot
def show_invoices(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    return _show_list(request, context, actor, INVOICE_LIST)


@router.get(CASE_LIST.page)
@from_one_snapshot
def show_cases(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    return _show_list(request, context, actor, CASE_LIST)


@router.get(LETTER_LIST.page)
@from_one_snapshot
def show_letters(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    return _show_list(request, context, actor, LETTER_LIST)


@router.get("/lists/{name}/csv")
def export_csv(request: Request, name: str, console_list: NamedList, context: Context, actor: PageReader) -> Response:
    """All that match, whichever page was shown."""
    words = load_reader(context, actor).phrases
    state = open_list(context, console_list, request.query_params, words)
    lines = write_csv(context, state, words)
    return StreamingResponse(lines, media_type=CSV_TYPE, headers=_name_file(f"{words.list_titles[name]} {context.today}.csv"))


@router.get("/lists/{name}/xlsx")
def export_workbook(request: Request, name: str, console_list: NamedList, context: Context, actor: PageReader) -> Response:
    words = load_reader(context, actor).phrases
    state = open_list(context, console_list, request.query_params, words)
    chunks = write_workbook(context, state, words)
    return StreamingResponse(chunks, media_type=WORKBOOK_TYPE, headers=_name_file(f"{words.list_titles[name]} {context.today}.xlsx"))


@router.post("/lists/{name}/views")
async def save_view(request: Request, name: str, console_list: NamedList, context: Context, actor: PageReader) -> Response:
    """Keep the view that the form was opened on, under the name that it has. Raises Problem 403 for another site's form."""
    sent = await read_sent_form(request)
    return await run_in_threadpool(_save_view, context, actor, console_list, sent)


@router.post("/lists/{name}/views/forget")
async def forget_view(request: Request, name: str, console_list: NamedList, context: Context, actor: PageReader) -> Response:
    """Forget a view; its address goes on. Raises Problem 403 for another site's form."""
    sent = await read_sent_form(request)
    _require_own_form(sent)
    await run_in_threadpool(SavedViews(context.database).forget, actor.user, name, sent.first("view"))
    return _lead_back(console_list, "", VIEW_FORGOTTEN)


def _save_view(context: ApiContext, actor: Actor, console_list: ConsoleList, sent: SentForm) -> Response:
    _require_own_form(sent)
    view_name = " ".join(sent.first("view").split())[:MAX_NAME]
    query = QueryParams(sent.first("query")[:MAX_QUERY])
    state = open_list(context, console_list, query, load_reader(context, actor).phrases)
    if not view_name:
        return _lead_back(console_list, state.query, NO_NAME)
    saved = SavedViews(context.database).save(actor.user, console_list.name, SavedView(name=view_name, query=state.query), context.now())
    return _lead_back(console_list, state.query, VIEW_SAVED if saved else TOO_MANY_VIEWS)


def _require_own_form(sent: SentForm) -> None:
    if not sent.is_ours:
        raise FOREIGN_FORM


def _lead_back(console_list: ConsoleList, query: str, said: str) -> Response:
    parts = [*parse_qsl(query), (SAID, said)]
    return RedirectResponse(f"{console_list.page}?{urlencode(parts)}", status_code=303)


def _show_list(request: Request, context: ApiContext, actor: Actor, console_list: ConsoleList) -> HTMLResponse:
    words = load_reader(context, actor).phrases
    choices = console_list.list_choices(context, words)
    state = read_list_state(console_list, request.query_params, choices)
    rows, following = console_list.load_page(context, state.build_request(PAGE_LENGTH))
    views = SavedViews(context.database).list_views(actor.user, console_list.name)
    said = request.query_params.get(SAID, "")
    return render(
        request,
        context,
        f"list_{console_list.name}.html",
        actor,
        state=state,
        lists=LISTS,
        choices=choices,
        rows=rows,
        sort_currency=console_list.find_sort_currency(context, state.values, state.sort),
        totals=console_list.load_totals(context, state.values) if rows or state.cursor else None,
        views=views,
        view_names=[view.name for view in views if view.query == state.query],
        said=said if said in SAYINGS else "",
        acts={name: page for name, page in console_list.acts.items() if load_act_forms()[name].is_for(actor.role)},
        acts_on_many=list_possible_acts(console_list.name, actor.role, state.values),
        default_columns=list_default_columns(console_list),
        next_page=state.build_url(following) if following else None,
        **console_list.helpers,
        first_page=state.build_url() if CURSOR in request.query_params else None,
    )


def _name_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
