"""Whose list an account is on today, and why it is on nobody's: told from what the worklists are made of."""

from datetime import timedelta

import pytest

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import hold_accounts
from adapters.database.tables import BillingCursorRow, Task
from adapters.i18n.languages import LANGUAGES
from api.commands.live_invoice import load_case_policy
from api.context import ApiContext
from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import CaseView, TaskKind
from domain.case.command import Command
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import CallOutcome, LogCall, MakePromise, PauseCollection
from domain.payment_plan import negotiation
from domain.payment_plan.view import build_case_view as plan_view
from domain.policy.collection_policy import Policy
from tests.api.account_cases import NOW, create_proposed_plan, write_case
from tests.api.conftest import Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import store_approval
from tests.api.test_worklist import case

ME = "collector-1"


def act(world: PortfolioWorld, invoice_id: str, command: Command) -> None:
    case = world.cases.cases[invoice_id]
    apply_command(case, command, moment_on(TODAY))
    world.write(case)


def call_due(world: PortfolioWorld, days: int = 0, assignee: str | None = None) -> None:
    due = TODAY + timedelta(days=days)
    world.add(Task(key=f"call:{days}:{assignee}", kind=TaskKind.CALL, account_id="A-1", role="collector", assignee=assignee, due_on=due))


async def told(client: Client, account: str = "A-1", **query: str) -> list[str]:
    answer = await client.get(f"/v1/worklist/accounts/{account}", params=query)
    assert answer.status_code == 200, answer.text
    says: list[str] = answer.json()["says"]
    return says


@pytest.fixture
def mine(world: PortfolioWorld) -> PortfolioWorld:
    world.account(collector=ME)
    world.invoice("I-1")
    return world


async def test_it_is_on_the_readers_list_since_a_day(mine: PortfolioWorld, collector: Client) -> None:
    call_due(mine, -2)
    assert await told(collector) == ["On your list since 27 Feb 2013: The customer is to be called"]
    assert await told(collector, collector=ME) == ["On collector-1’s list since 27 Feb 2013: The customer is to be called"]


async def test_it_is_on_a_colleagues_list_or_waits_for_a_role(mine: PortfolioWorld, collector: Client) -> None:
    mine.account("A-2", collector="maria")
    call_due(mine, assignee="maria")
    assert await told(collector) == ["On maria’s list since 1 Mar 2013: The customer is to be called"]
    store_approval(mine, {"EUR": 10_000})
    assert any(sentence.startswith("It waits for the") for sentence in await told(collector))


async def test_what_is_alike_is_said_once(mine: PortfolioWorld, collector: Client) -> None:
    for number in range(3):
        mine.add(Task(key=f"k{number}", kind=TaskKind.REFUSED_LETTER, account_id="A-1", role="collector", assignee="maria", due_on=TODAY))
    (sentence,) = await told(collector)
    assert sentence.startswith("On maria’s list since 1 Mar 2013: ")
    assert sentence.endswith(", and 2 more like it")


def return_plan(world: PortfolioWorld) -> None:
    """A plan that carl put forward came back to him."""
    plan = create_proposed_plan(world)
    negotiation.apply_approval_outcome(plan, ApprovalOutcome(number=1, result=ApprovalResult.RETURNED, by="anna"), NOW)
    write_case(world, plan, plan_view)


@pytest.mark.parametrize("looks_after", [None, "maria"])
async def test_what_came_back_to_whoever_asked_is_on_their_list_whoever_looks_after_the_account(
    world: PortfolioWorld, collector: Client, looks_after: str | None
) -> None:
    world.account(collector=looks_after)
    world.invoice("I-1")
    return_plan(world)
    answer = (await collector.get("/v1/worklist/accounts/A-1")).json()
    owners = [sentence.partition("’s list")[0] for sentence in answer["says"]]
    assert owners == [f"On {name}" for name in (looks_after, "carl") if name]
    assert answer["on_other_lists"] == 1, "one thing, on however many lists"


async def test_a_dispute_that_was_given_to_somebody_is_on_their_list(mine: PortfolioWorld, collector: Client) -> None:
    given = {"contested": 4_000, "currency": "EUR", "reason": "wrong_price", "assignee": "ben", "escalated": False}
    case(mine, "dispute", "sales_ops", id="dispute:I-1:1", invoice_id="I-1", awaiting_role="sales_ops", summary=given)
    assert [sentence.partition(":")[0] for sentence in await told(collector)] == ["On ben’s list"]


