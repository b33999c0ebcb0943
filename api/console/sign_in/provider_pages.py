"""Signing in through the company's own sign-in, an OpenID Connect provider: the way there, and the way back."""

import hmac
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from adapters.database.row_states import IdentityChannel, SignInMethod
from adapters.identity.identity_events import ChangeAuthor
from adapters.identity.openid_provider import OpenIdProvider, ProviderAwayError, ProviderRefusedError, ProviderSignIn
from adapters.identity.provider_accounts import NoRoleError, ProviderAccounts
from adapters.identity.sessions import SessionOrigin
from api.console.sign_in.session_cookie import find_console_address, uses_secure_cookies
from api.console.sign_in.sign_in_pages import begin_session, record_failure, show_sign_in
from api.context import ApiContext
from api.web.authentication import Context, find_address
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/oidc", include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
CALLBACK_PATH = "/oidc/callback"
PENDING_COOKIE = "duecourse_oidc"
PENDING_SECONDS = 600
Text = Annotated[str, Query(max_length=4_000)]


def require_provider(context: Context) -> OpenIdProvider:
    """Raises Problem 404 where the company has none."""
    if context.openid is None:
        raise not_found_problem("sign-in", "oidc", "whoever runs Duecourse sets one up with DUECOURSE_OIDC_ISSUER")
    return context.openid


Provider = Annotated[OpenIdProvider, Depends(require_provider)]


@router.get("/sign-in")
def go_to_provider(request: Request, context: Context, provider: Provider) -> Response:
    """Send the browser to the provider. What it must bring back is in a cookie of ten minutes, and nowhere else."""
    try:
        begun = provider.begin(_find_callback(request, provider))
    except ProviderAwayError as error:
        log.warning("provider_away", reason=str(error))
        return show_sign_in(request, context, "provider_away", status=503)
    response = RedirectResponse(begun.url, status_code=303)
    kept = ".".join((begun.state, begun.nonce, begun.verifier))
    secure = uses_secure_cookies(request, context)
    response.set_cookie(PENDING_COOKIE, kept, max_age=PENDING_SECONDS, path="/oidc", httponly=True, samesite="lax", secure=secure)
    return response


@router.get("/callback")
def come_back(
    request: Request, context: Context, provider: Provider, code: Text = "", state: Text = "", error: Text = "", iss: Text = ""
) -> Response:
    """Let in whom the provider names, if this browser went there and they have a role. `error` is the provider's own."""
    response = _let_in(request, context, provider, code, state, error, iss)
    response.delete_cookie(PENDING_COOKIE, path="/oidc")
    return response


def _let_in(request: Request, context: ApiContext, provider: OpenIdProvider, code: str, state: str, refusal: str, issuer: str) -> Response:
    begun = _read_pending(request, state)
    if begun is None:
        return show_sign_in(request, context, "provider_stale")
    wait = context.sign_in_limits.begin_try(state, find_address(request), datetime.now(UTC))
    if wait is not None:
        return show_sign_in(request, context, "too_many", wait=wait)
    author = ChangeAuthor("", IdentityChannel.PROVIDER, find_address(request))
    try:
        if refusal or not code or issuer not in ("", provider.config.issuer):
            raise ProviderRefusedError(f"the provider came back with {refusal or issuer or 'nothing'}")
        person = provider.finish(begun, _find_callback(request, provider), code)
        name = ProviderAccounts(context.database, context.identity, provider.config.roles.values()).admit(person, author)
    except ProviderAwayError as error:
        log.warning("provider_away", reason=str(error))
        return show_sign_in(request, context, "provider_away", status=503)
    except ProviderRefusedError as error:
        log.warning("provider_refused", reason=str(error))
        record_failure(request, context, "", SignInMethod.PROVIDER, str(error))
        return show_sign_in(request, context, "provider_no_role" if isinstance(error, NoRoleError) else "provider_refused", status=403)
    context.sign_in_limits.end_try(state, find_address(request))
    browser = request.headers.get("user-agent", "")
    origin = SessionOrigin(SignInMethod.PROVIDER, author._replace(user=name), browser, provider_token=person.id_token)
    secret = context.identity.open_session_in_last_role(name, origin)
    return begin_session(request, context, secret) if secret else show_sign_in(request, context, "provider_no_role", status=403)


def _read_pending(request: Request, state: str) -> ProviderSignIn | None:
    """The sign-in that this browser began, if it is the one that comes back."""
    parts = request.cookies.get(PENDING_COOKIE, "").split(".")
    if len(parts) != 3 or not all(parts) or not hmac.compare_digest(parts[0].encode(), state.encode()):
        return None
    return ProviderSignIn("", *parts)


def _find_callback(request: Request, provider: OpenIdProvider) -> str:
    return find_console_address(request, provider) + CALLBACK_PATH
