"""Ids are opaque: whatever an id has in it, its invoice and its account can be read and worked on, over the API and the console."""

import html
import re
from collections.abc import AsyncIterator, MutableMapping
from typing import Any
from urllib.parse import quote, unquote

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api.web.request_target import EncodedPathRoute, decode_parameter, decode_path
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import PortfolioWorld

IDS = (
    "INV/2013/0042",
    "RE#7",
    "2013?x=1",
    "A B",
    "Ä-1",
    "100%",
    "../admin",
    "INV\\9",
    "a+b",
    "N;1",
    "<b>1</b>",
    "0042",
    "/",
    "//",
    "a/",
    "/a",
    "...",
    "a/../b",
    "%2F",
    "%252F",
    "5%/",
    "100%25",
    "a&b=c",
    "a:b:1",
    "'\"`",
    "😀",
    "עברית",
    "a,b",
    "~",
    "-1",
    "{x}",
    "history",
)

TRIED = (*IDS[:13], "//", "%2F", "5%/", "a:b:1", "😀")
"""On every route; a path of any id is taken apart alike."""

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def part(text: str) -> str:
    return quote(text, safe="")


@pytest.fixture
async def booker(as_role: As) -> AsyncIterator[Client]:
    async with as_role(Role.BILLING_OPS) as client:
        yield client


@pytest.mark.parametrize("id", IDS)
def test_a_path_is_taken_apart_as_it_was_put_together(id: str) -> None:
    path = decode_path(f"/v1/invoices/{part(id)}/history".encode())
    inside = re.fullmatch("/v1/invoices/([^/]+)/history", path)
    assert inside is not None
    assert decode_parameter(inside[1]) == id


async def test_every_id_that_is_accepted_works_over_the_api(
    manager: Client, booker: Client, auditor: Client, world: PortfolioWorld
) -> None:
    for number, id in enumerate(TRIED):
        world.account(id, collector="maria")
        world.invoice(id, account=id)
        invoice, account = f"/v1/invoices/{part(id)}", f"/v1/accounts/{part(id)}"
        assert (await manager.get(invoice)).json()["id"] == id
        assert (await manager.get(f"{invoice}/history")).status_code == 200, id
        assert (await manager.get(f"{invoice}/why?on=2013-03-01")).json()["invoice_id"] == id
        assert (await manager.get(account)).json()["id"] == id
        assert (await manager.get(f"{account}/history")).status_code == 200, id
        assert (await manager.get("/v1/invoices", params={"account": id})).json()["items"][0]["id"] == id
        answers = [
            await manager.post(f"{invoice}/pause", json={"reason": "goods are being checked"}),
            await manager.post(f"{invoice}/resume"),
            await manager.post(f"{invoice}/promises", json={"amount": "1.00", "currency": "EUR", "by": "2013-03-10"}),
            await manager.post(f"{invoice}/disputes", json={"amount": "1.00", "currency": "EUR", "reason": "wrong_quantity"}),
            await manager.post(f"{account}/notes", json={"text": "rang", "invoice_id": id}),
            await booker.post(f"{invoice}/payments", json={"amount": "1.00", "currency": "EUR", "reference": f"bank {number}"}),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 201], (id, [answer.text for answer in answers])
    views = (await auditor.get("/v1/audit/views?limit=200")).json()["items"]
    assert {view["account_id"] for view in views} == set(TRIED)


@on_sqlite
async def test_every_link_of_the_console_leads_to_its_page(manager: Client, world: PortfolioWorld) -> None:
    """A browser puts in order what it is given: dots between slashes, and backslashes, which have to be encoded."""
    for id in TRIED:
        world.account(id, name=f"Account {id}")
        world.invoice(id, account=id)
        world.letter(id, account=id)
        world.task(id, account=id)
    invoices, accounts = set[str](), set[str]()
    page: str | None = "/"
    while page:
        text = (await manager.get(page)).text
        for href in re.findall(r'href="([^"]+)"', text):
            path = html.unescape(href)
            if path.startswith(("/invoices/", "/accounts/")):
                (invoices if path.startswith("/invoices/") else accounts).add(path)
        following = re.search(r'href="(/\?[^"#]+)[^"]*" rel="next"', text)
        page = html.unescape(following[1]) if following else None
    assert {unquote(path.removeprefix("/invoices/")) for path in invoices} == set(TRIED)
    assert {unquote(path.removeprefix("/accounts/")) for path in accounts} == set(TRIED)
    for path in sorted(invoices | accounts):
        assert path.count("/") == 2, path
        assert not set(path) & set("\\#?<> "), path
        shown = await manager.get(path)
        assert shown.status_code == 200, path
        assert "<b>1</b>" not in shown.text


@on_sqlite
async def test_the_preview_of_an_account_is_linked_whatever_its_id(manager: Client, world: PortfolioWorld) -> None:
    world.account("K&1=2/#")
    shown = await manager.get("/preview", params={"account": "K&1=2/#"})
    assert shown.status_code == 200


def test_every_route_takes_encoded_slashes(app: FastAPI) -> None:
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    assert len([route for route in routes if isinstance(route, APIRoute)]) > 100
    assert [route.path for route in routes if isinstance(route, APIRoute) and not isinstance(route, EncodedPathRoute)] == []


async def test_a_server_that_sends_no_raw_path_is_understood(app: FastAPI, world: PortfolioWorld) -> None:
    """ASGI lets servers leave it out; then slashes inside segments are lost, and all else works."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/healthz",
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 200
