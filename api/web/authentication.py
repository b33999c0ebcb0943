"""Who asks: a bearer token or, at the console, the same token in a cookie. Routes say what they need with `Depends(may(…))`."""

from collections.abc import Callable
from typing import Annotated, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from adapters.identity.users_and_tokens import Actor
from api.context import ApiParts
from api.web.access_logging import signs
from api.web.permissions import May, refusal
from api.web.problems import Problem

COOKIE = "duecourse_session"
FROM_LINK = "link."
"""Marks a token that was made for this browser alone: it ends when its user signs out. A pasted one may serve elsewhere."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

bearer = HTTPBearer(auto_error=False, scheme_name="token", description="A token made with `duecourse token ROLE --user NAME`.")


def parts_of(request: Request) -> ApiParts:
    return cast(ApiParts, request.app.state.parts)


def signed_in(request: Request) -> Actor:
    """Raises Problem 401 for a missing, unknown, expired or revoked token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        token = request.cookies.get(COOKIE, "").removeprefix(FROM_LINK)
        if token and request.method not in SAFE:
            _refuse_foreign_page(request)
    actor = parts_of(request).identity.who(token.strip()) if token else None
    if actor is None:
        missing = "this request carries no token" if not token else "this token is unknown, expired or revoked"
        raise Problem(
            401,
            "not-signed-in",
            "You are not signed in",
            f"{missing}; make one with 'duecourse token ROLE --user NAME' and send it as 'Authorization: Bearer …'",
            headers={"WWW-Authenticate": 'Bearer realm="duecourse"'},
        )
    signs(request, actor)
    return actor


def _refuse_foreign_page(request: Request) -> None:
    """A cookie is sent by whatever page the browser shows: only our own may change something with it."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Problem(403, "foreign-page", "Another site asked for this", "open Duecourse itself and try again there")


def may(wanted: May) -> Callable[[Request, object], Actor]:
    """A dependency: the actor, if its role may. Sync, so that the look-up in the database runs in the threadpool."""

    def allowed(request: Request, _: Annotated[object, Security(bearer)] = None) -> Actor:
        actor = signed_in(request)
        if why := refusal(actor.role, wanted):
            raise Problem(403, "not-allowed", "Your role may not do this", why)
        return actor

    allowed.wanted = wanted  # type: ignore[attr-defined]
    return allowed


Parts = Annotated[ApiParts, Depends(parts_of)]
Reader = Annotated[Actor, Depends(may(May.READ))]
Collecting = Annotated[Actor, Depends(may(May.COLLECT))]
WorkingTasks = Annotated[Actor, Depends(may(May.WORK_TASKS))]
DecidingLetters = Annotated[Actor, Depends(may(May.DECIDE_LETTERS))]
RecordingPayments = Annotated[Actor, Depends(may(May.RECORD_PAYMENTS))]
ReducingInvoices = Annotated[Actor, Depends(may(May.REDUCE_INVOICES))]
Importing = Annotated[Actor, Depends(may(May.IMPORT))]
ChangingService = Annotated[Actor, Depends(may(May.CHANGE_SERVICE))]
HandlingDisputes = Annotated[Actor, Depends(may(May.HANDLE_DISPUTES))]
DecidingApprovals = Annotated[Actor, Depends(may(May.DECIDE_APPROVALS))]
Delegating = Annotated[Actor, Depends(may(May.DELEGATE))]
RevokingDelegations = Annotated[Actor, Depends(may(May.REVOKE_DELEGATIONS))]
PlanningPayments = Annotated[Actor, Depends(may(May.PLAN_PAYMENTS))]
ReferringAccounts = Annotated[Actor, Depends(may(May.REFER_ACCOUNTS))]
JudgingCredit = Annotated[Actor, Depends(may(May.JUDGE_CREDIT))]
AskingSuspension = Annotated[Actor, Depends(may(May.ASK_SUSPENSION))]
Reinstating = Annotated[Actor, Depends(may(May.REINSTATE))]
DecidingWriteOffs = Annotated[Actor, Depends(may(May.DECIDE_WRITE_OFFS))]
AnsweringEscalations = Annotated[Actor, Depends(may(May.ANSWER_ESCALATIONS))]
RunningPortfolios = Annotated[Actor, Depends(may(May.RUN_PORTFOLIOS))]
Auditing = Annotated[Actor, Depends(may(May.AUDIT))]
Erasing = Annotated[Actor, Depends(may(May.ERASE))]
