"""What each person sets for themselves: the role in which they act, a password, and an end to sessions that are not theirs any more."""

import secrets
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import URL

from adapters.database.row_states import SignInMethod, StartPage
from adapters.i18n.languages import LANGUAGES
from adapters.identity.passwords import PasswordRefusedError
from adapters.identity.sessions import build_session_id
from adapters.identity.users_and_tokens import Preferences
from adapters.time_zones import is_time_zone, list_time_zones
from api.console.acts.people import find_nearest_zone
from api.console.acts.sent_form import FOREIGN_FORM, OWN_FORM, SentForm, read_sent_form
from api.console.navigation import list_start_pages
from api.console.rendering import PageReader, load_reader, render
from api.console.sign_in.session_cookie import (
    CHOOSE_ROLE_PAGE,
    build_origin,
    find_chosen_page,
    read_session_secret,
    redirect_with_session,
)
from api.context import ApiContext
from api.web.authentication import Context, build_change_author, find_address
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor, Role

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
SETTINGS_PAGE = "/settings"
SAID = "said"
SAVED, PASSWORD_SET, ENDED = "preferences_saved", "password_is_set", "session_ended"
NO_ZONE, STALE = "no_zone", "stale"


@router.get(SETTINGS_PAGE)
def show_settings(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    return _render_settings(request, context, actor)


@router.post(SETTINGS_PAGE + "/password")
async def change_own_password(request: Request, context: Context, actor: PageReader) -> Response:
    """Change one's password, or set the first one. All other sessions end, and this one goes on under a new secret."""
    sent = await read_sent_form(request)
    return await run_in_threadpool(_change_password, request, context, actor, sent)


def _change_password(request: Request, context: ApiContext, actor: Actor, sent: SentForm) -> Response:
    fault = _find_password_fault(request, context, actor, sent)
    if not fault:
        try:
            context.passwords.set_password(actor.user, sent.first("password"), build_change_author(request, actor.user))
        except PasswordRefusedError:
            fault = "length"
    if fault:
        page = _render_settings(request, context, actor, fault)
        page.status_code = 422
        return page
    context.identity.sessions.end_sessions_of(actor.user, build_change_author(request, actor.user))
    origin = build_origin(request, SignInMethod.PASSWORD, actor.user)
    secret = context.identity.sessions.open_session(actor.user, actor.role, origin)
    return redirect_with_session(request, context, secret, _say(PASSWORD_SET))


def _find_password_fault(request: Request, context: ApiContext, actor: Actor, sent: SentForm) -> str:
    """The phrase that says what is wrong; empty when nothing is. Guesses at the present password count like guesses at signing in."""
    if not sent.is_ours:
        return STALE
    if sent.first("password") != sent.first("again"):
        return "differ"
    if not context.passwords.has_password(actor.user):
        return "at_provider" if context.identity.is_from_provider(actor.user) else ""
    address = find_address(request)
    if context.sign_in_limits.begin_try(actor.user, address, datetime.now(UTC)) is not None:
        return "too_many"
    if not context.passwords.is_password_of(actor.user, sent.first("current")):
        return "wrong"
    context.sign_in_limits.end_try(actor.user, address)
    return ""


@router.post(SETTINGS_PAGE + "/preferences")
async def change_preferences(request: Request, context: Context, actor: PageReader) -> Response:
    """Language, time zone, start page, and whether single keys act. They count from the next page on."""
    sent = await read_sent_form(request)
    return await run_in_threadpool(_change_preferences, request, context, actor, sent)


def _change_preferences(request: Request, context: ApiContext, actor: Actor, sent: SentForm) -> Response:
    zone, language, start = (sent.first(name).strip() for name in ("time_zone", "language", "start_page"))
    fault = "" if sent.is_ours else STALE
    if zone and not is_time_zone(zone):
        fault = fault or NO_ZONE
    if fault:
        page = _render_settings(request, context, actor, fault, zone)
        page.status_code = 422
        return page
    chosen = Preferences(
        language=language if language in LANGUAGES else None,
        time_zone=zone,
        start_page=StartPage(start) if start in set(StartPage) else None,
        single_keys=bool(sent.first("single_keys")),
    )
    context.identity.change_preferences(actor.user, chosen, build_change_author(request, actor.user))
    return RedirectResponse(_say(SAVED), status_code=303)


@router.post(SETTINGS_PAGE + "/sessions/{session_id}/end")
async def end_own_session(request: Request, session_id: str, context: Context, actor: PageReader) -> Response:
    """Sign another browser out, or this one. Raises Problem 403 for another site's form; UnknownSessionError for somebody else's."""
    sent = await read_sent_form(request)
    if not sent.is_ours:
        raise FOREIGN_FORM
    author = build_change_author(request, actor.user)
    await run_in_threadpool(context.identity.sessions.revoke_session, session_id, author, actor.user)
    return RedirectResponse(_say(ENDED), status_code=303)


def _say(what: str) -> str:
    """The page's address, with what it says was done."""
    return str(URL(SETTINGS_PAGE).include_query_params(**{SAID: what}))


def _render_settings(request: Request, context: ApiContext, actor: Actor, fault: str = "", typed_zone: str = "") -> HTMLResponse:
    return render(
        request,
        context,
        "settings.html",
        actor,
        roles=sorted(context.identity.get_roles(actor.user)),
        has_password=context.passwords.has_password(actor.user),
        sessions=context.identity.sessions.list_sessions(actor.user),
        this_session=build_session_id(read_session_secret(request)),
        fault=fault,
        said=request.query_params.get(SAID, ""),
        typed_zone=typed_zone,
        nearest_zone=find_nearest_zone(typed_zone) if fault == NO_ZONE else "",
        time_zones=list_time_zones(),
        languages=LANGUAGES,
        start_pages=list_start_pages(actor.role, load_reader(context, actor)[1]),
        key=secrets.token_urlsafe(18),
    )


@router.get(CHOOSE_ROLE_PAGE)
def show_roles(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    """Where somebody with several roles says in which one to act."""
    return render(request, context, "role.html", actor, roles=sorted(context.identity.get_roles(actor.user)))


@router.post(CHOOSE_ROLE_PAGE, dependencies=[OWN_FORM])
def choose_role(request: Request, context: Context, actor: PageReader, role: Annotated[Role, Form()]) -> Response:
    """Act in another role from now on; the session goes on under a new secret. Raises Problem 403 for another site's form, and
    UnknownSessionError for a role that is not theirs."""
    if role != actor.role:
        secret = context.identity.sessions.change_role(read_session_secret(request), role, build_change_author(request, actor.user))
        return redirect_with_session(request, context, secret, find_chosen_page(context, actor.user, role))
    return RedirectResponse(find_chosen_page(context, actor.user, role), status_code=303)
