"""The pages of users and tokens: read by auditors, changed by administrators, through the forms of the API."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from adapters.identity.sessions import build_session_id
from adapters.read_model.access_log import list_identity_events
from api.console.rendering import render, require_page_right
from api.console.sign_in.session_cookie import read_session_secret
from api.web.authentication import Context
from api.web.permissions import Permission, permission_denial_reason
from api.web.problems import not_found_problem
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
MAX_EVENTS = 50


KeyReader = Annotated[Actor, Depends(require_page_right(Permission.AUDIT))]


@router.get("/users")
def show_users(request: Request, context: Context, actor: KeyReader) -> HTMLResponse:
    """Every user, and what happened last to any of them."""
    events, _ = list_identity_events(context.database, MAX_EVENTS, None)
    return render(request, context, "users.html", actor, users=context.identity.list_users(), events=events)


@router.get("/users/{user_name}")
def show_user(request: Request, user_name: str, context: Context, actor: KeyReader) -> HTMLResponse:
    """One user: what can be changed, what is theirs, and what happened to them."""
    found = next((known for known in context.identity.list_users() if known.name == user_name), None)
    if found is None:
        raise not_found_problem("user", user_name, "the list of users has all of them")
    events, _ = list_identity_events(context.database, MAX_EVENTS, None, user_name)
    return render(
        request,
        context,
        "user.html",
        actor,
        user=found,
        details=context.users.find_details(user_name),
        work=context.users.count_work(user_name),
        sessions=context.identity.sessions.list_sessions(user_name),
        this_session=build_session_id(read_session_secret(request)),
        may_change=permission_denial_reason(actor.role, Permission.MANAGE_USERS) is None,
        tokens=context.users.list_tokens(user_name),
        events=events,
        key=secrets.token_urlsafe(18),
    )


@router.get("/tokens")
def show_tokens(request: Request, context: Context, actor: KeyReader) -> HTMLResponse:
    """The tokens that are good."""
    return render(request, context, "tokens.html", actor, tokens=context.users.list_tokens())