async def test_what_holds_it_is_said(mine: PortfolioWorld, collector: Client) -> None:
    act(mine, "I-1", MakePromise(act_id="p", actor=ME, amount=25_000, by=TODAY + timedelta(days=7)))
    assert await told(collector) == ["On nobody’s list today", "On hold: €250.00 is promised by 8 Mar 2013"]
    mine.invoice("I-2")
    act(mine, "I-2", PauseCollection(act_id="q", actor=ME, reason="holidays", until=TODAY + timedelta(days=9)))
    assert "On hold: paused since 1 Mar 2013 until 10 Mar 2013 (holidays)" in await told(collector)


async def test_what_is_not_overdue_or_settled_is_on_no_list(world: PortfolioWorld, collector: Client) -> None:
    world.account(collector=ME)
    assert await told(collector) == ["On nobody’s list today", "Nothing is open"]
    world.invoice("P-1", status=InvoiceStatus.PAID)
    world.invoice("I-1", due=TODAY + timedelta(days=5), started=False)
    assert (await told(collector))[1] == "Nothing is overdue: the next invoice is due on 6 Mar 2013"


async def test_a_call_that_was_made_today_and_the_next_one_are_said(mine: PortfolioWorld, collector: Client) -> None:
    act(mine, "I-1", LogCall(act_id="c", actor="maria", outcome=CallOutcome.NO_ANSWER))
    call_due(mine, 3)
    says = await told(collector)
    assert says[:3] == ["On nobody’s list today", "maria called today: no answer", "It is to be called on 4 Mar 2013"]


async def test_what_comes_by_itself_and_who_looks_after_it_are_said(world: PortfolioWorld, collector: Client) -> None:
    world.account(collector="maria")
    world.invoice("I-1")
    says = await told(collector)
    assert says[0] == "On nobody’s list today"
    assert says[1].endswith("comes by itself on 11 Feb 2013") or "by itself" in says[1]
    assert says[-1] == "maria looks after the account"


async def test_an_account_without_a_collector_says_so(world: PortfolioWorld, collector: Client) -> None:
    world.account(collector=None)
    world.invoice("I-1")
    assert (await told(collector))[-1] == "No collector looks after the account"


async def test_an_account_that_waits_for_release_says_so(mine: PortfolioWorld, collector: Client) -> None:
    with mine.database.writing() as session:
        brake = BrakeContext("import-1", "admin", moment_on(TODAY).business, moment_on(TODAY).real)
        hold_accounts(session, ["A-1"], brake)
    assert "Its letters have waited for release since 1 Mar 2013" in await told(collector)


async def test_a_system_that_was_not_read_is_not_told_as_if_somebody_had_stopped_the_letters(
    world: PortfolioWorld, collector: Client
) -> None:
    world.account("@erp:1:17", collector=ME)
    world.invoice("I-1", account="@erp:1:17")
    world.add(BillingCursorRow(system="erp", company="1", caught_up_at=None))
    says = await told(collector, "@erp:1:17")
    assert "Its letters wait: the billing system erp has not been read to the end since 1 Mar 2013" in says
    assert not any("stopped" in sentence for sentence in says)


async def test_no_more_is_read_of_many_invoices_than_is_told(
    mine: PortfolioWorld, collector: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def load(context: ApiContext, view: CaseView | None) -> Policy | None:
        read.append(view.case_id if view else "")
        return load_case_policy(context, view)

    monkeypatch.setattr("api.commands.live_invoice.load_case_policy", load)
    for number in range(2, 9):
        mine.invoice(f"I-{number}")
        act(mine, f"I-{number}", PauseCollection(act_id=f"q{number}", actor=ME, reason=f"reason {number}"))
    assert len(await told(collector)) == 4
    assert len(read) == 1, "they go by one policy"


async def test_an_account_that_there_is_not_is_not_found(world: PortfolioWorld, collector: Client, problem: Problem) -> None:
    problem(await collector.get("/v1/worklist/accounts/nowhere"), 404)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_answer_is_in_the_readers_language(mine: PortfolioWorld, collector: Client, language: str) -> None:
    answer = await collector.get("/v1/worklist/accounts/A-1", headers={"Accept-Language": language})
    begins = {"en": "On nobody’s", "de": "Heute auf niemandes", "fr": "Aujourd’hui sur", "es": "Hoy no está"}
    assert answer.json()["says"][0].startswith(begins[language])
