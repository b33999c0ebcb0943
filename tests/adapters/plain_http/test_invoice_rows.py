"""What each field of a row says is read exactly, and one bad row is named and stops no other."""

import re
from collections.abc import Mapping
from datetime import date

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.billing.errors import ConnectionRefusedByBillingError, RefusedByBillingError, UnknownAccountError, UnknownInvoiceError
from adapters.billing.external_records import DuePart, ExternalInvoice
from adapters.plain_http.plain_connector import PlainHttpConnector
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.plain_http.sample_world import open_connector
from tests.adapters.plain_http.small_api import FIELDS, SmallApi, connect_rows, describe, make_row


def read_one(row: object, fields: str = FIELDS, top: str = "", invoices: str = "") -> ExternalInvoice:
    page = connect_rows([row], describe(invoices, fields, top)).read_changes(None, 10)
    assert page.unread == ()
    return page.invoices[0]


@pytest.mark.parametrize(
    ("top", "currency", "total", "minor"),
    [
        ("", "EUR", "1234.56", 123_456),
        ("", "EUR", 1234.56, 123_456),
        ("", "EUR", 1234, 123_400),
        ("", "EUR", 0.07, 7),
        ("", "JPY", 1234, 1_234),
        ("", "KWD", "1.234", 1_234),
        ("", "EUR", 99_999_999_999.99, 9_999_999_999_999),
        ("decimal: comma", "EUR", "1.234,56", 123_456),
        ("decimal: comma", "EUR", 1234.56, 123_456),
        ("decimal: comma", "KWD", 12.345, 12_345),
        ("decimal: comma", "EUR", 1234, 123_400),
        ("amounts: minor\ndecimal: comma", "EUR", 123_456.0, 123_456),
        ("amounts: minor", "EUR", 123_456, 123_456),
        ("amounts: minor", "EUR", "123456", 123_456),
        ("amounts: minor", "EUR", 123_456.0, 123_456),
    ],
)
def test_an_amount_is_read_exactly_in_whatever_form_it_comes(top: str, currency: str, total: object, minor: int) -> None:
    found = read_one(make_row(1, currency=currency, total=total, open=total), top=top)
    assert (found.total, found.open_balance) == (minor, minor)


def test_nested_fields_lookups_templates_and_constants_are_read() -> None:
    fields = (
        "id: {template: 'inv-{head.key}'}, number: {column: head.no, filters: [strip_zeros]}, account_id: parties.0.id, "
        "issue_date: head.day, terms_days: {lookup: {column: head.terms, values: {net14: '14', net30: '30'}}}, "
        "currency: {constant: USD}, total: sums.gross, paid_amount: {column: sums.paid, otherwise: '0'}, payment_link: head.link"
    )
    row = {
        "head": {"key": 7, "no": "00042", "day": "28.02.2026", "terms": "net14", "link": "https://pay.example/7"},
        "parties": [{"id": "K-9"}],
        "sums": {"gross": "10.00", "paid": 4},
    }
    found = read_one(row, fields, "dates: [DD.MM.YYYY]")
    assert (found.external_id, found.number, found.account_id, found.issue_date) == ("inv-7", "42", "K-9", date(2026, 2, 28))
    assert (found.due_date, found.currency, found.total, found.open_balance) == (date(2026, 3, 14), "USD", 1_000, 600)
    assert found.payment_link == "https://pay.example/7"


def test_a_moment_is_the_day_that_it_is_in_the_connections_time_zone() -> None:
    assert read_one(make_row(1, issued="2026-10-01T23:30:00Z")).issue_date == date(2026, 10, 2)


