"""What somebody began in the background and of which nothing is known any more: it was over long ago, or the server was started anew in the
midst of it. Its address has what the page must know to say so, and to begin it again."""

from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request

from api.console.kept_works import BegunWork
from api.console.way_back import is_own_address

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


def find_gone_work(request: Request, token: str, user: str) -> GoneWork | None:
    """None for what this person never began."""
    given = request.query_params
    if given.get(MARK_FIELD) != _mark_beginner(token, user):
        return None
    again, back = (given.get(name, "") for name in (AGAIN_FIELD, BACK_FIELD))
    return GoneWork(given.get(ACT_FIELD, ""), again if is_own_address(again) else "", back if is_own_address(back) else "/")


def _mark_beginner(token: str, user: str) -> str:
    """Of whoever knows the address of a work, by which they are known who began it."""
    return blake2b(f"{token}\n{user}".encode(), digest_size=8).hexdigest()
