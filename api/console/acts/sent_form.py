"""A form as a browser sends it, and the token by which it is known to come from a page of ours."""

import hmac
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import chain
from typing import Annotated, NamedTuple

from fastapi import Depends, Form, Request
from starlette.datastructures import UploadFile

from api.web.authentication import SESSION_COOKIE
from api.web.problems import Problem, invalid_request_problem

Values = Mapping[str, Sequence[str]]
"""What was sent, by field: one text, or one for each thing that was ticked."""

MAX_FILES = 20
"""So many one request to the API may bring."""

TOKEN_FIELD, KEY_FIELD = "form_token", "form_key"
FOREIGN_FORM = Problem(403, "foreign-page", "This form was not opened here", "open the page again and choose there")


class SentForm(NamedTuple):
    """`is_ours`: it carries the token of the session that sends it. `files`: those that were chosen, each with its field."""

    values: Values
    is_ours: bool
    files: Sequence[tuple[str, UploadFile]] = ()

    def first(self, name: str) -> str:
        """Return a field's only text; empty where it was not sent."""
        return get_first(self.values, name)

    @property
    def key(self) -> str:
        """Under which it is done once, however often it is sent."""
        return self.first(KEY_FIELD)


async def read_sent_form(request: Request, max_fields: int = 1_000, max_files: int = 0) -> SentForm:
    """Read the request's form. A file without a name is none: so a browser sends a field in which nothing was chosen. Raises Problem 422
    for a zero byte, which no database keeps in a text."""
    sent = await request.form(max_files=max_files, max_fields=max_fields)
    values = {name: [value for value in sent.getlist(name) if isinstance(value, str)] for name in sent}
    if any("\0" in value for value in chain(values, *values.values())):
        raise invalid_request_problem("form", "write text, without zero bytes")
    files = [(name, value) for name, value in sent.multi_items() if isinstance(value, UploadFile) and value.filename]
    return SentForm(values, is_form_token(request, get_first(values, TOKEN_FIELD)), files)


def get_first(values: Values, name: str) -> str:
    return next(iter(values.get(name, ())), "")


def is_form_token(request: Request, sent: str) -> bool:
    """Whether this is the token of the session that sends the request."""
    return hmac.compare_digest(sent.encode(), build_form_token(request).encode())


def build_form_token(request: Request) -> str:
    """What every form of this session carries: a page elsewhere can make a browser send a form with its cookie, and cannot know this."""
    credential = request.headers.get("authorization") or request.cookies.get(SESSION_COOKIE, "")
    return blake2b(credential.encode(), digest_size=16, person=b"duecourse form").hexdigest()


def require_form_token(request: Request, form_token: Annotated[str, Form(max_length=100)] = "") -> None:
    """Raises Problem 403 for a form that no page of this session sent; whoever has no session has nothing that it could do."""
    if SESSION_COOKIE in request.cookies and not is_form_token(request, form_token):
        raise FOREIGN_FORM


OWN_FORM = Depends(require_form_token)
"""For routes that a button alone calls, which have no words of their own for a form that grew old."""
