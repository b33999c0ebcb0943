"""A kind of billing system for tests of connections: another house's embedded ledger, which lets in whoever has a good key, and calls when
something changes. It is connected like any other."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, cast

import pytest

from adapters.billing.connector import BillingConnector, ConnectorCapability
from adapters.billing.errors import BillingAwayError, ForgedWebhookError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import ConnectionStep, WebhookHint
from adapters.connections.connection_description import ConnectionDescription, WebhookProof
from adapters.connections.connection_kinds import CONNECTION_KINDS
from adapters.database.engine import Database
from adapters.database.row_states import IdentityChannel
from adapters.identity.identity_events import ChangeAuthor
from adapters.ledger.ledger_connector import CAPABILITIES, COMPANY, LedgerConnector
from tests.adapters.ledger.builders import AT

GOOD_KEY, OTHER_KEY = "good-key-1", "good-key-2"
MIA = ChangeAuthor("mia", IdentityChannel.CONSOLE, "10.0.0.7")
REPLAY_WINDOW = timedelta(minutes=5)


class OtherHouse:
    """The other house as its people see it: its database, and whether it answers."""

    database: ClassVar[Database]
    is_away: ClassVar[bool] = False
    reads: ClassVar[list[str]] = []
    answer: ClassVar[Exception | None] = None
    """What it answers to whatever it is asked; None: what is so."""
    asked: ClassVar[list[str]] = []


class HouseConnector:
    """Lets in whoever has a good key."""

    def __init__(self, name: str, api_key: str, webhook: tuple[str, ...]) -> None:
        self._api_key, self._webhook = api_key, webhook
        self._inner = LedgerConnector(name, OtherHouse.database, lambda: AT)

    @property
    def capabilities(self) -> frozenset[ConnectorCapability]:
        return CAPABILITIES | {ConnectorCapability.VERIFY_WEBHOOK}

    def __getattr__(self, name: str) -> Any:
        if OtherHouse.is_away or self._api_key not in (GOOD_KEY, OTHER_KEY):
            raise BillingAwayError("the house does not answer")
        found = getattr(self._inner, name)

        def ask(*given: Any) -> Any:
            OtherHouse.asked.append(name)
            if OtherHouse.answer is not None:
                raise OtherHouse.answer
            return found(*given)

        return ask if callable(found) else found

    @property
    def key(self) -> Any:
        return self._inner.key

    def read_invoice(self, external_id: str) -> Any:
        OtherHouse.reads.append(external_id)
        return self.__getattr__("read_invoice")(external_id)

    def try_connection(self) -> tuple[ConnectionStep, ...]:
        if self._api_key not in (GOOD_KEY, OTHER_KEY):
            return (ConnectionStep("address and key", False, "401", "a key of the house"),)
        return (ConnectionStep("address and key", True, "House"), ConnectionStep("read notes", False, "403", "the group Notes"))

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[WebhookHint, ...]:
        """Signed kinds name their secret and the time at which they were sent."""
        if "x-house" in headers:
            secret, _, sent = headers["x-house"].partition(" ")
            if secret not in self._webhook:
                raise ForgedWebhookError("the signature is none of ours")
            if abs(now - datetime.fromisoformat(sent)) > REPLAY_WINDOW:
                raise ForgedWebhookError("the call is too old")
        try:
            told = json.loads(body)
        except ValueError as error:
            raise ForgedWebhookError("the body is no JSON") from error
        return (WebhookHint(told["id"], told.get("invoice")),)


class HouseConnection(ConnectionDescription):
    """It signs nothing: its address has a secret."""

    kind: Literal["house"]
    webhook_proof: ClassVar[WebhookProof] = WebhookProof.SHARED

    @property
    def key(self) -> SystemKey:
        return SystemKey.build(self.name, COMPANY)

    def open(self) -> BillingConnector:
        return cast(BillingConnector, HouseConnector(self.name, self.read_key(), self.read_webhook_secrets()))


class SigningHouseConnection(HouseConnection):
    """It signs what it sends."""

    kind: Literal["signing_house"]  # type: ignore[assignment]
    webhook_proof: ClassVar[WebhookProof] = WebhookProof.SIGNED


def describe_house(name: str = "house", kind: str = "house") -> dict[str, Any]:
    return {"name": name, "kind": kind, "country": "DE", "time_zone": "Europe/Berlin", "language": "de"}


def join_house(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the house be connected, for one test."""
    OtherHouse.database, OtherHouse.is_away, OtherHouse.reads, OtherHouse.answer = database, False, [], None
    monkeypatch.setitem(CONNECTION_KINDS, "house", HouseConnection)
    monkeypatch.setitem(CONNECTION_KINDS, "signing_house", SigningHouseConnection)
