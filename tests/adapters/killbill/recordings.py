"""What was recorded with a real Kill Bill 0.25.4, and how the double is led through it."""

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import httpx
import pytest

from adapters.shipped_files import PROJECT
from tests.adapters.killbill.killbill_double import KillBillDouble
from tests.adapters.killbill.killbill_world import HEADERS

FILE = PROJECT.parent / "shared" / "cases" / "killbill" / "exchanges.jsonl"
FIRST_NUMBER = 39
NOT_PLAYED = ("a tenant", "webhook registered", "one invoice by its number", "a number of another tenant", "account timeline")
"""Nothing of Duecourse's calls these."""
NOT_COMPARED = {
    *("transactionId", "transactionExternalKey", "paymentExternalKey", "paymentMethodId", "effectiveDate", "tagId", "referenceTime"),
    *("className", "message", "firstNameLength", "currentUtcTime"),
}
"""What is the server's own, and left to chance in both."""
LAST_REFUND = "after the refund"

Exchange = dict[str, Any]


@cache
def load_exchanges() -> tuple[Exchange, ...]:
    """Skips where the recordings are not there."""
    if not FILE.exists():
        pytest.skip(f"there are no recordings at {FILE}")
    return tuple(json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines())


def list_calls() -> Iterator[Exchange]:
    """The exchanges that are played, in order."""
    return (each for each in load_exchanges() if each.get("request") and each["label"] not in NOT_PLAYED)


def list_pushes() -> list[bytes]:
    return [each["push"]["body"].encode() for each in load_exchanges() if "push" in each]


def play(double: KillBillDouble, exchange: Exchange) -> httpx.Response:
    """Send what was sent, so that what comes of it is called as it was called there."""
    raw, location = exchange["raw"], (exchange["headers"] or {}).get("location", "").rstrip("/")
    method, path = exchange["request"]["method"], exchange["request"]["path"]
    if raw.startswith("[") and method == "POST":
        double.next_ids = [json.loads(raw)[0]["invoiceId"], json.loads(raw)[0]["invoiceItemId"]]
    elif location and path.partition("?")[0].endswith(("/accounts", "/payments", "/refunds")):
        double.next_ids = [location.rpartition("/")[2]]
    body = exchange["request"]["body"]
    request = httpx.Request(method, f"http://killbill.example{path}", headers=HEADERS, json=body)
    answer = double.handle_request(request)
    double.next_ids = []
    return answer


def find_differences(said: Any, wanted: Any, place: str = "") -> list[str]:
    """What the server said, and the double says otherwise. What the server left empty, the double may leave out."""
    if isinstance(wanted, dict) and isinstance(said, dict):
        adjusted = wanted.get("itemType") in ("ITEM_ADJ", "CBA_ADJ")
        left_out = NOT_COMPARED | ({"invoiceItemId"} if adjusted else set())
        names = [name for name in wanted if name not in left_out and not (name not in said and not wanted[name])]
        return [each for name in names for each in find_differences(said.get(name), wanted[name], f"{place}.{name}")]
    if isinstance(wanted, list) and isinstance(said, list) and len(wanted) == len(said):
        return [each for number, pair in enumerate(zip(said, wanted, strict=True)) for each in find_differences(*pair, f"{place}.{number}")]
    if isinstance(wanted, Decimal | int) and isinstance(said, Decimal | int):
        return [] if said == wanted else [f"{place}: {said}, there {wanted}"]
    return [] if said == wanted else [f"{place}: {said!r}, there {wanted!r}"]


def read_exactly(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


def open_recorded_house(until: str | None = None) -> KillBillDouble:
    """The double after all that was recorded, or after the exchange of this label."""
    double = KillBillDouble(FIRST_NUMBER)
    for exchange in list_calls():
        play(double, exchange)
        if exchange["label"] == until:
            break
    return double


class RecordedKillBill(httpx.BaseTransport):
    """Answers with the very bytes that the real server sent, where it was asked the same, and else with the double's. As of the refund."""

    def __init__(self) -> None:
        self.double, self.answers = open_recorded_house(LAST_REFUND), dict[str, Exchange]()
        self.replayed = 0
        for exchange in list_calls():
            if exchange["request"]["method"] == "GET":
                self.answers[exchange["request"]["path"]] = exchange
            if exchange["label"] == LAST_REFUND:
                break

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.raw_path.decode()
        first = "/1.0/kb/invoices/pagination?limit="
        exchange = self.answers.get(asked.replace(first, "/1.0/kb/invoices/pagination?offset=0&limit="))
        if request.method != "GET" or exchange is None:
            return self.double.handle_request(request)
        self.replayed += 1
        return httpx.Response(exchange["status"], headers=exchange["headers"], content=exchange["raw"].encode())
