"""The pages of connections: a system is connected by its kind's own form, tested, compared, and its secret changed; in every language."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import col

from adapters.billing.errors import ConnectionRefusedByBillingError, UnknownInvoiceError
from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import BalanceCheck, ConnectionStep
from adapters.config.settings import Settings
from adapters.connections.comparison import Comparison, Difference
from adapters.connections.connection_kinds import CONNECTION_KINDS, list_asked_fields
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.connections.connection_runs import ConnectionRuns
from adapters.connections.difference_store import keep_comparison
from adapters.connections.notes.refused_notes import note_entry
from adapters.connections.rests.system_rests import SystemRests
from adapters.database.engine import Database
from adapters.database.row_states import DifferenceKind
from adapters.database.tables import BillingCursorRow, ExternalNoteRow
from adapters.i18n.languages import LANGUAGES
from adapters.identity.users_and_tokens import IdentityStore
from adapters.ledger.ledger import Ledger
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from api.presenters.phrases import load_phrases
from domain.roles import Role
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.connections.house import GOOD_KEY, OTHER_KEY, HouseConnector, join_house
from tests.adapters.ledger.builders import TODAY
from tests.api.conftest import As, Client
from tests.api.portfolio_world import REAL_NOW, PortfolioWorld
from tests.api.test_billing_connections import finish_runs
from tests.console.test_act_forms import fields_of, find_link
from tests.console.test_languages import find_english, open_as, read, visible_words
from tests.console.test_pages import page, words
from tests.databases import open_sqlite_database

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
HOUSE = {"options.country": "DE", "options.time_zone": "Europe/Berlin", "options.language": "de"}


@pytest.fixture
def house(tmp_path: Path, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[LedgerConnectedWorld]:
    with open_sqlite_database(tmp_path / "house.db") as other:
        join_house(other, monkeypatch)
        parts = app.state.parts
        systems = ConnectionRegistry(database, Settings.load(data_dir=tmp_path), lambda: parts.business_now)
        app.state.parts = replace(parts, systems=systems)
        yield LedgerConnectedWorld(other)


async def connect(admin: Client, name: str = "house", **more: str) -> str:
    """Fill in the form and send it; return the page to which it leads."""
    form = fields_of(await page(admin, "/connections/new?kind=house"))
    answer = await admin.post("/connections/new", data={**form, "name": name, "secrets.api_key": GOOD_KEY, **HOUSE, **more})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


@ON_SQLITE
async def test_a_system_is_connected_by_the_form_of_its_kind(as_role: As, house: LedgerConnectedWorld) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        assert "No billing system is connected." in words(await page(admin, "/connections"))
        assert find_link(await page(admin, "/connections"), "/connections/new")
        choosing = await page(admin, "/connections/new")
        assert all(find_link(choosing, f"/connections/new?kind={kind}") for kind in CONNECTION_KINDS)
        shown = words(await page(admin, await connect(admin)))
        assert "The billing system is connected." in shown
        assert "does not work read notes 403 Ask whoever runs the system for this: the group Notes" in shown
        assert "Connected (house) 5 Jan 2026" not in shown, "the record has real time"
        assert "not read yet" in words(await page(admin, "/connections"))


@ON_SQLITE
async def test_what_the_system_asks_for_and_refused_is_shown_and_tried_again(
    app: FastAPI, as_role: As, house: LedgerConnectedWorld, database: Database, world: PortfolioWorld
) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin, as_role(Role.BILLING_OPS, Accept="text/html") as billing:
        await connect(admin)
        key = SystemKey("house", "1")
        checked = BalanceCheck(50, ("R-7", "R-9"), is_trusted=True)
        keep_comparison(database, key, Comparison(0, (), checked), REAL_NOW)
        SystemRests(database).note_rest(key, 3_600, "House answers 429")
        note_entry(database, key, "entry", REAL_NOW, "House refuses this: the field Product is required")
        ConnectionRuns(database).keep_test(key, (ConnectionStep("bookings", True, "described", "leave to write", is_tried=False),), "ada")
        html = await page(billing, "/connections/house:1")
        shown = words(html)
        for said in (
            "nothing is read or booked there before. It answered: House answers 429",
            "the balance of 2 is otherwise than the total less that: R-7, R-9. Of such invoices the lower of the two is asked for",
            "1 note was refused by the system",
            "House refuses this: the field Product is required",
            "not tried",
            "leave to write",
        ):
            assert said in shown
        inline = html[html.index('action="/act/retry_notes"') :].partition("</form>")[0]
        answer = await billing.post("/act/retry_notes", data=dict(re.findall(r'name="(\w+)" value="([^"]*)"', inline)))
        assert answer.status_code == 303, answer.text
        with database.reading() as session:
            assert session.scalars(select(col(ExternalNoteRow.is_due))).all() == [True]
        listed = (await billing.get("/v1/connections/house:1", headers={"Accept": "application/json"})).json()
        assert (listed["refused_notes"], listed["rest_reason"], listed["balances"]["differing"]) == (1, "House answers 429", ["R-7", "R-9"])


@ON_SQLITE
async def test_secrets_that_depend_on_the_description_are_entered_by_their_names(
    as_role: As, house: LedgerConnectedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CONNECTION_KINDS["house"], "usual_secrets", ())
    monkeypatch.setattr(CONNECTION_KINDS["house"], "secret_names", property(lambda _: ("api_key",)))
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        form = fields_of(await page(admin, "/connections/new?kind=house"))
        for secrets, status in ((GOOD_KEY, 422), ("api_key: [", 422), ("other: x", 422), (f"api_key: {GOOD_KEY}", 303)):
            answer = await admin.post("/connections/new", data={**form, "name": "house", "secrets": secrets, **HOUSE})
            assert answer.status_code == status
            assert GOOD_KEY not in answer.text


@ON_SQLITE
async def test_a_form_with_faults_comes_back_without_its_secret(as_role: As, house: LedgerConnectedWorld) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        form = fields_of(await page(admin, "/connections/new?kind=house"))
        sent = {**form, "name": "house", "secrets.api_key": "Sesam-1", **HOUSE, "options.time_zone": "Berlin"}
        again = await admin.post("/connections/new", data=sent)
        assert again.status_code == 422
        assert 'value="Berlin"' in again.text
        assert "no time zone" in again.text
        refused = await admin.post("/connections/new", data={**sent, **HOUSE})
        assert refused.status_code == 409
        assert "Sesam-1" not in again.text + refused.text
        foreign = await admin.post("/connections/new", data={**sent, "form_token": "x"})
        assert foreign.status_code == 403
        assert "No billing system is connected." in words(await page(admin, "/connections"))


@ON_SQLITE
async def test_it_is_tested_read_compared_and_switched_off_from_its_page(
    app: FastAPI, as_role: As, house: LedgerConnectedWorld, world: PortfolioWorld
) -> None:
    house.issue_invoice(house.add_account("Customer Ltd"), 1_000, TODAY)
    async with as_role(Role.ADMIN, Accept="text/html") as admin, as_role(Role.BILLING_OPS, Accept="text/html") as billing:
        await connect(admin)
        for name in ("test_connection", "compare_connection", "sync_connection"):
            html = await page(billing, "/connections/house:1")
            inline = html[html.index(f'action="/act/{name}"') :].partition("</form>")[0]
            answer = await billing.post(f"/act/{name}", data=dict(re.findall(r'name="(\w+)" value="([^"]*)"', inline)))
            assert answer.status_code == 303, answer.text
            await finish_runs(app)
            if name == "compare_connection":
                assert "Owed there, and not open here R2 €0.00 €10.00" in words(await page(billing, "/connections/house:1"))
        assert "change_connection_secret" not in await page(billing, "/connections/house:1")
        html = await page(admin, "/connections/house:1")
        form = fields_of(await page(admin, find_link(html, "/act/change_connection_secret")))
        for key, status in (("wrong", 409), (OTHER_KEY, 303)):
            answer = await admin.post("/act/change_connection_secret", data={**form, "value": key})
            assert answer.status_code == status
            assert key not in answer.text
        form = fields_of(await page(admin, find_link(html, "/act/change_webhook_secret")))
        made = await admin.post("/act/change_webhook_secret", data=form)
        assert "http://duecourse.test/v1/webhooks/house/" in made.text
        form = fields_of(await page(admin, find_link(html, "/act/switch_off_connection")))
        assert (await admin.post("/act/switch_off_connection", data=form)).status_code == 303
        shown = await page(admin, "/connections/house:1")
        assert "switched off" in words(shown)
        assert "/act/switch_on_connection" in shown


@ON_SQLITE
async def test_differences_open_their_invoices_and_accounts(as_role: As, house: LedgerConnectedWorld, database: Database) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        await connect(admin)
        found = (
            Difference(DifferenceKind.BALANCE, "@house:1:R1", "R-1", "EUR", "400", "1000"),
            Difference(DifferenceKind.CREDIT, "@house:1:A1", "", "EUR", "0", "250"),
            Difference(DifferenceKind.CURRENCY, "@house:1:R2", "R-2", "EUR", "GBP", "EUR"),
            Difference(DifferenceKind.ACCOUNT, "@house:1:R3", "R-3", "EUR", "@house:1:A1", "@house:1:A2"),
            Difference(DifferenceKind.UNREAD, "@house:1:R4", "", "", "0", "total: is empty or not there"),
        )
        keep_comparison(database, SystemKey("house", "1"), Comparison(4, found), REAL_NOW)
        html = await page(admin, "/connections/house:1")
    for link in ("/invoices/%40house%3A1%3AR1", "/accounts/%40house%3A1%3AA1", "/accounts/%40house%3A1%3AA2"):
        assert f'href="{link}"' in html
    assert "Another amount is owed R-1 €4.00 €10.00" in words(html)


@ON_SQLITE
async def test_an_administrator_says_that_what_is_missing_there_is_gone(
    app: FastAPI, as_role: As, house: LedgerConnectedWorld, database: Database, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Too many to be believed by itself; one of them is there after all."""
    account = house.add_account("Customer Ltd")
    invoices = [house.issue_invoice(account, 1_000, TODAY) for _ in range(5)]
    async with as_role(Role.ADMIN, Accept="text/html") as admin, as_role(Role.BILLING_OPS, Accept="text/html") as billing:
        await connect(admin)
        await admin.post("/v1/connections/house:1/reading", headers={"Accept": "application/json"})
        await finish_runs(app)
        read = HouseConnector.read_invoice

        def hide(connector: HouseConnector, external_id: str) -> Any:
            if external_id in invoices[1:]:
                raise UnknownInvoiceError(external_id)
            return read(connector, external_id)

        monkeypatch.setattr(HouseConnector, "read_invoice", hide)
        missing = [Difference(DifferenceKind.MISSING_THERE, f"@house:1:{each}", each, "EUR", "1000", "0") for each in invoices]
        keep_comparison(database, SystemKey("house", "1"), Comparison(0, tuple(missing)), REAL_NOW)
        assert "take_gone_there" not in await page(billing, "/connections/house:1")
        html = await page(admin, "/connections/house:1")
        assert "these invoices in the billing system: 5, of which €50.00 is open here" in words(html)
        inline = html[html.index('action="/act/take_gone_there"') :].partition("</form>")[0]
        form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', inline))
        assert (await admin.post("/act/take_gone_there", data={**form, "count": "4", "form_key": "other"})).status_code == 409
        assert (await billing.post("/act/take_gone_there", data={**form, "form_key": "third"})).status_code == 403
        answer = await admin.post("/act/take_gone_there", data=form)
        assert answer.status_code == 303, answer.text
        shown = words(await page(admin, "/connections/house:1"))
    ledger = Ledger(database)
    assert [ledger.get_invoice_facts(f"@house:1:{each}").status.value for each in invoices] == ["open", *["cancelled"] * 4]
    assert f"Said to be gone there (4: {', '.join(invoices[1:])}; €40.00)" in shown
    assert "Not found there" not in shown


