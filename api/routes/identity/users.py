"""The routes of users and their roles: read by auditors, changed by administrators."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from adapters.identity.user_admin import UserDetails
from api.schemas.identity.users import PasswordLinkMade, RoleIn, UserChanged, UserDeactivated, UserDetailsIn, UserIn, UserOut
from api.web.authentication import AuditingActor, Context, UserManagingActor, build_change_author
from api.web.idempotency import IdempotentRoute, build_shown_once
from api.web.problems import PROBLEM_RESPONSES

router = APIRouter(prefix="/v1/users", tags=["users"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES)
DETAILS = set(UserDetails._fields)


@router.get("", operation_id="list_users", summary="Every user, with the roles and how many tokens are good")
def get_users(context: Context, _: AuditingActor) -> list[UserOut]:
    return [UserOut(**known._asdict()) for known in context.identity.list_users()]


@router.post("", operation_id="add_user", summary="A new user, with a first role", status_code=201)
def add_user(body: UserIn, request: Request, context: Context, actor: UserManagingActor) -> UserChanged:
    """Refused (409) for a name that differs from another one in its case alone. The user cannot sign in yet: make a password link."""
    author = build_change_author(request, actor.user)
    context.users.add_user(body.name, body.role, UserDetails(**body.model_dump(include=DETAILS)), author)
    return UserChanged(name=body.name, roles=[body.role])


@router.post("/{user_name}/details", operation_id="change_user", summary="How a user is called and reached")
def change_user(user_name: str, body: UserDetailsIn, request: Request, context: Context, actor: UserManagingActor) -> UserChanged:
    context.users.change_details(user_name, UserDetails(**body.model_dump()), build_change_author(request, actor.user))
    return UserChanged(name=user_name, roles=sorted(context.identity.get_roles(user_name)))


@router.post("/{user_name}/roles", operation_id="give_role", summary="One more role for a user")
def give_role(user_name: str, body: RoleIn, request: Request, context: Context, actor: UserManagingActor) -> UserChanged:
    """A user who was deactivated is active again. Nobody gives themselves a role (409)."""
    context.users.give_role(user_name, body.role, build_change_author(request, actor.user))
    return UserChanged(name=user_name, roles=sorted(context.identity.get_roles(user_name)))


@router.post("/{user_name}/role-removal", operation_id="take_role", summary="Take a role from a user")
def take_role(user_name: str, body: RoleIn, request: Request, context: Context, actor: UserManagingActor) -> UserChanged:
    """The tokens and sessions in that role end. The last administrator stays one (409)."""
    context.users.take_role(user_name, body.role, build_change_author(request, actor.user))
    return UserChanged(name=user_name, roles=sorted(context.identity.get_roles(user_name)))


@router.post("/{user_name}/deactivation", operation_id="deactivate_user", summary="Let a user sign in no more")
def deactivate_user(user_name: str, request: Request, context: Context, actor: UserManagingActor) -> UserDeactivated:
    """Every token and session ends at once. Accounts and open tasks stay the user's until a collections manager gives them to somebody
    else; the answer counts them. The last administrator cannot be deactivated (409)."""
    work = context.users.deactivate(user_name, build_change_author(request, actor.user))
    return UserDeactivated(name=user_name, accounts=work.accounts, open_tasks=work.open_tasks)


@router.post(
    "/{user_name}/password-link",
    operation_id="make_password_link",
    summary="A link with which a user chooses a password",
    response_model=PasswordLinkMade,
)
def make_password_link(user_name: str, request: Request, context: Context, actor: UserManagingActor) -> Response:
    """Good once, and for a day; a new one ends the one before. Give it to the user alone: whoever opens it becomes the user."""
    code = context.passwords.make_link_code(user_name, build_change_author(request, actor.user))
    return build_shown_once("link", str(request.url.replace(path="/password", query=f"code={code}")))
