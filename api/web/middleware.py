"""What every request and answer passes: a limit on its size, and headers that keep a browser from loading or sending anything foreign."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from api.web.problems import Problem, build_problem_response, wants_page
from domain.digits import parse_digits

AsgiMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MAX_JSON_BYTES = 4 * 2**20
MAX_IMPORT_BYTES = 256 * 2**20
HOST_PATTERN = re.compile(r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
PROBE_PATHS = frozenset({"/healthz", "/readyz"})
UNKNOWN_HOST = Problem(
    400,
    "unknown-host",
    "This is not the server's name",
    "open Duecourse by its own address; whoever runs it names that in DUECOURSE_CONSOLE_URL, or more of them in DUECOURSE_ALLOWED_HOSTS",
)
IMPORT_PATHS = frozenset({"/v1/imports", "/import"})
MAX_EVIDENCE_BYTES = 25 * 2**20
MAX_THROWN_AWAY_BYTES = 512 * 2**20
MAX_WEBHOOK_BYTES = 512 * 2**10
WEBHOOK_PREFIX = "/v1/webhooks/"
EVIDENCE_PATH = re.compile(r"/v1/disputes/[^/]+/evidence|/act/attach_evidence")

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Under the policy `no-referrer` browsers send a page's own forms with `Origin: null`, which is refused; `same-origin` tells others as
little."""


class BodyLimitMiddleware:
    """Refuses a body that is too large: at once when its length is told, otherwise as soon as too much has come."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _find_body_limit(scope["path"])
        declared_length = dict(scope["headers"]).get(b"content-length", b"0").decode("latin-1")
        length = parse_digits(declared_length)
        if length is None or length > limit:
            await self._refuse_body(_body_too_large_problem(limit), scope, receive, send)
            return
        came = 0

        async def limited() -> AsgiMessage:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise _body_too_large_problem(limit)
            return message

        await self._app(scope, limited, send)

    async def _refuse_body(self, problem: Problem, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """A browser shows no answer before all that it sends was taken: of a form, that is thrown away as it comes, and a page says why."""
        if not wants_page(Request(scope)):
            await build_problem_response(problem, scope["path"])(scope, receive, send)
            return
        thrown_away = 0
        while thrown_away < MAX_THROWN_AWAY_BYTES:
            message = await receive()
            thrown_away += len(message.get("body", b""))
            if not message.get("more_body"):
                break

        async def refusing() -> AsgiMessage:
            raise problem

        await self._app(scope, refusing, send)


def _find_body_limit(path: str) -> int:
    if path in IMPORT_PATHS:
        return MAX_IMPORT_BYTES
    if path.startswith(WEBHOOK_PREFIX):
        return MAX_WEBHOOK_BYTES
    return MAX_EVIDENCE_BYTES if EVIDENCE_PATH.fullmatch(path) else MAX_JSON_BYTES


def _body_too_large_problem(limit: int) -> Problem:
    return Problem(413, "too-large", "The request is too large", f"at most {limit / 2**20:g} MB are taken here; send it in several parts")


class HostPinMiddleware:
    """Refuses requests that call the server by a name which is not its own: a page elsewhere can point a name of its own at this address.
    Probes call it by whatever address it has."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in PROBE_PATHS:
            names: frozenset[str] | None = scope["app"].state.parts.allowed_hosts
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").lower()
            if not HOST_PATTERN.fullmatch(host) or (names is not None and _strip_port(host) not in names):
                await build_problem_response(UNKNOWN_HOST, scope["path"])(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _strip_port(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return name if separator and "]" not in port else host


class SecurityHeadersMiddleware:
    """Adds the security headers. A page that needs another content policy sets its own."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        async def adding(message: AsgiMessage) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, adding)
