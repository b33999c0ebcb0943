"""A call of Stripe's is taken when it is signed, and lately; and then only what it hints at."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from stripe import WebhookSignature

from adapters.billing.errors import ForgedWebhookError, UnsupportedOperationError
from adapters.stripe.stripe_connector import StripeConnector
from tests.adapters.stripe.stripe_double import StripeDouble
from tests.adapters.stripe.stripe_world import SETTINGS, open_stripe

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PAID = {"id": "evt_1", "object": "event", "type": "invoice.paid", "data": {"object": {"id": "in_1", "object": "invoice"}}}


@pytest.fixture
def stripe() -> StripeConnector:
    return open_stripe(StripeDouble())


def sign(body: bytes, secret: str = "whsec_new", at: datetime = NOW) -> dict[str, str]:
    return {"Stripe-Signature": WebhookSignature.generate_signature_header(body.decode(), secret, int(at.timestamp()))}


@pytest.mark.parametrize(
    ("event", "invoice"),
    [
        (PAID, "in_1"),
        ({**PAID, "data": {"object": {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_2"}}}, "in_2"),
        ({**PAID, "data": {"object": {"id": "cn_1", "object": "credit_note", "invoice": {"id": "in_3"}}}}, "in_3"),
        ({**PAID, "data": {"object": {"id": "cus_1", "object": "customer"}}}, None),
        ({**PAID, "data": {"object": {"object": "balance"}}}, None),
        ({"id": "evt_1", "object": "v2.core.event", "related_object": {"id": "in_4", "type": "invoice"}}, "in_4"),
        ({"id": "evt_1", "object": "v2.core.event", "related_object": None}, None),
    ],
)
def test_a_call_says_which_invoice_to_read_again(stripe: StripeConnector, event: dict[str, object], invoice: str | None) -> None:
    body = json.dumps(event).encode()
    (hint,) = stripe.verify_webhook(sign(body), body, NOW)
    assert (hint.event_id, hint.external_id) == ("evt_1", invoice)


@pytest.mark.parametrize(
    ("about", "concerns"),
    [
        ({"id": "cus_1", "object": "customer"}, True),
        ({"object": "cash_balance", "customer": "cus_1"}, True),
        ({"id": "ccsbtxn_1", "object": "customer_cash_balance_transaction", "customer": "cus_1"}, True),
        ({"id": "in_1", "object": "invoice"}, False),
    ],
)
def test_a_call_says_whether_what_is_unapplied_may_have_changed(stripe: StripeConnector, about: dict[str, object], concerns: bool) -> None:
    body = json.dumps({**PAID, "data": {"object": about}}).encode()
    (hint,) = stripe.verify_webhook(sign(body), body, NOW)
    assert hint.concerns_credit is concerns


def test_while_a_secret_is_changed_either_counts(stripe: StripeConnector) -> None:
    body = json.dumps(PAID).encode()
    old, new = sign(body, "whsec_old"), sign(body)
    both = {"stripe-signature": f"{old['Stripe-Signature']},{new['Stripe-Signature'].partition(',')[2]}"}
    for headers in (old, new, both):
        assert stripe.verify_webhook(headers, body, NOW)


@pytest.mark.parametrize("ago", [timedelta(minutes=4), timedelta(minutes=-4)])
def test_a_call_is_taken_for_five_minutes(stripe: StripeConnector, ago: timedelta) -> None:
    body = json.dumps(PAID).encode()
    assert stripe.verify_webhook(sign(body, at=NOW - ago), body, NOW)


@pytest.mark.parametrize("ago", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_an_old_call_is_played_again(stripe: StripeConnector, ago: timedelta) -> None:
    body = json.dumps(PAID).encode()
    with pytest.raises(ForgedWebhookError, match="five minutes"):
        stripe.verify_webhook(sign(body, at=NOW - ago), body, NOW)


def test_a_moment_that_was_not_signed_does_not_count(stripe: StripeConnector) -> None:
    body = json.dumps(PAID).encode()
    old = sign(body, at=NOW - timedelta(hours=1))["Stripe-Signature"]
    for header in (
        f"t={int(NOW.timestamp())},{old}",
        f" t={int(NOW.timestamp())},{old}",
        f"{old},t={int(NOW.timestamp())}",
        old.replace("v1=", "v0="),
    ):
        with pytest.raises(ForgedWebhookError):
            stripe.verify_webhook({"Stripe-Signature": header}, body, NOW)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"not JSON", b"\xff\xfe"])
def test_what_is_no_event_is_refused(stripe: StripeConnector, body: bytes) -> None:
    headers = sign(body) if body.isascii() else {"Stripe-Signature": "t=1,v1=00"}
    with pytest.raises(ForgedWebhookError):
        stripe.verify_webhook(headers, body, NOW)


def test_a_body_that_was_changed_or_a_secret_of_others_is_forged(stripe: StripeConnector) -> None:
    body = json.dumps(PAID).encode()
    with pytest.raises(ForgedWebhookError):
        stripe.verify_webhook(sign(body), body.replace(b"in_1", b"in_9"), NOW)
    with pytest.raises(ForgedWebhookError):
        stripe.verify_webhook(sign(body, "whsec_other"), body, NOW)


def test_without_a_secret_nothing_is_taken() -> None:
    bare = open_stripe(StripeDouble(), SETTINGS._replace(webhook_secrets=()))
    with pytest.raises(UnsupportedOperationError):
        bare.verify_webhook({}, b"{}", NOW)
