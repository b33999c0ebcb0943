"""What the browser sees in tests and pictures: a portfolio with calls to make and approvals to decide, on the real workflows."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import update

from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import BalanceCheck, ConnectionStep
from adapters.config.settings import Settings
from adapters.connections.comparison import Comparison, Difference
from adapters.connections.connection_admin import ConnectionAdmin
from adapters.connections.connection_file import read_connection
from adapters.connections.connection_registry import ConnectionRegistry
from adapters.connections.connection_runs import ConnectionRuns
from adapters.connections.difference_store import keep_comparison
from adapters.connections.notes.refused_notes import note_entry
from adapters.connections.rests.system_rests import SystemRests
from adapters.database.engine import Database
from adapters.database.row_states import DifferenceKind, IdentityChannel
from adapters.database.tables import Account
from adapters.identity.identity_events import ChangeAuthor
from domain.roles import Role
from tests.console.browser import ConsoleSite, open_console
from tests.databases import _sqlite_template
from tests.patience import PATIENCE
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec, start_collection_environment
from tests.workflows.dispute_commands import DisputeCommands
from tests.workflows.people import People, gather_people

CALLED = ("NORD", "OST", "WEST", "SUED")
DISPUTED = ("ALFA", "BETA", "GAMA", "DELT", "EPSI")
ERP = SystemKey("erp", "1")
CONNECTION_PAGES = (
    "/connections",
    "/connections/new",
    "/connections/new?kind=tryton",
    "/connections/erp:1",
    "/act/change_connection_secret?connection_id=erp:1&secret=api_key",
)
CREDIT = {"resolution": "credit_note", "amount": {"amount": "25.00", "currency": "EUR"}, "comment": "two boxes were missing"}


class BrowserStage(NamedTuple):
    """`site` over `environment`: the customers `CALLED` of mia's are to be called; `approvals` of credits to others wait for a manager."""

    site: ConsoleSite
    environment: CollectionEnvironment
    invoices: dict[str, str]
    approvals: list[str]


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[BrowserStage]:
    shutil.copy(_sqlite_template(), folder / "duecourse.db")
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    async with start_collection_environment(database, folder) as environment, gather_people(environment) as people:
        monday = await environment.pass_to_monday()
        await environment.pass_to(monday + DAY)
        called = await environment.open_invoices(*(InvoiceSpec(monday, account=account) for account in CALLED))
        with database.writing() as session:
            session.execute(update(Account).values(collector="mia"))
        await environment.play.run_morning(monday + DAY)
        await environment.play.run_mornings(monday + 7 * DAY, monday + 8 * DAY)
        await environment.pass_to(monday + 14 * DAY)
        disputed = await environment.open_invoices(*(InvoiceSpec(monday + 13 * DAY, account=account) for account in DISPUTED))
        people.now = await environment.play.environment.get_current_time()
        invoices = dict(zip((*CALLED, *DISPUTED), (*called, *disputed), strict=True))
        approvals = [await ask_for_credit(environment, people, invoice) for invoice in disputed]
        people.app.state.letter_plays.waited_seconds = PATIENCE
        connect_erp(database, folder)
        async with open_console(people) as site:
            yield BrowserStage(site, environment, invoices, approvals)
        await environment.close()
    database.close()


def connect_erp(database: Database, folder: Path) -> None:
    """A billing system that was compared, and whose key has been lost since."""
    settings, described = Settings.load(data_dir=folder), {"name": "erp", "kind": "tryton", "address": "http://localhost:1/erp"}
    described |= {"country": "DE", "time_zone": "Europe/Berlin", "language": "de"}
    systems = ConnectionRegistry(database, settings, lambda: datetime.now(UTC))
    by = ChangeAuthor("ada", IdentityChannel.CONSOLE)
    ConnectionAdmin(database, settings, systems).add(read_connection(described), {"api_key": "key"}, by, is_tried=False)
    steps = (
        ConnectionStep("address and key", True, "Dunder Mifflin"),
        ConnectionStep("write notes", False, "403", "the group Notes"),
        ConnectionStep("bookings", True, "each is tried when the first is booked", "leave to write", is_tried=False),
    )
    ConnectionRuns(database).keep_test(ERP, steps, "ada")
    kinds = (DifferenceKind.BALANCE, DifferenceKind.MISSING_HERE, DifferenceKind.MISSING_THERE)
    found = tuple(Difference(kind, "@erp:1:7", "7", "EUR", "400", "1000") for kind in kinds)
    keep_comparison(database, ERP, Comparison(2, found, BalanceCheck(50, ("R-7", "R-9"), is_trusted=True)), datetime.now(UTC))
    SystemRests(database).note_rest(ERP, 86_400, "Tryton answers 429")
    note_entry(database, ERP, "entry", datetime.now(UTC), "Tryton refuses this: the field Product is required")


async def ask_for_credit(environment: CollectionEnvironment, people: People, invoice: str) -> str:
    """The approval of a credit that ben of sales operations answered a dispute of mia's with."""
    dispute = await raise_dispute(environment, people, invoice)
    ben = await people("ben", Role.SALES_OPS)
    assert (await ben.post(f"/v1/disputes/{dispute}/resolution", json=CREDIT)).status_code == 200
    return await DisputeCommands(environment).wait_for_approval(dispute)


async def raise_dispute(environment: CollectionEnvironment, people: People, invoice: str) -> str:
    """A dispute of mia's; its id."""
    mia = await people("mia", Role.COLLECTOR)
    contested = {"amount": "25.00", "currency": "EUR", "reason": "wrong_price"}
    assert (await mia.post(f"/v1/invoices/{invoice}/disputes", json=contested)).status_code == 200
    dispute = f"dispute:{invoice}:1"
    await DisputeCommands(environment).wait_for_entries(dispute, "dispute.raised")
    return dispute


def list_pages(stage: BrowserStage) -> list[str]:
    account, invoice = CALLED[0], stage.invoices[CALLED[0]]
    lists = [
        "/",
        "/today",
        "/today?about=OST",
        "/accounts",
        "/invoices",
        "/cases",
        "/correspondence",
        "/approvals",
        "/overview",
        "/team",
        "/policies",
        "/import",
        "/inbox",
        "/settings",
        "/role",
        "/letters?whose=all",
        "/preview",
        "/roles",
        "/set-aside",
        "/search?q=r",
        "/shortcuts",
        "/nowhere",
    ]
    things = [
        f"/accounts/{account}",
        f"/accounts/{account}/write",
        f"/accounts/{account}/plan",
        f"/invoices/{invoice}",
        f"/approvals/{stage.approvals[2]}",
        f"/cases/{stage.approvals[2].removeprefix('approval:').rpartition(':')[0]}",
    ]
    forms = [
        f"/act/log_account_call?account_id={account}",
        f"/act/pause_account?account_id={account}",
        f"/act/escalate_account?account_id={account}",
        f"/act/raise_dispute?invoice_id={invoice}",
        f"/act/propose_plan?account_id={account}",
    ]
    return [*lists, *things, *forms, f"/approval-decisions?approval={stage.approvals[2]}"]


def list_pages_of_administrators(stage: BrowserStage) -> list[str]:
    return ["/users", "/users/mia", "/tokens", "/audit", f"/audit/accounts/{CALLED[0]}", "/set-aside", *CONNECTION_PAGES]
