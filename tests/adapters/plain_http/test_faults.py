"""Whatever goes wrong between here and an API, the end is the same, and nothing is booked twice."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select

from adapters.billing.errors import BillingAwayError
from adapters.billing.unanswered_orders import RUNS_AT_MOST
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_states import load_connection_state
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.oversight.missing_invoices import read_missing_again
from adapters.database.engine import Database
from adapters.database.tables import BillingDifferenceRow, Invoice
from adapters.ledger.ledger import Ledger
from tests.adapters.ledger.builders import find_unbalanced_invoices
from tests.adapters.plain_http.sample_world import DESCRIPTION, SampleWorld
from tests.databases import open_sqlite_database

DEFAULTS = AccountDefaults(country="DE", time_zone="Europe/Berlin", language="de")
DUE = date(2026, 10, 1)
MANY = 12
SMALL_PAGES = "size_parameter: limit, size: 5}"
SORTED = DESCRIPTION.read_text(encoding="utf-8").replace("size_parameter: limit, size: 100}", SMALL_PAGES)
UNSORTED = SORTED.replace("sorted: yes", "sorted: no")
READ_EACH = UNSORTED.replace("  open: {status: open}", "  read_each: yes\n  open: {status: open}")


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Database]:
    """Duecourse's own. What fails on the way there has nothing to do with which database it is."""
    with open_sqlite_database(tmp_path / "duecourse.db") as database:
        yield database


Handler = Callable[[httpx.Request], httpx.Response]
Fault = Callable[[int, httpx.Request, Handler], httpx.Response]


class FaultyTransport(httpx.BaseTransport):
    """Lets a fault have each call by its number, counted from 1."""

    def __init__(self, transport: httpx.BaseTransport, fault: Fault) -> None:
        self._transport, self._fault, self._calls = transport, fault, count(1)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._fault(next(self._calls), request, self._transport.handle_request)


def plant_fault(world: SampleWorld, fault: Fault) -> None:
    client: httpx.Client = world.connector._api._client  # type: ignore[attr-defined]
    client._transport = FaultyTransport(world.transport, fault)


def fill_house(world: SampleWorld) -> list[str]:
    """Two customers, some of whose invoices are paid in part or whole."""
    accounts = [world.add_account(name) for name in ("Customer Ltd", "Other GmbH")]
    invoices = [world.issue_invoice(accounts[number % 2], 1_000 + number, DUE) for number in range(MANY)]
    world.pay(invoices[2], 500)
    world.pay(invoices[3], 1_003)
    return invoices


def read_until_quiet(sync: ConnectionSync) -> None:
    """As the worker does: what fails is tried again. It is quiet when all was read three times, and nothing was new."""
    quiet = changed = 0
    for _ in range(200):
        try:
            result = sync.sync(3)
        except BillingAwayError:
            continue
        changed += result.changed
        if not result.has_more:
            quiet, changed = 0 if changed else quiet + 1, 0
        if quiet == 3:
            return
    raise AssertionError("it never became quiet")


def list_books(books: Database) -> dict[str, tuple[str, int]]:
    with books.reading() as session:
        return {row.id: (row.status, row.open_balance) for row in session.execute(select(Invoice)).scalars()}


def tick() -> Callable[[], datetime]:
    minutes = count()
    return lambda: datetime(2026, 11, 30, tzinfo=UTC) + timedelta(minutes=next(minutes))


def open_sync(books: Database, world: SampleWorld) -> ConnectionSync:
    return ConnectionSync(books, world.connector, DEFAULTS, real_now=tick())


def answer_often(share: float, answer: Callable[[httpx.Request], httpx.Response]) -> Fault:
    """To about so many of the calls. Not to each third one: a reader that makes three calls in a run would always fail at the same."""
    dice = Random(1)
    return lambda call, request, handle: answer(request) if dice.random() < share else handle(request)


