"""The routes of bearer tokens, by which machines say who they are."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.schemas.identity.users import TokenIn, TokenMade, TokenOut
from api.web.authentication import AuditingActor, Context, UserManagingActor, build_change_author
from api.web.idempotency import IdempotentRoute, build_shown_once
from api.web.problems import PROBLEM_RESPONSES

router = APIRouter(prefix="/v1/tokens", tags=["users"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)


@router.get("", operation_id="list_tokens", summary="The tokens that are good, the newest first")
def get_tokens(context: Context, _: AuditingActor) -> list[TokenOut]:
    return [TokenOut(**known._asdict()) for known in context.users.list_tokens()]


@router.post("", operation_id="issue_token", summary="A token for a user", response_model=TokenMade)
def issue_token(body: TokenIn, request: Request, context: Context, actor: UserManagingActor) -> Response:
    """It is shown this once; only its hash is kept. The user must have the role."""
    return build_shown_once("token", context.users.issue_token(body.user, body.role, body.days, build_change_author(request, actor.user)))


@router.post("/{token_id}/revocation", operation_id="revoke_token", summary="End a token, and the sessions that it opened")
def revoke_token(token_id: str, request: Request, context: Context, actor: UserManagingActor) -> TokenOut:
    """A second time changes nothing."""
    return TokenOut(**context.users.revoke_token(token_id, build_change_author(request, actor.user))._asdict())
