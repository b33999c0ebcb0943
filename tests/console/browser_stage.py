"""What the browser sees in tests and pictures: a portfolio with calls to make and approvals to decide, on the real workflows."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from argon2 import PasswordHasher
from playwright.async_api import Page
from sqlalchemy import select, update
from sqlmodel import col

from adapters.audit.histories.account_replay import AccountReplayer
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.replayer import HistoryReplayer
from adapters.audit.histories.run_history_loader import RunHistoryLoader
from adapters.billing.errors import RefusedByBillingError
from adapters.database.engine import Database
from adapters.database.row_states import IdentityChannel
from adapters.database.tables import Account, Message
from adapters.i18n.languages import DEFAULT_LANGUAGE
from adapters.identity.identity_events import ChangeAuthor
from adapters.identity.openid_provider import OpenIdConfig, OpenIdProvider
from adapters.identity.passwords import PasswordStore
from adapters.read_model.imports import list_latest_imports
from api.audit_port import UnavailableAuditPort
from domain import identifiers as ids
from domain.audit.replay_report import ReplayReport
from domain.roles import Role
from tests.console.browser import ConsoleSite, open_console
from tests.console.connected_erp import ERP_ID, connect_erp
from tests.console.page_examples import PageExample, begin_works, build_example, choose_telling_forms, list_examples, wait_for_works
from tests.databases import _sqlite_template
from tests.patience import PATIENCE
from tests.time_skipping_play import TimeSkippingPlay
from tests.time_skipping_runs import TimeSkippingRuns
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec, start_collection_environment
from tests.workflows.dispute_commands import DisputeCommands
from tests.workflows.people import People, gather_people
from worker import WORKFLOWS

CALLED = ("NORD", "OST", "WEST", "SUED")
DISPUTED = ("ALFA", "BETA", "GAMA", "DELT", "EPSI")
LARGE = ("RHO", "SIGMA")
SUSPENDED, REFUSED = ("KAPPA", "LAMBDA"), ("OMEGA", "OMIKRON")
GIVEN_UP = "THETA"
"""Suspended too, and handed over to the write-off team once its pages are shown."""

READERS = {Role.COLLECTOR: "mia", Role.COLLECTIONS_MANAGER: "anna", Role.ADMIN: "ada"}
SHOWN = "ZETA"
"""The account that only pages show: it has a plan and a credit review."""

NO_PROVIDER = OpenIdProvider(OpenIdConfig("https://login.lindenhof.example", "duecourse", None, {}))
"""Pages offer it, and nobody asks it anything."""

SMALL_CREDIT, LARGE_CREDIT = "25.00", "20000.00"


class BrowserStage(NamedTuple):
    """`site` over `environment`: the customers `CALLED` of mia's are to be called; `approvals` of credits to others wait for a manager, and
    `large_approvals`, which one has given, for the director. `SUSPENDED` accounts may be handed over; those of `REFUSED` billing does not
    suspend as long as they are `in_the_way`, so that a person must."""

    site: ConsoleSite
    environment: CollectionEnvironment
    invoices: dict[str, str]
    approvals: list[str]
    large_approvals: dict[str, str]
    in_the_way: set[str]


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[BrowserStage]:
    shutil.copy(_sqlite_template(), folder / "duecourse.db")
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    async with start_collection_environment(database, folder) as environment, gather_people(environment) as people:
        patch = people.stack.enter_context(pytest.MonkeyPatch.context())
        monday = await environment.pass_to_monday()
        await environment.pass_to(monday + DAY)
        first = (*CALLED, *SUSPENDED, GIVEN_UP, *REFUSED)
        opened = await environment.open_invoices(*(InvoiceSpec(monday, account=account) for account in first))
        with database.writing() as session:
            session.execute(update(Account).where(col(Account.id).in_(CALLED)).values(collector="mia"))
        await ask_for_suspensions(environment, dict(zip(first, opened, strict=True)))
        await environment.play.run_morning(monday + DAY)
        await environment.play.run_mornings(monday + 7 * DAY, monday + 8 * DAY)
        refused = refuse_suspensions(environment.play, patch)
        await suspend_accounts(environment, monday + 16 * DAY)
        later = [InvoiceSpec(monday + 15 * DAY, account=account) for account in (*DISPUTED, SHOWN)]
        later += [InvoiceSpec(monday + 15 * DAY, account=account, total="30000.00") for account in LARGE]
        opened += await environment.open_invoices(*later)
        people.now = await environment.play.environment.get_current_time()
        invoices = dict(zip((*first, *DISPUTED, SHOWN, *LARGE), opened, strict=True))
        approvals = [await ask_for_credit(environment, people, invoices[account]) for account in DISPUTED]
        large = {account: await ask_for_large_credit(environment, people, invoices[account]) for account in LARGE}
        show_everything(people, environment.play, folder)
        wait_for_works(patch)
        async with open_console(people) as site:
            yield BrowserStage(site, environment, invoices, approvals, large, refused)
        refused.clear()
        await environment.play.settle()
        await environment.close()
    database.close()


def show_everything(people: People, play: TimeSkippingPlay, folder: Path) -> None:
    """Let the console show the inbox, replay histories and have a connected system; its passwords are cheap."""
    app = people.app
    app.state.letter_plays.waited_seconds = PATIENCE
    connect_erp(play.parts.database, folder)
    app.state.parts = replace(app.state.parts, inbox=play.parts.inbox, audits=PlayedAudits(play), openid=NO_PROVIDER)
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    app.state.parts.__dict__["passwords"] = PasswordStore(play.parts.database, cheap)


async def ask_for_suspensions(environment: CollectionEnvironment, invoices: dict[str, str]) -> None:
    """The first accounts get their warning with the next letters: mia asked, and anna approved it."""
    cases = AccountCommands(environment)
    for account in (*SUSPENDED, GIVEN_UP, *REFUSED):
        case = await cases.request_suspension(account, invoices[account])
        await cases.decide(await cases.wait_for_approval(case), "anna")
        await cases.wait_for_entries(case, "suspension.warning_requested")


async def suspend_accounts(environment: CollectionEnvironment, day: date) -> None:
    """On the day on which their notice has ended anna approves that they are suspended, and billing does it, or refuses it."""
    cases = AccountCommands(environment)
    await environment.pass_to(day)
    for account in (*SUSPENDED, GIVEN_UP, *REFUSED):
        case = ids.suspension_case_id(account)
        await cases.decide(await cases.wait_for_approval(case, 2), "anna")
        if account not in REFUSED:
            await cases.wait_for_entries(case, "suspension.suspended")


def refuse_suspensions(play: TimeSkippingPlay, patch: pytest.MonkeyPatch) -> set[str]:
    """Let billing refuse to suspend `REFUSED`, as long as an account is in the set."""
    billing, refused = play.parts.billing, set(REFUSED)
    suspend: Callable[..., Any] = billing.suspend_account

    def suspend_or_refuse(key: str, account_id: str, *given: Any, **named: Any) -> Any:
        if account_id in refused:
            raise RefusedByBillingError("the customer has a contract that only a person may end")
        return suspend(key, account_id, *given, **named)

    patch.setattr(billing, "suspend_account", suspend_or_refuse)
    return refused


class PlayedAudits(UnavailableAuditPort):
    """Replays the histories of a play."""

    def __init__(self, play: TimeSkippingPlay) -> None:
        database = play.parts.database
        histories = RunHistoryLoader(play.client, RunArchive(database), TimeSkippingRuns(play.client))
        self._replayer = AccountReplayer(database, histories, HistoryReplayer(WORKFLOWS))

    async def replay(self, account_id: str, progress: Callable[[int, int], None] | None = None) -> ReplayReport:
        return await self._replayer.replay_account(account_id, progress)


async def ask_for_credit(environment: CollectionEnvironment, people: People, invoice: str, amount: str = SMALL_CREDIT) -> str:
    """The approval of a credit that ben of sales operations answered a dispute of mia's with."""
    dispute = await raise_dispute(environment, people, invoice, amount)
    ben = await people("ben", Role.SALES_OPS)
    credit = {"resolution": "credit_note", "amount": {"amount": amount, "currency": "EUR"}, "comment": "two boxes were missing"}
    assert (await ben.post(f"/v1/disputes/{dispute}/resolution", json=credit)).status_code == 200
    return await DisputeCommands(environment).wait_for_approval(dispute)


