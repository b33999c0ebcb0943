"""Who asks: a bearer token or, at the console, the same token in a cookie. Routes say what they need with `Depends(may(…))`."""

from collections.abc import Callable, MutableMapping
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from adapters.database.row_states import IdentityChannel
from adapters.identity.identity_events import ChangeAuthor
from adapters.identity.users_and_tokens import Actor
from api.context import ApiContext
from api.web.access_logging import record_signed_in_actor
from api.web.middleware import AsgiApp, Receive, Send
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import Problem

SESSION_COOKIE = "duecourse_session"
LINK_TOKEN_PREFIX = "link."
"""Marks a token that was made for this browser alone: it ends when its user signs out. A pasted one may serve elsewhere."""
NAVIGATION = "navigate"
"""What a browser says of a request for which somebody opened a page."""
ACTING_ACTOR = "duecourse.actor"
"""In the scope of a request that the server makes itself for somebody who began something. Nothing that comes from outside sets it."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

bearer_scheme = HTTPBearer(auto_error=False, scheme_name="token", description="A token made with `duecourse token ROLE --user NAME`.")


def get_context(request: Request) -> ApiContext:
    return cast(ApiContext, request.app.state.parts)


def act_for(app: AsgiApp, actor: Actor) -> AsgiApp:
    """The application, as it answers what the server asks for somebody who began something: they may have signed out since."""

    async def answer(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await app({**scope, ACTING_ACTOR: actor}, receive, send)

    return answer


def require_actor(request: Request) -> Actor:
    """Raises Problem 401 for a missing, unknown, expired or revoked token, and 403 for somebody for whom the server acts, and who is
    inactive by now or has lost the role."""
    if (acting := request.scope.get(ACTING_ACTOR)) is not None:
        return _confirm_actor(request, acting)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        token = request.cookies.get(SESSION_COOKIE, "").removeprefix(LINK_TOKEN_PREFIX)
        if token and request.method not in SAFE_METHODS:
            reject_cross_origin_request(request)
    actor = get_context(request).identity.authenticate(token.strip(), is_used=_is_persons_own(request)) if token else None
    if actor is None:
        missing = "this request carries no token" if not token else "this token is unknown, expired or revoked"
        raise Problem(
            401,
            "not-signed-in",
            "You are not signed in",
            f"{missing}; make one with 'duecourse token ROLE --user NAME' and send it as 'Authorization: Bearer …'",
            headers={"WWW-Authenticate": 'Bearer realm="duecourse"'},
        )
    record_signed_in_actor(request, actor)
    return actor


def _confirm_actor(request: Request, actor: Actor) -> Actor:
    if actor.role not in get_context(request).identity.get_roles(actor.user):
        raise Problem(403, "not-allowed", "Your role may not do this", f"{actor.user} is not active any more, or not as {actor.role}")
    record_signed_in_actor(request, actor)
    return actor


def _is_persons_own(request: Request) -> bool:
    """Whether somebody asked for it: a page that is left open reads itself again, and must not keep its session alive."""
    return request.method not in SAFE_METHODS or request.headers.get("sec-fetch-mode", NAVIGATION) == NAVIGATION


def reject_cross_origin_request(request: Request) -> None:
    """A cookie is sent by whatever page the browser shows: only our own may change something with it, or change the cookie. Raises Problem
    403."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Problem(403, "foreign-page", "Another site asked for this", "open Duecourse itself and try again there")


def build_change_author(request: Request, user: str = "") -> ChangeAuthor:
    """Who changes something about users or sessions; empty for somebody who is not signed in yet. What a proxy says of the address is
    believed where the settings say so."""
    channel = IdentityChannel.API if "authorization" in request.headers else IdentityChannel.CONSOLE
    return ChangeAuthor(user, channel, find_address(request))


def find_address(request: Request) -> str:
    """From where the request came; empty where that is unknown."""
    return request.client.host if request.client else ""


