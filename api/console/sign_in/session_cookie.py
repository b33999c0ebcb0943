"""The cookie by which a browser keeps its session, and what is known of the browser."""

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from adapters.database.row_states import SignInMethod, StartPage
from adapters.identity.openid_provider import OpenIdProvider
from adapters.identity.sessions import SessionOrigin
from api.context import ApiContext
from api.web.authentication import LINK_TOKEN_PREFIX, SESSION_COOKIE, build_change_author

START_PAGES = {StartPage.TODAY: "/today", StartPage.PORTFOLIO: "/", StartPage.ACCOUNTS: "/accounts", StartPage.APPROVALS: "/approvals"}
CHOOSE_ROLE_PAGE = "/role"


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


def find_start_page(context: ApiContext, user: str) -> str:
    """Where somebody gets who has just signed in: who has several roles chooses first."""
    if len(context.identity.get_roles(user)) > 1:
        return CHOOSE_ROLE_PAGE
    return find_chosen_page(context, user)


def find_chosen_page(context: ApiContext, user: str) -> str:
    return START_PAGES[context.identity.find_preferences(user).start_page or StartPage.PORTFOLIO]


def find_console_address(request: Request, provider: OpenIdProvider) -> str:
    """The address at which people reach the console, without a slash at its end."""
    return (provider.config.console_url or str(request.base_url)).rstrip("/")
