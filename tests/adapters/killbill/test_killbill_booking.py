"""What is told to Kill Bill and not answered may still be running there: it is booked once."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from adapters.billing.errors import BillingAwayError, RefusedByBillingError
from adapters.billing.unanswered_orders import RUNS_AT_MOST
from adapters.killbill.killbill_api import KillBillApi
from adapters.killbill.killbill_connector import KillBillConnector
from tests.adapters.killbill.killbill_double import KillBillDouble
from tests.adapters.killbill.killbill_world import SETTINGS, KillBillWorld

TODAY = date(2026, 11, 30)


class SlowKillBill(httpx.BaseTransport):
    """While `is_slow`, it answers no adjustment; what was told is done when `catch_up` is called."""

    def __init__(self, double: KillBillDouble) -> None:
        self._double, self.is_slow, self.now = double, True, datetime(2026, 11, 30, 12, tzinfo=UTC)
        self.running: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.split("/")
        if self.is_slow and request.method == "POST" and parts[-2] == "invoices" and len(parts[-1]) == 36:
            self.running.append(request)
            raise httpx.ReadTimeout("slow", request=request)
        return self._double.handle_request(request)

    def catch_up(self) -> None:
        while self.running:
            self._double.handle_request(self.running.pop(0))


@pytest.fixture
def world() -> KillBillWorld:
    return KillBillWorld()


@pytest.fixture
def slow(world: KillBillWorld) -> SlowKillBill:
    return SlowKillBill(world.double)


@pytest.fixture
def connector(slow: SlowKillBill) -> KillBillConnector:
    return KillBillConnector("killbill", SETTINGS, KillBillApi(SETTINGS, slow), lambda: slow.now)


@pytest.fixture
def invoice(world: KillBillWorld) -> str:
    return world.issue_invoice(world.add_account("Customer Ltd"), 10_000, TODAY)


def credit(connector: KillBillConnector, invoice: str) -> int:
    return connector.book_credit_note("C1", invoice, 2_500, "EUR", "too dear").amount


def give_up_part(connector: KillBillConnector, invoice: str) -> int:
    return connector.book_write_off("W1", invoice, 2_500, "EUR", TODAY).amount


Book = Callable[[KillBillConnector, str], int]
either = pytest.mark.parametrize("book", [credit, give_up_part])


@either
def test_a_call_that_is_still_running_is_not_made_again(connector: KillBillConnector, slow: SlowKillBill, invoice: str, book: Book) -> None:
    for _ in range(3):
        with pytest.raises(BillingAwayError):
            book(connector, invoice)
    slow.is_slow = False
    with pytest.raises(BillingAwayError) as caught:
        book(connector, invoice)
    assert caught.value.retry_after == RUNS_AT_MOST
    slow.catch_up()
    assert book(connector, invoice) == 2_500
    assert connector.read_invoice(invoice).open_balance == 7_500


@either
def test_a_call_that_came_to_nothing_is_made_again_after_some_minutes(
    connector: KillBillConnector, slow: SlowKillBill, invoice: str, book: Book
) -> None:
    for _ in range(2):
        with pytest.raises(BillingAwayError):
            book(connector, invoice)
        slow.running.clear()
        slow.now += timedelta(seconds=RUNS_AT_MOST)
    with pytest.raises(BillingAwayError):
        book(connector, invoice)
    slow.now += timedelta(seconds=1)
    slow.is_slow = False
    with pytest.raises(BillingAwayError):
        book(connector, invoice)
    slow.running.clear()
    slow.now += timedelta(seconds=RUNS_AT_MOST)
    assert book(connector, invoice) == 2_500
    assert connector.read_invoice(invoice).open_balance == 7_500


@either
def test_what_was_booked_twice_nevertheless_is_told(connector: KillBillConnector, slow: SlowKillBill, invoice: str, book: Book) -> None:
    for _ in range(2):
        with pytest.raises(BillingAwayError):
            book(connector, invoice)
        slow.now += timedelta(seconds=RUNS_AT_MOST)
    assert len(slow.running) == 2
    slow.is_slow = False
    slow.catch_up()
    with pytest.raises(RefusedByBillingError, match=r"by 50.00 EUR where 25.00 was ordered"):
        book(connector, invoice)


def test_an_order_of_before_moments_were_noted_is_carried_on(
    world: KillBillWorld, connector: KillBillConnector, slow: SlowKillBill, invoice: str
) -> None:
    slow.is_slow = False
    account = connector.read_invoice(invoice).account_id
    text = f"[duecourse W1] write-off of part, 25.00 EUR, of invoice {invoice}"
    world.act(f"accounts/{account}/customFields", [{"name": "duecourse", "value": text}])
    assert give_up_part(connector, invoice) == 2_500