async def ask_for_large_credit(environment: CollectionEnvironment, people: People, invoice: str) -> str:
    """One that takes two, and that anna has approved."""
    approval, cases = await ask_for_credit(environment, people, invoice, LARGE_CREDIT), DisputeCommands(environment)
    await cases.decide(approval, "anna")
    await environment.wait_until(lambda: cases.row(approval).awaiting_role == Role.FINANCE_DIRECTOR)
    return approval


async def raise_dispute(environment: CollectionEnvironment, people: People, invoice: str, amount: str = SMALL_CREDIT) -> str:
    """A dispute of mia's; its id."""
    mia = await people("mia", Role.COLLECTOR)
    contested = {"amount": amount, "currency": "EUR", "reason": "wrong_price"}
    assert (await mia.post(f"/v1/invoices/{invoice}/disputes", json=contested)).status_code == 200
    dispute = f"dispute:{invoice}:1"
    await DisputeCommands(environment).wait_for_entries(dispute, "dispute.raised")
    return dispute


async def propose_plan(stage: BrowserStage, account: str) -> str:
    """A plan of mia's; its id."""
    mia = await stage.site.people("mia", Role.COLLECTOR)
    terms = {"first_on": (await stage.environment.today() + 7 * DAY).isoformat(), "equal": 2, "rhythm": "weekly"}
    asked = {"invoices": [stage.invoices[account]], "currency": "EUR", "terms": terms}
    made = await mia.post(f"/v1/accounts/{account}/plans", json=asked)
    assert made.status_code == 201, made.text
    plan = str(made.json()["plan_id"])
    await DisputeCommands(stage.environment).wait_for_entries(plan, "plan.proposed")
    return plan


