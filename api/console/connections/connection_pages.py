"""The pages of connections: all of them, one with its test and its differences, and the form by which one is added."""

import secrets
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.connections.connection_kinds import CONNECTION_KINDS
from adapters.connections.connection_overview import load_connection_overviews
from adapters.connections.connection_store import ConnectionStore
from adapters.connections.oversight.decided_absences import collect_missing
from adapters.database.row_states import ConnectionRunKind
from api.commands.connection_runs import require_connection
from api.console.acts.api_call import send_to_api
from api.console.acts.form_body import UnreadableField
from api.console.acts.forms import load_act_forms
from api.console.acts.refusal import say_refusal
from api.console.acts.sent_form import KEY_FIELD, Values, get_first, read_sent_form
from api.console.acts.wording import Reader
from api.console.connections.connection_form import FORM_NAME, build_body, list_fields
from api.console.rendering import DONE_PARAMETER, PageReader, load_reader, render
from api.presenters.connections import describe_options
from api.presenters.refusals import tell_field_error
from api.web.authentication import Context, require_right
from api.web.permissions import Permission, permission_denial_reason
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
LIST_PAGE = "/connections"
MAX_EVENTS, MAX_DIFFERENCES = 50, 500
Faults = list[tuple[str, str]]


@router.get(LIST_PAGE)
def show_connections(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    overviews = load_connection_overviews(context.database, context.connected.list_all())
    return render(request, context, "connections.html", actor, overviews=overviews)


@router.get(LIST_PAGE + "/new")
def show_new_connection(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    """The kind of system stands behind the question mark; where there is but one, it is that."""
    require_right(actor, Permission.MANAGE_CONNECTIONS)
    given = {key: request.query_params.getlist(key) for key in request.query_params}
    return _render_form(request, context, actor, given)


@router.post(LIST_PAGE + "/new")
async def add_connection(request: Request, context: Context, actor: PageReader) -> Response:
    """The connection's page; or the form again, without its secrets, with what is wrong."""
    await run_in_threadpool(require_right, actor, Permission.MANAGE_CONNECTIONS)
    sent = await read_sent_form(request)
    given = sent.values
    reader = await run_in_threadpool(load_reader, context, actor)
    if _find_kind(given) is None:
        return RedirectResponse(f"{LIST_PAGE}/new", status_code=303)

    async def again(status: int, faults: Faults) -> HTMLResponse:
        page = await run_in_threadpool(_render_form, request, context, actor, given, faults)
        page.status_code = status
        return page

    if not sent.is_ours:
        return await again(403, [("", reader.act_words.notices["stale"])])
    try:
        body = build_body(get_first(given, "kind"), given)
    except UnreadableField as fault:
        return await again(422, [(fault.field, reader.act_words.fill_notice("unreadable", example=fault.example))])
    answer = await send_to_api(request, load_act_forms()[FORM_NAME], {}, body, sent.key)
    if answer.is_refusal:
        return await again(answer.status, _list_faults(answer.document, say_refusal(answer, reader), reader))
    address = f"{LIST_PAGE}/{quote(answer.document['id'], safe='')}"
    return RedirectResponse(f"{address}?{urlencode({DONE_PARAMETER: FORM_NAME})}", status_code=303)


@router.get(LIST_PAGE + "/{connection_id}")
def show_connection(
    request: Request, connection_id: str, context: Context, actor: PageReader, after: Annotated[int, Query(ge=0)] = 0
) -> HTMLResponse:
    """With a page of what the comparison found, without the first `after` of it."""
    system = require_connection(context, connection_id)
    (overview,) = load_connection_overviews(context.database, [system])
    runs = overview.runs
    end = after + MAX_DIFFERENCES
    reading, test = runs.get(ConnectionRunKind.READING), runs.get(ConnectionRunKind.TEST)
    return render(
        request,
        context,
        "connection.html",
        actor,
        overview=overview,
        system=system,
        state=overview.state,
        options=describe_options(system),
        secret_names=system.connection.secret_names if system.connection else (),
        test=test,
        steps=test.steps if test else [],
        left_out=reading.result.get("left_out", []) if reading else [],
        runs=[run for kind, run in runs.items() if kind is not ConnectionRunKind.TEST],
        differences=overview.state.differences[after:end],
        following=end if len(overview.state.differences) > end else None,
        later_page=after > 0,
        missing=collect_missing(overview.state.differences),
        may_manage=permission_denial_reason(actor.role, Permission.MANAGE_CONNECTIONS) is None,
        events=ConnectionStore(context.database).list_events(MAX_EVENTS, system.key.system),
        may_ask=permission_denial_reason(actor.role, Permission.ASK_BILLING) is None,
        key=f"form-{secrets.token_urlsafe(18)}",
        now=context.now(),
    )


def _render_form(request: Request, context: Context, actor: Actor, given: Values, faults: Faults | None = None) -> HTMLResponse:
    told = faults or []
    kind, reader = _find_kind(given), load_reader(context, actor)
    fields = list_fields(kind, reader, given, told) if kind else []
    seen = {field.name for field in fields}
    facts: dict[str, Any] = {
        "kinds": list(CONNECTION_KINDS),
        "kind": kind,
        "fields": fields,
        "faults": [fault for place, fault in told if place not in seen],
        "key": get_first(given, KEY_FIELD) or f"form-{secrets.token_urlsafe(18)}",
    }
    return render(request, context, "connection_new.html", actor, **facts)


def _find_kind(given: Values) -> str | None:
    """The kind that was chosen, or the only one that there is."""
    chosen = get_first(given, "kind") or (next(iter(CONNECTION_KINDS)) if len(CONNECTION_KINDS) == 1 else "")
    return chosen if chosen in CONNECTION_KINDS else None


def _list_faults(document: dict[str, Any], refusal: str, reader: Reader) -> Faults:
    """Those of fields, or what was refused as a whole."""
    errors = document.get("errors") or []
    return [(str(error["pointer"]).removeprefix("/").replace("/", "."), tell_field_error(error, reader.phrases)) for error in errors] or [
        ("", refusal)
    ]
