"""A suspended account says so everywhere: in its own body, in its invoices', in lists, on the worklist and on the console's pages."""

import re
from datetime import date

import pytest

from adapters.database.tables import Task
from adapters.ledger.ledger import Ledger
from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.correspondence.letter_outcome import LetterResult
from domain.roles import Role
from domain.suspension import events
from domain.suspension.state import SuspensionStage
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.transitions import advance
from domain.suspension.view import build_case_view
from tests.api.account_cases import create_account, create_suspension, days_from_today, moment_in, write_case
from tests.api.conftest import As, Client
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on

SAYS = "Suspended since 1 Mar 2013, signed off by anna, asked for by maria"
ENDS = (
    "It ends when the invoices of the warning are settled, or the collections manager reinstates the account; unless it pays, it is handed "
    "over to the write-off team on "
)


def suspend(world: PortfolioWorld) -> SuspensionCase:
    """By its rules, as fast as they allow: signed off by anna, and off in billing, today."""
    case = create_suspension(world)
    events.apply_approval_outcome(case, ApprovalOutcome(number=1, result=ApprovalResult.APPROVED, by="otto"), moment_in(-20))
    events.apply_warning_outcome(case, 1, LetterResult.SENT, days_from_today(-20), moment_in(-20))
    advance(case, moment_on(TODAY))
    events.apply_approval_outcome(case, ApprovalOutcome(number=2, result=ApprovalResult.APPROVED, by="anna"), moment_on(TODAY))
    answer = Ledger(world.database).suspend_account("order", "A-1", ["I-1"], {"EUR": 1}, at=moment_on(TODAY).business)
    events.apply_billing_result(case, 1, answer, moment_on(TODAY))
    assert case.stage is SuspensionStage.SUSPENDED
    return write_case(world, case, build_case_view)


@pytest.fixture
def suspended(world: PortfolioWorld) -> PortfolioWorld:
    """I-1 is in the suspension; I-2 is not due yet, and of the same account."""
    create_account(world)
    world.invoice("I-2", due=date(2013, 3, 20))
    world.account("A-2", "Hartley & Sons")
    world.invoice("J-1", "A-2")
    suspend(world)
    return world


async def words_of(client: Client, path: str) -> str:
    answer = await client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


async def test_the_account_says_since_when_by_whom_and_what_ends_it(as_role: As, suspended: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR) as client:
        account = (await client.get("/v1/accounts/A-1")).json()
    state = account["suspension"]
    assert (state["stage"], state["suspended"], state["since"], state["suspended_on"]) == ("suspended", True, "2013-03-01", "2013-03-01")
    assert (state["asked_by"], state["signed_off_by"], state["says"]) == (["maria"], "anna", SAYS)
    assert state["ends"].startswith(ENDS)
    assert [invoice["suspension"]["says"] for invoice in account["invoices"]] == [SAYS, SAYS]


async def test_each_open_invoice_of_the_account_says_so(as_role: As, suspended: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR) as client:
        for invoice in ("I-1", "I-2"):
            read = (await client.get(f"/v1/invoices/{invoice}", headers={"Accept-Language": "de"})).json()
            assert read["stage"] == "suspended"
            assert read["suspension"]["says"] == "Gesperrt seit dem 01.03.2013, freigegeben von anna, erbeten von maria"
        assert (await client.get("/v1/invoices/J-1")).json()["suspension"] is None


async def test_the_filters_of_the_lists_find_them(as_role: As, suspended: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR) as client:

        async def listed(path: str) -> set[str]:
            return {item["id"] for item in (await client.get(path)).json()["items"]}

        assert await listed("/v1/invoices?stage=suspended") == {"I-1", "I-2"}
        assert await listed("/v1/invoices?stage=new") == {"J-1"}
        assert await listed("/v1/invoices?stage=waiting") == set()
        assert await listed("/v1/accounts?stage=suspended") == {"A-1"}
        assert await listed("/v1/accounts?stage=sign_off") == set()
        assert await listed("/v1/accounts?stage=nonsense") == set()


async def test_the_worklist_says_it_of_whatever_waits_for_the_account(as_role: As, suspended: PortfolioWorld) -> None:
    suspended.add(Task(key="call:A-1", kind="call", account_id="A-1", invoice_id="I-1", assignee="collector-1", due_on=TODAY))
    async with as_role(Role.COLLECTOR) as client:
        (item,) = (await client.get("/v1/worklist")).json()["items"]
    assert item["suspended_on"] == "2013-03-01"
    assert "Its account has been suspended since 1 Mar 2013" in item["why"]


async def test_the_pages_say_it_and_count_the_invoices_at_their_stage(as_role: As, suspended: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR) as client:
        for path in ("/accounts/A-1", "/invoices/I-1", "/invoices/I-2"):
            shown = await words_of(client, path)
            assert f"The account is suspended {SAYS}. {ENDS}" in shown, path
        assert "Suspended 2 €500.00" in await words_of(client, "/")
        assert "N-I-2" in await words_of(client, "/?stage=suspended")
        assert "suspend" not in (await words_of(client, "/accounts/A-2")).lower()


async def test_a_suspension_that_waits_for_its_approval_says_so(as_role: As, world: PortfolioWorld) -> None:
    """Without the approval's own row, as before it has begun, nobody is named who may decide it."""
    create_account(world)
    create_suspension(world)
    async with as_role(Role.AUDITOR) as client:
        state = (await client.get("/v1/accounts/A-1")).json()["suspension"]
        assert (state["stage"], state["suspended"], state["since"]) == ("warning_approval", False, "2013-03-01")
        assert state["says"] == "Waits for approval of the suspension warning since 1 Mar 2013; asked for by maria"
        assert (await client.get("/v1/invoices/I-1")).json()["stage"] == "waiting"
        assert "The account’s suspension Waits for approval of the suspension warning" in await words_of(client, "/accounts/A-1")


async def test_an_account_whose_debt_was_written_off_stays_suspended_without_a_case(as_role: As, world: PortfolioWorld) -> None:
    create_account(world)
    case = suspend(world)
    events.apply_write_off(case, moment_on(TODAY))
    write_case(world, case, build_case_view)
    async with as_role(Role.AUDITOR) as client:
        state = (await client.get("/v1/accounts/A-1")).json()["suspension"]
    assert (state["stage"], state["suspended"], state["signed_off_by"]) == ("ended", True, "anna")
    assert state["ends"] == "No case is left that would end it: billing must switch the service on again"
