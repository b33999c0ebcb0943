"""The pages on which people act. Each form is a page of its own, which works without a script; what it sends goes through the API."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.console.acts.api_call import ApiAnswer, send_to_api
from api.console.acts.form_body import UnreadableField, build_body
from api.console.acts.forms import ActForm, list_path_ids, load_act_forms
from api.console.acts.known_values import find_known_values
from api.console.acts.people import list_colleagues, offer_people, resolve_names
from api.console.acts.refusal import Faults, list_faults
from api.console.acts.refused_parts import RefusedPart, list_refused_parts
from api.console.acts.sent_form import KEY_FIELD, MAX_FILES, Values, get_first, read_sent_form
from api.console.acts.shown_form import show_form
from api.console.acts.subject import find_subject
from api.console.acts.wording import Reader
from api.console.mentioned_people import find_unknown_people, tell_unknown_people
from api.console.rendering import COUNT_PARAMETER, DONE_PARAMETER, QUEUED_PARAMETER, PageReader, describe_done, load_reader, render
from api.console.way_back import is_own_address
from api.web.access_logging import record_shown_account
from api.web.authentication import Context, require_right
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(prefix="/act", include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
START_PAGE = "/"
INSTEAD_FIELD = "instead"


def require_act(name: str, actor: PageReader) -> ActForm:
    """Raises Problem 404, or 403 where the reader's role may not."""
    form = load_act_forms().get(name)
    if form is None:
        raise not_found_problem("form", name, "the pages of accounts and invoices lead to those that there are")
    require_right(actor, form.permission)
    return form


Act = Annotated[ActForm, Depends(require_act)]


@router.get("/{name}")
def show_act(request: Request, name: str, form: Act, context: Context, actor: PageReader) -> HTMLResponse:
    """The ids that the act needs, and whatever a page fills in beforehand, come behind the question mark."""
    given = {key: request.query_params.getlist(key) for key in request.query_params}
    return _render_act(request, context, actor, name, form, given)


@router.post("/{name}")
async def do_act(request: Request, name: str, form: Act, context: Context, actor: PageReader) -> Response:
    """Back to the page from which the form was opened; or the form again, as it was filled in, with what is wrong."""
    sent = await read_sent_form(request, max_files=MAX_FILES if form.takes_files else 0)
    given = sent.values
    words, phrases = await run_in_threadpool(load_reader, context, actor)

    async def again(status: int, faults: Faults) -> HTMLResponse:
        page = await run_in_threadpool(_render_act, request, context, actor, name, form, given, faults)
        page.status_code = status
        return page

    if not sent.is_ours:
        return await again(403, [("", words.notices["stale"])])
    colleagues = await run_in_threadpool(list_colleagues, context.identity)
    meant, unknown = resolve_names(form, given, colleagues, words)
    if unknown:
        return await again(422, unknown)
    try:
        body = build_body(form, {**given, **meant}, phrases.shared.locale)
    except UnreadableField as fault:
        return await again(422, [(fault.field, words.fill_notice("unreadable", example=fault.example))])
    answer = await send_to_api(request, form, _read_ids(form, given), body, sent.key, sent.files)
    if answer.is_ruled_out:
        given = {**given, KEY_FIELD: ()}
    if answer.is_refusal:
        return await again(answer.status, list_faults(answer, Reader(words, phrases)))
    if form.shows:
        return await run_in_threadpool(
            _render_answer, request, context, actor, name, answer.document.get(form.shows), _find_way_back(given)
        )
    if refused := list_refused_parts(answer, phrases):
        return await run_in_threadpool(_render_parts, request, context, actor, name, answer, refused, _find_way_back(given))
    nobodies = await run_in_threadpool(find_unknown_people, context, form, given)
    return RedirectResponse(_say_done(_find_way_back(given), name, form, answer, nobodies), status_code=303)


def _render_act(
    request: Request, context: Context, actor: Actor, name: str, form: ActForm, given: Values, faults: Faults = ()
) -> HTMLResponse:
    ids = _read_ids(form, given)
    subject = find_subject(
        context, ids.get("account_id") or get_first(given, "for_account"), ids.get("invoice_id") or get_first(given, "for_invoice")
    )
    if subject.account_id:
        record_shown_account(request, subject.account_id)
    reader = load_reader(context, actor)
    values = find_known_values(context, name, ids) if request.method == "GET" else {}
    sent = request.method != "GET"
    values |= {place: given.get(place, ()) for place, field in form.fields.items() if place in given or (sent and field.ticked)}
    people = offer_people(form, list_colleagues(context.identity), reader.phrases)
    shown = show_form(name, form, ids, subject, reader, values, faults, get_first(given, KEY_FIELD), people)
    beside = {key: value for key in ("for_account", "for_invoice") if (value := get_first(given, key))}
    return render(
        request,
        context,
        "act.html",
        actor,
        form=shown,
        subject=subject,
        beside=beside,
        back=_find_way_back(given),
    )


def _render_answer(request: Request, context: Context, actor: Actor, name: str, secret: str | None, back: str) -> HTMLResponse:
    """A page with a secret, which nothing keeps: sent again, the form says so."""
    title = load_reader(context, actor).act_words.titles[name]
    return render(request, context, "act_answer.html", actor, act=name, title=title, secret=secret, back=back)


def _render_parts(
    request: Request, context: Context, actor: Actor, name: str, answer: ApiAnswer, refused: Sequence[RefusedPart], back: str
) -> HTMLResponse:
    """A page that says on how many invoices it was done, and of each of the others why not."""
    words = load_reader(context, actor).act_words
    done = describe_done(words, name, str(answer.count_done()), answer.is_queued)
    return render(request, context, "act_parts.html", actor, title=words.titles[name], done=done, refused=refused, back=back)


def _read_ids(form: ActForm, given: Values) -> dict[str, str]:
    return {name: get_first(given, name) for name in list_path_ids(form)}


def _find_way_back(given: Values) -> str:
    """A page of ours, or the first one: a form must not lead elsewhere. The button by which it was sent may name another one than it."""
    back = get_first(given, INSTEAD_FIELD) or get_first(given, "back")
    return back if is_own_address(back) else START_PAGE


def _say_done(back: str, name: str, form: ActForm, answer: ApiAnswer, unknown: Sequence[str]) -> str:
    path, _, query = back.partition("?")
    counted = {COUNT_PARAMETER: str(answer.count_done())} if form.is_on_several else {}
    queued = {QUEUED_PARAMETER: "yes"} if answer.is_queued else {}
    said = urlencode({DONE_PARAMETER: name, **counted, **queued, **tell_unknown_people(unknown)}, doseq=True)
    return f"{path}?{query}&{said}" if query else f"{path}?{said}"
