"""Requests with which nobody can count: each is refused in words, and none is an error of ours."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.read_model.cursors import MAX_CURSOR_LENGTH, UnknownCursorError, decode_cursor
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import PortfolioWorld

HUGE = (2**63, 10**30, "9" * 5_000)
ODD_DIGITS = ("²", "٣", "３", "१")
FAR_DAYS = ("0001-01-01", "1969-12-31", "3000-01-01", "9999-12-31", "2013-02-30", "1362096000", "20130301", "2013-W09-5", "２０１３-03-01")

LISTS = (
    "/v1/accounts",
    "/v1/invoices",
    "/v1/letters",
    "/v1/tasks",
    "/v1/worklist",
    "/v1/approvals",
    "/v1/disputes",
    "/v1/plans",
    "/v1/credit-reviews",
    "/v1/portfolios",
    "/v1/portfolios/changes",
    "/v1/held-accounts",
    "/v1/releases",
    "/v1/accounts/A-1/history",
    "/v1/accounts/A-1/notes",
    "/v1/audit/views",
)


def encode(place: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


HOSTILE_CURSORS = (
    base64.urlsafe_b64encode(b"[" * 40_000).decode(),
    base64.urlsafe_b64encode(b"[" * 2_000).decode().rstrip("="),
    encode([2**63]),
    encode([10**30, "A", "A"]),
    base64.urlsafe_b64encode(b"[" + b"9" * 2_900 + b"]").decode(),
    encode(["\ud800", "A"]),
    encode(["A\0", "A"]),
    encode([None]),
    encode([True]),
    encode([1.5]),
    encode({"a": 1}),
    "=",
    "é",
    "%%%",
)

CURSORS_OF_OTHER_LISTS = (
    encode(["9999-99-99", "A"]),
    encode(["9999-12-31", "A"]),
    encode(["9999-12-31T23:59:59.999999-23:59", "A", 1]),
    encode(["0001-01-01T00:00:00+23:59", "A"]),
    encode(["٢٠١٣-03-01", 1]),
    encode([1, "A", "A"]),
    encode([2**63 - 1]),
)

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What is refused before any database is asked."""


@pytest.fixture
def small_world(world: PortfolioWorld) -> PortfolioWorld:
    world.account()
    world.invoice("I-1")
    return world


@pytest.mark.parametrize("kinds", [(int,), (str,), (str, str), (date, str), (date, int), (datetime, str, int), (int, str, str)])
def test_no_hostile_cursor_is_read(kinds: tuple[type, ...]) -> None:
    for cursor in HOSTILE_CURSORS:
        with pytest.raises(UnknownCursorError):
            decode_cursor(cursor, *kinds)
    for cursor in CURSORS_OF_OTHER_LISTS:
        with suppress(UnknownCursorError):
            assert len(decode_cursor(cursor, *kinds) or ()) == len(kinds)


async def test_no_list_stumbles_over_a_cursor(auditor: Client, small_world: PortfolioWorld) -> None:
    for path in LISTS:
        answer = await auditor.get(path, params={"cursor": HOSTILE_CURSORS[1]})
        assert answer.status_code == 422, (path, answer.text)
        for cursor in CURSORS_OF_OTHER_LISTS:
            answer = await auditor.get(path, params={"cursor": cursor})
            assert answer.status_code in (200, 422), (path, cursor, answer.text)


@on_sqlite
async def test_the_console_refuses_the_same_cursors(manager: Client, small_world: PortfolioWorld) -> None:
    for cursor in HOSTILE_CURSORS:
        assert (await manager.get("/", params={"cursor": cursor})).status_code == 422


@on_sqlite
@pytest.mark.parametrize("days", ["4000000", "9" * 5_000, *ODD_DIGITS, "-1", "1e3", "ten"])
async def test_days_with_which_nobody_can_count_are_refused_on_the_console(manager: Client, small_world: PortfolioWorld, days: str) -> None:
    answer = await manager.get("/", params={"overdue": days}, headers={"Accept": "text/html"})
    assert answer.status_code == 422
    assert "0 to 36,500" in answer.text


