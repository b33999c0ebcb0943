"""Every way of paging reads a list whole; a list that has no end, or leads elsewhere, is given up in words."""

import json
from collections.abc import Callable

import httpx
import pytest

from adapters.billing.errors import ConnectionRefusedByBillingError
from adapters.plain_http.plain_connector import PlainHttpConnector
from tests.adapters.plain_http.sample_world import ADDRESS, open_connector
from tests.adapters.plain_http.small_api import SmallApi, describe, make_row

ROWS = [make_row(number) for number in range(1, 8)]


def read_all(connector: PlainHttpConnector, limit: int = 3) -> list[str]:
    """The ids of one pass; what a page overlaps is there once."""
    found: list[str] = []
    cursor, has_more = None, True
    while has_more:
        page = connector.read_changes(cursor, limit)
        found += [each.external_id for each in page.invoices if each.external_id not in found]
        cursor, has_more = page.cursor, page.has_more
    return found


def serve_offset(request: httpx.Request) -> object:
    first, size = int(request.url.params["start"]), min(int(request.url.params["n"]), 3)
    return {"rows": ROWS[first : first + size]}


def serve_page(request: httpx.Request) -> object:
    number, size = int(request.url.params["page"]), int(request.url.params["n"])
    return {"rows": ROWS[(number - 1) * size : number * size]}


def serve_cursor(request: httpx.Request) -> object:
    first = int(request.url.params.get("cursor", 0))
    return {"rows": ROWS[first : first + 3], "meta": {"next": first + 3 if first + 3 < len(ROWS) else None}}


def serve_last_row(request: httpx.Request) -> object:
    after = request.url.params.get("after")
    first = next((place for place, row in enumerate(ROWS, 1) if row["id"] == after), 0)
    return {"rows": ROWS[first : first + 3], "has_more": first + 3 < len(ROWS)}


def serve_link(request: httpx.Request) -> object:
    first = int(request.url.params.get("from", 0))
    following = f"/invoices?from={first + 3}" if first + 3 < len(ROWS) else None
    return {"rows": ROWS[first : first + 3], "next": following}


def serve_relative_link(request: httpx.Request) -> object:
    first = int(request.url.params.get("from", 0))
    return {"rows": ROWS[first : first + 3], "next": f"?from={first + 3}" if first + 3 < len(ROWS) else ""}


def serve_link_header(request: httpx.Request) -> object:
    first = int(request.url.params.get("from", 0))
    links = f'<{ADDRESS}/invoices?from=0>; rel="first", <{ADDRESS}/invoices?from={first + 3}>; rel="next"'
    headers = {"link": links} if first + 3 < len(ROWS) else {}
    return httpx.Response(200, content=json.dumps({"rows": ROWS[first : first + 3]}), headers=headers)


PAGINGS: dict[str, tuple[str, Callable[[httpx.Request], object]]] = {
    "offset, of a server that gives fewer than it is asked for": ("by: offset, parameter: start, size_parameter: n, size: 5", serve_offset),
    "page": ("by: page, parameter: page, size_parameter: n, size: 3", serve_page),
    "cursor": ("by: cursor, parameter: cursor, next: meta.next", serve_cursor),
    "last row": ("by: cursor, parameter: after, last_row: id, more: has_more", serve_last_row),
    "link": ("by: link, next: next", serve_link),
    "link, as seen from the page": ("by: link, next: next", serve_relative_link),
    "link header": ("by: link_header", serve_link_header),
    "none": ("by: none", lambda request: {"rows": ROWS}),
}


@pytest.mark.parametrize("paging", PAGINGS)
def test_a_list_is_read_whole(paging: str) -> None:
    described, serve = PAGINGS[paging]
    connector = open_connector(describe(f"rows: rows\n  paging: {{{described}}}"), SmallApi({"/invoices": serve}))
    assert read_all(connector) == [row["id"] for row in ROWS]
    items, cursor = list[str](), None
    while True:
        page = connector.list_open_items(cursor, 3)
        items += [each.external_id for each in page.items]
        if (cursor := page.cursor) is None:
            break
    assert items == [row["id"] for row in ROWS]


def test_between_two_passes_nothing_is_asked_where_nothing_tells_what_was_changed() -> None:
    api = SmallApi({"/invoices": lambda request: {"rows": ROWS}})
    connector = open_connector(describe("rows: rows\n  whole_every_minutes: 60"), api)
    first = connector.read_changes(None, 100)
    again = connector.read_changes(first.cursor, 100)
    assert (len(first.invoices), first.has_more, again.invoices, again.has_more, len(api.seen)) == (7, False, (), False, 1)


@pytest.mark.parametrize(
    ("paging", "answer", "said"),
    [
        ("by: cursor, parameter: c, next: next", {"rows": ROWS, "next": "same"}, "its pages have no end"),
        ("by: link, next: next", {"rows": ROWS, "next": "http://elsewhere.test/invoices"}, "the key is not shown there"),
        ("by: link, next: next", {"rows": ROWS, "next": {"href": "x"}}, "no place of the next one"),
        ("by: none", {"rows": {"a": 1}}, "an object at 'rows', where its rows should be"),
        ("by: none", {"other": []}, "nothing at 'rows'"),
        ("by: none", {"rows": [make_row(1)] * 10_001}, "10,001 rows at once"),
    ],
)
def test_pages_that_lead_nowhere_are_given_up_in_words(paging: str, answer: object, said: str) -> None:
    connector = open_connector(describe(f"rows: rows\n  paging: {{{paging}}}"), SmallApi({"/invoices": lambda request: answer}))
    with pytest.raises(ConnectionRefusedByBillingError, match=said):
        read_all(connector)


def test_pages_that_go_on_for_ever_are_given_up() -> None:
    """A server that counts on, or goes round in a ring."""
    counted = open_connector(
        describe("rows: rows\n  paging: {by: cursor, parameter: c, next: next}"),
        SmallApi({"/invoices": lambda request: {"rows": [make_row(1)] * 9_000, "next": int(request.url.params.get("c", 0)) + 1}}),
    )
    with pytest.raises(ConnectionRefusedByBillingError, match="has no end"):
        counted.list_open_items('[999000, "5"]', 100)
    with pytest.raises(ConnectionRefusedByBillingError, match="has no end"):
        counted.read_changes('{"place": "5", "rows": 999000}', 100)


def test_a_list_that_is_not_there_names_its_path() -> None:
    with pytest.raises(ConnectionRefusedByBillingError, match="there is nothing at /invoices; see the address"):
        open_connector(describe(), SmallApi({})).read_changes(None, 10)
