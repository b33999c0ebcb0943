"""Auditors read everything and change nothing; and who looked at which account is itself on record."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from adapters.audit.access_log import ACCOUNT, AccessLog, AccessRecord, AccessTarget
from adapters.database.engine import Database
from adapters.database.tables import Case, Document, DossierRow
from adapters.mail.local_inbox import Inbox
from adapters.read_model.access_log import AccessLogFilter, AccessLogLine, list_access_log
from api.web.access_logging import PARAMETERS_WITHOUT_TARGET, TARGET_KINDS, AccessLogBuffer
from domain.roles import Role
from tests.api.account_cases import REVIEW, create_account, create_credit_review
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import CLOCK, REAL_NOW, TODAY, PortfolioWorld, moment_on

SHA = "ab" * 32
NOON = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)


def address(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: "1" if found[1] in ("letter_id", "task_id") else "none", path)


@pytest.fixture
def portfolio(world: PortfolioWorld) -> PortfolioWorld:
    """The accounts A-1, with an invoice, a case, a letter (1) and a file, and A-2."""
    create_account(world, "I-1")
    create_credit_review(world)
    world.letter("I-1")
    world.add(
        Document(sha256=SHA, name="x", media_type="text/plain", size=1, content=b"x", stored_by="ada", stored_at=moment_on(TODAY).business),
        DossierRow(
            key="d",
            account_id="A-1",
            purpose="legal",
            as_of=TODAY,
            made_at=moment_on(TODAY).business,
            json_sha256=SHA,
            pdf_sha256="cd" * 32,
            pages=1,
            asked_by="ada",
        ),
    )
    world.account("A-2", "Saline Süd AG")
    return world


async def views(auditor: Client, **expected: Any) -> list[dict[str, Any]]:
    answer = await auditor.get("/v1/audit/views", params=expected)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def look(client: Client, path: str, auditor: Client) -> None:
    """Read it, and see it written down: what is gathered within a moment is written in no order."""
    await client.get(path)
    await views(auditor)


# --- auditors read everything and change nothing

OWN_MENTIONS_READ = "/v1/mentions/read"
"""A note of an auditor's own: that they have read where they were named."""


async def test_every_described_route_is_open_to_an_auditor_if_it_reads_and_closed_if_it_changes(
    app: FastAPI, auditor: Client, world: PortfolioWorld
) -> None:
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            status = (await auditor.request(method.upper(), address(path), json={})).status_code
            changes = method != "get" and path != OWN_MENTIONS_READ
            assert (status == 403) == changes, (method, path, status)
            assert status != 500, (method, path)


async def test_only_auditors_and_admins_read_who_looked_at_what(as_role: As, problem: Problem, world: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER) as manager:
        problem(await manager.get("/v1/audit/views"), 403)


# --- the trail


async def test_a_read_is_recorded_with_who_as_what_which_account_by_which_route_and_when(
    collector: Client, auditor: Client, portfolio: PortfolioWorld
) -> None:
    assert (await collector.get("/v1/accounts/A-1")).status_code == 200
    [view] = await views(auditor)
    assert view == {
        "user": "collector-1",
        "role": "collector",
        "account_id": "A-1",
        "route": "/v1/accounts/{account_id}",
        "count": 1,
        "first_at": "2026-01-05T12:00:00Z",
        "last_at": "2026-01-05T12:00:00Z",
        "first_business_at": "2013-03-01T09:00:00Z",
        "last_business_at": "2013-03-01T09:00:00Z",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/v1/accounts/A-1",
        "/v1/accounts/A-1/history",
        "/v1/accounts/A-1/dossiers",
        "/v1/invoices/I-1",
        "/v1/invoices/I-1/history",
        f"/v1/credit-reviews/{REVIEW}",
        "/v1/letters/1",
        f"/v1/documents/{SHA}",
        "/v1/letters?account=A-1",
        "/v1/invoices?account=A-1",
        "/accounts/A-1",
        "/letters/1",
        "/invoices/I-1",
        f"/cases/{REVIEW}",
        "/act/log_account_call?account_id=A-1",
        "/act/make_promise?invoice_id=I-1",
    ],
)
async def test_whatever_is_read_of_an_account_is_a_view_of_that_account(
    path: str, collector: Client, auditor: Client, portfolio: PortfolioWorld
) -> None:
    answer = await collector.get(path)
    assert answer.status_code == 200, answer.text
    assert [(view["user"], view["account_id"], view["count"]) for view in await views(auditor)] == [("collector-1", "A-1", 1)]


async def test_a_letter_that_is_read_in_the_local_inbox_is_a_view_of_its_account(
    collector: Client, auditor: Client, portfolio: PortfolioWorld, inbox: Inbox
) -> None:
    mail = inbox.store(b"Message-ID: <I-1.reminder@x>\r\nSubject: x\r\nFrom: a@x\r\nTo: b@x\r\n\r\nGuten Tag\r\n")
    assert (await collector.get(f"/inbox/{mail}")).status_code == 200
    assert [(view["route"], view["account_id"]) for view in await views(auditor)] == [("/inbox/{mail_id}", "A-1")]


async def test_a_file_of_a_dispute_is_a_view_of_every_account_that_rests_on_it(
    collector: Client, auditor: Client, portfolio: PortfolioWorld
) -> None:
    dispute = Case(
        case_id="dispute:I-9:1",
        run_id="r",
        kind="dispute",
        account_id="A-2",
        stage="open",
        waiting_for="time",
        seq=1,
        head="h",
        summary={"evidence": f"{'0' * 64} {SHA}"},
        updated_at=REAL_NOW,
    )
    portfolio.add(dispute)
    await collector.get(f"/v1/documents/{SHA}")
    assert {view["account_id"] for view in await views(auditor)} == {"A-1", "A-2"}