@ON_SQLITE
async def test_the_pages_speak_every_language(app: FastAPI, as_role: As, house: LedgerConnectedWorld, world: PortfolioWorld) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        await connect(admin)
    missing = Difference(DifferenceKind.MISSING_THERE, "@house:1:R1", "R-1", "EUR", "1000", "0")
    keep_comparison(world.database, SystemKey("house", "1"), Comparison(0, (missing,)), REAL_NOW)
    identity = IdentityStore(world.database)
    for language in LANGUAGES:
        identity.add_user(f"reader-{language}", Role.ADMIN, language=language)
        async with open_as(app, "ja", identity.issue_token(f"reader-{language}", Role.ADMIN)) as reader:
            for path in ("/connections", "/connections/house:1", "/connections/new?kind=tryton", "/connections/none"):
                text = await read(reader, path, language)
                assert language == "en" or find_english(text, language) == [], (language, path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_and_what_describes_it_is_called_something(language: str) -> None:
    phrases = load_phrases(language)
    for kind, model in CONNECTION_KINDS.items():
        asked = {field.name for field in list_asked_fields(kind)} | set(model.usual_secrets)
        assert asked <= phrases.connection_fields.keys(), kind
        assert kind in phrases.connection_kinds


@ON_SQLITE
async def test_only_administrators_get_to_the_form(as_role: As, house: LedgerConnectedWorld) -> None:
    async with as_role(Role.BILLING_OPS, Accept="text/html") as billing, as_role(Role.COLLECTOR, Accept="text/html") as collector:
        assert (await billing.get("/connections/new")).status_code == 403
        assert (await billing.post("/connections/new", data={"kind": "house"})).status_code == 403
        assert "/connections/new" not in await page(billing, "/connections")
        assert 'href="/connections"' in await page(billing, "/today")
        assert 'href="/connections"' not in await page(collector, "/today")


@ON_SQLITE
async def test_a_system_that_refuses_says_why_and_that_letters_wait(
    as_role: As, house: LedgerConnectedWorld, database: Database, world: PortfolioWorld
) -> None:
    refused = ConnectionRefusedByBillingError("Odoo forbids this to the user of the key: account.move")
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        address = await connect(admin)
        SetAsideStore(database).set_aside(SetAsideStage.BILLING_SYSTEM, "house:1", refused)
        with database.writing() as session:
            session.merge(BillingCursorRow(system="house", company="1", caught_up_at=datetime.now(UTC) - timedelta(days=1)))
        for shown in (words(await page(admin, "/connections")), words(await page(admin, address))):
            assert "refuses to be read" in shown
            assert "Letters to its customers wait until it has been read to the end." in shown
        assert str(refused) in words(await page(admin, address))
        assert "Letters to the customers of house wait" in words(await page(admin, "/preview"))


@ON_SQLITE
async def test_a_system_that_does_not_show_what_is_unapplied_says_so_and_that_letters_wait(
    as_role: As, house: LedgerConnectedWorld, database: Database, world: PortfolioWorld
) -> None:
    refused, now = ConnectionRefusedByBillingError("Odoo forbids this to the user of the key: account.move.line"), datetime.now(UTC)
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        address = await connect(admin)
        SetAsideStore(database).set_aside(SetAsideStage.BILLING_SYSTEM, "house:1:credits", refused)
        with database.writing() as session:
            session.merge(BillingCursorRow(system="house", company="1", caught_up_at=now, credits_read_at=now - timedelta(days=1)))
        for shown in (words(await page(admin, "/connections")), words(await page(admin, address))):
            assert "refuses to be read" not in shown
            assert "What its customers have paid and no invoice has yet has not been listed since" in shown
            assert "Letters to its customers wait until it has been read to the end." in shown
        assert str(refused) in words(await page(admin, address))
        assert "Letters to the customers of house wait" in words(await page(admin, "/preview"))
        shown = (await admin.get("/v1/connections/house:1", headers={"Accept": "application/json"})).json()
        assert (shown["standing"], shown["credits_refused_since"] is not None, shown["letters_wait"]) == ("works", True, True)


@ON_SQLITE
@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_systems_own_words_are_quoted_in_the_readers_sentence_and_why_it_is_silent_is_put_in_words(
    as_role: As, house: LedgerConnectedWorld, database: Database, language: str
) -> None:
    async with as_role(Role.ADMIN, Accept="text/html") as admin:
        address, key = await connect(admin), SystemKey("house", "1")
        IdentityStore(database).add_user("admin-1", Role.ADMIN, language=language)
        SystemRests(database).note_rest(key, 3_600, "House does not answer: ConnectError")
        note_entry(database, key, "entry", REAL_NOW, "House refuses this: the field <Product> is required")
        html = await page(admin, address)
        assert f'<html lang="{language}">' in html
        assert '<q lang="en" data-verbatim="system">the field &lt;Product&gt; is required</q>' in html
        assert "ConnectError" not in html
        assert language == "en" or find_english(" ".join(visible_words(html)), language) == []
