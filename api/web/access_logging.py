"""Who looked at which account: every successful read is noted as its answer goes out, and written together with others a moment later.

A read never waits for its note: the first one after a quiet time is in the database within `GATHERING_SECONDS`, and a process that is
killed loses at most the notes of that time. A list of several accounts is no view of any; a list of one account's things is a view of it.
Whoever takes a period along has viewed every account in it.
"""

import asyncio
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import structlog
from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from adapters.audit.access_log import ACCOUNT, CASE, DOCUMENT, INVOICE, LETTER, MAIL, Seen, Subject, ViewBook, whatever_is_in
from api.context import ApiParts
from api.web.middleware import Message, Receive, Send, WebApp
from domain.audit.scope import AuditScope
from domain.roles import Actor

log = structlog.get_logger(__name__)

GATHERING_SECONDS = 1.0
MOST_UNWRITTEN = 50_000
"""Notes that wait for a database which is away; beyond them the oldest give way, and the log says so."""

SUBJECTS = {
    "account_id": ACCOUNT, "invoice_id": INVOICE, "dispute_id": CASE, "plan_id": CASE, "approval_id": CASE, "review_id": CASE,
    "letter_id": LETTER, "sha256": DOCUMENT,
}  # fmt: skip
"""What a path's parameter names."""

NO_SUBJECT = frozenset({"import_id", "mail_id", "day"})
"""Parameters of reading routes that name no account: an import has rows of many; which letter a mail is, its page says itself; a day's seal
is over all there are."""

UNRECORDED = frozenset({"/v1/audit/views"})
"""Who looked into the trail, and for which account, is no view of that account."""


class ViewTrail:
    """What was read and is not written yet. Belongs to one event loop."""

    def __init__(self, book: ViewBook, seconds: float = GATHERING_SECONDS) -> None:
        self._book, self._seconds = book, seconds
        self._unwritten: list[Seen] = []
        self._writer: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()

    def note(self, seen: Seen) -> None:
        self._unwritten.append(seen)
        if len(self._unwritten) > MOST_UNWRITTEN:
            log.error("views_lost", count=len(self._unwritten) - MOST_UNWRITTEN)
            del self._unwritten[:-MOST_UNWRITTEN]
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_soon())

    async def flush(self) -> None:
        """Everything noted so far is in the database when it returns. Raises SQLAlchemyError, and keeps what it could not write."""
        async with self._one_at_a_time:
            batch, self._unwritten = self._unwritten, []
            if not batch:
                return
            try:
                await asyncio.to_thread(self._book.write, batch)
            except BaseException:
                self._unwritten = batch + self._unwritten
                raise

    async def _write_soon(self) -> None:
        """What cannot be written now is tried again with the next read, or when the trail is asked for."""
        await asyncio.sleep(self._seconds)
        try:
            await self.flush()
        except SQLAlchemyError as error:
            log.error("views_unwritten", count=len(self._unwritten), error=str(error))


def signs(request: Request, actor: Actor) -> None:
    """Whoever was found to be signed in, with the route that they came by."""
    request.state.signed_in = (actor, request.scope)


def shows(request: Request, message_id: str) -> None:
    """A page shows the letter of that Message-ID."""
    request.state.shown = Subject(MAIL, message_id)


def takes_along(request: Request, scope: AuditScope) -> None:
    """An auditor takes away all that there is of an account or a period."""
    request.state.shown = whatever_is_in(scope)


class Viewing:
    """Notes what was read successfully, by whoever the route found to be signed in."""

    def __init__(self, app: WebApp) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start" and 200 <= message["status"] < 300 and "signed_in" in state:
                actor, read = state["signed_in"]
                _note(actor, read, state.get("shown"))
            await send(message)

        await self._app(scope, receive, noting)


def _note(actor: Actor, scope: Mapping[str, Any], shown: Subject | None) -> None:
    route = getattr(scope.get("route"), "path", scope["path"])
    subject = shown or subject_of(scope.get("path_params", {}), scope.get("query_string", b"").decode("latin-1"))
    if subject is not None and route not in UNRECORDED:
        parts: ApiParts = scope["app"].state.parts
        trail: ViewTrail = scope["app"].state.trail
        real = parts.now()
        trail.note(Seen(actor.user, actor.role.value, route, subject, real, parts.clock.business(real)))


def subject_of(path: Mapping[str, Any], query: str) -> Subject | None:
    """What a request reads: the thing that its path names, or the account to which its list is narrowed."""
    for name, kind in SUBJECTS.items():
        if name in path:
            return Subject(kind, str(path[name]))
    account = parse_qs(query).get("account")
    return Subject(ACCOUNT, account[-1]) if account else None


async def trail_of(request: Request) -> ViewTrail:
    trail: ViewTrail = request.app.state.trail
    return trail
