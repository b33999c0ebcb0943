"""The calls by which each system says that something changed: forged, played again, out of order, repeated and lost, they end in the same
state, for the next reading finds what none of them said."""

import json
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import NamedTuple, cast

import pytest
from stripe import WebhookSignature

from adapters.billing.errors import ForgedWebhookError
from adapters.connections.connection_description import WebhookProof
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.connections.webhooks.hint_reading import HintReading
from adapters.connections.webhooks.webhook_receiver import SECRET_HEADER, WebhookReceiver
from adapters.connections.webhooks.webhook_store import WebhookCounts, WebhookStore
from tests.adapters.billing.badly_read import BadlyRead
from tests.adapters.killbill.killbill_world import KillBillWorld
from tests.adapters.stripe.stripe_world import StripeWorld

SECRET = "whsec_new"
with_webhooks = pytest.mark.parametrize("connected", ["stripe", "killbill"], indirect=True)


class IncomingCall(NamedTuple):
    """As it comes over HTTP; `secret` from its address."""

    headers: Mapping[str, str]
    body: bytes
    secret: str | None = None


class CalledBack:
    """A system that calls, and who takes its calls."""

    def __init__(self, badly: BadlyRead) -> None:
        self._badly, self._world, self.told = badly, badly.world, 0
        badly.pages.is_bad = False
        key = badly.world.connector.key
        proof = WebhookProof.SIGNED if isinstance(badly.world, StripeWorld) else WebhookProof.SHARED
        system = SimpleNamespace(key=key, id=key.system, connection=object(), webhook_proof=proof, switched_off_at=None, fault="")
        system.webhook, system.connector = (SECRET,), badly.world.connector
        registry = cast(ConnectionRegistry, SimpleNamespace(find=lambda name: [system]))
        self._receiver = WebhookReceiver(badly.database, registry, lambda: badly.day.clock.now)
        self._reading = HintReading(badly.database, {key: badly.sync}, badly.day.clock)

    @property
    def counts(self) -> WebhookCounts:
        return WebhookStore(self._badly.database).list_counts()[self._world.connector.key]

    def list_calls(self) -> list[bytes]:
        """What it says of all that happened since the last time; Kill Bill says some of it again."""
        match self._world:
            case StripeWorld():
                events = list(self._world.double.objects["event"].values())
                said, self.told = events[self.told :], len(events)
            case KillBillWorld():
                kinds = ("INVOICE_CREATION", "INVOICE_PAYMENT_SUCCESS")
                said = [{"eventType": kind, "objectType": "INVOICE", "objectId": each} for each in self._badly.house.owed for kind in kinds]
            case _:
                raise AssertionError("it does not call")
        return [json.dumps(each).encode() for each in said]

    def sign(self, body: bytes, secret: str = SECRET, ago: timedelta = timedelta(0)) -> IncomingCall:
        if isinstance(self._world, KillBillWorld):
            return IncomingCall({}, body, secret)
        moment = int((self._badly.day.clock.now - ago).timestamp())
        return IncomingCall({"stripe-signature": WebhookSignature.generate_signature_header(body.decode(), secret, moment)}, body)

    def forge(self, body: bytes) -> list[IncomingCall]:
        """By others, or of an old call."""
        forged = [self.sign(body, "whsec_of_others"), IncomingCall({}, body), IncomingCall({SECRET_HEADER: ""}, body, "")]
        if isinstance(self._world, StripeWorld):
            forged += [self.sign(body)._replace(body=body.replace(b"in_", b"xx_")), self.sign(body, ago=timedelta(minutes=6))]
        return forged

    def take(self, call: IncomingCall) -> int:
        return self._receiver.receive(self._world.connector.key.system, call.headers, call.body, call.secret)

    def read_hints(self) -> int:
        self._badly.day.clock()
        return self._reading.run()


@pytest.fixture
def calling(badly: BadlyRead) -> CalledBack:
    for _ in range(4):
        badly.house.work()
    badly.read_through()
    found = CalledBack(badly)
    found.list_calls()
    return found


@with_webhooks
def test_calls_that_are_lost_late_out_of_order_and_repeated_end_in_the_same(badly: BadlyRead, calling: CalledBack) -> None:
    dice = badly.day.dice
    for _ in range(3):
        for _ in range(4):
            badly.house.work()
        calls = [body for body in calling.list_calls() if dice.random() < 0.7]
        for body in dice.sample(calls * 2, len(calls) * 2):
            calling.take(calling.sign(body))
            if dice.random() < 0.2:
                calling.read_hints()
        calling.read_hints()
        badly.day.pass_time(60)
    assert calling.counts.waiting == 0
    badly.read_through()
    badly.require_the_same()


@with_webhooks
def test_what_every_call_has_said_is_here_before_the_next_reading(badly: BadlyRead, calling: CalledBack) -> None:
    for _ in range(4):
        badly.house.work()
    for body in reversed(calling.list_calls()):
        calling.take(calling.sign(body))
    calling.read_hints()
    assert badly.find_strays() == []
    seen = badly.list_seen()
    assert {invoice for invoice, left in badly.house.owed.items() if left} <= seen.keys()


@with_webhooks
def test_of_calls_that_are_all_lost_the_next_reading_finds_what_they_would_have_said(badly: BadlyRead, calling: CalledBack) -> None:
    for _ in range(4):
        badly.house.work()
    assert calling.read_hints() == 0
    badly.read_through()
    badly.require_the_same()


@with_webhooks
def test_forged_calls_and_old_ones_that_are_played_again_change_nothing(badly: BadlyRead, calling: CalledBack) -> None:
    badly.house.work()
    before = {key: invoice.open_balance for key, invoice in badly.list_seen().items()}
    forged = [call for body in calling.list_calls()[-1:] for call in calling.forge(body)]
    for call in forged:
        with pytest.raises(ForgedWebhookError):
            calling.take(call)
    assert calling.read_hints() == 0
    assert {key: invoice.open_balance for key, invoice in badly.list_seen().items()} == before
    assert (calling.counts.forged, calling.counts.taken, calling.counts.waiting) == (len(forged), 0, 0)
    badly.read_through()
    badly.require_the_same()
