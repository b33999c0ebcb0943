"""`Idempotency-Key`: a request that is repeated gets the answer it got the first time, and nothing happens twice.

Only an answer that changed something is kept. A refused or failed request may be sent again under its key and is judged anew.
"""

import hashlib
import json
import re
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from adapters.identity.idempotency_keys import IdempotencyKeyStore, KeyReusedError, RequestInProgressError, StoredAnswer
from api.web.authentication import get_context, require_actor
from api.web.problems import Problem
from api.web.request_target import EncodedPathRoute

IDEMPOTENCY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
_key_pattern = re.compile(r"[\x21-\x7e]{1,200}")
_boundary_pattern = re.compile(r'boundary="?([^";,]+)"?')


IDEMPOTENCY_PARAMETER: dict[str, Any] = {
    "name": IDEMPOTENCY_HEADER,
    "in": "header",
    "required": False,
    "description": "up to 200 visible ASCII characters, such as a UUID: the same request again under it gets the first answer, once",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
"""As the API's description has it, for every POST."""


class ReplayedResponse(JSONResponse):
    """An answer given before."""


class ShownOnceResponse(JSONResponse):
    """An answer with a secret. What is kept of it, for the same request sent again, is `kept`."""

    kept: dict[str, Any]


def build_shown_once(name: str, secret: str) -> ShownOnceResponse:
    """Answer with a secret under this name; whoever sends the same request again gets null in its place."""
    response = ShownOnceResponse({name: secret})
    response.kept = {name: None}
    return response


class IdempotentRoute(EncodedPathRoute):
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
            known = await run_in_threadpool(_claim_key, store, key, user, await hash_request(request), parts.now())
            if known is not None:
                return ReplayedResponse(known.body, status_code=known.status or 200, headers={REPLAYED_HEADER: "true"})
            kept = False
            try:
                response = await handle(request)
                if response.status_code < 300:
                    body = response.kept if isinstance(response, ShownOnceResponse) else json.loads(bytes(response.body))
                    await run_in_threadpool(store.save_response, key, user, response.status_code, body)
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


def _claim_key(store: IdempotencyKeyStore, key: str, user: str, request_sha256: str, now: datetime) -> StoredAnswer | None:
    try:
        return store.claim(key, user, request_sha256, now)
    except KeyReusedError as error:
        raise Problem(422, "key-reused", "This Idempotency-Key belongs to another request", str(error)) from error
    except RequestInProgressError as error:
        raise Problem(409, "in-progress", "The same request is in progress", str(error), headers={"Retry-After": "2"}) from error
