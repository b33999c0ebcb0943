"""The routes of browsers' sessions: one's own, and everybody's for those who keep the keys."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from adapters.database.row_states import SignInMethod
from adapters.identity.sessions import KnownSession
from api.web.authentication import Context, ReadingActor, UserManagingActor, build_change_author
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES
from domain.roles import Role

router = APIRouter(prefix="/v1/sessions", tags=["users"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
ROLES_SEEING_ALL_SESSIONS = frozenset({Role.ADMIN, Role.AUDITOR})


class SessionOut(BaseModel):
    """A browser in which somebody is signed in. Times are real."""

    id: str = Field(description="names the session, and signs nobody in")
    user: str
    role: Role
    method: SignInMethod
    address: str
    browser: str = Field(description="what it called itself")
    created_at: datetime
    last_used_at: datetime = Field(description="within five minutes")
    expires_at: datetime = Field(description="at the latest; sooner when it is not used")

    @classmethod
    def from_session(cls, known: KnownSession) -> "SessionOut":
        return cls(**known._asdict())


@router.get("", operation_id="list_sessions", summary="Where you are signed in; for admins and auditors, where everybody is")
def get_sessions(context: Context, actor: ReadingActor) -> list[SessionOut]:
    """The last used first; those that are over are left out."""
    everybody = actor.role in ROLES_SEEING_ALL_SESSIONS
    return [SessionOut.from_session(known) for known in context.identity.sessions.list_sessions(None if everybody else actor.user)]


@router.post("/{session_id}/revocation", operation_id="end_session", summary="Sign a browser out")
def end_session(session_id: str, request: Request, context: Context, actor: UserManagingActor) -> SessionOut:
    """Anybody's; one's own end at the console, under "Your settings". A second time changes nothing."""
    return SessionOut.from_session(context.identity.sessions.revoke_session(session_id, build_change_author(request, actor.user)))
