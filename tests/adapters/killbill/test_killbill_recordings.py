"""The double says what a real Kill Bill 0.25.4 said; and both connectors read right what was recorded."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from adapters.billing.connector import BillingConnector
from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError, ForgedWebhookError
from adapters.billing.external_records import ExternalInvoice, SettlementKind
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connection_sync import ConnectionSync
from adapters.killbill.killbill_webhook import read_push
from adapters.ledger.ledger import Ledger
from adapters.plain_http.api_description import load_description
from adapters.shipped_files import PROJECT
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.killbill.killbill_double import KillBillDouble
from tests.adapters.killbill.killbill_world import SETTINGS, open_killbill
from tests.adapters.killbill.recordings import (
    FIRST_NUMBER,
    RecordedKillBill,
    find_differences,
    list_calls,
    list_pushes,
    open_recorded_house,
    play,
    read_exactly,
)
from tests.adapters.plain_http.sample_world import open_connector
from tests.databases import open_sqlite_database

DESCRIPTION = PROJECT / "examples" / "killbill.yaml"


def read_whole(connector: BillingConnector, limit: int = 100) -> dict[str, ExternalInvoice]:
    """By number: every invoice, of one pass."""
    found: dict[str, ExternalInvoice] = {}
    cursor, has_more = None, True
    while has_more:
        page = connector.read_changes(cursor, limit)
        assert page.unread == ()
        found |= {each.number: each for each in page.invoices}
        cursor, has_more = page.cursor, page.has_more
    return found


def test_the_double_says_what_the_server_said() -> None:
    double, compared = KillBillDouble(FIRST_NUMBER), 0
    for exchange in list_calls():
        answer, label = play(double, exchange), exchange["label"]
        assert answer.status_code == exchange["status"], label
        if exchange["raw"] and not exchange["raw"].startswith("(an HTML"):
            assert find_differences(read_exactly(answer.content), read_exactly(exchange["raw"])) == [], label
            compared += 1
        for name, value in (exchange["headers"] or {}).items():
            if name.startswith("x-killbill-pagination") and not name.endswith("uri"):
                assert answer.headers[name] == value, label
    assert compared > 50


def test_what_was_recorded_is_read_by_the_connector_of_kill_bill() -> None:
    connector = open_killbill(open_recorded_house())
    found = read_whole(connector, limit=7)
    said = {number: (each.total, each.open_balance, each.status.value) for number, each in found.items()}
    assert len(found) == 24, "not the draft (63), and not the credit (64), which asks for nothing"
    assert {number: said[number] for number in ("39", "40", "41", "43", "44", "51", "47")} == {
        "39": (120_050, 20_050, "open"),
        "40": (8_000, 5_000, "open"),
        "41": (120_050, 110_050, "open"),
        "43": (120_050, 100_000, "open"),
        "44": (8_000, 0, "cancelled"),
        "51": (31_010, 0, "written_off"),
        "47": (31_010, 31_010, "open"),
    }
    kinds = {number: [(each.kind, each.amount) for each in found[number].settlements] for number in ("39", "41", "43", "51")}
    assert kinds == {
        "39": [(SettlementKind.PAYMENT, 100_000)],
        "41": [(SettlementKind.CREDIT_NOTE, 10_000)],
        "43": [(SettlementKind.CREDIT_NOTE, 20_050)],
        "51": [(SettlementKind.WRITE_OFF, 31_010)],
    }, "a refund reopens, a credit applies itself, an item that is adjusted is a credit note, a tag gives up"
    assert (found["39"].issue_date, found["39"].due_date) == (date(2026, 6, 2), date(2026, 7, 2)), "by the terms: there is no due date"
    assert found["43"].currency == "GBP"
    account = connector.read_account(found["39"].account_id)
    assert (account.name, account.country, account.language, account.suspended) == ("Nordlicht AG", "DE", "de", False)
    assert (account.number, account.number != account.account_id) == ("C-1001", True)


def test_the_open_items_are_those_of_the_invoices() -> None:
    connector = open_killbill(open_recorded_house())
    wanted = {each.external_id: each.open_balance for each in read_whole(connector).values() if each.status is InvoiceStatus.OPEN}
    listed, cursor = dict[str, int](), None
    while True:
        page = connector.list_open_items(cursor, 2)
        listed |= {each.external_id: each.open_balance for each in page.items}
        if (cursor := page.cursor) is None:
            break
    assert listed == wanted


def test_what_was_recorded_is_mirrored_and_followed(tmp_path: Path) -> None:
    """A refund there reopens the invoice here, a suspension is really one there; and the comparison finds no difference."""
    double = open_recorded_house()
    connector = open_killbill(double)
    with open_sqlite_database(tmp_path / "duecourse.db") as database:
        sync = ConnectionSync(database, connector, AccountDefaults("DE", "Europe/Berlin", "de"))
        assert sync.sync().changed == 22, "not what was void or written off before it was seen"
        assert compare_open_items(database, connector).differences == ()
        invoice = next(each for each in double.invoices.values() if each["invoiceNumber"] == "47")
        mirrored = f"@killbill:1:{invoice['invoiceId']}"
        invoice["paid"] = invoice["items"][0]["amount"]
        sync.refresh(invoice["invoiceId"])
        assert Ledger(database).get_invoice_facts(mirrored).status is InvoiceStatus.PAID
        invoice["refunded"] = -invoice["paid"]
        sync.refresh(invoice["invoiceId"])
        assert Ledger(database).get_invoice_facts(mirrored).open_balance == 31_010
        connector.suspend("S1", invoice["accountId"], "overdue")
        assert [(each["service"], each["isBlockEntitlement"]) for each in double.blocks][-1] == ("duecourse", True)
        assert compare_open_items(database, connector).differences == ()


def test_a_kill_bill_that_lets_itself_be_asked_a_few_times_a_minute_is_read_to_the_end() -> None:
    double, left, found = open_recorded_house(), [5], set[str]()
    answer = double.handle_request

    def limit_rate(request: httpx.Request) -> httpx.Response:
        left[0] -= 1
        return answer(request) if left[0] >= 0 else httpx.Response(429)

    connector, cursor, has_more = open_killbill(httpx.MockTransport(limit_rate)), None, True
    for _ in range(60):
        with suppress(BillingAwayError):
            while has_more:
                page = connector.read_changes(cursor, 100)
                cursor, has_more = page.cursor, page.has_more
                found |= {each.number for each in page.invoices}
        left[0] = 5
    assert (len(found), has_more) == (24, False)


def test_plain_http_reads_the_recorded_kill_bill_by_its_description_alone() -> None:
    """Both read the bytes that the real server sent; what was not asked of it then, the double says."""
    recorded = RecordedKillBill()
    description = load_description(DESCRIPTION)
    secrets = {"password": "password", "api_key": "key", "api_secret": "secret"}
    paging = description.invoices.paging.model_copy(update={"size": 5})
    described = description.model_copy(update={"invoices": description.invoices.model_copy(update={"paging": paging})})
    plain = open_connector(described, recorded, "http://killbill.example", **secrets)
    own = read_whole(open_killbill(recorded), limit=5)
    found = read_whole(plain, limit=5)
    assert recorded.replayed == 9, "the bytes of the server's own lists and invoices were read"
    for number in own | found:
        one, other = found[number], own[number]
        facts = [
            (each.external_id, each.account_id, each.currency, each.open_balance, each.issue_date, each.due_date) for each in (one, other)
        ]
        assert facts[0] == facts[1]
        assert one.status.is_settled is other.status.is_settled
    assert found["39"].open_balance == 20_050, "the refund reopened it"
    assert found["40"].settlements == (), "by what it was paid, the description does not say; that 30.00 are paid, the balance does"
    assert plain.read_account(found["39"].account_id).emails == ("ap@c-1001.example",)
    assert [step for step in plain.try_connection() if not step.works] == []
    items = plain.list_open_items(None, 100).items
    assert {each.external_id for each in items} <= {each.external_id for each in own.values() if each.open_balance}


@pytest.mark.parametrize("wrong", [{"password": "no"}, {"api_secret": "no"}])
def test_a_wrong_password_and_a_wrong_tenant_are_told(wrong: dict[str, str]) -> None:
    connector = open_killbill(KillBillDouble(), SETTINGS._replace(**wrong))  # type: ignore[arg-type]
    with pytest.raises(ConnectionRefusedByBillingError, match="401"):
        connector.read_changes(None, 1)
    steps = connector.try_connection()
    assert [(step.works, bool(step.ask_for)) for step in steps] == [(False, True)]


@pytest.mark.parametrize(
    ("permissions", "missing"),
    [(["*:*"], []), (["invoice:*", "tag:add", "custom_field:add"], ["the permission entitlement:pause_resume"]), ([], [])],
)
def test_a_permission_that_is_missing_is_what_to_ask_for(permissions: list[str], missing: list[str]) -> None:
    """Where the server does not tell them, nothing is said of them."""
    double = open_recorded_house()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/security/permissions"):
            return httpx.Response(200, json=permissions)
        return double.handle_request(request)

    steps = open_killbill(httpx.MockTransport(answer)).try_connection()
    assert [step.ask_for for step in steps if not step.works] == missing


def test_a_push_is_a_hint_and_comes_twice_for_nothing() -> None:
    now = datetime(2026, 11, 30, 12, tzinfo=UTC)
    pushes = list_pushes()
    hints = [hint for body in pushes for hint in read_push(body, now)]
    assert len(pushes) == 82
    assert sum(b"INVOICE_PAYMENT_FAILED" in body for body in pushes) == 33
    assert len(hints) == 82 - 33, "a failed payment of an account without a payment method means nothing"
    named = {hint.external_id for hint in hints if hint.external_id}
    assert len(named) == 25, "every invoice was named, but the draft, which none is sent for"
    assert len({hint.event_id for hint in hints}) < len(hints), "some came two or three times"
    (first,), (again,), (later,) = (read_push(pushes[0], at) for at in (now, now + timedelta(seconds=5), now + timedelta(minutes=1)))
    assert first == again != later, "the same a minute later may be another change"
    for forged in (b"", b"{}", b"[]", b"\xff", b'{"eventType": 1, "objectType": "INVOICE", "objectId": "x"}', b"x" * 100_000):
        with pytest.raises(ForgedWebhookError):
            read_push(forged, now)