async def test_a_number_beyond_64_bits_names_no_row(manager: Client, auditor: Client, small_world: PortfolioWorld) -> None:
    for number in (*HUGE, -1, *ODD_DIGITS):
        assert (await manager.get(f"/v1/letters/{number}")).status_code == 422, number
        assert (await manager.post(f"/v1/letters/{number}/decision", json={"decision": "resend"})).status_code == 422, number
        assert (await manager.post(f"/v1/tasks/{number}/done", json={})).status_code == 422, number
        assert (await auditor.get(f"/v1/audit/accounts/A-1/steps?after={number}")).status_code == 422, number
        assert (await manager.get(f"/v1/invoices?min_days_past_due={number}")).status_code == 422, number
    assert (await manager.get(f"/v1/letters/{2**63 - 1}")).status_code == 404


@on_sqlite
async def test_days_out_of_range_are_refused_wherever_a_day_is_named(auditor: Client, manager: Client, small_world: PortfolioWorld) -> None:
    for day in FAR_DAYS:
        for path in (
            f"/v1/audit/export?first_day=0001-01-01&last_day={day}",
            f"/v1/audit/log?first_day=2013-01-01&last_day={day}",
            f"/v1/audit/views?last_day={day}",
            f"/v1/audit/views?first_day={day}",
            f"/v1/audit/seals/{day}",
            f"/v1/audit/accounts/A-1/standing?at={day}",
            f"/v1/accounts/A-1/history?at={day}",
            f"/v1/invoices/I-1/why?on={day}",
        ):
            assert (await auditor.get(path)).status_code == 422, path
        promise = {"amount": "1.00", "currency": "EUR", "by": day}
        assert (await manager.post("/v1/invoices/I-1/promises", json=promise)).status_code == 422, day
    assert small_world.cases.acts == []


@on_sqlite
@pytest.mark.parametrize("day", [20130301, 1362096000, 15765.0, True, None, ["2013-03-01"], "2013-03-01T00:00:00", "2013-03-01 "])
async def test_a_day_is_a_text_and_no_number(manager: Client, small_world: PortfolioWorld, problem: Problem, day: object) -> None:
    answer = await manager.post("/v1/invoices/I-1/promises", json={"amount": "1.00", "currency": "EUR", "by": day})
    assert "2013-03-01" in problem(answer, 422)["detail"]


@on_sqlite
@pytest.mark.parametrize("etag", ['"²"', '"٣"', '"99999999999999999999"', '"' + "9" * 5_000 + '"', "1;2", '""'])
async def test_an_etag_that_is_none_of_ours_is_refused(manager: Client, small_world: PortfolioWorld, problem: Problem, etag: str) -> None:
    answer = await manager.put("/v1/portfolios/rules", json={"rules": []}, headers={b"If-Match": etag.encode()})
    problem(answer, 422)


@on_sqlite
@pytest.mark.parametrize("amount", ["9" * 30, "-" + "9" * 30, "9" * 13, "100000000000.01", "٣", "１.00", "1" + "0" * 400, "1e13"])
async def test_an_amount_with_which_nobody_can_count_is_refused(
    manager: Client, small_world: PortfolioWorld, problem: Problem, amount: str
) -> None:
    money = {"amount": amount, "currency": "EUR"}
    problem(await manager.post("/v1/invoices/I-1/payments", json={**money, "reference": "bank 1"}), 422)
    problem(await manager.post("/v1/invoices/I-1/credit-notes", json={**money, "reason": "returned"}), 422)
    problem(await manager.post("/v1/invoices/I-1/promises", json={**money, "by": "2013-03-20"}), 422)
    call: dict[str, Any] = {"outcome": "reached", "promises": [{"invoices": "overdue", **money, "by": "2013-03-20"}]}
    problem(await manager.post("/v1/accounts/A-1/calls", json=call), 422)


NESTED = b'{"text": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"


