"""Who looked at which account: every successful read is noted as its answer goes out, and written together with others a moment later.

A read never waits for its note: the first one after a quiet time is in the database within `GATHERING_SECONDS`, and a process that is
killed loses at most the notes of that time. A list of several accounts is no view of any, unless it has what was written about
them; a list of one account's things is a view of it.
Whoever takes a period along has viewed every account in it.
"""

import asyncio
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import structlog
from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from adapters.audit.access_log import (
    ACCOUNT,
    CASE,
    DOCUMENT,
    INVOICE,
    LETTER,
    MAIL,
    AccessLog,
    AccessRecord,
    AccessTarget,
    build_scope_target,
)
from api.context import ApiContext
from api.web.middleware import AsgiApp, AsgiMessage, Receive, Send
from domain.audit.scope import AuditScope
from domain.roles import Actor

log = structlog.get_logger(__name__)

FLUSH_DELAY_SECONDS = 1.0
MAX_UNWRITTEN = 50_000
"""Notes that wait for a database which is away; beyond them the oldest give way, and the log says so."""

TARGET_KINDS = {
    "account_id": ACCOUNT,
    "invoice_id": INVOICE,
    "dispute_id": CASE,
    "plan_id": CASE,
    "approval_id": CASE,
    "case_id": CASE,
    "review_id": CASE,
    "letter_id": LETTER,
    "sha256": DOCUMENT,
}
"""What a path's parameter names."""

PARAMETERS_WITHOUT_TARGET = frozenset({"import_id", "mail_id", "day", "name", "token", "user_name", "connection_id"})
"""Parameters of reading routes that name no account: an import has rows of many; which letter a mail is, its page says itself; a day's seal
and a policy's name are about all there are; neither a user nor a connection is an account."""

UNLOGGED_ROUTES = frozenset({"/v1/audit/views"})
"""Who looked into the trail, and for which account, is no view of that account."""


class AccessLogBuffer:
    """What was read and is not written yet. Belongs to one event loop."""

    def __init__(self, store: AccessLog, flush_delay: float = FLUSH_DELAY_SECONDS) -> None:
        self._store, self._flush_delay = store, flush_delay
        self._unwritten: list[AccessRecord] = []
        self._flush_task: asyncio.Task[None] | None = None
        self._flush_lock = asyncio.Lock()

    def add_access(self, access: AccessRecord) -> None:
        self._unwritten.append(access)
        if len(self._unwritten) > MAX_UNWRITTEN:
            log.error("views_lost", count=len(self._unwritten) - MAX_UNWRITTEN)
            del self._unwritten[:-MAX_UNWRITTEN]
        if self._flush_task is None or self._flush_task.done():
            self._flush_task = asyncio.create_task(self._flush_after_delay())

    async def flush(self) -> None:
        """Everything noted so far is in the database when it returns. Raises SQLAlchemyError, and keeps what it could not write."""
        async with self._flush_lock:
            batch, self._unwritten = self._unwritten, []
            if not batch:
                return
            try:
                await asyncio.to_thread(self._store.write, batch)
            except BaseException:
                self._unwritten = batch + self._unwritten
                raise

    async def _flush_after_delay(self) -> None:
        """What cannot be written now is tried again with the next read, or when the trail is asked for."""
        await asyncio.sleep(self._flush_delay)
        try:
            await self.flush()
        except SQLAlchemyError as error:
            log.error("views_unwritten", count=len(self._unwritten), error=str(error))


def record_signed_in_actor(request: Request, actor: Actor) -> None:
    """Whoever was found to be signed in, with the route that they came by."""
    request.state.signed_in = (actor, request.scope)


def record_shown_letter(request: Request, message_id: str) -> None:
    """A page shows the letter of that Message-ID."""
    request.state.shown = AccessTarget(MAIL, message_id)


def record_shown_account(request: Request, account_id: str) -> None:
    """A page shows what an account owes, whatever its path names."""
    request.state.shown = AccessTarget(ACCOUNT, account_id)


def record_answered_account(request: Request, account_id: str) -> None:
    """A page answers a question about an account, beside what else it shows."""
    request.state.answered = AccessTarget(ACCOUNT, account_id)


def record_listed_accounts(request: Request, account_ids: Iterable[str]) -> None:
    """A list has what was written about these accounts."""
    request.state.listed = frozenset(account_ids)


def record_exported_scope(request: Request, scope: AuditScope) -> None:
    """An auditor takes away all that there is of an account or a period."""
    request.state.shown = build_scope_target(scope)


class AccessLoggingMiddleware:
    """Notes what was read successfully, by whoever the route found to be signed in."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})

        async def noting(message: AsgiMessage) -> None:
            if message["type"] == "http.response.start" and 200 <= message["status"] < 300 and "signed_in" in state:
                actor, read = state["signed_in"]
                _log_access(actor, read, state.get("shown"))
                if answered := state.get("answered"):
                    _log_access(actor, read, answered)
                for account_id in state.get("listed", ()):
                    _log_access(actor, read, AccessTarget(ACCOUNT, account_id))
            await send(message)

        await self._app(scope, receive, noting)


def _log_access(actor: Actor, scope: Mapping[str, Any], shown_target: AccessTarget | None) -> None:
    route = getattr(scope.get("route"), "path", scope["path"])
    subject = shown_target or find_access_target(scope.get("path_params", {}), scope.get("query_string", b"").decode("latin-1"))
    if subject is not None and route not in UNLOGGED_ROUTES:
        parts: ApiContext = scope["app"].state.parts
        trail: AccessLogBuffer = scope["app"].state.trail
        real = parts.now()
        trail.add_access(AccessRecord(actor.user, actor.role.value, route, subject, real, parts.clock.to_business(real)))


def find_access_target(path: Mapping[str, Any], query: str) -> AccessTarget | None:
    """What a request reads: the thing that its path names, or the account to which its list is narrowed."""
    for name, kind in TARGET_KINDS.items():
        if name in path:
            return AccessTarget(kind, str(path[name]))
    account = parse_qs(query).get("account")
    return AccessTarget(ACCOUNT, account[-1]) if account else None


async def get_access_log_buffer(request: Request) -> AccessLogBuffer:
    trail: AccessLogBuffer = request.app.state.trail
    return trail
