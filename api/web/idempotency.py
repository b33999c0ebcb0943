"""`Idempotency-Key`: a request that is repeated gets the answer it got the first time, and nothing happens twice.

Only an answer that changed something is kept. A refused or failed request may be sent again under its key and is judged anew.
"""

import hashlib
import json
import re
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from sqlalchemy import delete, insert, update
from sqlmodel import col, select

from adapters.database.engine import Database
from adapters.database.tables import IdempotencyKey
from api.web.authentication import get_context, require_actor
from api.web.problems import Problem

IDEMPOTENCY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
ABANDONED_AFTER = timedelta(minutes=2)
"""A request that is in progress for longer has lost its server: its key may be taken over. Derived ids keep it from counting twice."""
KEY_RETENTION = timedelta(days=7)
_key_pattern = re.compile(r"[\x21-\x7e]{1,200}")
_boundary_pattern = re.compile(r'boundary="?([^";,]+)"?')


class ReplayedResponse(JSONResponse):
    """An answer given before."""


class IdempotencyKeyStore:
    """The keys of all users. Times are real."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, key: str, user: str, request_sha256: str, now: datetime) -> IdempotencyKey | None:
        """None when the request is new, otherwise what is known of it. Raises Problem when the key cannot be used so."""
        with self._database.writing() as session:
            session.execute(delete(IdempotencyKey).where(col(IdempotencyKey.created_at) < now - KEY_RETENTION))
            known = session.exec(select(IdempotencyKey).where(IdempotencyKey.key == key, IdempotencyKey.user == user)).one_or_none()
            if known is None:
                session.execute(insert(IdempotencyKey).values(key=key, user=user, request_sha256=request_sha256, created_at=now))
                return None
            if known.request_sha256 != request_sha256:
                raise Problem(
                    422, "key-reused", "This Idempotency-Key belongs to another request", "send another request under a key of its own"
                )
            if known.status is not None:
                return known
            if known.created_at > now - ABANDONED_AFTER:
                raise Problem(
                    409, "in-progress", "The same request is in progress", "wait a moment and send it again", headers={"Retry-After": "2"}
                )
            known.created_at = now
            session.add(known)
            return None

    def save_response(self, key: str, user: str, status: int, body: Any) -> None:
        with self._database.writing() as session:
            session.execute(
                update(IdempotencyKey)
                .where(col(IdempotencyKey.key) == key, col(IdempotencyKey.user) == user)
                .values(status=status, body=body)
            )

    def release(self, key: str, user: str) -> None:
        with self._database.writing() as session:
            session.execute(delete(IdempotencyKey).where(col(IdempotencyKey.key) == key, col(IdempotencyKey.user) == user))


class IdempotentRoute(APIRoute):
    """A route whose POST heeds the header."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if "POST" not in (self.methods or set()):
            return handle

        async def once(request: Request) -> Response:
            key = request.headers.get(IDEMPOTENCY_HEADER)
            if key is None:
                return await handle(request)
            if not _key_pattern.fullmatch(key):
                raise Problem(422, "invalid", "The Idempotency-Key cannot be read", "use 1 to 200 visible ASCII characters, such as a UUID")
            parts, user = get_context(request), (await run_in_threadpool(require_actor, request)).user
            store = IdempotencyKeyStore(parts.database)
            known = await run_in_threadpool(store.claim, key, user, await hash_request(request), parts.now())
            if known is not None:
                return ReplayedResponse(known.body, status_code=known.status or 200, headers={REPLAYED_HEADER: "true"})
            kept = False
            try:
                response = await handle(request)
                if response.status_code < 300:
                    await run_in_threadpool(store.save_response, key, user, response.status_code, json.loads(bytes(response.body)))
                    kept = True
                return response
            finally:
                if not kept:
                    await run_in_threadpool(store.release, key, user)

        return once


async def hash_request(request: Request) -> str:
    """SHA-256 of what is asked. A multipart boundary differs at every sending and says nothing."""
    content_type, body = request.headers.get("content-type", ""), await request.body()
    if found := _boundary_pattern.search(content_type):
        body = body.replace(found[1].encode(), b"boundary")
        content_type = content_type.replace(found[1], "boundary")
    target = f"{request.method} {request.url.path}?{request.url.query}\n{content_type}\n"
    return hashlib.sha256(target.encode() + body).hexdigest()