@on_sqlite
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (NESTED, 400),
        (b'{"text": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}", 422),
        (b'{"text": ' + b"9" * 5_000 + b"}", 400),
        (b'{"text": 1e999}', 422),
        (b'{"text": "a\\u0000b"}', 422),
        (b'{"text": "\\ud800"}', 422),
        (b'{"text": "x", "\\ud800": 1}', 422),
        (b'{"text": "x", "a\\u0000": 1}', 422),
        (b'{"text": "\xff"}', 400),
        (b"\xff\xfe{\x00}\x00", 422),
        (b"null", 422),
        (b"[]", 422),
    ],
)
async def test_json_of_no_use_is_refused(manager: Client, small_world: PortfolioWorld, problem: Problem, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    problem(await manager.post("/v1/invoices/I-1/notes", content=body, headers=headers), status)


NO_ENCODINGS = ("base64", "hex", "zlib", "rot13", "idna", "undefined", "punycode", "bz2", "uu", "nothing", "a\\0b", "é" * 90)


@on_sqlite
@pytest.mark.parametrize("codec", NO_ENCODINGS)
async def test_a_codec_that_is_no_encoding_of_text_is_refused(
    as_role: As, small_world: PortfolioWorld, problem: Problem, codec: str
) -> None:
    mapping = MAPPING.replace("encoding: auto", f'encoding: "{codec}"')
    async with as_role(Role.BILLING_OPS) as billing:
        detail = problem(await billing.post("/v1/imports", files=upload(mapping)), 422)["detail"]
    assert "encoding" in detail
    assert "windows-1252" in detail


@on_sqlite
@pytest.mark.parametrize(
    "mapping",
    [
        "a: " + "[" * 3_000 + "]" * 3_000,
        "".join(f"{' ' * depth}a:\n" for depth in range(1_200)),
        "{a: " * 3_000 + "}" * 3_000,
        "- " * 3_000 + "x",
        "a: &a [*a]",
        "mapping: " + "9" * 5_000,
    ],
)
async def test_yaml_nested_without_end_is_refused(as_role: As, small_world: PortfolioWorld, problem: Problem, mapping: str) -> None:
    async with as_role(Role.BILLING_OPS) as billing:
        problem(await billing.post("/v1/imports", files=upload(mapping)), 422)


@on_sqlite
async def test_no_text_carries_a_zero_byte_to_the_database(manager: Client, small_world: PortfolioWorld, problem: Problem) -> None:
    problem(await manager.get("/v1/accounts?q=a%00b"), 400)
    problem(await manager.get("/v1/accounts/A%00"), 400)
    problem(await manager.get("/v1/accounts/%FF"), 400)


async def test_a_cursor_of_the_longest_names_is_taken(manager: Client, world: PortfolioWorld) -> None:
    for number in range(3):
        world.account("ü" * 98 + f"-{number}", name="𝒜" * 200)
    first = (await manager.get("/v1/accounts?limit=1")).json()
    assert len(first["next"]) <= MAX_CURSOR_LENGTH
    assert (await manager.get("/v1/accounts", params={"limit": 1, "cursor": first["next"]})).json()["items"][0]["id"].endswith("-1")


@on_sqlite
def test_every_number_day_and_list_that_a_request_carries_has_bounds(app: FastAPI) -> None:
    """So that nobody has to think of it again: a new route without them fails here."""
    document = app.openapi()
    unbounded = [
        f"{method} {path} {place}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        for place, schema in list_request_schemas(document, operation)
        if not has_bounds(schema)
    ]
    assert unbounded == []


def list_request_schemas(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in what the operation takes, with its place."""
    waiting = [(parameter["name"], parameter["schema"]) for parameter in operation.get("parameters", [])]
    waiting += [("", content["schema"]) for content in operation.get("requestBody", {}).get("content", {}).values()]
    while waiting:
        place, schema = waiting.pop()
        if reference := schema.get("$ref"):
            schema = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
        yield place, schema
        for key in ("anyOf", "allOf", "oneOf"):
            waiting += [(place, each) for each in schema.get(key, [])]
        waiting += [(f"{place}/{name}", each) for name, each in schema.get("properties", {}).items()]
        if "items" in schema:
            waiting.append((f"{place}/*", schema["items"]))


def has_bounds(schema: dict[str, Any]) -> bool:
    match schema.get("type"):
        case "integer" | "number":
            return bool({"maximum", "exclusiveMaximum"} & schema.keys() and {"minimum", "exclusiveMinimum"} & schema.keys())
        case "array":
            return "maxItems" in schema
        case "string" if schema.get("format") == "date":
            return "formatMaximum" in schema
    return True


def upload(mapping: str) -> dict[str, Any]:
    return {"file": ("export.csv", b"a;b\n1;2\n", "text/csv"), "mapping_file": ("mine.yaml", mapping.encode(), "text/yaml")}


MAPPING = """mapping: mine
file: {encoding: auto}
fields:
  number: a
  account_id: a
  issue_date: b
  due_date: b
  currency: {constant: EUR}
  total: b
  country: {constant: DE}
  time_zone: {constant: Europe/Berlin}
  language: {constant: de}
"""
