"""What a connected system says of an invoice beside its money, over the API and on the invoice's page: its printed copy, the page on which
it is paid, the reference."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import BillingAwayError, UnknownInvoiceError
from adapters.billing.external_records import InvoiceDocument
from adapters.config.settings import Settings
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.database.engine import Database
from adapters.database.tables import ExternalInvoiceRow
from domain.roles import Role
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import HouseConnector, join_house
from tests.adapters.ledger.builders import TODAY
from tests.api.conftest import As, Problem
from tests.api.portfolio_world import PortfolioWorld
from tests.api.test_billing_connections import connect, finish_runs
from tests.console.test_pages import page, words
from tests.databases import open_sqlite_database

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PDF = InvoiceDocument("Rechnung 17.pdf", "application/pdf", b"%PDF-1.7")
PAGE = InvoiceDocument("Rechnung 17.html", "text/html", b"<script>alert(1)</script>")


@pytest.fixture
def house(tmp_path: Path, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[LedgerConnectedWorld]:
    """A house that prints its invoices."""
    with open_sqlite_database(tmp_path / "house.db") as other:
        join_house(other, monkeypatch)
        can = HouseConnector.capabilities.fget(None)  # type: ignore[attr-defined]
        monkeypatch.setattr(HouseConnector, "capabilities", can | {ConnectorCapability.FETCH_DOCUMENT})
        monkeypatch.setattr(HouseConnector, "fetch_document", lambda self, external_id: PDF, raising=False)
        parts = app.state.parts
        systems = ConnectionRegistry(database, Settings.load(data_dir=tmp_path), lambda: parts.business_now)
        app.state.parts = replace(parts, systems=systems)
        yield LedgerConnectedWorld(other)


async def read_one(app: FastAPI, as_role: As, house: LedgerConnectedWorld) -> str:
    """Connect the house, which has one invoice, and read it; its id here."""
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    async with as_role(Role.ADMIN) as admin:
        await connect(admin)
        await admin.post("/v1/connections/house:1/reading")
        await finish_runs(app)
    return f"@house:1:{invoice}"


@ON_SQLITE
async def test_the_printed_invoice_is_fetched_each_time(
    app: FastAPI, as_role: As, house: LedgerConnectedWorld, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await read_one(app, as_role, house)
    async with as_role(Role.COLLECTOR) as collector:
        answer = await collector.get(f"/v1/invoices/{invoice}/document")
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PDF.content, "application/pdf")
        assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''Rechnung%2017.pdf"
        monkeypatch.setattr(HouseConnector, "fetch_document", lambda self, external_id: PAGE)
        foreign = await collector.get(f"/v1/invoices/{invoice}/document")
        assert (foreign.headers["content-type"], foreign.headers["content-disposition"][:10]) == ("application/octet-stream", "attachment")
        assert "sandbox" in foreign.headers["content-security-policy"]


@ON_SQLITE
async def test_where_there_is_none_it_is_said_why(
    app: FastAPI,
    as_role: As,
    house: LedgerConnectedWorld,
    world: PortfolioWorld,
    problem: Problem,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    invoice = await read_one(app, as_role, house)
    world.account()
    world.invoice("I-1")

    def fail(error: Exception) -> None:
        def fetch(connector: HouseConnector, external_id: str) -> None:
            raise error

        monkeypatch.setattr(HouseConnector, "fetch_document", fetch)

    async with as_role(Role.COLLECTOR) as collector:
        problem(await collector.get("/v1/invoices/I-1/document"), 404)
        problem(await collector.get("/v1/invoices/none/document"), 404)
        fail(UnknownInvoiceError("the house has no document of it"))
        assert "the house has no document of it" in problem(await collector.get(f"/v1/invoices/{invoice}/document"), 404)["detail"]
        fail(BillingAwayError("it does not answer"))
        away = problem(await collector.get(f"/v1/invoices/{invoice}/document"), 503)
        assert ("it does not answer" in away["detail"], "booked" in away["detail"]) == (True, False)
    async with as_role(Role.COLLECTOR, Accept="text/html") as browser:
        assert (await browser.get(f"/invoices/{invoice}/document")).status_code == 503


@ON_SQLITE
async def test_the_page_of_an_invoice_leads_to_where_it_is_paid_and_printed(
    app: FastAPI, as_role: As, house: LedgerConnectedWorld, database: Database, world: PortfolioWorld
) -> None:
    invoice = await read_one(app, as_role, house)
    world.account()
    world.invoice("I-1")
    with database.writing() as session:
        said = {"reference": "RF42 4711", "payment_link": "https://pay.example/4711", "ledger_currency": "CHF"}
        session.execute(update(ExternalInvoiceRow).values(**said))
    async with as_role(Role.COLLECTOR) as collector:
        told = (await collector.get(f"/v1/invoices/{invoice}")).json()["billing"]
        assert told == {"system": "house", "external_id": invoice.rpartition(":")[2], **said, "has_document": True}
        assert (await collector.get("/v1/invoices/I-1")).json()["billing"] is None
    async with as_role(Role.COLLECTOR, Accept="text/html") as browser:
        shown = await page(browser, f"/invoices/{invoice}")
        assert 'href="https://pay.example/4711"' in shown
        assert f'href="/invoices/{invoice.replace("@", "%40").replace(":", "%3A")}/document"' in shown
        assert "RF42 4711" in words(shown)
        assert "kept in CHF there" in words(shown)
        assert "The invoice as printed" not in await page(browser, "/invoices/I-1")
        with database.writing() as session:
            session.execute(update(ExternalInvoiceRow).values(payment_link="javascript:alert(1)"))
        assert "javascript:" not in await page(browser, f"/invoices/{invoice}")


@ON_SQLITE
async def test_copies_are_offered_where_a_person_writes(
    app: FastAPI, as_role: As, house: LedgerConnectedWorld, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = await read_one(app, as_role, house)
    account = invoice.rpartition(":")[0] + ":A1"
    async with as_role(Role.COLLECTOR, Accept="text/html") as browser:
        address = f"/accounts/{account}/write"
        empty = await page(browser, address)
        assert f'name="invoice_copies" value="{invoice}"' in empty
        token = empty.partition('name="form_token" value="')[2].partition('"')[0]
        given = {"form_token": token, "contacts": "1", "copy_of": "", "sentence": "", "invoice_copies": invoice}
        shown = await browser.post(address, data=given)
        assert shown.status_code == 200, words(shown.text)
        form = shown.text.partition('action="/act/write_letter"')[2]
        assert f'name="invoice_copies" value="{invoice}"' in form

        def fetch(connector: HouseConnector, external_id: str) -> None:
            raise BillingAwayError("it does not answer")

        monkeypatch.setattr(HouseConnector, "fetch_document", fetch)
        again = await browser.post(address, data=given)
        assert (again.status_code, "cannot be had just now" in words(again.text)) == (422, True)
