"""Signing in with a link, a password or a token, and signing out. Each sign-in begins a session of its own: the one before it ends."""

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.database.row_states import IdentityEventKind, SignInMethod
from adapters.identity.passwords import PasswordRefusedError
from api.console.acts.sent_form import OWN_FORM
from api.console.rendering import render
from api.console.sign_in.session_cookie import (
    build_origin,
    find_console_address,
    find_start_page,
    read_session_secret,
    redirect_with_session,
)
from api.context import ApiContext
from api.web.authentication import (
    LINK_TOKEN_PREFIX,
    SESSION_COOKIE,
    Context,
    build_change_author,
    find_address,
    reject_cross_origin_request,
)
from api.web.request_target import EncodedPathRoute

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
Name = Annotated[str, Form(max_length=200)]
Password = Annotated[str, Form(max_length=1_000)]
MINUTE = timedelta(minutes=1)


@router.get("/sign-in")
def sign_in_with_link(request: Request, context: Context, code: str = "") -> Response:
    """Sign in with a link's code, which is valid once. Without a code the page has the ways to sign in."""
    if not code:
        return show_sign_in(request, context)
    secret = context.identity.exchange_sign_in_code(code, build_origin(request, SignInMethod.LINK))
    if secret is None:
        record_failure(request, context, "", SignInMethod.LINK)
        return show_sign_in(request, context, "link_refused")
    return begin_session(request, context, secret)


@router.post("/sign-in")
def sign_in(request: Request, context: Context, user: Name = "", password: Password = "", token: Name = "") -> Response:
    """Sign in with a name and a password, or with a token from `duecourse token`. Raises Problem 403 for another site's form."""
    reject_cross_origin_request(request)
    wait = context.sign_in_limits.begin_try(user or token, find_address(request), datetime.now(UTC))
    if wait is not None:
        return show_sign_in(request, context, "too_many", user=user, wait=wait)
    return _sign_in_with_token(request, context, token.strip()) if token else _sign_in_with_password(request, context, user, password)


def _sign_in_with_password(request: Request, context: ApiContext, user: str, password: str) -> Response:
    found = context.passwords.find_user(user, password)
    secret = context.identity.open_session_in_last_role(found, build_origin(request, SignInMethod.PASSWORD, found)) if found else None
    if secret is None:
        record_failure(request, context, user, SignInMethod.PASSWORD)
        return show_sign_in(request, context, "password_refused", user=user)
    context.sign_in_limits.end_try(user, find_address(request))
    return begin_session(request, context, secret)


def _sign_in_with_token(request: Request, context: ApiContext, token: str) -> Response:
    secret = context.identity.open_session_with_token(token, build_origin(request, SignInMethod.TOKEN))
    if secret is None:
        record_failure(request, context, "", SignInMethod.TOKEN)
        return show_sign_in(request, context, "token_refused")
    context.sign_in_limits.end_try(token, find_address(request))
    return begin_session(request, context, secret)


@router.get("/password")
def show_password_link(request: Request, context: Context, code: str = "") -> Response:
    """The form behind a link by which a user sets a password. To look at it uses nothing up: mail scanners open links, too."""
    user = context.passwords.find_link_user(code)
    if user is None:
        return show_sign_in(request, context, "password_link_refused")
    return render(request, context, "set_password.html", None, user=user, code=code, fault="")


@router.post("/password")
def set_password_by_link(request: Request, context: Context, code: Name = "", password: Password = "", again: Password = "") -> Response:
    """Set the password and sign in with it. The user's other sessions end. Raises Problem 403 for another site's form."""
    reject_cross_origin_request(request)
    user = context.passwords.find_link_user(code)
    fault = ""
    if user is not None and password == again:
        try:
            user = context.passwords.use_link(code, password, build_change_author(request))
        except PasswordRefusedError:
            fault = "length"
    elif user is not None:
        fault = "differ"
    if user is None:
        return show_sign_in(request, context, "password_link_refused")
    if fault:
        page = render(request, context, "set_password.html", None, user=user, code=code, fault=fault)
        page.status_code = 422
        return page
    context.identity.sessions.end_sessions_of(user, build_change_author(request, user))
    secret = context.identity.open_session_in_last_role(user, build_origin(request, SignInMethod.PASSWORD, user))
    return begin_session(request, context, secret) if secret else show_sign_in(request, context, "password_refused")


@router.post("/sign-out", dependencies=[OWN_FORM])
async def sign_out(request: Request, context: Context) -> Response:
    """Raises Problem 403 for another site's form."""
    reject_cross_origin_request(request)
    return await run_in_threadpool(_sign_out, request, context)


def _sign_out(request: Request, context: ApiContext) -> Response:
    """Whoever came through a provider goes on to sign out there. A page leads there: the content policy lets no form do so."""
    id_token = context.identity.sessions.find_provider_token(read_session_secret(request))
    _end_session(request, context)
    response: Response = RedirectResponse("/sign-in", status_code=303)
    if id_token and context.openid:
        back = find_console_address(request, context.openid) + "/sign-in"
        if url := context.openid.build_sign_out_url(id_token, back):
            response = render(request, context, "signing_out.html", None, provider_url=url)
            response.headers["Refresh"] = f"0; url={url}"
    response.delete_cookie(SESSION_COOKIE)
    return response


def _end_session(request: Request, context: ApiContext) -> None:
    secret = read_session_secret(request)
    actor = context.identity.authenticate(secret)
    author = build_change_author(request, actor.user if actor else "")
    if request.cookies.get(SESSION_COOKIE, "").startswith(LINK_TOKEN_PREFIX):
        context.identity.revoke_token(secret, author)
    context.identity.sessions.end_session(secret, author)


def begin_session(request: Request, context: ApiContext, secret: str) -> Response:
    """Go to the first page with a new session; the one that the browser had ends."""
    _end_session(request, context)
    actor = context.identity.authenticate(secret)
    return redirect_with_session(request, context, secret, find_start_page(context, actor) if actor else "/sign-in")


def record_failure(request: Request, context: ApiContext, user: str, method: SignInMethod, why: str = "") -> None:
    detail = f"{method.value}: {why}" if why else method.value
    context.identity.record_event(IdentityEventKind.SIGN_IN_FAILED, user, build_change_author(request), detail)


def show_sign_in(
    request: Request, context: ApiContext, refused: str = "", user: str = "", wait: timedelta | None = None, status: int = 401
) -> HTMLResponse:
    """`refused`: the phrase that says what was wrong with what came. `wait`: how long nobody may try again."""
    minutes, has_provider = ceil(wait / MINUTE) if wait else 0, context.openid is not None
    page = render(request, context, "sign_in.html", None, refused=refused, typed_user=user, minutes=str(minutes), has_provider=has_provider)
    page.status_code = 429 if wait else status if refused else 200
    if wait:
        page.headers["Retry-After"] = str(ceil(wait.total_seconds()))
    return page
