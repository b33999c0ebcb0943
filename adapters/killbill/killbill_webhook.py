"""Kill Bill's pushes: what may have changed. They have no signature, and are no more than hints: what they name is read again. The address
that they go to should have a secret in it."""

import hashlib
from datetime import datetime
from typing import Any

from adapters.billing.errors import ForgedWebhookError
from adapters.billing.external_records import WebhookHint
from adapters.billing.json_values import JsonFaultError, read_json

LONGEST_PUSH = 64 * 2**10
_MEANS_NOTHING = "INVOICE_PAYMENT_FAILED"
"""Comes for every charge of an account that has no payment method."""


def read_push(body: bytes, now: datetime) -> tuple[WebhookHint, ...]:
    """Two pushes of one content in one minute are one: Kill Bill numbers none of them, and sends some twice. Raises ForgedWebhookError for
    what Kill Bill does not send."""
    said = _read_body(body)
    kind, object_type, object_id = said.get("eventType"), said.get("objectType"), said.get("objectId")
    if not (isinstance(kind, str) and isinstance(object_type, str) and isinstance(object_id, str)):
        raise ForgedWebhookError("this is no push of Kill Bill: it names no event and no object")
    if kind == _MEANS_NOTHING:
        return ()
    event_id = f"{hashlib.sha256(body).hexdigest()[:40]}-{int(now.timestamp()) // 60}"
    return (WebhookHint(event_id, object_id if object_type == "INVOICE" else None),)


def _read_body(body: bytes) -> dict[str, Any]:
    if len(body) > LONGEST_PUSH:
        raise ForgedWebhookError("this is no push of Kill Bill: it is too long")
    try:
        said = read_json(body)
    except JsonFaultError as error:
        raise ForgedWebhookError("this is no push of Kill Bill: it is not JSON") from error
    return said if isinstance(said, dict) else {}
