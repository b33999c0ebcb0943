"""What somebody began in the background and of which nothing is known any more: it was over long ago, or the server was started anew in the
midst of it. Its address has what the page must know to say so, and to begin it again: its token says who began it."""

from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse

from api.console.kept_works import BegunWork, is_token_of
from api.console.rendering import render
from api.console.way_back import is_own_address
from api.context import ApiContext
from api.web.problems import not_found_problem
from domain.roles import Actor

ACT_FIELD, AGAIN_FIELD, BACK_FIELD = "act", "again", "back"


class GoneKind(StrEnum):
    """By which the page says what is left of it."""

    ACT_ON_LIST = "act on a list"
    PROOF = "proof"
    FILE = "file"


class GoneWork(NamedTuple):
    """`act`: what was being done. `again`: the page or the form that begins it again, empty where none can; `back`: from where it was
    begun."""

    act: str
    again: str
    back: str


def build_work_address(page: str, work: BegunWork, act: str, again: str, back: str) -> str:
    said = {ACT_FIELD: act, AGAIN_FIELD: again, BACK_FIELD: back}
    return f"{page}/{work.token}?{urlencode({name: value for name, value in said.items() if value})}"


def render_gone_work(request: Request, context: ApiContext, actor: Actor, token: str, kind: GoneKind, advice: str) -> HTMLResponse:
    """The page that says so to whoever began it. Raises Problem 404, with the `advice`, for what this person never began."""
    if not is_token_of(token, actor.user):
        raise not_found_problem(kind, "", advice)
    page = render(request, context, "gone_work.html", actor, gone=_read_gone_work(request), kind=kind, kinds=GoneKind)
    page.status_code = HTTPStatus.GONE
    return page


def _read_gone_work(request: Request) -> GoneWork:
    given = request.query_params
    again, back = (given.get(name, "") for name in (AGAIN_FIELD, BACK_FIELD))
    return GoneWork(given.get(ACT_FIELD, ""), again if is_own_address(again) else "", back if is_own_address(back) else "/")