async def refer_account(stage: BrowserStage, account: str) -> str:
    """To the credit analyst, by mia; the review's id."""
    mia = await stage.site.people("mia", Role.COLLECTOR)
    asked = await mia.post(f"/v1/accounts/{account}/credit-reviews", json={"reason": "collector", "comment": "pays later each time"})
    assert asked.status_code == 200, asked.text
    review = ids.credit_review_case_id(account)
    await DisputeCommands(stage.environment).wait_for_entries(review, "credit_review.referred")
    return review


async def hand_account_over(stage: BrowserStage, account: str) -> str:
    """To the write-off team, by anna; the id of their case."""
    anna = await stage.site.people("anna", Role.COLLECTIONS_MANAGER)
    handed = await anna.post(f"/v1/accounts/{account}/suspension/hand-over")
    assert handed.status_code == 200, handed.text
    write_off = ids.write_off_case_id(account)
    await DisputeCommands(stage.environment).wait_for_entries(write_off, "dossier.made")
    return write_off


async def ask_for_reduction(stage: BrowserStage, account: str) -> str:
    """A credit note that bea of billing asks for by hand; the id of the request."""
    bea, invoice = await stage.site.people("bea", Role.BILLING_OPS), stage.invoices[account]
    credit = {"amount": SMALL_CREDIT, "currency": "EUR", "reason": "two boxes were missing"}
    asked = await bea.post(f"/v1/invoices/{invoice}/credit-notes", json=credit)
    assert asked.is_success, asked.text
    request = ids.credit_request_case_id(invoice)
    await DisputeCommands(stage.environment).wait_for_entries(request, "credit_request.asked")
    return request


async def open_reader(site: ConsoleSite, role: Role | None, language: str = DEFAULT_LANGUAGE) -> Page:
    """The window of who reads a page in this role; of who is not signed in for None."""
    if role is None:
        return await site.open_window(locale=language)
    name = READERS.get(role, role.value)
    page = await site.sign_in(name, role)
    site.people.identity.add_user(name, role, language=language)
    return page


async def list_stage_pages(stage: BrowserStage) -> list[PageExample]:
    """An example of every page of the console, and of the forms those that have between them every kind of field."""
    people, database = stage.site.people, stage.environment.database
    people.identity.add_user("mia", Role.COLLECTOR)
    ada = await people("ada", Role.ADMIN)
    ada.headers["Accept"] = "text/html"
    with database.reading() as session:
        letter = min(each.id or 0 for each in session.scalars(select(Message).filter_by(account_id=CALLED[0], state="sent")))
    mails = people.app.state.parts.inbox.list(limit=1)
    facts = {
        "account_id": CALLED[0],
        "invoice_id": stage.invoices[CALLED[0]],
        "approval_id": stage.approvals[2],
        "dispute_id": ids.dispute_case_id(stage.invoices[DISPUTED[2]], 1),
        "plan_id": await propose_plan(stage, SHOWN),
        "review_id": await refer_account(stage, SHOWN),
        "letter_id": str(letter),
        "mail_id": mails[0].id,
        "import_id": list_latest_imports(database, 1)[0].id,
        "connection_id": ERP_ID,
        "secret": "api_key",
        "user_name": "mia",
        "name": "standard",
        "password_code": PasswordStore(database).make_link_code("mia", ChangeAuthor("ada", IdentityChannel.CONSOLE)),
        **await begin_works(ada, CALLED[0], stage.invoices[SHOWN]),
    }
    cases = [await ask_for_reduction(stage, GIVEN_UP), await hand_account_over(stage, GIVEN_UP)]
    others = [build_example(f"/cases/{quote(case, safe='')}") for case in cases]
    return [*list_examples(people.app, facts, choose_telling_forms()), *others]
