"""What Odoo says is understood as it is meant, and what Duecourse books there is booked once."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import httpx
import pytest

from adapters.billing.errors import (
    BillingAwayError,
    CancelledInvoiceError,
    ConflictingCreditNoteError,
    ConnectionRefusedByBillingError,
    ExcessiveCreditError,
    RefusedByBillingError,
    UnansweredOrderError,
    UnknownInvoiceError,
    UnsupportedOperationError,
)
from adapters.billing.external_records import ExternalInvoice, SettlementKind
from adapters.billing.unanswered_orders import RUNS_AT_MOST
from adapters.odoo.odoo_api import OdooApi
from adapters.odoo.odoo_connector import OdooConnector
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.odoo.odoo_double import DATABASE, KEY, NOW, OdooDouble
from tests.adapters.odoo.odoo_world import ODOO_SETTINGS, open_odoo

DUE = date(2026, 11, 10)


@pytest.fixture
def double() -> OdooDouble:
    return OdooDouble()


@pytest.fixture
def odoo(double: OdooDouble) -> OdooConnector:
    return open_odoo(double)


@pytest.fixture
def partner(double: OdooDouble) -> int:
    return double.add_partner("Customer Ltd")


def issue(double: OdooDouble, partner: int, total: str = "100", **values: object) -> int:
    return double.issue_invoice(partner, Decimal(total), [(DUE, Decimal(total))], **values)  # type: ignore[arg-type]


def read_all(odoo: OdooConnector, cursor: str | None = None, limit: int = 100) -> tuple[dict[str, ExternalInvoice], list[str], str]:
    found: dict[str, ExternalInvoice] = {}
    gone: list[str] = []
    for _ in range(500):
        page = odoo.read_changes(cursor, limit)
        found |= {each.external_id: each for each in page.invoices}
        gone += page.gone
        cursor = page.cursor
        if not page.has_more:
            return found, gone, cursor
    raise AssertionError("the pages have no end")


# --- what is owed


def test_each_due_date_has_what_is_open_of_it(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    dues = [(DUE, Decimal(30)), (DUE + timedelta(30), Decimal(70))]
    invoice = double.issue_invoice(partner, Decimal(100), dues)
    double.pay(invoice, Decimal(40))
    found = odoo.read_invoice(str(invoice))
    assert found.due_parts == ((DUE, 3_000, 0), (DUE + timedelta(30), 7_000, 6_000))
    assert (found.due_date, found.open_balance, found.status) == (DUE + timedelta(30), 6_000, InvoiceStatus.OPEN)
    assert [each.amount for each in found.settlements] == [4_000], "one payment, though it pays two due dates"


def test_a_payment_that_has_not_reached_the_bank_counts_with_and_without_a_posting(
    double: OdooDouble, odoo: OdooConnector, partner: int
) -> None:
    posted, unposted = issue(double, partner), issue(double, partner)
    double.pay(posted, Decimal(100), is_matched=False)
    payment = double.register_payment(unposted, Decimal(100))
    for invoice in (posted, unposted):
        found = odoo.read_invoice(str(invoice))
        assert (found.status, found.open_balance, [each.amount for each in found.settlements]) == (InvoiceStatus.PAID, 0, [10_000])
        assert found.due_parts == ((DUE, 10_000, 0),)
    assert odoo.list_open_items(None, 10).items == ()
    double.end_payment(payment, "rejected")
    assert odoo.read_invoice(str(unposted)).open_balance == 10_000
    assert [item.external_id for item in odoo.list_open_items(None, 10).items] == [str(unposted)]


@pytest.mark.parametrize("has_accounting", [True, False])
def test_what_a_payment_in_process_does_not_pay_is_owed(
    double: OdooDouble, odoo: OdooConnector, partner: int, has_accounting: bool
) -> None:
    double.has_accounting = has_accounting
    dues = [(DUE, Decimal(30)), (DUE + timedelta(30), Decimal(70))]
    invoice = double.issue_invoice(partner, Decimal(100), dues)
    double.register_payment(invoice, Decimal(25))
    second = double.register_payment(invoice, Decimal(20))
    assert double.tables["account.move"][invoice]["payment_state"] == ("in_payment" if has_accounting else "paid")
    found = odoo.read_invoice(str(invoice))
    assert (found.status, found.open_balance, [each.amount for each in found.settlements]) == (InvoiceStatus.OPEN, 5_500, [4_500])
    assert found.due_parts == ((DUE, 3_000, 0), (DUE + timedelta(30), 7_000, 5_500))
    assert [item.open_balance for item in odoo.list_open_items(None, 10).items] == [5_500]
    assert [each.open_balance for each in read_all(odoo)[0].values()] == [5_500]
    double.end_payment(second, "rejected")
    assert odoo.read_invoice(str(invoice)).open_balance == 7_500
    with pytest.raises(ExcessiveCreditError):
        odoo.book_credit_note("C1", str(invoice), 7_501, "EUR", "")
    assert odoo.book_write_off("W1", str(invoice), 10_000, "EUR", NOW.date()).amount == 7_500


def test_a_payment_that_the_banks_line_counts_is_not_counted_twice(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    matched, unmatched = issue(double, partner), issue(double, partner)
    for invoice in (matched, unmatched):
        payment = double.register_payment(invoice, Decimal(40))
        if invoice == matched:
            double.pay(invoice, Decimal(40))
        double.end_payment(payment, "paid")
        assert odoo.read_invoice(str(invoice)).open_balance == 6_000
    double.register_payment(matched, Decimal(10), "USD")
    assert odoo.read_invoice(str(matched)).open_balance == 0, "what it is worth is not known, and it is not asked for meanwhile"


def test_what_an_app_of_odoos_collects_is_not_asked_for(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    invoice = issue(double, partner)
    double.tables["account.move"][invoice]["payment_state"] = "in_payment"
    assert (odoo.read_invoice(str(invoice)).open_balance, odoo.list_open_items(None, 10).items) == (0, ())


def test_an_invoice_in_a_currency_that_is_none_holds_up_no_other(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    double.tables["res.currency"][9] = {"name": "ZZ1"}
    strange, known = issue(double, partner, currency="ZZ1"), issue(double, partner)
    double.receive(partner, Decimal(5), "ZZ1")
    double.receive(partner, Decimal(7))
    page = odoo.read_changes(None, 10)
    open_items = odoo.list_open_items(None, 10)
    assert ([each.external_id for each in page.invoices], [each.external_id for each in open_items.items]) == ([str(known)], [str(known)])
    for unread in (page.unread, open_items.unread):
        assert [(each.external_id, "'ZZ1' is not an ISO 4217" in each.reason) for each in unread] == [(str(strange), True)]
    assert [each.left for each in odoo.list_credits(None, 10).credits] == [700]
    with pytest.raises(RefusedByBillingError, match="cannot be read"):
        odoo.read_invoice(str(strange))


def test_what_is_blocked_for_odoos_reminders_is_owed(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    invoice = issue(double, partner)
    double.tables["account.move"][invoice]["payment_state"] = "blocked"
    assert odoo.read_invoice(str(invoice)).status is InvoiceStatus.OPEN
    assert len(odoo.list_open_items(None, 10).items) == 1


def test_a_reversed_a_cancelled_and_a_drawn_back_invoice_are_told_apart(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    reversed_, cancelled, drawn_back = (issue(double, partner) for _ in range(3))
    _, _, cursor = read_all(odoo)
    odoo.book_credit_note("C1", str(reversed_), 10_000, "EUR", "returned")
    double.set_state(cancelled, "cancel")
    double.set_state(drawn_back, "draft")
    assert double.tables["account.move"][reversed_]["payment_state"] == "reversed"
    found, gone, _ = read_all(odoo, cursor)
    assert (found[str(reversed_)].status, found[str(cancelled)].status) == (InvoiceStatus.CREDITED, InvoiceStatus.CANCELLED)
    assert gone == [str(drawn_back)]
    with pytest.raises(UnknownInvoiceError):
        odoo.read_invoice(str(drawn_back))
    with pytest.raises(CancelledInvoiceError):
        odoo.book_credit_note("C2", str(cancelled), 100, "EUR", "")


@pytest.mark.parametrize(("currency", "total", "minor"), [("JPY", "12000", 12_000), ("KWD", "12.345", 12_345)])
def test_amounts_are_counted_in_the_units_of_the_currency(
    double: OdooDouble, odoo: OdooConnector, partner: int, currency: str, total: str, minor: int
) -> None:
    found = odoo.read_invoice(str(issue(double, partner, total, currency=currency)))
    assert (found.currency, found.total, found.open_balance, found.ledger_currency) == (currency, minor, minor, "EUR")


def test_a_customer_is_the_company_and_letters_go_to_its_invoice_addresses(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    double.add_partner("Bookkeeping", "Anna <anna@customer.example>; second@customer.example", partner, "invoice")
    person = double.add_partner("Buyer", False, partner)
    assert odoo.read_invoice(str(issue(double, person))).account_id == str(partner)
    assert odoo.read_account(str(partner)).emails == ("anna@customer.example", "second@customer.example", "books@customer.example")
    assert odoo.read_account(str(partner)).number == ""
    double.tables["res.partner"][partner] |= {"active": False, "ref": "C-0017"}
    assert odoo.read_account(str(partner)).number == "C-0017"
    assert odoo.read_account(str(partner)).language == "de", "an archived customer may still owe"


def test_the_link_and_the_printed_invoice(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    invoice = issue(double, partner)
    assert odoo.read_invoice(str(invoice)).payment_link == f"https://odoo.example.com/my/invoices/{invoice}?access_token=token-{invoice}"
    assert odoo.fetch_document(str(invoice)).content.startswith(b"%PDF")
    double.tables["account.move"][invoice] |= {"invoice_pdf_report_file": False, "access_token": False}
    assert odoo.read_invoice(str(invoice)).payment_link == ""
    with pytest.raises(RefusedByBillingError, match="send or print it there"):
        odoo.fetch_document(str(invoice))


# --- changes


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_many_changes_of_one_second_are_all_read(double: OdooDouble, odoo: OdooConnector, partner: int, limit: int) -> None:
    double.tick = timedelta(microseconds=7)
    invoices = [issue(double, partner) for _ in range(7)]
    double.tick = timedelta(seconds=1)
    later = [issue(double, partner) for _ in range(3)]
    found, _, cursor = read_all(odoo, limit=limit)
    assert found.keys() == {str(each) for each in (*invoices, *later)}
    double.pay(invoices[3], Decimal(10))
    assert read_all(odoo, cursor, limit=limit)[0][str(invoices[3])].open_balance == 9_000


def test_a_change_that_is_seen_late_is_not_missed_and_a_quiet_system_is_not_read_again(
    double: OdooDouble, odoo: OdooConnector, partner: int
) -> None:
    first, second = issue(double, partner), issue(double, partner)
    slow = double.tables["account.move"].pop(first)
    _, _, cursor = read_all(odoo)
    double.tables["account.move"][first] = slow
    found, _, cursor = read_all(odoo, cursor)
    assert found.keys() == {str(first), str(second)}, "its transaction began before what was read, and ended after"
    double.now += timedelta(minutes=11)
    _, _, cursor = read_all(odoo, cursor)
    assert read_all(odoo, cursor)[0] == {}


# --- bookings


@pytest.mark.parametrize("step", ["create", "action_post", "js_assign_outstanding_line"])
def test_a_credit_note_whose_answer_is_lost_is_carried_on(double: OdooDouble, odoo: OdooConnector, partner: int, step: str) -> None:
    invoice = issue(double, partner)
    double.lost_answers = [step]
    with pytest.raises(BillingAwayError):
        odoo.book_credit_note("C1", str(invoice), 2_500, "EUR", "too dear")
    odoo.book_credit_note("C1", str(invoice), 2_500, "EUR", "too dear")
    notes = [move for move in double.tables["account.move"].values() if move["move_type"] == "out_refund"]
    assert ([note["state"] for note in notes], odoo.read_invoice(str(invoice)).open_balance) == (["posted"], 7_500)


@pytest.mark.parametrize("step", ["create", "action_post", "js_assign_outstanding_line"])
def test_a_write_off_whose_answer_is_lost_is_carried_on(double: OdooDouble, odoo: OdooConnector, partner: int, step: str) -> None:
    invoice = issue(double, partner)
    double.lost_answers = [step]
    with pytest.raises(BillingAwayError):
        odoo.book_write_off("W1", str(invoice), 2_500, "EUR", NOW.date())
    assert odoo.book_write_off("W1", str(invoice), 2_500, "EUR", NOW.date()).amount == 2_500
    assert odoo.read_invoice(str(invoice)).open_balance == 7_500


class SlowOdoo(httpx.BaseTransport):
    """Does not answer the first call of a method, and carries it out before the next call of another."""

    def __init__(self, double: OdooDouble, slow: str, done_before: str) -> None:
        self._double, self._slow, self._done_before = double, slow, done_before
        self.running: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        method = request.url.path.rpartition("/")[2]
        if method == self._slow:
            self._slow = ""
            self.running.append(request)
            raise httpx.ReadTimeout("slow", request=request)
        if method == self._done_before and self.running:
            self._double.transport.handle_request(self.running.pop())
        return self._double.transport.handle_request(request)


Order = Callable[[OdooConnector, int], object]
ORDERS: list[Order] = [
    lambda odoo, invoice: odoo.book_credit_note("C1", str(invoice), 2_500, "EUR", ""),
    lambda odoo, invoice: odoo.book_write_off("W1", str(invoice), 2_500, "EUR", NOW.date()),
]


@pytest.mark.parametrize("order", ORDERS, ids=["credit", "write-off"])
@pytest.mark.parametrize(
    ("slow", "done_before"), [("action_post", "action_post"), ("action_post", "search_read"), ("create", "action_post")]
)
def test_a_call_that_is_still_running_books_once_and_is_not_taken_for_a_refusal(
    double: OdooDouble, partner: int, order: Order, slow: str, done_before: str
) -> None:
    invoice = issue(double, partner)
    odoo = OdooConnector("odoo", ODOO_SETTINGS, OdooApi(ODOO_SETTINGS, SlowOdoo(double, slow, done_before)))
    with pytest.raises(UnansweredOrderError) as caught:
        order(odoo, invoice)
    assert (caught.value.retry_after, caught.value.rest) == (RUNS_AT_MOST, None)
    for _ in range(2):
        order(odoo, invoice)
    posted = [move for move in double.tables["account.move"].values() if move["state"] == "posted" and move["id"] != invoice]
    assert (len(posted), odoo.read_invoice(str(invoice)).open_balance) == (1, 7_500)


def test_a_draft_that_is_posted_while_it_is_cleared_away_is_read_again(double: OdooDouble, partner: int) -> None:
    """A draft of another amount, whose posting is still running."""
    invoice = issue(double, partner)
    odoo = OdooConnector("odoo", ODOO_SETTINGS, OdooApi(ODOO_SETTINGS, SlowOdoo(double, "action_post", "unlink")))
    with pytest.raises(UnansweredOrderError):
        odoo.book_credit_note("C1", str(invoice), 2_500, "EUR", "")
    with pytest.raises(BillingAwayError, match="read again"):
        odoo.book_credit_note("C1", str(invoice), 2_400, "EUR", "")
    with pytest.raises(ConflictingCreditNoteError):
        odoo.book_credit_note("C1", str(invoice), 2_400, "EUR", "")
    assert odoo.book_credit_note("C1", str(invoice), 2_500, "EUR", "").repeated


def test_what_is_posted_and_cannot_be_assigned_is_told(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    invoice = issue(double, partner)
    refused = httpx.Response(422, json={"name": "odoo.exceptions.UserError", "message": "The period is locked."})

    def refuse(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("js_assign_outstanding_line"):
            return refused
        double.plans.append(refuse)
        return None

    double.plans.append(refuse)
    with pytest.raises(RefusedByBillingError, match=r"it is posted in Odoo.*period is locked.*assign it there"):
        odoo.book_credit_note("C1", str(invoice), 2_500, "EUR", "")


@pytest.mark.parametrize(("status", "header", "rest"), [(500, "30", 30.0), (403, "30", None), (503, "400", 400.0)])
def test_whatever_says_when_to_come_again_is_heard(status: int, header: str, rest: float | None) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, headers={"retry-after": header}))
    api = OdooApi(ODOO_SETTINGS, transport)
    with pytest.raises(ConnectionRefusedByBillingError if rest is None else BillingAwayError) as read:
        api.find("account.move", [], ("id",))
    assert getattr(read.value, "rest", None) == rest
    if rest is not None:
        with pytest.raises(UnansweredOrderError) as written:
            api.create("account.move", {})
        assert (written.value.retry_after, written.value.rest) == (max(rest, RUNS_AT_MOST), rest)


def test_a_call_that_was_not_begun_need_not_be_waited_for() -> None:
    api = OdooApi(ODOO_SETTINGS, httpx.MockTransport(lambda request: httpx.Response(429, headers={"retry-after": "7"})))
    with pytest.raises(BillingAwayError) as caught:
        api.create("account.move", {})
    assert caught.value.retry_after == 7.0


def test_a_credit_note_is_assigned_whole_though_the_customer_pays_in_instalments(
    double: OdooDouble, odoo: OdooConnector, partner: int
) -> None:
    double.tables["res.partner"][partner]["property_payment_term_id"] = 3
    invoice, other = issue(double, partner), issue(double, partner)
    odoo.book_credit_note("C1", str(invoice), 9_000, "EUR", "")
    (note,) = (move["id"] for move in double.tables["account.move"].values() if move["move_type"] == "out_refund")
    assert (odoo.read_invoice(str(invoice)).open_balance, len(double.lines_of(note, "payment_term"))) == (1_000, 1)
    double.issue_credit_note(other, [Decimal(30), Decimal(30), Decimal(40)], "duecourse:C2")
    assert odoo.book_credit_note("C2", str(other), 10_000, "EUR", "").repeated, "it was posted before, in instalments"
    found = odoo.read_invoice(str(other))
    assert (found.status, found.open_balance, odoo.list_credits(None, 10).credits) == (InvoiceStatus.CREDITED, 0, ())


@pytest.mark.parametrize("tax", [1, 2])
def test_a_part_of_an_invoice_with_taxes_is_credited_exactly(double: OdooDouble, odoo: OdooConnector, partner: int, tax: int) -> None:
    invoice = issue(double, partner, "119.03", tax=tax)
    odoo.book_credit_note("C1", str(invoice), 3_334, "EUR", "")
    (note,) = (move for move in double.tables["account.move"].values() if move["move_type"] == "out_refund")
    assert (note["amount_total"], odoo.read_invoice(str(invoice)).open_balance) == (Decimal("33.34"), 11_903 - 3_334)


def test_taxes_by_which_a_part_cannot_be_credited_leave_nothing(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    invoice = issue(double, partner, "119", tax=1)
    double.tables["account.tax"][1]["rate"] = 25
    with pytest.raises(RefusedByBillingError, match="credit it in Odoo"):
        odoo.book_credit_note("C1", str(invoice), 5_950, "EUR", "")
    assert [move["move_type"] for move in double.tables["account.move"].values()] == ["out_invoice"]


def test_an_invoice_in_another_currency_is_written_off_at_the_rate_of_its_posting(
    double: OdooDouble, odoo: OdooConnector, partner: int
) -> None:
    invoice = issue(double, partner, currency="USD")
    odoo.book_write_off("W1", str(invoice), 2_500, "USD", NOW.date())
    (lost,) = (line for line in double.tables["account.move.line"].values() if line["account_id"] == 3)
    assert (lost["amount_currency"], lost["balance"]) == (25, 20)
    assert [each.kind for each in odoo.read_invoice(str(invoice)).settlements] == [SettlementKind.WRITE_OFF]


def test_without_a_journal_nothing_is_written_off(double: OdooDouble, partner: int) -> None:
    bare = open_odoo(double, ODOO_SETTINGS._replace(write_off_journal=None, write_off_account=None))
    assert "book_write_off" not in bare.capabilities
    with pytest.raises(UnsupportedOperationError, match="by hand"):
        bare.book_write_off("W1", str(issue(double, partner)), 100, "EUR", NOW.date())


def test_a_note_is_written_once(double: OdooDouble, odoo: OdooConnector, partner: int) -> None:
    double.lost_answers = ["message_post"]
    with pytest.raises(BillingAwayError):
        odoo.record_note("T_1%", str(partner), "promised <b>Friday</b>")
    odoo.record_note("T_1%", str(partner), "promised <b>Friday</b>")
    odoo.record_note("TX1Y", str(partner), "called")
    assert len(double.tables["mail.message"]) == 2, "a key with wildcards is no pattern"


def test_a_note_of_a_letter_is_written_once_though_its_message_id_is_kept_as_html(
    double: OdooDouble, odoo: OdooConnector, partner: int
) -> None:
    for _ in range(5):
        odoo.record_note('L-<20261130.1&"x"@lindenhof.example>', str(partner), "Reminder of five invoices")
    assert len(double.tables["mail.message"]) == 1


# --- what is refused, what is away


def answer(status: int, body: object = None, **headers: str) -> OdooConnector:
    content = {"html": body} if isinstance(body, str) else {"json": body}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx.Response(status, headers=sent, **content)
    return OdooConnector("odoo", ODOO_SETTINGS, OdooApi(ODOO_SETTINGS, httpx.MockTransport(lambda request: response)))


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, {"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey"}, ConnectionRefusedByBillingError, "expired"),
        (403, {"name": "odoo.exceptions.AccessError", "message": "Not for you."}, ConnectionRefusedByBillingError, "Not for you"),
        (404, "<h1>Not Found</h1>", ConnectionRefusedByBillingError, "Odoo 19 or later"),
        (404, {"name": "werkzeug.exceptions.NotFound", "message": "no such model"}, ConnectionRefusedByBillingError, r"account\.move"),
        (422, {"name": "odoo.exceptions.UserError", "message": "Locked period."}, RefusedByBillingError, "Locked period"),
        (
            500,
            {"name": "builtins.ValueError", "message": "Invalid field 'access_token' on"},
            ConnectionRefusedByBillingError,
            "access_token",
        ),
        (500, {"name": "psycopg2.OperationalError", "message": "could not serialize"}, BillingAwayError, "500"),
        (303, "", ConnectionRefusedByBillingError, "name the database"),
        (200, "<html>Login</html>", ConnectionRefusedByBillingError, "page for people"),
        (503, "", BillingAwayError, "503"),
        (408, "", BillingAwayError, "408"),
    ],
)
def test_what_is_refused_is_told_from_what_may_be_tried_again(status: int, body: object, error: type[Exception], said: str) -> None:
    headers = {"location": "/web/database/selector"} if status == 303 else {}
    with pytest.raises(error, match=said):
        answer(status, body, **headers).list_open_items(None, 10)


def test_a_server_that_is_busy_says_when_to_come_again() -> None:
    with pytest.raises(BillingAwayError) as caught:
        answer(429, "", retry_after="30").list_open_items(None, 10)
    assert caught.value.retry_after == 30


def test_a_server_that_does_not_answer_is_away() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("no")

    with pytest.raises(BillingAwayError, match="does not answer"):
        OdooConnector("odoo", ODOO_SETTINGS, OdooApi(ODOO_SETTINGS, httpx.MockTransport(refuse))).list_open_items(None, 10)


def test_a_request_carries_the_key_the_database_and_the_company() -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=[])

    OdooConnector("odoo", ODOO_SETTINGS, OdooApi(ODOO_SETTINGS, httpx.MockTransport(take))).list_open_items(None, 10)
    (request,) = seen
    assert (request.headers["authorization"], request.headers["x-odoo-database"]) == (f"bearer {KEY}", DATABASE)
    assert b'"allowed_company_ids": [1]' in request.content
    assert KEY not in f"{ODOO_SETTINGS} {ODOO_SETTINGS!r}"


def test_a_connections_test_names_what_is_missing(double: OdooDouble) -> None:
    double.forbidden.add("account.partial.reconcile")
    lacking = open_odoo(double, ODOO_SETTINGS._replace(write_off_account="999"))
    failed = {step.name: step for step in lacking.try_connection() if not step.works}
    assert failed.keys() == {"read what paid what", "write-offs"}
    assert "Billing" in failed["read what paid what"].ask_for
    assert "'999'" in failed["write-offs"].found
    other = open_odoo(double, ODOO_SETTINGS._replace(api_key="other"))
    assert [(step.name, step.works) for step in other.try_connection()] == [("address and key", False)]
