"""What Tryton's REST interface answers is understood: what is refused, what is missing, and when to come again."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError, RefusedByBillingError
from adapters.tryton.tryton_api import MissingInTrytonError, NoSuchRecordError, TrytonApi, TrytonSettings
from adapters.tryton.tryton_connector import TrytonConnector
from adapters.tryton.tryton_reader import OVERLAP, ChangeCursor
from adapters.tryton.tryton_records import Record, decode, encode, parse_reference

SETTINGS = TrytonSettings("https://erp.example.com/production/", "secret-key", 7)
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def answer(status: int, body: object = None, **headers: str) -> TrytonApi:
    """An interface that answers always this; text as HTML, anything else as JSON."""
    content = {"html": body} if isinstance(body, str) else {"text": encode(body)}
    response = httpx.Response(status, headers=None, **content)  # type: ignore[arg-type]
    response.headers["content-type"] = "text/html" if isinstance(body, str) else "application/json"
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return TrytonApi(SETTINGS, httpx.MockTransport(lambda request: response))


def test_a_request_carries_the_key_and_the_company() -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, text="[]")

    assert TrytonApi(SETTINGS, httpx.MockTransport(take)).find("party.party", [["id", "=", 1]], ("name",), limit=5) == []
    (request,) = seen
    assert request.url.path == "/production/rest/model/party.party"
    assert request.headers["authorization"] == "Bearer secret-key"
    assert "content-type" not in request.headers, "a request that says JSON without a body is refused"
    assert (request.url.params["f"], request.url.params["s"]) == ("name", "5")


def test_the_key_is_in_no_text_of_the_settings() -> None:
    assert "secret-key" not in f"{SETTINGS} {SETTINGS!r}"


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, "", ConnectionRefusedByBillingError, "ask for a new one"),
        (403, "", ConnectionRefusedByBillingError, "groups"),
        (400, {"message": "No.", "description": "Period is closed."}, RefusedByBillingError, r"No\. Period is closed\."),
        (400, "<h1>Bad Request</h1>", BillingAwayError, "400"),
        (200, "<h1>Sign in</h1>", ConnectionRefusedByBillingError, "page for people"),
        (200, {"error": "no"}, ConnectionRefusedByBillingError, "page for people"),
        (200, [{"__class__": "date"}], ConnectionRefusedByBillingError, "page for people"),
        (500, "<p>&#39;credit_limit_amount&#39;</p>", MissingInTrytonError, "'credit_limit_amount'"),
        (500, "<p>database is locked</p>", BillingAwayError, "500"),
        (502, "", BillingAwayError, "502"),
    ],
)
def test_what_is_refused_is_told_from_what_may_be_tried_again(status: int, body: object, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        answer(status, body).find("account.invoice", [], ("id",))


def test_a_record_that_is_not_there_is_told_from_a_database_that_is_not() -> None:
    with pytest.raises(NoSuchRecordError):
        answer(404, "").read("account.invoice", 9, ("id",))
    with pytest.raises(ConnectionRefusedByBillingError, match="no such database"):
        answer(404, "").find("account.invoice", [], ("id",))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("Mon, 30 Nov 2026 12:01:00 GMT", 60.0), ("Mon, 30 Nov 2026 11:00:00 GMT", 0.0), ("soon", None)],
)
def test_a_server_that_is_busy_says_when_to_come_again(header: str, seconds: float | None) -> None:
    with pytest.raises(BillingAwayError) as caught:
        answer(429, "", retry_after=header, date="Mon, 30 Nov 2026 12:00:00 GMT").find("account.invoice", [], ("id",))
    assert caught.value.retry_after == seconds


def test_a_server_that_does_not_answer_is_away() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("no")

    with pytest.raises(BillingAwayError, match="does not answer"):
        TrytonApi(SETTINGS, httpx.MockTransport(refuse)).find("account.invoice", [], ("id",))


def test_values_are_the_same_after_the_way_there_and_back() -> None:
    values = [Decimal("12.30"), date(2026, 11, 30), datetime(2026, 11, 30, 12, 1, 2, 345, tzinfo=UTC), None, "x", {"a": [1]}]
    assert decode(encode(values)) == values


def test_a_reference_names_a_record_of_a_model() -> None:
    assert [parse_reference(text) for text in ("account.invoice,5", "account.invoice,-1", "", None)] == [
        ("account.invoice", 5),
        None,
        None,
        None,
    ]


def test_an_invoice_in_a_currency_that_is_none_holds_up_no_other() -> None:
    def build_row(row_id: int, code: str) -> Record:
        amounts = {"total_amount": Decimal(10), "amount_to_pay": Decimal(10)}
        lists: Record = {"lines_to_pay": [], "payment_lines": [], "reconciliation_lines": []}
        names = {"number": f"R{row_id}", "state": "posted", "party": 3, "customer_payment_reference": None, "cancel_move": None}
        of = {"currency": {"code": code}, "company": {"currency": {"code": "EUR"}}}
        return {"id": row_id, "write_date": NOW, "invoice_date": NOW.date(), **amounts, **lists, **names, **of}

    def build_line(line_id: int, code: str) -> Record:
        move = {"date": NOW.date(), "origin": None, "number": "1", "description": None, "journal": {"type": "cash"}}
        of = {"move": {**move, "company": {"currency": {"code": "EUR"}}}, "second_currency": {"code": code}, "party": 3}
        return {
            "id": line_id,
            "amount_second_currency": Decimal(-7),
            "debit": Decimal(0),
            "credit": Decimal(7),
            "invoice_payments": [],
            **of,
        }

    invoices = TrytonConnector("erp", SETTINGS, api=answer(200, [build_row(1, "ZZ1"), build_row(2, "EUR")]))
    page, open_items = invoices.read_changes(None, 10), invoices.list_open_items(None, 10)
    assert ([each.external_id for each in page.invoices], [each.external_id for each in open_items.items]) == (["2"], ["2"])
    for unread in (page.unread, open_items.unread):
        assert [(each.external_id, "'ZZ1' is not an ISO 4217" in each.reason) for each in unread] == [("1", True)]
    lines = TrytonConnector("erp", SETTINGS, api=answer(200, [build_line(1, "ZZ1"), build_line(2, "USD")]))
    assert [each.external_id for each in lines.list_credits(None, 10).credits] == ["line-2"]


def test_a_cursor_lies_behind_what_was_seen_until_it_is_quiet() -> None:
    seen = ChangeCursor.parse(None).rest(NOW, NOW + timedelta(hours=1))
    assert (seen.at, seen.invoice_id) == (NOW - OVERLAP, 0)
    soon = seen.rest(NOW, NOW + timedelta(hours=1) + OVERLAP)
    assert soon == seen, "whatever had begun by then may still come"
    quiet = soon.rest(NOW, NOW + timedelta(hours=1, seconds=1) + OVERLAP)
    assert quiet.at == NOW
    assert ChangeCursor.parse(str(quiet)) == quiet
    assert quiet.rest(NOW + timedelta(minutes=1), NOW).at == NOW + timedelta(minutes=1) - OVERLAP


def test_a_cursor_rests_before_whatever_a_page_may_have_passed() -> None:
    """An invoicing run that began at 12:00 and is seen from 12:03 on: at 12:01 a full page passes it, and the rest is read at 12:15."""
    page = ChangeCursor.parse(None).follow({"write_date": NOW + timedelta(seconds=50), "id": 9}, NOW + timedelta(minutes=1))
    kept = ChangeCursor.parse(str(page))
    assert kept == page
    rest = kept.rest(NOW + timedelta(minutes=14), NOW + timedelta(minutes=15))
    assert (rest.at <= NOW, rest.began) == (True, None)
    moments = ", ".join(f'"{NOW.isoformat()}"' for _ in range(2))
    assert ChangeCursor.parse(f'["{NOW.isoformat()}", 9, {moments}]') == ChangeCursor(NOW, 9, NOW, NOW), "as it was kept before"


def test_a_refusal_that_says_json_and_is_none_is_tried_again() -> None:
    with pytest.raises(BillingAwayError, match="400"):
        answer(400, "<p>", content_type="application/json").find("account.invoice", [], ("id",))


def test_the_trial_of_an_address_that_answers_with_pages_says_so() -> None:
    (step,) = TrytonConnector("erp", SETTINGS, api=answer(200, "<h1>Sign in</h1>")).try_connection()
    assert (step.works, "page for people" in step.found) == (False, True)


def test_a_connection_that_does_not_work_says_why_and_what_to_ask_for() -> None:
    (step,) = TrytonConnector("erp", SETTINGS, api=answer(401, "")).try_connection()
    assert (step.name, step.works) == ("address and key", False)
    assert "key" in step.found
    assert "address" in step.ask_for
