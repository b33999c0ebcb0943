"""The path that a request names, so that ids may have any sign: what was encoded inside a segment stays inside it.

Servers decode a path before it is matched, and an id such as `INV/2013/0042` would fall apart into three segments. So the path is made from
what was sent: decoded but for the slashes inside segments and the percent signs, which routes decode when they have found their parameters.
"""

from collections.abc import Iterator, MutableMapping
from difflib import get_close_matches
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from api.web.middleware import AsgiApp, Receive, Send
from api.web.problems import FieldError, Problem, build_problem_response

ENCODED_SLASH, ENCODED_PERCENT = "%2F", "%25"


class RequestPathMiddleware:
    """Sets the path anew from what was sent. A request whose path is no UTF-8 text, or which has a zero byte, is refused."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            path = decode_path(scope.get("raw_path") or quote(scope["path"]).encode())
            if b"\0" in unquote_to_bytes(scope.get("query_string", b"")):
                raise ValueError("a zero byte")
        except ValueError:
            why = "its path and parameters are to be UTF-8 text, percent-encoded, without zero bytes"
            await build_problem_response(Problem(400, "bad-request", "The request cannot be read", why), "/")(scope, receive, send)
            return
        await self._app({**scope, "path": path}, receive, send)


class EncodedPathRoute(APIRoute):
    """A route whose parameters may have any sign, slashes too."""

    @cached_property
    def query_names(self) -> frozenset[str]:
        """The parameters that it takes behind the question mark."""
        return frozenset(_list_query_names(self.dependant))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        if parameters := found.get("path_params"):
            found["path_params"] = {name: decode_parameter(value) for name, value in parameters.items()}
        return match, found


def refuse_unknown_parameters(request: Request) -> None:
    """A misspelt parameter is refused, not ignored: its filter would be left out without a word. Raises Problem 422."""
    route = request.scope["route"]
    known = route.query_names if isinstance(route, EncodedPathRoute) else frozenset()
    if unknown := sorted(set(request.query_params) - known):
        errors = [FieldError(pointer=name, detail=_describe_unknown(name, known)) for name in unknown]
        raise Problem(422, "invalid", "The request cannot be read", "; ".join(error.detail for error in errors[:3]), errors=errors)


def _list_query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _list_query_names(inner)


def _describe_unknown(name: str, known: frozenset[str]) -> str:
    if close := get_close_matches(name, known, n=1):
        return f"there is no parameter {name!r} here; did you mean {close[0]!r}?"
    return f"there is no parameter {name!r} here; " + (f"write one of: {', '.join(sorted(known))}" if known else "this route takes none")


def decode_path(raw_path: bytes) -> str:
    """Decode each segment by itself, but for its slashes and percent signs. Raises ValueError for what is no text."""
    path = "/".join(_decode_segment(segment) for segment in raw_path.split(b"/"))
    if "\0" in path:
        raise ValueError("a zero byte")
    return path


def decode_parameter(value: str) -> str:
    """Return the parameter as it was meant."""
    return value.replace(ENCODED_SLASH, "/").replace(ENCODED_PERCENT, "%")


def _decode_segment(segment: bytes) -> str:
    return unquote_to_bytes(segment).decode().replace("%", ENCODED_PERCENT).replace("/", ENCODED_SLASH)
