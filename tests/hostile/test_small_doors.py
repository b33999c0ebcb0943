"""The small doors: parameters nobody knows, foreign pages and names, cookies, and files that were refused."""

import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import func, select

from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.tables import Case, Document
from adapters.identity.users_and_tokens import IdentityStore
from adapters.temporal.case_commands import CommandRejected
from api.web.authentication import SESSION_COOKIE
from api.web.idempotency import IdempotentRoute
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import REAL_NOW, PortfolioWorld
from tests.databases import _sqlite_template


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """One kind is enough: none of this is a database's doing."""
    shutil.copy(_sqlite_template(), tmp_path / "duecourse.db")
    database = Database(f"sqlite:///{tmp_path / 'duecourse.db'}")
    yield database
    database.close()


@pytest.fixture
async def stranger(as_role: As) -> AsyncIterator[Client]:
    async with as_role(None) as client:
        yield client


async def test_an_unknown_parameter_is_refused_by_its_name(manager: Client, world: PortfolioWorld, problem: Problem) -> None:
    document = problem(await manager.get("/v1/invoices?accuont=A-1&stage=new&zzz=1"), 422)
    assert [fault["pointer"] for fault in document["errors"]] == ["accuont", "zzz"]
    assert "did you mean 'account'?" in document["detail"]
    assert "write one of:" in document["detail"]


async def test_every_operation_refuses_a_parameter_it_does_not_have(as_role: As, app: FastAPI, world: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN) as admin:
        for path, methods in app.openapi()["paths"].items():
            for method in methods:
                if method == "get":
                    answer = await admin.get(path.replace("{", "").replace("}", ""), params={"utm_source": "x"})
                    assert answer.status_code == 422, path
                    assert "'utm_source'" in answer.text, path


async def test_the_console_overlooks_what_others_put_behind_a_link(manager: Client, world: PortfolioWorld) -> None:
    assert (await manager.get("/?utm_source=mail&q=")).status_code == 200


def test_400_and_413_are_described_and_the_key_of_every_post(app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            assert {"400", "413"} <= set(operation["responses"]), (method, path)
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert names.count("Idempotency-Key") == (method == "post"), (method, path)


def test_every_post_heeds_the_key(app: FastAPI) -> None:
    posts = [context.original_route for context in iter_route_contexts(app.routes)]
    heedless = [
        route.path
        for route in posts
        if isinstance(route, APIRoute)
        and "POST" in (route.methods or ())
        and route.include_in_schema
        and not isinstance(route, IdempotentRoute)
    ]
    assert heedless == []


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://[", "", "http://duecourse.test:81", "http://duecourse.test.evil.example"]
)
async def test_another_sites_form_signs_nobody_in_or_out(
    app: FastAPI, stranger: Client, world: PortfolioWorld, problem: Problem, origin: str
) -> None:
    """Who is signed in as somebody else does their work for them."""
    token = IdentityStore(world.database).issue_token("maria", Role.COLLECTOR)
    problem(await stranger.post("/sign-in", data={"token": token}, headers={"Origin": origin}), 403)
    assert SESSION_COOKIE not in stranger.cookies
    await stranger.post("/sign-in", data={"token": token}, headers={"Origin": "http://duecourse.test"})
    problem(await stranger.post("/sign-out", headers={"Origin": origin}), 403)
    assert (await stranger.get("/")).status_code == 200


async def test_a_browser_says_where_the_consoles_own_forms_come_from(stranger: Client, world: PortfolioWorld) -> None:
    """Under the policy `no-referrer` it would send `Origin: null`, and nobody could sign in."""
    assert (await stranger.get("/sign-in")).headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("secure", [True, False])
async def test_cookies_go_over_https_alone_where_that_is_set(app: FastAPI, stranger: Client, world: PortfolioWorld, secure: bool) -> None:
    app.state.parts = replace(app.state.parts, secure_cookies=secure)
    token = IdentityStore(world.database).issue_token("maria", Role.COLLECTOR)
    answer = await stranger.post("/sign-in", data={"token": token})
    cookie = answer.headers["set-cookie"].lower()
    assert ("; secure" in cookie) is secure
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