def require_right(actor: Actor, permission: Permission) -> None:
    """What a part of a request needs beside its route's permission. Raises Problem 403."""
    if why := permission_denial_reason(actor.role, permission):
        raise Problem(403, "not-allowed", "Your role may not do this", why)


def require_permission(permission: Permission) -> Callable[[Request, object], Actor]:
    """A dependency: the actor, if its role may. Sync, so that the look-up in the database runs in the threadpool."""

    def allowed(request: Request, _: Annotated[object, Security(bearer_scheme)] = None) -> Actor:
        actor = require_actor(request)
        require_right(actor, permission)
        return actor

    allowed.permission = permission  # type: ignore[attr-defined]
    return allowed


Context = Annotated[ApiContext, Depends(get_context)]
ReadingActor = Annotated[Actor, Depends(require_permission(Permission.READ))]
CollectingActor = Annotated[Actor, Depends(require_permission(Permission.COLLECT))]
TaskWorkingActor = Annotated[Actor, Depends(require_permission(Permission.WORK_TASKS))]
LetterDecidingActor = Annotated[Actor, Depends(require_permission(Permission.DECIDE_LETTERS))]
LetterBrakingActor = Annotated[Actor, Depends(require_permission(Permission.BRAKE_LETTERS))]
PaymentRecordingActor = Annotated[Actor, Depends(require_permission(Permission.RECORD_PAYMENTS))]
InvoiceReducingActor = Annotated[Actor, Depends(require_permission(Permission.REDUCE_INVOICES))]
ImportingActor = Annotated[Actor, Depends(require_permission(Permission.IMPORT))]
ServiceChangingActor = Annotated[Actor, Depends(require_permission(Permission.CHANGE_SERVICE))]
DisputeHandlingActor = Annotated[Actor, Depends(require_permission(Permission.HANDLE_DISPUTES))]
ApprovalDecidingActor = Annotated[Actor, Depends(require_permission(Permission.DECIDE_APPROVALS))]
DelegatingActor = Annotated[Actor, Depends(require_permission(Permission.DELEGATE))]
DelegationRevokingActor = Annotated[Actor, Depends(require_permission(Permission.REVOKE_DELEGATIONS))]
PaymentPlanningActor = Annotated[Actor, Depends(require_permission(Permission.PLAN_PAYMENTS))]
AccountReferringActor = Annotated[Actor, Depends(require_permission(Permission.REFER_ACCOUNTS))]
CreditJudgingActor = Annotated[Actor, Depends(require_permission(Permission.JUDGE_CREDIT))]
SuspensionAskingActor = Annotated[Actor, Depends(require_permission(Permission.ASK_SUSPENSION))]
ReinstatingActor = Annotated[Actor, Depends(require_permission(Permission.REINSTATE))]
WriteOffDecidingActor = Annotated[Actor, Depends(require_permission(Permission.DECIDE_WRITE_OFFS))]
EscalationAnsweringActor = Annotated[Actor, Depends(require_permission(Permission.ANSWER_ESCALATIONS))]
MentionMarkingActor = Annotated[Actor, Depends(require_permission(Permission.MARK_MENTIONS))]
PortfolioRunningActor = Annotated[Actor, Depends(require_permission(Permission.RUN_PORTFOLIOS))]
PolicyAdoptingActor = Annotated[Actor, Depends(require_permission(Permission.ADOPT_POLICIES))]
AuditingActor = Annotated[Actor, Depends(require_permission(Permission.AUDIT))]
ErasingActor = Annotated[Actor, Depends(require_permission(Permission.ERASE))]
SetAsideRetryingActor = Annotated[Actor, Depends(require_permission(Permission.RETRY_SET_ASIDE))]
ClockSettingActor = Annotated[Actor, Depends(require_permission(Permission.SET_CLOCK))]
UserManagingActor = Annotated[Actor, Depends(require_permission(Permission.MANAGE_USERS))]
ConnectionManagingActor = Annotated[Actor, Depends(require_permission(Permission.MANAGE_CONNECTIONS))]
BillingAskingActor = Annotated[Actor, Depends(require_permission(Permission.ASK_BILLING))]
