"""Stripe's calls when something changes. Only that it did is believed: which invoice is to be read again.

A call has the whole object as it was, or (a thin event) its id alone. The signature is over the raw body and a moment, and a call that is
older than five minutes is not taken; while a secret is changed, either counts.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from stripe import SignatureVerificationError, WebhookSignature

from adapters.billing.errors import ForgedWebhookError
from adapters.billing.external_records import WebhookHint
from adapters.stripe.stripe_reader import find_invoice_id, is_about_credit
from adapters.stripe.stripe_records import Record
from domain.digits import parse_digits

TOLERANCE = timedelta(minutes=5)
_HEADER = "stripe-signature"


def verify_webhook(headers: Mapping[str, str], body: bytes, now: datetime, secrets: Sequence[str]) -> tuple[WebhookHint, ...]:
    """Raises ForgedWebhookError."""
    signature = next((value for name, value in headers.items() if name.lower() == _HEADER), "")
    if not any(_is_signed(body, signature, secret) for secret in secrets):
        raise ForgedWebhookError("the call has no valid signature of Stripe; see the endpoint's signing secret")
    if abs(now.timestamp() - _read_moment(signature)) > TOLERANCE.total_seconds():
        raise ForgedWebhookError("the call was signed more than five minutes from now; it is played again, or a clock is wrong")
    event = _read_event(body)
    about = (event.get("data") or {}).get("object")
    return (WebhookHint(str(event["id"]), _find_hinted(event), isinstance(about, dict) and is_about_credit(about)),)


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(WebhookSignature.verify_header(body, signature, secret))
    except (SignatureVerificationError, UnicodeDecodeError):
        return False


def _read_moment(signature: str) -> int:
    """Of a signature that is valid: the one that was signed is the first that is named exactly so, without a space before it."""
    return next((parse_digits(part[2:]) or 0 for part in signature.split(",") if part.startswith("t=")), 0)


def _read_event(body: bytes) -> Record:
    try:
        event = json.loads(body)
        if isinstance(event, dict) and event["id"]:
            return event
    except (ValueError, KeyError):
        pass
    raise ForgedWebhookError("the call is signed, and is no event")


def _find_hinted(event: Record) -> str | None:
    related = event.get("related_object")
    if isinstance(related, dict):
        return related.get("id") if related.get("type") == "invoice" else None
    changed = (event.get("data") or {}).get("object")
    return find_invoice_id(changed) if isinstance(changed, dict) and changed.get("id") else None
