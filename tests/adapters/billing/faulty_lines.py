"""Lines to connected systems on a bad day. A second connector to the same world speaks over one; the world's own stays as it is, for what
people of the house do there, and for what is looked up afterwards."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any, TypeVar, cast

import httpx
import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import MaxRetryError, NewConnectionError

from adapters.billing.connector import BillingConnector
from adapters.billing.errors import BillingAwayError
from adapters.billing.unanswered_orders import RUNS_AT_MOST
from adapters.killbill.killbill_api import KillBillApi
from adapters.killbill.killbill_connector import KillBillConnector
from adapters.odoo.odoo_api import OdooApi
from adapters.odoo.odoo_connector import OdooConnector
from adapters.plain_http.api_description import load_description
from adapters.salesforce.salesforce_api import SalesforceApi
from adapters.salesforce.salesforce_connector import SalesforceConnector
from adapters.salesforce.salesforce_map import load_map
from adapters.stripe.stripe_api import StripeApi
from adapters.stripe.stripe_connector import StripeConnector
from adapters.tryton.tryton_api import TrytonApi
from adapters.tryton.tryton_connector import TrytonConnector
from tests.adapters.billing.connected_worlds import ConnectedWorld, TrytonWorld
from tests.adapters.killbill.killbill_world import SETTINGS as KILLBILL_SETTINGS
from tests.adapters.killbill.killbill_world import KillBillWorld
from tests.adapters.odoo.odoo_world import ODOO_SETTINGS, OdooWorld
from tests.adapters.plain_http.sample_world import DESCRIPTION, SampleWorld, open_connector
from tests.adapters.salesforce.salesforce_double import build_answer
from tests.adapters.salesforce.salesforce_world import ORG_SETTINGS, SalesforceWorld
from tests.adapters.stripe.stripe_world import SETTINGS as STRIPE_SETTINGS
from tests.adapters.stripe.stripe_world import StripeWorld

Answer = TypeVar("Answer")
_PATIENCE = 600
"""Calls that fail before one gives up: far more than the dice ask for."""


class Fault(StrEnum):
    """What becomes of a call. REFUSED: nothing takes it. SLOW: it is not answered, and nothing comes of it. BUSY: 429, to come again later.
    FAILING: 500, and nothing comes of it. LOST: it is carried out, and not answered. BROKEN: it is carried out, and something in between
    answers 502. LATE: it is not answered, and carried out some time afterwards."""

    REFUSED = "refused"
    SLOW = "slow"
    BUSY = "busy"
    FAILING = "failing"
    LOST = "lost"
    BROKEN = "broken"
    LATE = "late"


_CARRIED_OUT = {Fault.LOST, Fault.BROKEN}
_STATUSES = {Fault.BUSY: 429, Fault.FAILING: 500, Fault.BROKEN: 502}
READING_FAULTS = (Fault.REFUSED, Fault.SLOW, Fault.BUSY, Fault.FAILING)


class TestClock:
    """Goes on by a second each time it is asked."""

    __test__ = False

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class BadDay:
    """Of one system. `faults`: what may happen to a call now, with the chance of `share`; empty: none fails. `place`: it happens to this
    call alone, by its number from 0. `between`: what happens there before each call, unknown to whoever reads."""

    def __init__(self, dice: Random, share: float = 0.12) -> None:
        self.dice, self.share = dice, share
        self.clock = TestClock()
        self.faults: Collection[Fault] = ()
        self.place: int | None = None
        self.between: Callable[[], None] = lambda: None
        self.seen: set[Fault] = set()
        self._late: list[Callable[[], object]] = []

    def carry(self, send: Callable[[], Answer], fail: Callable[[Fault], Answer]) -> Answer:
        self.between()
        if self._late and self.dice.random() < 0.3:
            self._late.pop(0)()
        if not self._is_hit():
            return send()
        fault = self.dice.choice(sorted(set(self.faults) - self.seen) or sorted(self.faults))
        self.seen.add(fault)
        if fault in _CARRIED_OUT:
            send()
        elif fault is Fault.LATE:
            self._late.append(send)
        return fail(fault)

    def _is_hit(self) -> bool:
        if self.place is not None:
            self.place -= 1
            return self.place == -1
        return bool(self.faults) and self.dice.random() < self.share

    def persist(self, attempt: Callable[[], Answer]) -> Answer:
        """Try until an answer comes, as the worker does: not before it was asked to come again."""
        for _ in range(_PATIENCE):
            try:
                return attempt()
            except BillingAwayError as error:
                self.pass_time(error.retry_after or 60.0)
        raise AssertionError("it never came to an end")

    def pass_time(self, seconds: float) -> None:
        """No call goes on there for longer than is said of all."""
        self.clock.now += timedelta(seconds=seconds)
        if seconds >= RUNS_AT_MOST:
            late, self._late = self._late, []
            for send in late:
                send()


class FaultyLine(httpx.BaseTransport):
    def __init__(self, inner: httpx.BaseTransport, day: BadDay) -> None:
        self._inner, self._day = inner, day

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        def fail(fault: Fault) -> httpx.Response:
            if fault is Fault.REFUSED:
                raise httpx.ConnectError("refused", request=request)
            if fault not in _STATUSES:
                raise httpx.ReadTimeout("no answer", request=request)
            return httpx.Response(_STATUSES[fault], headers={"retry-after": "7"} if fault is Fault.BUSY else {}, request=request)

        return self._day.carry(lambda: self._inner.handle_request(request), fail)

    def close(self) -> None:
        self._inner.close()


class FaultyAdapter(BaseAdapter):
    """The same for the library that Salesforce is spoken to by."""

    def __init__(self, inner: BaseAdapter, day: BadDay) -> None:
        super().__init__()
        self._inner, self._day = inner, day

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
        def fail(fault: Fault) -> requests.Response:
            if fault is Fault.REFUSED:
                raise requests.ConnectionError(
                    MaxRetryError(cast(Any, None), str(request.url), NewConnectionError(cast(Any, None), "refused"))
                )
            if fault not in _STATUSES:
                raise requests.ReadTimeout("no answer")
            headers = {"Retry_After": "7"} if fault is Fault.BUSY else {}
            return build_answer(request, _STATUSES[fault], [{"errorCode": "UNKNOWN_EXCEPTION", "message": "no"}], **headers)

        return self._day.carry(lambda: self._inner.send(request, **options), fail)

    def close(self) -> None:
        self._inner.close()


def open_on_bad_day(world: ConnectedWorld, day: BadDay) -> BillingConnector:
    """Return a connector that speaks to the world over a faulty line."""
    match world:
        case StripeWorld():
            return StripeConnector("shop", STRIPE_SETTINGS, StripeApi(STRIPE_SETTINGS, FaultyLine(world.double.transport, day)))
        case OdooWorld():
            return OdooConnector("odoo", ODOO_SETTINGS, OdooApi(ODOO_SETTINGS, FaultyLine(world.double.transport, day)))
        case KillBillWorld():
            api = KillBillApi(KILLBILL_SETTINGS, FaultyLine(world.double, day))
            return KillBillConnector("killbill", KILLBILL_SETTINGS, api, day.clock)
        case SampleWorld():
            return open_connector(load_description(DESCRIPTION), FaultyLine(world.transport, day))
        case SalesforceWorld():
            settings = ORG_SETTINGS._replace(trusts_balance=world.double.counts_applied)
            fields = load_map("revenue_cloud", {}, has_one_currency=False)
            return SalesforceConnector("crm", settings, fields, SalesforceApi(settings, FaultyAdapter(world.double, day)))
        case TrytonWorld():
            line = FaultyLine(httpx.HTTPTransport(), day)
            return TrytonConnector("erp", world.server.settings, api=TrytonApi(world.server.settings, line))
    raise AssertionError(f"{type(world).__name__} is not spoken to over HTTP")
