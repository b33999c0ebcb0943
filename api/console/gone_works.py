"""What somebody began in the background and of which nothing is known any more: it was over long ago, or the server was started anew in the
midst of it. Its address has what the page must know to say so, and to begin it again."""

from hashlib import blake2b
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.console.kept_works import BegunWork
from api.console.rendering import render
from api.console.way_back import is_own_address
from api.context import ApiContext
from api.web.problems import not_found_problem
from domain.roles import Actor

MARK_FIELD, ACT_FIELD, AGAIN_FIELD, BACK_FIELD = "begun", "act", "again", "back"


class GoneWork(NamedTuple):
    """`act`: what was being done. `again`: the page or the form that begins it again, empty where none can; `back`: from where it was
    begun."""

    act: str
    again: str
    back: str


def build_work_address(page: str, work: BegunWork, act: str, again: str, back: str) -> str:
    mark = _mark_beginner(work.token, work.user)
    said = {MARK_FIELD: mark, ACT_FIELD: act, AGAIN_FIELD: again, BACK_FIELD: back}
    return f"{page}/{work.token}?{urlencode({name: value for name, value in said.items() if value})}"


def render_gone_work(
    request: Request, context: ApiContext, actor: Actor, token: str, kind: str, advice: str, *, is_list: bool
) -> HTMLResponse:
    """The page that says so to whoever began it. Raises Problem 404, with the `advice`, for what this person never began: no such `kind` of
    work."""
    gone = _find_gone_work(request, token, actor.user)
    if gone is None:
        raise not_found_problem(kind, "", advice)
    page = render(request, context, "gone_work.html", actor, gone=gone, is_list=is_list)
    page.status_code = HTTPStatus.GONE
    return page


def _find_gone_work(request: Request, token: str, user: str) -> GoneWork | None:
    """None for what this person never began."""
    given = request.query_params
    if given.get(MARK_FIELD) != _mark_beginner(token, user):
        return None
    again, back = (given.get(name, "") for name in (AGAIN_FIELD, BACK_FIELD))
    return GoneWork(given.get(ACT_FIELD, ""), again if is_own_address(again) else "", back if is_own_address(back) else "/")


def _mark_beginner(token: str, user: str) -> str:
    """Of whoever knows the address of a work, by which they are known who began it."""
    return blake2b(f"{token}\n{user}".encode(), digest_size=8).hexdigest()