@pytest.mark.parametrize("path", ["/v1/accounts/A-9", "/v1/invoices/none", "/v1/accounts", "/v1/invoices", "/v1/worklist", "/", "/healthz"])
async def test_what_was_refused_and_lists_of_many_accounts_leave_no_trace(
    path: str, collector: Client, auditor: Client, portfolio: PortfolioWorld
) -> None:
    await collector.get(path)
    assert await views(auditor) == []


async def test_what_changes_an_account_is_no_view_of_it(manager: Client, auditor: Client, portfolio: PortfolioWorld) -> None:
    assert (await manager.put("/v1/accounts/A-1/service", json={"prepaid": True})).status_code == 200
    assert await views(auditor) == []


async def test_whoever_reads_the_trail_is_no_view_of_the_account(auditor: Client, portfolio: PortfolioWorld) -> None:
    await views(auditor, account="A-1")
    assert await views(auditor) == []


async def test_the_trail_is_read_by_account_by_person_and_by_business_days(
    collector: Client, manager: Client, auditor: Client, portfolio: PortfolioWorld
) -> None:
    await look(collector, "/v1/accounts/A-1", auditor)
    await look(collector, "/v1/accounts/A-2", auditor)
    await look(manager, "/v1/accounts/A-1", auditor)
    assert [view["user"] for view in await views(auditor, account="A-1")] == ["collections_manager-1", "collector-1"]
    assert [view["account_id"] for view in await views(auditor, user="collector-1")] == ["A-2", "A-1"]
    assert len(await views(auditor, first_day="2013-03-01", last_day="2013-03-01")) == 3
    assert await views(auditor, first_day="2013-03-02") == await views(auditor, last_day="2013-02-28") == []


async def test_the_trail_comes_in_pages(collector: Client, auditor: Client, portfolio: PortfolioWorld) -> None:
    for path in ("/v1/accounts/A-1", "/v1/accounts/A-2", "/v1/invoices/I-1"):
        await look(collector, path, auditor)
    first = (await auditor.get("/v1/audit/views", params={"limit": 2})).json()
    second = (await auditor.get("/v1/audit/views", params={"limit": 2, "cursor": first["next"]})).json()
    assert [view["route"] for view in first["items"] + second["items"]] == [
        "/v1/invoices/{invoice_id}",
        "/v1/accounts/{account_id}",
        "/v1/accounts/{account_id}",
    ]
    assert second["next"] is None


async def test_a_read_waits_for_no_writer(collector: Client, auditor: Client, portfolio: PortfolioWorld) -> None:
    """An import may hold the database's one writer for minutes."""
    with portfolio.database.writing():
        assert (await collector.get("/v1/accounts/A-1")).status_code == 200
    assert len(await views(auditor)) == 1


def test_every_parameter_of_a_reading_route_says_what_it_names(app: FastAPI) -> None:
    routes = [route for included in app.routes for route in getattr(getattr(included, "original_router", None), "routes", [included])]
    named = {
        name
        for route in routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or set())
        for name in re.findall(r"\{(\w+)", route.path)
    }
    assert named <= TARGET_KINDS.keys() | PARAMETERS_WITHOUT_TARGET, "say in api/web/access_logging.py whose account it is"


# --- one row for an hour


def seen(user: str = "mia", at: datetime = NOON, account: str = "A-1", route: str = "/v1/accounts/{account_id}") -> AccessRecord:
    return AccessRecord(user, "collector", route, AccessTarget(ACCOUNT, account), at, CLOCK.to_business(at))


def lines(database: Database) -> list[AccessLogLine]:
    return list_access_log(database, AccessLogFilter(), 200, None)[0]


def test_who_reads_the_same_account_again_within_the_hour_is_one_row_with_a_count(database: Database) -> None:
    access_log = AccessLog(database)
    access_log.write([seen(), seen(at=NOON + timedelta(minutes=5))])
    access_log.write([seen(at=NOON + timedelta(minutes=29)), seen(at=NOON - timedelta(minutes=1))])
    [line] = lines(database)
    assert (line.count, line.first_at, line.last_at) == (4, NOON, NOON + timedelta(minutes=29))


@pytest.mark.parametrize(
    "other", [seen(user="ben"), seen(account="A-2"), seen(route="/v1/invoices"), seen(at=NOON + timedelta(minutes=30))]
)
def test_another_person_account_route_or_hour_is_another_row(other: AccessRecord, database: Database) -> None:
    AccessLog(database).write([seen(), other])
    assert [line.count for line in lines(database)] == [1, 1]


class Failing(AccessLog):
    """Away at first."""

    def __init__(self, database: Database, error: Callable[[], Exception]) -> None:
        super().__init__(database)
        self.error: Callable[[], Exception] | None = error

    def write(self, seen: Any) -> None:
        if self.error:
            raise self.error()
        super().write(seen)


async def test_what_could_not_be_written_is_written_later(database: Database) -> None:
    access_log = Failing(database, lambda: ConnectionError("away"))
    trail = AccessLogBuffer(access_log)
    trail.add_access(seen())
    with pytest.raises(ConnectionError):
        await trail.flush()
    access_log.error = None
    await trail.flush()
    assert [line.count for line in lines(database)] == [1]


async def test_reads_that_come_together_are_written_together(database: Database) -> None:
    trail = AccessLogBuffer(AccessLog(database), flush_delay=0)
    for _ in range(500):
        trail.add_access(seen())
    await trail.flush()
    assert [line.count for line in lines(database)] == [500]
