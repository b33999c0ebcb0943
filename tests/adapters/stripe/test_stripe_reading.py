"""What Stripe says is understood as it is meant: amounts, days, pages, events, and what is refused or away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.billing.errors import (
    BillingAwayError,
    ConnectionRefusedByBillingError,
    RefusedByBillingError,
    UnknownAccountError,
    UnknownInvoiceError,
)
from adapters.billing.external_records import ExternalInvoice, SettlementKind
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_system
from adapters.connections.connection_sync import ConnectionSync
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from adapters.stripe.stripe_api import StripeApi
from adapters.stripe.stripe_connector import StripeConnector
from adapters.stripe.stripe_records import AutomaticInvoices, from_stripe, to_stripe
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.stripe.stripe_double import KEY, NOW, StripeDouble
from tests.adapters.stripe.stripe_world import SETTINGS, open_stripe

DUE = datetime(2026, 11, 10, 12, tzinfo=UTC)


@pytest.fixture
def double() -> StripeDouble:
    return StripeDouble()


@pytest.fixture
def stripe(double: StripeDouble) -> StripeConnector:
    return open_stripe(double)


@pytest.fixture
def customer(double: StripeDouble) -> str:
    return double.add_customer("Customer Ltd")


def read_all(stripe: StripeConnector, cursor: str | None = None, limit: int = 100) -> tuple[dict[str, ExternalInvoice], list[str], str]:
    """The last word on each invoice that was changed, what is gone, and the cursor after it."""
    found: dict[str, ExternalInvoice] = {}
    gone: list[str] = []
    for _ in range(200):
        page = stripe.read_changes(cursor, limit)
        found |= {each.external_id: each for each in page.invoices}
        gone += (*page.gone, *page.unknown)
        cursor = page.cursor
        if not page.has_more:
            return found, gone, cursor
    raise AssertionError("the pages have no end")


def answer(status: int, body: object, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    content = {"text": body} if isinstance(body, str) else {"json": body}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: httpx.Response(status, headers=sent, **content)


# --- values


@pytest.mark.parametrize(
    ("currency", "theirs", "ours"),
    [("EUR", 1_234, 1_234), ("JPY", 500, 500), ("KWD", 1_230, 1_230), ("ISK", 500, 5), ("UGX", 500, 5), ("MGA", 5, 500)],
)
def test_amounts_are_counted_in_the_units_of_the_currency(currency: str, theirs: int, ours: int) -> None:
    assert (from_stripe(theirs, currency), to_stripe(ours, currency)) == (ours, theirs)


def test_what_stripe_cannot_count_is_refused() -> None:
    with pytest.raises(RefusedByBillingError, match="MGA"):
        to_stripe(50, "MGA")


def test_an_invoice_in_yen_has_no_cents(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    invoice = double.issue_invoice(customer, 12_000, DUE, "jpy")
    stripe.book_credit_note("C1", invoice, 2_000, "JPY", "")
    found = stripe.read_invoice(invoice)
    assert (found.currency, found.total, found.open_balance) == ("JPY", 12_000, 10_000)


def test_an_invoice_in_a_currency_that_is_none_holds_up_no_other(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    _, _, cursor = read_all(stripe)
    double.now += timedelta(minutes=5)
    strange, known = (double.issue_invoice(customer, 1_000, DUE, currency) for currency in ("usdx", "eur"))
    for currency in ("usdx", "eur"):
        double.receive_transfer(customer, 700, currency)
    pages = (stripe.read_changes(None, 10), stripe.read_changes(cursor, 10))
    for page in pages:
        assert [each.external_id for each in page.invoices] == [known]
    open_items = stripe.list_open_items(None, 10)
    assert [each.external_id for each in open_items.items] == [known]
    for unread in (*(page.unread for page in pages), open_items.unread):
        assert [(each.external_id, "'USDX' is not an ISO 4217" in each.reason) for each in unread] == [(strange, True)]
    assert [(each.currency, each.left) for each in stripe.list_credits(None, 10).credits] == [("EUR", 700)]
    with pytest.raises(RefusedByBillingError, match="cannot be read"):
        stripe.read_invoice(strange)


def test_the_day_it_is_due_is_the_companys(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    late = datetime(2026, 11, 10, 23, 30, tzinfo=UTC)
    assert stripe.read_invoice(double.issue_invoice(customer, 100, late)).due_date.isoformat() == "2026-11-11"
    charged = double.issue_invoice(customer, 100, None, attempted=True, next_payment_attempt=None)
    assert stripe.read_invoice(charged).due_date == NOW.date(), "what is charged by itself is due at once"


def test_what_stripe_charges_by_itself_is_asked_for_when_it_has_given_up(
    double: StripeDouble, stripe: StripeConnector, customer: str
) -> None:
    invoice = double.issue_invoice(customer, 1_000, None)
    _, _, cursor = read_all(stripe)
    double.fail_charge(invoice, double.now + timedelta(days=3))
    found, gone, cursor = read_all(stripe, cursor)
    assert (found, gone, stripe.list_open_items(None, 10).items) == ({}, [invoice], ())
    with pytest.raises(UnknownInvoiceError, match="has not given up"):
        stripe.read_invoice(invoice)
    double.now += timedelta(days=3)
    double.fail_charge(invoice, None)
    found, _, cursor = read_all(stripe, cursor)
    assert (found[invoice].open_balance, len(stripe.list_open_items(None, 10).items)) == (1_000, 1)
    double.pay(invoice, 1_000)
    assert read_all(stripe, cursor)[0][invoice].status is InvoiceStatus.PAID


@pytest.mark.parametrize(
    ("automatic", "is_tried", "is_over", "is_asked_for"),
    [
        (AutomaticInvoices.ALWAYS, False, False, True),
        (AutomaticInvoices.NEVER, True, True, False),
        (AutomaticInvoices.AFTER_RETRIES, False, False, False),
        (AutomaticInvoices.AFTER_RETRIES, True, False, False),
        (AutomaticInvoices.AFTER_RETRIES, True, True, True),
    ],
)
def test_when_what_stripe_charges_by_itself_is_asked_for_is_a_setting(
    double: StripeDouble, customer: str, automatic: AutomaticInvoices, is_tried: bool, is_over: bool, is_asked_for: bool
) -> None:
    shop = open_stripe(double, SETTINGS._replace(automatic=automatic))
    invoice = double.issue_invoice(customer, 1_000, None)
    if is_tried:
        double.fail_charge(invoice, None if is_over else double.now + timedelta(days=3))
    sent = double.issue_invoice(customer, 500, DUE)
    expected = {sent, invoice} if is_asked_for else {sent}
    assert read_all(shop)[0].keys() == expected
    assert {item.external_id for item in shop.list_open_items(None, 10).items} == expected


def test_all_customers_are_listed_every_hour_for_what_is_unapplied_or_when_stripe_says_that_it_changed(
    double: StripeDouble, customer: str, database: Database
) -> None:
    """Not after each reading in which an invoice changed: there may be many customers."""
    clock = [NOW]
    sync = ConnectionSync(database, open_stripe(double), AccountDefaults("DE", "Europe/Berlin", "de"), real_now=lambda: clock[0])

    def count_listings() -> int:
        before = len(double.calls)
        sync.sync()
        return double.calls[before:].count(("GET", "customers"))

    double.issue_invoice(customer, 1_000, DUE)
    assert count_listings() == 1
    for minutes, happens, listings in (
        (1, lambda: double.issue_invoice(customer, 1_000, DUE), 0),
        (58, lambda: double.issue_invoice(customer, 1_000, DUE), 0),
        (1, lambda: None, 1),
        (5, lambda: double.receive_transfer(customer, 700), 0),
        (5, lambda: None, 1),
        (5, lambda: None, 0),
    ):
        clock[0] += timedelta(minutes=minutes)
        double.now += timedelta(minutes=minutes)
        happens()
        assert count_listings() == listings, minutes
    before = len(double.calls)
    assert compare_system(database, sync).differences == ()
    assert ("GET", "customers") in double.calls[before:]


def test_an_older_list_of_what_is_unapplied_never_replaces_a_newer_one(double: StripeDouble, customer: str, database: Database) -> None:
    """Two read it at once, and the one that began first is the last to write."""
    clock, defaults = [NOW], AccountDefaults("DE", "Europe/Berlin", "de")
    double.issue_invoice(customer, 1_000, DUE)
    double.receive_transfer(customer, 300)
    shop = open_stripe(double)
    slow, quick = (ConnectionSync(database, shop, defaults, real_now=lambda: clock[0]) for _ in range(2))
    slow.sync()
    list_credits = shop.list_credits

    def overtake(cursor: str | None, limit: int) -> object:
        page = list_credits(cursor, limit)
        shop.list_credits = list_credits  # type: ignore[method-assign]
        double.receive_transfer(customer, 400)
        clock[0] += timedelta(seconds=1)
        assert quick.sync_credits() == 1
        return page

    shop.list_credits = overtake  # type: ignore[method-assign,assignment]
    assert slow.sync_credits() == 0
    assert Ledger(database).get_unapplied_credit(f"@shop:1:{customer}") == {"EUR": 700}


def test_what_is_no_invoice_yet_is_unknown(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    draft = double.draft_invoice(customer, 100)
    with pytest.raises(UnknownInvoiceError):
        stripe.read_invoice(draft)
    assert read_all(stripe)[0] == {}


def test_an_invoice_that_took_the_customers_credit_says_so(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    double.objects["customer"][customer] |= {"balance": -300, "currency": "eur"}
    (credit,) = stripe.list_credits(None, 10).credits
    assert credit.left == 300
    found = stripe.read_invoice(double.issue_invoice(customer, 1_000, DUE))
    assert (found.total, found.open_balance) == (1_000, 700)
    assert [(each.external_id, each.amount) for each in found.settlements] == [(credit.external_id, 300)]
    assert stripe.list_credits(None, 10).credits == ()


def test_the_page_to_pay_at_and_the_printed_invoice(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    invoice = double.issue_invoice(customer, 1_000, DUE)
    assert stripe.read_invoice(invoice).payment_link == f"https://invoice.stripe.example/i/{invoice}"
    document = stripe.fetch_document(invoice)
    assert (document.filename, document.media_type, document.content[:5]) == ("DC-0001.pdf", "application/pdf", b"%PDF-")
    double.pay(invoice, 1_000)
    assert stripe.read_invoice(invoice).payment_link == ""


def test_what_others_gave_up_is_written_off_unless_it_is_still_to_be_collected(
    double: StripeDouble, stripe: StripeConnector, customer: str
) -> None:
    theirs, ours = (double.issue_invoice(customer, 1_000, DUE) for _ in range(2))
    double.mark_uncollectible(theirs)
    stripe.book_write_off("W1", ours, 1_000, "EUR", NOW.date())
    assert stripe.read_invoice(theirs).status is InvoiceStatus.WRITTEN_OFF
    assert stripe.list_open_items(None, 10).items == ()
    chasing = open_stripe(double, SETTINGS._replace(chases_uncollectible=True))
    assert [(chasing.read_invoice(each).status, chasing.read_invoice(each).open_balance) for each in (theirs, ours)] == [
        (InvoiceStatus.OPEN, 1_000),
        (InvoiceStatus.WRITTEN_OFF, 0),
    ]
    first = chasing.list_open_items(None, 10)
    assert first.items == ()
    assert [item.external_id for item in chasing.list_open_items(first.cursor, 10).items] == [theirs]


def test_what_was_given_up_and_is_paid_after_all_is_paid(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    invoice = double.issue_invoice(customer, 1_000, DUE)
    stripe.book_write_off("W1", invoice, 1_000, "EUR", NOW.date())
    double.pay(invoice, 1_000)
    found = stripe.read_invoice(invoice)
    assert (found.status, [each.kind for each in found.settlements]) == (InvoiceStatus.PAID, [SettlementKind.PAYMENT])


def test_a_customer_who_was_deleted_is_said_to_be(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    double.delete_customer(customer)
    with pytest.raises(UnknownAccountError, match="was deleted"):
        stripe.read_account(customer)


# --- pages and events


def test_a_page_with_less_than_was_asked_for_is_not_the_last(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    double.page_size = 2
    invoices = {double.issue_invoice(customer, 1_000, DUE) for _ in range(5)}
    assert read_all(stripe)[0].keys() == invoices
    seen, cursor = set(), None
    while True:
        page = stripe.list_open_items(cursor, 100)
        seen |= {item.external_id for item in page.items}
        if (cursor := page.cursor) is None:
            break
    assert seen == invoices


def test_events_of_one_second_in_whatever_order_say_the_same(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    invoices = [double.issue_invoice(customer, 1_000, DUE) for _ in range(3)]
    _, _, cursor = read_all(stripe)
    double.per_second = 1_000
    for invoice in invoices:
        double.pay(invoice, 1_000, also_older_event=True)
    found, _, cursor = read_all(stripe, cursor, limit=2)
    assert [found[invoice].status for invoice in invoices] == [InvoiceStatus.PAID] * 3, "an older event turns nothing back"
    double.now += timedelta(minutes=10)
    _, _, cursor = read_all(stripe, cursor)
    assert read_all(stripe, cursor)[0] == {}, "what is old enough is not read again"


def test_an_event_that_is_listed_late_is_not_missed(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    invoice = double.issue_invoice(customer, 1_000, DUE)
    _, _, cursor = read_all(stripe)
    listed = dict(double.objects["event"])
    double.pay(invoice, 400)
    late, double.objects["event"] = double.objects["event"], listed
    double.now += timedelta(seconds=90)
    _, _, cursor = read_all(stripe, cursor)
    double.objects["event"] = late
    assert read_all(stripe, cursor)[0][invoice].open_balance == 600


def test_what_is_deleted_in_the_middle_of_a_page_is_told_and_the_rest_goes_on(
    double: StripeDouble, stripe: StripeConnector, customer: str
) -> None:
    _, _, cursor = read_all(stripe)
    first, deleted, last = (double.issue_invoice(customer, 1_000, DUE) for _ in range(3))
    double.delete_invoice(deleted)
    found, gone, _ = read_all(stripe, cursor)
    assert (set(found), gone) == ({first, last}, [deleted])


def test_a_deleted_invoice_from_which_a_reader_goes_on_begins_the_pages_anew(
    double: StripeDouble, stripe: StripeConnector, customer: str
) -> None:
    invoices = [double.issue_invoice(customer, 1_000, DUE) for _ in range(3)]
    first = stripe.read_changes(None, 1)
    double.delete_invoice(invoices[2])
    assert [each.external_id for each in first.invoices] == [invoices[2]]
    assert read_all(stripe, first.cursor)[0].keys() == set(invoices[:2])


def test_who_was_away_longer_than_events_are_kept_reads_every_invoice(double: StripeDouble, stripe: StripeConnector, customer: str) -> None:
    invoice = double.issue_invoice(customer, 1_000, DUE)
    _, _, cursor = read_all(stripe)
    double.pay(invoice, 1_000)
    double.now += timedelta(days=40)
    assert read_all(stripe, cursor)[0][invoice].status is InvoiceStatus.PAID


# --- what is refused, what is away


@pytest.mark.parametrize(
    ("planned", "error", "said"),
    [
        (answer(401, {"error": {"message": "Invalid API Key"}}), ConnectionRefusedByBillingError, "ask for a new one"),
        (
            answer(403, {"error": {"message": "Having 'rak_invoice_read' would allow it."}}),
            ConnectionRefusedByBillingError,
            "rak_invoice_read",
        ),
        (answer(400, {"error": {"message": "No such thing.", "type": "invalid_request_error"}}), RefusedByBillingError, "No such thing"),
        (answer(402, {"error": {"message": "Declined.", "type": "card_error"}}), RefusedByBillingError, "Declined"),
        (answer(409, {"error": {"message": "Locked.", "code": "lock_timeout"}}), BillingAwayError, "409"),
        (answer(500, {"error": {"message": "Oh."}}), BillingAwayError, "500"),
        (answer(502, "<html>Bad Gateway</html>"), BillingAwayError, "502"),
        (answer(429, "<html>Too many requests</html>"), BillingAwayError, "429"),
        (answer(408, ""), BillingAwayError, "408"),
        (answer(403, "<html>Blocked</html>"), ConnectionRefusedByBillingError, "something stands between"),
        (answer(200, "<html>Maintenance</html>"), ConnectionRefusedByBillingError, "something stands between"),
    ],
)
def test_what_is_refused_is_told_from_what_may_be_tried_again(
    double: StripeDouble, stripe: StripeConnector, planned: Callable[[httpx.Request], httpx.Response], error: type[Exception], said: str
) -> None:
    double.plans.append(planned)
    with pytest.raises(error, match=said):
        stripe.list_open_items(None, 10)


def test_stripe_says_when_to_come_again(double: StripeDouble, stripe: StripeConnector) -> None:
    double.plans.append(answer(429, {"error": {"message": "Too many requests"}}, retry_after="7"))
    with pytest.raises(BillingAwayError) as caught:
        stripe.list_open_items(None, 10)
    assert caught.value.retry_after == 7
    assert len(double.calls) == 0, "it is asked once, and whoever calls waits"


def test_one_that_does_not_answer_is_away() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("no")

    with pytest.raises(BillingAwayError, match="does not answer"):
        StripeConnector("shop", SETTINGS, StripeApi(SETTINGS, httpx.MockTransport(refuse))).list_open_items(None, 10)


def test_the_key_is_in_no_text_of_the_settings() -> None:
    assert KEY not in f"{SETTINGS} {SETTINGS!r}"
    assert "whsec" not in f"{SETTINGS!r}"


def test_a_connections_test_names_the_permission_that_is_missing(double: StripeDouble, stripe: StripeConnector) -> None:
    double.add_endpoint(None)
    double.forbidden |= {"credit_notes:POST", "events:GET"}
    failed = {step.name: step for step in stripe.try_connection() if not step.works}
    assert failed.keys() == {"read changes", "write credit notes", "version of webhooks"}
    assert failed["write credit notes"].ask_for == "the key's permission Credit notes: write"
    assert "none" in failed["version of webhooks"].found
    other = open_stripe(double, SETTINGS._replace(api_key="rk_other"))
    assert [(step.name, step.works) for step in other.try_connection()] == [("key", False)]