def test_due_parts_are_read_and_what_is_open_is_theirs() -> None:
    parts = "due_parts: {rows: parts, fields: {due_date: due, amount: amount, open_amount: open}}"
    row = make_row(1, open="60.00", parts=[{"due": "2026-12-01", "amount": 60, "open": 60}, {"due": "2026-11-01", "amount": 40, "open": 0}])
    found = read_one(row, invoices=parts)
    assert found.due_parts == (DuePart(date(2026, 11, 1), 4_000, 0), DuePart(date(2026, 12, 1), 6_000, 6_000))
    assert found.due_date == date(2026, 12, 1)
    disagreeing = read_one({**row, "open": "50.00"}, invoices=parts)
    assert sum(part.open_amount for part in disagreeing.due_parts) == 5_000, "the invoice's own balance is the truth"


@pytest.mark.parametrize(
    ("word", "open_balance", "status"),
    [
        ("sent", "100.00", InvoiceStatus.OPEN),
        ("sent", "0", InvoiceStatus.PAID),
        ("void", "100.00", InvoiceStatus.CANCELLED),
        ("lost", "100.00", InvoiceStatus.WRITTEN_OFF),
    ],
)
def test_the_words_of_the_api_mean_what_the_description_says(word: str, open_balance: str, status: InvoiceStatus) -> None:
    statuses = "statuses: {sent: open, void: cancelled, lost: written_off, draft: not_chased}"
    found = read_one(make_row(1, state=word, open=open_balance), f"{FIELDS}, status: state", invoices=statuses)
    assert (found.status, found.open_balance > 0) == (status, status is InvoiceStatus.OPEN)


def test_what_is_not_to_be_chased_is_none() -> None:
    described = describe("statuses: {sent: open, draft: not_chased}", f"{FIELDS}, status: state")
    rows = [make_row(1, state="draft"), make_row(2, state="sent"), make_row(3, state="sent", total="-5.00", open="-5.00")]
    page = connect_rows(rows, described).read_changes(None, 10)
    assert ([each.external_id for each in page.invoices], page.gone, page.unread) == (["I2"], ("I1", "I3"), ())


BAD_ROWS = {
    "no object": ("x", "it is str, where an object with fields should be"),
    "no id": (make_row(1, id=None), r"row 2 of a page: id: is empty or not there"),
    "an id that is a list": (make_row(1, id=["a"]), "id: id: is a list, where a text, a number or true/false should be"),
    "an id with a space": (make_row(1, id="a b"), "cannot be an id"),
    "an amount that is none": (make_row(1, total="a lot"), r"total: 'a lot' is not an amount"),
    "an amount that is an object": (make_row(1, total={"value": 1}), "total: total: is an object"),
    "an amount without an end": (make_row(1, total=float("inf")), "total: 'Infinity' is not an amount"),
    "an amount of a thousand digits": (make_row(1, total=10**1_000), "total: '10{39}' is"),
    "an amount beyond all bounds": (make_row(1, total=1e300), r"total: '1e\+300' is not an amount"),
    "half a cent": (make_row(1, total=0.005), "has more decimals than EUR has"),
    "more than there is": (make_row(1, total=1e25, open=1), "is out of range"),
    "more open than asked": (make_row(1, open="100.01"), "of 10000 minor units 10001 are open"),
    "no currency": (make_row(1, currency="Euro"), "'Euro' is no ISO 4217 code"),
    "no date": (make_row(1, due="31.12.2026"), r"due_date \(due\): '31.12.2026' is not a date written as YYYY-MM-DD"),
    "no such day": (make_row(1, issued="2026-02-30"), "is not a date"),
    "nothing said of what is owed": (make_row(1, open=None), "nobody can tell what is owed"),
}


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_one_bad_row_is_named_and_stops_no_other(bad: str) -> None:
    row, said = BAD_ROWS[bad]
    page = connect_rows([make_row(8), row, make_row(9)]).read_changes(None, 10)
    assert [each.external_id for each in page.invoices] == ["I8", "I9"]
    (unread,) = page.unread
    assert re.search(said, unread.reason), unread.reason


def test_a_status_that_is_not_described_is_named() -> None:
    page = connect_rows([make_row(1, state="odd")], describe("statuses: {sent: open}", f"{FIELDS}, status: state")).read_changes(None, 10)
    assert page.unread == (("I1", "status: 'odd' is not in the description's 'statuses'; add what it means there"),)


