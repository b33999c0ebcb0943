"""A JSON API of a few lines, for tests of what a description says: each gives it the part that it is about."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from adapters.plain_http.api_description import ApiDescription, parse_description
from adapters.plain_http.plain_connector import PlainHttpConnector
from tests.adapters.plain_http.sample_world import open_connector

Json = dict[str, Any]
FIELDS = (
    "id: id, number: number, account_id: customer, issue_date: issued, due_date: due, currency: currency, total: total, open_balance: open"
)
MINIMAL = """\
api: house
{top}
invoices:
  path: /invoices
  {invoices}
  one: {{path: "/invoices/{{invoice}}"}}
  fields: {{{fields}}}
accounts:
  path: "/customers/{{account}}"
  fields: {{name: name}}
"""


def describe(invoices: str = "", fields: str = FIELDS, top: str = "") -> ApiDescription:
    return parse_description(MINIMAL.format(invoices=invoices, fields=fields, top=top), "house.yaml")


def make_row(number: int, **changed: object) -> Json:
    row: Json = {"id": f"I{number}", "number": f"R-{number}", "customer": "C1", "issued": "2026-10-01", "due": "2026-10-31"}
    return row | {"currency": "EUR", "total": "100.00", "open": "100.00"} | changed


class SmallApi(httpx.BaseTransport):
    """Answers each path as `answers` says; JSON, unless it is a response already. `seen` has the requests."""

    def __init__(self, answers: Mapping[str, Callable[[httpx.Request], object]]) -> None:
        self._answers, self.seen = answers, list[httpx.Request]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self._answers.get(request.url.path)
        if answer is None:
            return httpx.Response(404, json={"message": "nothing here"})
        said = answer(request)
        return said if isinstance(said, httpx.Response) else httpx.Response(200, content=json.dumps(said))


def connect_rows(rows: object, description: ApiDescription | None = None) -> PlainHttpConnector:
    """An API whose list is this one page."""
    return open_connector(description or describe(), SmallApi({"/invoices": lambda request: rows}))
