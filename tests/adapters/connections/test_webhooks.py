"""A webhook is a hint: it is proven on its raw body, kept, and what it hints at is read again. Order, repetition and loss do no harm."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from adapters.audit.erasure import AccountEraser
from adapters.billing.errors import (
    BillingAwayError,
    ConnectionRefusedByBillingError,
    ForgedWebhookError,
    RefusedByBillingError,
    UnknownInvoiceError,
)
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import WebhookHint
from adapters.connections import connected_reading, connection_registry
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_admin import ConnectionAdmin
from adapters.connections.connection_file import read_connection
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.connections.connection_store import UnknownConnectionError
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.secret_box import get_key_file
from adapters.connections.webhooks import hint_reading, webhook_receiver, webhook_store
from adapters.connections.webhooks.hint_reading import HintReading
from adapters.connections.webhooks.webhook_receiver import FORGED_WRITES, WebhookNotReadyError, WebhookReceiver
from adapters.connections.webhooks.webhook_store import KEPT_FOR, LONGEST_WAIT, WebhookCounts, WebhookStore
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain.billing.billing_events import InvoiceStatus
from domain.erasure.commands import EraseAccount
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import GOOD_KEY, MIA, HouseConnector, OtherHouse, describe_house
from tests.adapters.ledger.builders import TODAY

KEY, SECRET = SystemKey("house", "1"), "hush-1"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
Call = Callable[..., int]


@pytest.fixture
def connected(admin: ConnectionAdmin) -> ConnectionAdmin:
    admin.add(read_connection(describe_house()), {"api_key": GOOD_KEY}, MIA)
    admin.change_webhook_secret("house", SECRET, MIA)
    return admin


@pytest.fixture
def call(ours: Database, systems: ConnectionRegistry, connected: ConnectionAdmin) -> Call:
    def call(event: str, invoice: str | None, secret: str | None = SECRET, name: str = "house", at: datetime = NOW) -> int:
        body = json.dumps({"id": event, "invoice": invoice}).encode()
        return WebhookReceiver(ours, systems, lambda: at).receive(name, {}, body, secret)

    return call


def read_hints(ours: Database, systems: ConnectionRegistry, at: datetime = NOW + timedelta(seconds=1)) -> int:
    return HintReading(ours, systems, lambda: at).run()


def count(ours: Database) -> WebhookCounts:
    return WebhookStore(ours).list_counts()[KEY]


def test_what_is_hinted_at_is_read_and_not_believed(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call
) -> None:
    account = house.add_account("Customer Ltd")
    invoice = house.issue_invoice(account, 1_000, TODAY)
    assert call("e1", invoice) == 1
    assert read_hints(ours, systems) == 1
    facts = Ledger(ours).get_invoice_facts(f"@house:1:{invoice}")
    assert (facts.status, facts.open_balance) == (InvoiceStatus.OPEN, 1_000)
    house.pay(invoice, 1_000)
    call("e2", invoice)
    read_hints(ours, systems)
    assert Ledger(ours).get_invoice_facts(f"@house:1:{invoice}").status is InvoiceStatus.PAID
    assert (count(ours).taken, count(ours).waiting) == (2, 0)


def test_disorder_and_repetition_are_one_reading_and_end_the_same(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call
) -> None:
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    house.pay(invoice, 1_000)
    for event in ("paid", "issued", "paid", "issued", "issued"):
        call(event, invoice)
    assert read_hints(ours, systems) == 1
    assert OtherHouse.reads == [invoice]
    assert (count(ours).taken, count(ours).repeated) == (2, 3)
    assert read_hints(ours, systems) == 0, "all of it is done"
    call("paid", invoice, at=NOW + timedelta(minutes=1))
    assert read_hints(ours, systems, NOW + timedelta(minutes=2)) == 1, "some systems tell two changes by the same words"


def test_what_comes_while_it_is_read_is_read_again(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call
) -> None:
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    call("e1", invoice)
    assert read_hints(ours, systems, NOW - timedelta(seconds=1)) == 1, "the call came after the reading began"
    assert count(ours).waiting == 1
    read_hints(ours, systems)
    assert count(ours).waiting == 0


def test_a_hint_is_done_only_after_its_effect(ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call) -> None:
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    call("e1", invoice)
    OtherHouse.is_away = True
    assert read_hints(ours, systems) == 0
    assert count(ours).waiting == 1
    OtherHouse.is_away = False
    systems[KEY].refresh(invoice)  # as if the process had ended between the effect and the note of it
    assert read_hints(ours, systems) == 1
    assert count(ours).waiting == 0


def test_an_invoice_that_is_none_or_gone_is_done_and_one_that_fails_is_let_fall_in_the_end(
    ours: Database, systems: ConnectionRegistry, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("e1", "no-such-invoice")
    assert read_hints(ours, systems) == 1
    monkeypatch.setattr(hint_reading, "MOST_ATTEMPTS", 2)
    call("e2", "another")
    monkeypatch.setattr("adapters.connections.connection_sync.ConnectionSync.refresh", lambda *_: 1 / 0)
    assert [read_hints(ours, systems), count(ours).dropped] == [0, 0]
    assert [read_hints(ours, systems), count(ours).dropped, count(ours).waiting] == [0, 1, 0]


def test_an_invoice_that_was_deleted_there_is_owed_no_more(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system shows another one in the same reading, whatever their order. One that shows nothing may be restarting, or have lost
    the right to see them for an hour: then nothing is believed to be gone, and the comparison asks again."""
    account = house.add_account("Customer Ltd")
    gone, other = house.issue_invoice(account, 1_000, TODAY), house.issue_invoice(account, 2_000, TODAY)
    systems[KEY].sync()
    unknown, read_invoice = {gone, other}, HouseConnector.read_invoice

    def know_some(connector: HouseConnector, external_id: str) -> object:
        if external_id in unknown:
            raise UnknownInvoiceError(external_id)
        return read_invoice(connector, external_id)

    def list_stands() -> list[InvoiceStatus]:
        return [Ledger(ours).get_invoice_facts(f"@house:1:{each}").status for each in (gone, other)]

    monkeypatch.setattr(HouseConnector, "read_invoice", know_some)
    call("e1", gone)
    call("e2", other)
    assert (read_hints(ours, systems), count(ours).waiting) == (2, 0)
    assert list_stands() == [InvoiceStatus.OPEN, InvoiceStatus.OPEN]
    unknown.remove(other)
    call("e3", gone)
    call("e4", other)
    assert (read_hints(ours, systems), count(ours).waiting) == (2, 0)
    assert list_stands() == [InvoiceStatus.CANCELLED, InvoiceStatus.OPEN]