@pytest.mark.parametrize("answer", [{"id": "other"}, [], None, "text", {"id": "I1"}])
def test_an_invoice_that_is_not_what_was_asked_for_is_none(answer: object) -> None:
    connector = open_connector(describe(), SmallApi({"/invoices/I1": lambda request: answer}))
    with pytest.raises((UnknownInvoiceError, RefusedByBillingError)):
        connector.read_invoice("I1")
    with pytest.raises(UnknownInvoiceError):
        connector.read_invoice("../customers/1")


def test_a_customer_is_read_and_an_id_leads_nowhere_else() -> None:
    api = SmallApi({"/customers/C1": lambda request: {"name": "Customer Ltd"}})
    connector = open_connector(describe(), api)
    assert connector.read_account("C1").name == "Customer Ltd"
    for strange in ("../invoices", "C1?x=1", "C1/../C1", "."):
        with pytest.raises(UnknownAccountError):
            connector.read_account(strange)
    paths = [request.url.raw_path for request in api.seen[1:]]
    assert all(path.startswith(b"/customers/") and b"?" not in path and b"/.." not in path for path in paths), paths


def read_each(answers: Mapping[str, object], listed: int = 3) -> PlainHttpConnector:
    """An API that lists so many invoices, and answers to each as it is said; 404 to the others."""
    paths = {path: (lambda request, said=said: said) for path, said in answers.items()}
    api = SmallApi({"/invoices": lambda request: [{"id": f"I{number}"} for number in range(1, listed + 1)], **paths})
    return open_connector(describe("read_each: yes"), api)


def test_each_is_read_for_itself_where_the_list_has_not_all_and_what_is_listed_is_not_gone() -> None:
    connector = read_each({"/invoices/I1": make_row(1), "/invoices/I3": make_row(3, open="1.00")})
    page, owed = connector.read_changes(None, 10), connector.list_open_items(None, 10)
    assert ([each.open_balance for each in page.invoices], page.gone, page.unknown) == ([10_000, 100], (), ())
    assert [each.external_id for each in page.unread] == [each.external_id for each in owed.unread] == ["I2"]


@pytest.mark.parametrize("shown", [1, 2, 3], ids=["before it", "behind it", "behind all of the page"])
def test_one_invoice_that_is_refused_is_named_and_holds_up_no_other(shown: int) -> None:
    refused = {f"/invoices/I{number}": httpx.Response(403) for number in (1, 2, 3)}
    connector = read_each(refused | {f"/invoices/I{shown}": make_row(shown)})
    page = connector.read_changes(None, 10)
    assert [each.external_id for each in page.invoices] == [f"I{shown}"]
    assert {"403" in each.reason for each in page.unread} == {True}
    assert len(page.unread) == len(connector.list_open_items(None, 10).unread) == 2


def test_where_all_are_refused_it_is_the_connection() -> None:
    connector = read_each({f"/invoices/I{number}": httpx.Response(403) for number in (1, 2, 3)})
    with pytest.raises(ConnectionRefusedByBillingError):
        connector.read_changes(None, 10)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["id", "amount"]), inner, max_size=2)),
    max_leaves=4,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(VALUES, st.dictionaries(st.sampled_from(sorted(make_row(1))), VALUES)), max_size=3))
def test_whatever_a_page_has_the_good_rows_are_read_and_the_others_named(rows: list[object]) -> None:
    changed = [{**make_row(number), **row} if isinstance(row, dict) else row for number, row in enumerate(rows)]
    page = connect_rows([*changed, make_row(99)]).read_changes(None, 10)
    assert page.invoices[-1].external_id == "I99"
    assert len(page.invoices) + len(page.unread) + len(page.gone) == len(rows) + 1
    for invoice in page.invoices:
        assert 0 <= invoice.open_balance <= invoice.total
        assert invoice.open_balance == sum(part.open_amount for part in invoice.due_parts)