def fail_to_read(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("slow", request=request)


def give_twice() -> Fault:
    """Now and then a page is the one before it again, as of a cache between."""
    pages: dict[str, httpx.Response] = {}

    def handle_call(call: int, request: httpx.Request, handle: Handler) -> httpx.Response:
        if request.url.path != "/api/invoices":
            return handle(request)
        fresh = handle(request)
        given = pages.get("last", fresh) if call % 5 == 3 else fresh
        pages["last"] = fresh
        return httpx.Response(given.status_code, headers=given.headers, content=given.content)

    return handle_call


FAULTS: dict[str, Fault] = {
    "429": answer_often(1 / 3, lambda request: httpx.Response(429, headers={"retry-after": "7"})),
    "500": answer_often(1 / 3, lambda request: httpx.Response(500, content=b"<h1>Oops</h1>")),
    "slow": answer_often(1 / 3, fail_to_read),
    "cut off": answer_often(1 / 4, lambda request: httpx.Response(502)),
    "a page twice": give_twice(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_end_is_the_same_as_without_the_fault(books: Database, tmp_path: Path, fault: str) -> None:
    """Twice the same house: one is read over a line that works, one over a line that does not."""
    ends = []
    with open_sqlite_database(tmp_path / "calm.db") as calm:
        for into, planted in ((calm, None), (books, FAULTS[fault])):
            world = SampleWorld(SORTED)
            invoices = fill_house(world)
            if planted is not None:
                plant_fault(world, planted)
            sync = open_sync(into, world)
            read_until_quiet(sync)
            world.pay(invoices[0], 1_000)
            world.take_payments_back(invoices[2])
            read_until_quiet(sync)
            ends.append(list_books(into))
            assert find_unbalanced_invoices(into) == []
            issued = [pending.invoice_id for pending in Ledger(into).list_pending_events(1_000) if pending.event.kind == "invoice.issued"]
            assert len(issued) == len(set(issued)) == MANY - 1, "each is told once; one was paid before it was seen"
    assert ends[0] == ends[1]


@pytest.mark.parametrize("description", [SORTED, UNSORTED, READ_EACH], ids=["sorted", "unsorted", "read each"])
def test_a_page_that_changes_between_reads_leaves_nothing_out(books: Database, description: str) -> None:
    """While pages are read, invoices of pages that were read are paid and move to the end, and one is deleted: the rest moves up."""
    world = SampleWorld(description)
    invoices = fill_house(world)
    acts: Iterator[Callable[[], object]] = iter(
        [
            lambda: world.pay(invoices[0], 100),
            lambda: world.house.invoices.pop(invoices[1]),
            lambda: world.pay(invoices[4], 1_004),
            lambda: world.issue_invoice(next(iter(world.house.customers)), 777, DUE),
        ]
    )

    def disturb(call: int, request: httpx.Request, handle: Handler) -> httpx.Response:
        answer = handle(request)
        if request.url.path == "/api/invoices" and call > 1:
            for act in islice(acts, 1):
                act()
        return answer

    plant_fault(world, disturb)
    sync = open_sync(books, world)
    read_until_quiet(sync)
    there = {f"@house:1:{each.id}": each.open_amount for each in world.house.invoices.values() if each.open_amount}
    named = compare_open_items(books, world.connector)
    assert [each.id for each in named.differences] in ([], [f"@house:1:{invoices[1]}"]), "only what was deleted after it was read"
    read_missing_again(books, sync, named, datetime.now(UTC))
    assert {invoice: owed for invoice, (_, owed) in list_books(books).items() if owed} == there
    assert compare_open_items(books, world.connector).differences == ()
    assert find_unbalanced_invoices(books) == []


def test_an_invoice_deleted_there_is_chased_no_more_after_the_night(books: Database) -> None:
    """A list says nothing of what was deleted from it. The night's comparison names it, it is asked for, and then it is cancelled here."""
    world = SampleWorld(SORTED)
    invoices = fill_house(world)
    sync, nights = open_sync(books, world), [datetime(2026, 11, 2, 3, tzinfo=UTC)]
    reading = ConnectedReading({world.connector.key: sync}, books, ZoneInfo("UTC"), lambda: nights[0])
    reading.run()
    world.house.invoices.pop(invoices[1])
    world.pay(invoices[4], 1_004)
    reading.run()
    assert list_books(books)[f"@house:1:{invoices[1]}"][0] == "open"
    nights[0] += timedelta(days=1)
    reading.run()
    assert list_books(books)[f"@house:1:{invoices[1]}"] == ("cancelled", 0)
    assert load_connection_state(books, world.connector.key).differences == ()
    with books.reading() as session:
        (difference,) = session.execute(select(BillingDifferenceRow)).scalars().all()
        assert (difference.subject_id, difference.gone_at is not None) == (f"@house:1:{invoices[1]}", True)
    kinds = [event.event.kind.value for event in Ledger(books).list_pending_events(1_000) if event.invoice_id.endswith(f":{invoices[1]}")]
    assert kinds[-1] == "invoice.cancelled"


def test_a_system_that_shows_nothing_any_more_has_not_lost_all_its_invoices(books: Database) -> None:
    """More likely a key may no longer read them: each is named, and none is cancelled."""
    world = SampleWorld(SORTED)
    fill_house(world)
    sync = open_sync(books, world)
    read_until_quiet(sync)
    before = list_books(books)
    world.house.invoices.clear()
    named = compare_open_items(books, world.connector)
    assert (read_missing_again(books, sync, named, datetime.now(UTC)), list_books(books)) == ([], before)
    assert len(named.differences) == MANY - 1


def test_a_system_that_lets_itself_be_asked_a_few_times_a_minute_is_read_to_the_end(books: Database) -> None:
    """Fewer times than a page has invoices, each of which is read for itself."""
    world, left = SampleWorld(READ_EACH), [4]
    fill_house(world)

    def limit_rate(call: int, request: httpx.Request, handle: Handler) -> httpx.Response:
        left[0] -= 1
        return handle(request) if left[0] >= 0 else httpx.Response(429, headers={"retry-after": "60"})

    plant_fault(world, limit_rate)
    sync = open_sync(books, world)
    for _ in range(40):
        with suppress(BillingAwayError):
            sync.sync()
        left[0] = 4
    assert len(list_books(books)) == MANY - 1


def test_one_bad_row_is_named_by_the_reading_and_by_the_comparison_and_stops_no_other(books: Database) -> None:
    world = SampleWorld(UNSORTED)
    invoices = fill_house(world)
    sync = open_sync(books, world)
    read_until_quiet(sync)
    world.find_invoice(invoices[5]).currency = "EURO"
    result = sync.sync()
    assert {(each.external_id, "no ISO 4217 code" in each.reason) for each in result.left_out} == {(invoices[5], True)}
    (difference,) = compare_open_items(books, world.connector).differences
    assert (difference.kind.value, difference.id, difference.here) == ("unread", f"@house:1:{invoices[5]}", "1005")
    assert "no ISO 4217 code" in difference.there


def test_an_object_that_is_deleted_in_the_middle_of_a_page_stops_nothing(books: Database) -> None:
    world = SampleWorld(READ_EACH)
    invoices = fill_house(world)

    def delete_listed(call: int, request: httpx.Request, handle: Handler) -> httpx.Response:
        answer = handle(request)
        if request.url.path == "/api/invoices":
            world.house.invoices.pop(invoices[1], None)
        return answer

    plant_fault(world, delete_listed)
    sync = open_sync(books, world)
    read_until_quiet(sync)
    kept = list_books(books)
    assert f"@house:1:{invoices[1]}" not in kept
    assert len(kept) == MANY - 2, "one is gone, one was paid before it was seen"
    assert compare_open_items(books, world.connector).differences == ()


def test_a_system_that_is_away_for_two_business_days_is_waited_for_and_shown(books: Database) -> None:
    """From Friday evening to Wednesday morning; the clock is moved."""
    world, clock = SampleWorld(SORTED), [datetime(2026, 11, 27, 17, tzinfo=UTC)]
    invoices = fill_house(world)
    sync = ConnectionSync(books, world.connector, DEFAULTS, real_now=lambda: clock[0])
    reading = ConnectedReading({world.connector.key: sync}, books, ZoneInfo("Europe/Berlin"), real_now=lambda: clock[0])
    assert reading.run() == MANY - 1
    calls = [0]

    def stay_away(call: int, request: httpx.Request, handle: Handler) -> httpx.Response:
        calls[0] += 1
        return httpx.Response(503, headers={"retry-after": "600"})

    plant_fault(world, stay_away)
    world.pay(invoices[0], 1_000)
    for _ in range(5):
        clock[0] = datetime.now(UTC) + timedelta(seconds=1)
        assert reading.run() == 0
    assert calls[0] == 1, "it asked to be left alone for ten minutes, and was"
    state = load_connection_state(books, world.connector.key)
    assert state.away_since is not None
    assert "503" in state.away_reason
    plant_fault(world, lambda call, request, handle: handle(request))
    clock[0] = datetime.now(UTC) + timedelta(days=5)
    assert reading.run() == 1
    assert list_books(books)[f"@house:1:{invoices[0]}"] == ("paid", 0)
    assert load_connection_state(books, world.connector.key).away_since is None


LOST_ANSWERS: dict[str, Callable[[httpx.Request], httpx.Response]] = {
    "500": lambda request: httpx.Response(500),
    "slow": fail_to_read,
    "no JSON": lambda request: httpx.Response(200, content=b"<html>"),
}


@pytest.mark.parametrize("lost", LOST_ANSWERS)
def test_a_booking_whose_answer_is_lost_is_found_and_not_made_twice(lost: str) -> None:
    world = SampleWorld()
    account = world.add_account("Customer Ltd")
    invoices = [world.issue_invoice(account, 10_000, DUE) for _ in range(2)]
    sent: Counter[str] = Counter()

    def lose_first(call: int, request: httpx.Request, handle: Handler) -> httpx.Response:
        answer = handle(request)
        if request.method == "POST":
            sent[request.content.decode()] += 1
            return LOST_ANSWERS[lost](request)
        return answer

    plant_fault(world, lose_first)
    acts: dict[str, Callable[[], Any]] = {
        "credit": lambda: world.connector.book_credit_note("C1", invoices[0], 2_500, "EUR", 'a "good" reason\n'),
        "write-off": lambda: world.connector.book_write_off("W1", invoices[1], 4_000, "EUR", world.today),
        "suspension": lambda: world.connector.suspend("S1", account, "overdue"),
        "note": lambda: world.connector.record_note("N1", account, "promised"),
    }
    for act in acts.values():
        with pytest.raises(Exception, match=r"\w"):
            act()
        act()
        act()
    assert list(sent.values()) == [1, 1, 1, 1], "each was sent once"
    assert [world.find_invoice(each).open_amount for each in invoices] == [7_500, 6_000]
    assert (world.count_credit_notes(account), world.is_served(account), len(world.house.messages)) == (1, False, 2)
    assert next(entry.text for entry in world.house.entries if entry.kind == "credit") == 'a "good" reason\n'


def test_a_booking_is_looked_for_by_its_own_key_whatever_the_api_gives() -> None:
    """An API that does not know the filter gives all that was ever booked."""
    world = SampleWorld()
    account = world.add_account("Customer Ltd")
    invoice = world.issue_invoice(account, 10_000, DUE)

    def ignore_filter(call: int, request: httpx.Request, handle: Handler) -> httpx.Response:
        if request.url.path == "/api/bookings":
            rows = [{"id": f"X{number}", "reference": f"other-{number}", "invoice": invoice, "amount": "1.00"} for number in range(50)]
            return httpx.Response(200, content=json.dumps({"data": rows}))
        return handle(request)

    plant_fault(world, ignore_filter)
    assert world.connector.book_credit_note("C1", invoice, 2_500, "EUR", "").repeated is False
    assert world.find_invoice(invoice).open_amount == 7_500


@pytest.mark.parametrize(
    ("fault", "rest"),
    [(httpx.ReadTimeout("slow"), RUNS_AT_MOST), (httpx.RemoteProtocolError("cut off"), RUNS_AT_MOST), (httpx.ConnectError("no"), None)],
)
def test_a_booking_that_may_still_be_running_is_not_sent_again_at_once(fault: Exception, rest: float | None) -> None:
    """What never came there need not be waited for."""
    world = SampleWorld()
    invoice = fill_house(world)[0]

    def lose(call: int, request: httpx.Request, handle: Handler) -> httpx.Response:
        if request.method == "POST":
            raise fault
        return handle(request)

    plant_fault(world, lose)
    with pytest.raises(BillingAwayError) as caught:
        world.connector.book_credit_note("C1", invoice, 100, "EUR", "")
    assert caught.value.retry_after == rest
