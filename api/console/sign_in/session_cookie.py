"""The cookie by which a browser keeps its session, and what is known of the browser."""

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from adapters.database.row_states import SignInMethod
from adapters.identity.openid_provider import OpenIdProvider
from adapters.identity.sessions import SessionOrigin
from adapters.read_model.invoices import has_invoices
from api.console.navigation import find_start_path, may_open
from api.context import ApiContext
from api.web.authentication import LINK_TOKEN_PREFIX, SESSION_COOKIE, build_change_author
from domain.roles import Actor, Role

CHOOSE_ROLE_PAGE, IMPORT_PAGE, EMPTY_PORTFOLIO_PAGE = "/role", "/import", "/"


def build_origin(request: Request, method: SignInMethod, user: str = "") -> SessionOrigin:
    return SessionOrigin(method, build_change_author(request, user), request.headers.get("user-agent", ""))


def read_session_secret(request: Request) -> str:
    """The session's secret; empty without a session."""
    return request.cookies.get(SESSION_COOKIE, "").removeprefix(LINK_TOKEN_PREFIX)


def uses_secure_cookies(request: Request, context: ApiContext) -> bool:
    return context.secure_cookies or request.url.scheme == "https"


def redirect_with_session(request: Request, context: ApiContext, secret: str, to: str) -> Response:
    """Go on to a page with a new session, in place of the one that the browser had."""
    response = RedirectResponse(to, status_code=303)
    secure = uses_secure_cookies(request, context)
    age = int(context.identity.sessions.rules.longest.total_seconds())
    response.set_cookie(SESSION_COOKIE, secret, max_age=age, httponly=True, samesite="lax", secure=secure)
    return response


def find_start_page(context: ApiContext, actor: Actor) -> str:
    """Where somebody gets who has just signed in: who has several roles chooses first."""
    if len(context.identity.get_roles(actor.user)) > 1:
        return CHOOSE_ROLE_PAGE
    return find_chosen_page(context, actor.user, actor.role)


def find_chosen_page(context: ApiContext, user: str, role: Role) -> str:
    """While there is no invoice, whoever may import begins where it is said how; unless they chose another page."""
    chosen = context.identity.find_preferences(user).start_page
    if chosen is None and may_open(role, IMPORT_PAGE) and not has_invoices(context.database):
        return EMPTY_PORTFOLIO_PAGE
    return find_start_path(role, chosen)


def find_console_address(request: Request, provider: OpenIdProvider) -> str:
    """The address at which people reach the console, without a slash at its end."""
    return (provider.config.console_url or str(request.base_url)).rstrip("/")