@pytest.mark.parametrize(
    ("given", "secure"),
    [
        ({}, False),
        ({"console_url": "https://duecourse.example"}, True),
        ({"console_url": "https://duecourse.example", "secure_cookies": False}, False),
        ({"secure_cookies": True}, True),
    ],
)
def test_whether_cookies_are_secure_follows_the_consoles_address(given: dict[str, Any], secure: bool) -> None:
    assert Settings.load(**given).sends_secure_cookies is secure


@pytest.mark.parametrize(
    ("given", "host", "status"),
    [
        ({}, "localhost:8080", 401),
        ({}, "127.0.0.1", 401),
        ({}, "[::1]:8080", 401),
        ({}, "evil.example", 400),
        ({}, "localhost.evil.example:8080", 400),
        ({}, "", 400),
        ({"console_url": "https://Duecourse.example/"}, "duecourse.example", 401),
        ({"console_url": "https://duecourse.example/"}, "evil.example", 400),
        ({"api_host": "10.0.0.7"}, "10.0.0.7:8080", 401),
        ({"api_host": "0.0.0.0"}, "anything.example", 401),
        ({"api_host": "0.0.0.0", "console_url": "https://duecourse.example"}, "anything.example", 400),
        ({"allowed_hosts": "a.example, B.example"}, "b.example:444", 401),
        ({"allowed_hosts": "a.example"}, "localhost", 400),
        ({"allowed_hosts": "*"}, "anything.example", 401),
        ({"allowed_hosts": "*"}, "[::1", 400),
        ({"allowed_hosts": "*"}, "a/../b", 400),
        ({"allowed_hosts": "*"}, "a@b.example", 400),
    ],
)
async def test_a_request_calls_the_server_by_its_own_name(
    app: FastAPI, stranger: Client, world: PortfolioWorld, problem: Problem, given: dict[str, Any], host: str, status: int
) -> None:
    """A page elsewhere can point a name of its own at this address, and a browser then takes it for the page's own server."""
    app.state.parts = replace(app.state.parts, allowed_hosts=Settings.load(**given).host_names)
    problem(await stranger.get("/v1/invoices", headers={"Host": host}), status)
    assert (await stranger.get("/healthz", headers={"Host": host})).status_code == 200, "probes use whatever address there is"


async def test_what_a_closed_dispute_is_given_is_not_stored(as_role: As, world: PortfolioWorld, problem: Problem) -> None:
    case = raise_dispute(world)
    async with as_role(Role.SALES_OPS) as sales:

        async def refused(case_id: str, command: object) -> None:
            raise CommandRejected("the dispute is over (withdrawn)")

        world.cases.submit_command = refused  # type: ignore[method-assign,assignment]
        files = [("files", ("note.pdf", b"a delivery note", "application/pdf")), ("files", ("b\0/../c.txt", b"another", "text/plain"))]
        problem(await sales.post(f"/v1/disputes/{case}/evidence", files=files), 409)
    assert count_documents(world) == 0


async def test_what_a_dispute_takes_is_stored_once(as_role: As, world: PortfolioWorld) -> None:
    case = raise_dispute(world)
    world.cases.running[case] = ""
    async with as_role(Role.SALES_OPS) as sales:
        for _ in range(2):
            answer = await sales.post(
                f"/v1/disputes/{case}/evidence", files=[("files", ("note.pdf", b"a delivery note", "application/pdf"))]
            )
            assert answer.status_code == 200
    assert count_documents(world) == 1


async def test_what_is_over_already_takes_no_files(as_role: As, world: PortfolioWorld, problem: Problem) -> None:
    case = raise_dispute(world, outcome="withdrawn")
    async with as_role(Role.SALES_OPS) as sales:
        problem(await sales.post(f"/v1/disputes/{case}/evidence", files=[("files", ("note.pdf", b"a note", "application/pdf"))]), 409)
    assert count_documents(world) == 0


def raise_dispute(world: PortfolioWorld, outcome: str | None = None) -> str:
    world.account()
    world.invoice("I-1")
    row = Case(
        case_id="dispute:I-1:1",
        run_id="r",
        kind="dispute",
        account_id="A-1",
        invoice_id="I-1",
        stage="open",
        outcome=outcome,
        waiting_for="time",
        seq=1,
        head="h",
        summary={},
        updated_at=REAL_NOW,
    )
    world.add(row)
    return "dispute:I-1:1"


def count_documents(world: PortfolioWorld) -> int:
    with world.database.reading() as session:
        return int(session.execute(select(func.count()).select_from(Document)).scalar_one())
