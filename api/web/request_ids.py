"""Ids for what a request makes."""

import secrets
from hashlib import sha256

from fastapi import Request

from api.web.idempotency import IDEMPOTENCY_HEADER


def derive_id(request: Request, kind: str, user: str, *what: str) -> str:
    """The same for a request that is repeated under its Idempotency-Key, so that it counts once whatever got lost; random without one.

    `what`: the part of the request by which, when it was refused, it is another one under the same key.
    """
    key = request.headers.get(IDEMPOTENCY_HEADER)
    if key is None:
        return f"{kind}:{secrets.token_hex(16)}"
    return derive_act_id(kind, user, request.url.path, key, *what)


def derive_act_id(kind: str, *parts: str) -> str:
    """The same for the same parts: who does it, where, and under which key."""
    text = "\n".join(parts)
    return f"{kind}:{sha256(text.encode()).hexdigest()[:32]}"