def test_one_at_which_the_system_fails_blocks_no_other_and_is_let_fall_in_the_end(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    monkeypatch.setattr(hint_reading, "MOST_ATTEMPTS", 3)
    refresh = ConnectionSync.refresh

    def fail_at_one(sync: ConnectionSync, external_id: str) -> object:
        if external_id == "bad":
            raise BillingAwayError("500")
        return refresh(sync, external_id)

    monkeypatch.setattr(ConnectionSync, "refresh", fail_at_one)
    call("e1", "bad")
    call("e2", invoice)
    assert [read_hints(ours, systems), read_hints(ours, systems), count(ours).waiting] == [1, 0, 1]
    assert [read_hints(ours, systems), count(ours).waiting, count(ours).dropped] == [0, 0, 1]


def test_an_absence_is_no_attempt(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a key that lapsed: whatever concerns all of them drops none."""
    account = house.add_account("Customer Ltd")
    invoices = [house.issue_invoice(account, 1_000, TODAY) for _ in range(3)]
    monkeypatch.setattr(hint_reading, "MOST_ATTEMPTS", 2)
    for invoice in invoices:
        call(f"e-{invoice}", invoice)
    for error in (BillingAwayError("503"), BillingAwayError("429", 0.1), ConnectionRefusedByBillingError("401")):
        OtherHouse.answer = error
        for _ in range(3):
            assert read_hints(ours, systems) == 0
        assert (count(ours).waiting, count(ours).dropped) == (3, 0)
        time.sleep(0.11)
    OtherHouse.answer = None
    assert (read_hints(ours, systems), count(ours).waiting) == (3, 0)


@pytest.mark.parametrize("error", [RefusedByBillingError("the list is forbidden"), KeyError("a row without an id")])
def test_a_system_whose_list_fails_does_not_answer_for_others(
    ours: Database, systems: ConnectionRegistry, call: Call, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> None:
        raise error

    def be_away(*_: object) -> None:
        raise BillingAwayError("500")

    call("e1", "bad")
    monkeypatch.setattr(HouseConnector, "read_invoice", be_away)
    monkeypatch.setattr(HouseConnector, "list_open_items", fail, raising=False)
    assert (read_hints(ours, systems), count(ours).waiting, count(ours).dropped) == (0, 1, 0)


def test_hints_that_cannot_be_read_keep_no_change_from_being_read(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    call("e1", invoice, at=datetime.now(UTC))
    list_waiting = WebhookStore.list_waiting
    monkeypatch.setattr(WebhookStore, "list_waiting", lambda *_: 1 / 0)
    reading, store = ConnectedReading(systems, ours, ZoneInfo("UTC")), SetAsideStore(ours)
    assert reading.read_system("house:1") == 1
    (failed,) = store.list_waiting(SetAsideStage.BILLING_SYSTEM).values()
    assert failed.item_id == "house:1:hints"
    monkeypatch.setattr(WebhookStore, "list_waiting", list_waiting)
    store.ask_retry(failed.id, "mia")
    reading.read_system("house:1")
    assert (store.list_waiting(SetAsideStage.BILLING_SYSTEM), count(ours).waiting) == ({}, 0)


def test_a_run_whose_time_is_over_leaves_hints_to_the_next(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = house.add_account("Customer Ltd")
    for number in range(3):
        call(f"e{number}", house.issue_invoice(account, 1_000, TODAY), at=datetime.now(UTC))
    monkeypatch.setattr(connected_reading, "LONGEST_RUN", timedelta(0))
    reading, waiting = ConnectedReading(systems, ours, ZoneInfo("UTC")), list[int]()
    for _ in range(3):
        reading.read_system("house:1")
        waiting.append(count(ours).waiting)
    assert waiting == [2, 1, 0]


def test_a_system_that_rests_is_asked_about_nothing(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call
) -> None:
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    call("e1", invoice)
    SetAsideStore(ours).set_aside(SetAsideStage.BILLING_SYSTEM, "house:1", BillingAwayError("429"), timedelta(hours=1))
    ConnectedReading(systems, ours, ZoneInfo("UTC")).run()
    assert (OtherHouse.reads, count(ours).waiting) == ([], 1)


def test_what_is_about_something_else_is_answered_well_and_kept_raw_for_some_days(
    ours: Database, systems: ConnectionRegistry, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("e1", None) == 0
    assert (count(ours).foreign, count(ours).taken, count(ours).waiting) == (1, 0, 0)
    monkeypatch.setattr(webhook_store, "MAX_FOREIGN", 2)
    for event in ("e2", "e3", "e3"):
        call(event, None)
    assert count(ours).foreign == 4

    def list_kept() -> list[tuple[str, bytes]]:
        with ours.reading() as session:
            return [tuple(row) for row in session.execute(text("SELECT event_id, body FROM webhook_calls ORDER BY id"))]

    assert list_kept() == [(event, b'{"id": "%s", "invoice": null}' % event.encode()) for event in ("e1", "e2")]
    assert read_hints(ours, systems, NOW + KEPT_FOR + timedelta(minutes=1)) == 0
    assert list_kept() == []


def test_of_an_account_that_is_erased_no_call_is_left(
    ours: Database, systems: ConnectionRegistry, house: LedgerConnectedWorld, call: Call
) -> None:
    account = house.add_account("Customer Ltd")
    invoice = house.issue_invoice(account, 1_000, TODAY)
    systems[KEY].sync()
    house.pay(invoice, 1_000)
    systems[KEY].sync()
    call("e1", invoice)
    for event, body in (
        ("e2", f'{{"customer": "{account}"}}'),
        ("e3", '{"name": "Customer Ltd"}'),
        ("e4", f'{{"customer": "{account}0"}}'),
    ):
        WebhookStore(ours).take(KEY, [WebhookHint(event, None)], body.encode(), NOW)
    command = EraseAccount(act_id="E1", actor="mia", account_id=f"@house:1:{account}")
    report = AccountEraser(ours, 10).erase_account(command, datetime(2050, 1, 1, tzinfo=UTC))
    assert {line.what: line.count for line in report.erased}["billing_calls"] == 3
    with ours.reading() as session:
        left = [row[0] for row in session.execute(text("SELECT event_id FROM webhook_calls WHERE length(body) > 0"))]
    assert left == ["e4"]


@pytest.mark.parametrize(
    ("event", "invoice", "kept"),
    [
        ("zero\0byte", "R1", 1),
        ("half a sign \ud800", "R1", 1),
        ("long" * 1_000, "R1", 1),
        ("e1", "no id: with blanks", 0),
        ("e1", "zero\0byte", 0),
        ("e1", "half\ud800", 0),
        ("e1", "R" * 10_000, 0),
    ],
)
def test_what_is_strange_in_a_call_is_no_fault_of_ours(ours: Database, call: Call, event: str, invoice: str, kept: int) -> None:
    assert [call(event, invoice), call(event, invoice)] == [kept, kept]
    assert (count(ours).waiting, count(ours).foreign) == (kept, 2 - 2 * kept)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id": 5, "invoice": 6}', b"\xff\xfe", b'{"id": {}, "invoice": []}'])
def test_a_call_that_cannot_be_read_is_counted(
    ours: Database, systems: ConnectionRegistry, connected: ConnectionAdmin, body: bytes
) -> None:
    with pytest.raises(ForgedWebhookError):
        WebhookReceiver(ours, systems, lambda: NOW).receive("house", {}, body, SECRET)
    assert count(ours).forged == 1


@pytest.mark.parametrize("secret", ["hush-2", "", None, "hush-1 ", "é"])
def test_forged_calls_are_counted_and_not_kept(ours: Database, call: Call, secret: str | None) -> None:
    for number in range(3):
        with pytest.raises(ForgedWebhookError):
            call(f"e{number}", "R1", secret)
    assert (count(ours).forged, count(ours).taken, count(ours).last_forged_at) == (3, 0, NOW)
    assert "hush" not in count(ours).last_forged_why
    with ours.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM webhook_calls")) == 0


def test_many_forged_calls_are_a_few_transactions(
    ours: Database, systems: ConnectionRegistry, connected: ConnectionAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, written = WebhookReceiver(ours, systems, lambda: NOW), list[int]()
    count_forged = WebhookStore.count_forged

    def note(store: WebhookStore, key: SystemKey, why: str, now: datetime, number: int = 1) -> None:
        written.append(number)
        count_forged(store, key, why, now, number)

    monkeypatch.setattr(WebhookStore, "count_forged", note)
    monkeypatch.setattr(webhook_receiver, "FORGED_SECONDS", float("inf"))
    for _ in range(FORGED_WRITES + 20):
        with pytest.raises(ForgedWebhookError):
            receiver.receive("house", {}, b"{}", "forged")
    monkeypatch.setattr(webhook_receiver, "FORGED_SECONDS", 0.0)
    receiver.receive("house", {}, b'{"id": "e1", "invoice": "R1"}', SECRET)
    assert (written, count(ours).forged) == ([1] * FORGED_WRITES + [20], FORGED_WRITES + 20)


def test_a_name_that_is_none_is_not_looked_for_each_time(
    systems: ConnectionRegistry, connected: ConnectionAdmin, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(connection_registry, "LOOK_EVERY_SECONDS", float("inf"))
    monkeypatch.setattr(systems, "look_again", lambda: looked.append("again"))
    for _ in range(3):
        assert systems.find("nobody") == []
    assert len(looked) <= 1


def test_a_call_does_not_wait_for_ever(ours: Database, systems: ConnectionRegistry, call: Call) -> None:
    call("e1", "R1")
    OtherHouse.is_away = True
    read_hints(ours, systems, NOW + LONGEST_WAIT)
    assert count(ours).waiting == 1
    read_hints(ours, systems, NOW + LONGEST_WAIT + timedelta(seconds=1))
    assert count(ours).waiting == 0


def test_during_the_overlap_both_secrets_are_good(connected: ConnectionAdmin, call: Call) -> None:
    connected.change_webhook_secret("house", "hush-2", MIA, timedelta(days=1))
    assert [call("e1", "R1", "hush-1"), call("e2", "R2", "hush-2")] == [1, 1]
    connected.change_webhook_secret("house", "hush-3", MIA, timedelta(0))
    with pytest.raises(ForgedWebhookError):
        call("e3", "R1", "hush-2")


def test_a_signed_call_is_good_for_some_minutes_and_needs_no_secret_in_its_address(
    ours: Database, admin: ConnectionAdmin, systems: ConnectionRegistry
) -> None:
    admin.add(read_connection(describe_house("house", "signing_house")), {"api_key": GOOD_KEY}, MIA)

    def call(secret: str, sent: datetime) -> int:
        headers = {"x-house": f"{secret} {sent.isoformat()}"}
        return WebhookReceiver(ours, systems, lambda: NOW).receive("house", headers, b'{"id": "e1", "invoice": "R1"}', None)

    with pytest.raises(ForgedWebhookError, match="no webhook secret"):
        call(SECRET, NOW)
    admin.change_webhook_secret("house", SECRET, MIA)
    assert call(SECRET, NOW - timedelta(minutes=4)) == 1
    for secret, sent in ((SECRET, NOW - timedelta(minutes=6)), ("forged", NOW)):
        with pytest.raises(ForgedWebhookError):
            call(secret, sent)
    assert count(ours).forged == 3


def test_of_too_many_the_next_reading_has_what_they_hint_at(ours: Database, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_store, "MAX_WAITING", 2)
    assert [call(f"e{number}", f"R{number}") for number in range(4)] == [1, 1, 0, 0]
    assert (count(ours).taken, count(ours).overflowed, count(ours).waiting) == (2, 2, 2)


def test_calls_are_forgotten_some_days_after_they_are_done(ours: Database, systems: ConnectionRegistry, call: Call) -> None:
    call("e1", "no-such-invoice")
    read_hints(ours, systems)
    call("e2", "R2", at=NOW + KEPT_FOR)
    OtherHouse.is_away = True
    read_hints(ours, systems, NOW + KEPT_FOR + timedelta(minutes=1))
    with ours.reading() as session:
        assert [event for (event,) in session.execute(text("SELECT event_id FROM webhook_calls"))] == ["e2"]


def test_who_calls_a_connection_that_there_is_not_or_that_is_off_or_unusable(
    ours: Database, connected: ConnectionAdmin, systems: ConnectionRegistry, call: Call
) -> None:
    with pytest.raises(UnknownConnectionError):
        call("e1", "R1", name="nobody")
    get_key_file(systems.settings).chmod(0o644)
    systems.look_again()
    connected.switch("house", off=True, by=MIA)
    assert call("e1", "R1") == 0, "it goes on calling, and nothing is kept"
    connected.switch("house", off=False, by=MIA)
    with pytest.raises(WebhookNotReadyError):
        call("e1", "R1")
