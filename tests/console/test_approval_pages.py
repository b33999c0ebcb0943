"""The pages about approvals: what waits for whose decision, each currency by itself, and the facts of one; in the reader's language."""

import asyncio
from datetime import date, timedelta
from urllib.parse import quote

import pytest
from fastapi import FastAPI

from adapters.database.tables import Note
from adapters.i18n.languages import LANGUAGES
from adapters.identity.delegation_store import DelegationStore
from adapters.identity.users_and_tokens import IdentityStore
from adapters.temporal.case_commands import CommandQueued
from api.console.approvals.facts_table import build_facts_table
from api.presenters.phrases import load_phrases
from domain.approval.commands import DecideApproval
from domain.approval.delegation import Delegation
from domain.approval.facts import DecisionFacts
from domain.approval.result import LapseReason
from domain.approval.view import build_case_view
from domain.case.command import Command, CommandReceipt
from domain.policy.approval_type import ApprovalType
from domain.roles import Role
from tests.api.account_cases import NOW, write_case
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import build_facts, store_approval
from tests.console.test_act_forms import fields_of
from tests.console.test_pages import ESCAPED, NASTY, page, words
from tests.patience import PATIENCE


@pytest.fixture
def identity(world: PortfolioWorld) -> IdentityStore:
    return IdentityStore(world.database)


async def test_what_waits_for_the_reader_is_grouped_with_each_currency_by_itself(as_role: As, world: PortfolioWorld) -> None:
    for number, account in enumerate(("A-1", "A-2", "A-3"), 1):
        world.account(account, name=f"Kunde {number}")
    later = store_approval(world, {"EUR": 10_000, "USD": 2_000}, "A-1", at=NOW)
    sooner = store_approval(world, {"EUR": 5_050}, "A-2", at=moment_on(TODAY - timedelta(days=2)))
    store_approval(world, {"GBP": 700}, "A-3", matter=ApprovalType.SUSPENSION)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        html = await page(manager, "/approvals")
    shown = words(html)
    assert "suspension warning (2): €150.50, US$20.00" in shown
    assert "suspension (1): £7.00" in shown
    links = [html.index(f'href="/approvals/{quote(case.journal.case_id, safe="")}"') for case in (sooner, later)]
    assert links == sorted(links), "the nearest deadline first"
    assert "Kunde 1 €100.00 and US$20.00, 2 invoices, asked by mia" in shown


async def test_nobody_is_offered_what_they_may_not_decide_and_a_delegate_is(
    as_role: As, world: PortfolioWorld, identity: IdentityStore
) -> None:
    world.account()
    store_approval(world, {"EUR": 10_000}, requester="collections_manager-1")
    for role in (Role.COLLECTIONS_MANAGER, Role.COLLECTOR, Role.FINANCE_DIRECTOR):
        async with as_role(role, Accept="text/html") as client:
            assert "Nothing waits for your decision." in await page(client, "/approvals")
    identity.add_user("greta", Role.COLLECTIONS_MANAGER)
    given = Delegation(
        delegation_id="d", from_user="greta", to_user="finance_director-1", role=Role.COLLECTIONS_MANAGER, first_day=TODAY, last_day=TODAY
    )
    DelegationStore(world.database).add(given, "greta")
    async with as_role(Role.FINANCE_DIRECTOR, Accept="text/html") as client:
        assert "suspension warning (1): €100.00" in words(await page(client, "/approvals"))


async def test_an_approval_shows_its_facts_and_escapes_what_people_wrote(as_role: As, world: PortfolioWorld) -> None:
    world.account(name=NASTY)
    world.add(Note(id="N-1", account_id="A-1", author="mia", text=NASTY, written_at=NOW.business))
    case = store_approval(world, {"EUR": 10_000, "USD": 2_000}, facts=build_facts({"EUR": 10_000, "USD": 2_000}, note_id="N-1"))
    path = f"/approvals/{quote(case.journal.case_id, safe='')}"
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        html = await page(manager, path)
    shown = words(html)
    assert NASTY not in html
    assert html.count(ESCAPED) >= 3
    for said in (
        "Asked for €100.00 US$20.00",
        "Asked by mia on ",
        "1 of 1: collections manager",
        "No. EUR €100.00 €100.00 – 10 Jan 2013 50 –",
        "No. USD US$20.00 US$20.00",
        "€10.00 No. EUR , the price is wrong 1 Feb 2013",
        "Letters 2 First reminder 20 Feb 2013",
        "You may decide this",
        "It waits for the collections manager",
    ):
        assert said in shown, said
    assert 'href="/invoices/I-EUR"' in html
    assert 'href="/accounts/A-1"' in html
    async with as_role(Role.AUDITOR, Accept="text/html") as auditor:
        assert "You may decide this" not in await page(auditor, path)


async def test_an_approval_that_is_over_says_so_and_waits_for_nobody(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    case = store_approval(world, {"EUR": 10_000})
    case.lapse(LapseReason.SETTLED, NOW)
    write_case(world, case, build_case_view)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        shown = words(await page(manager, f"/approvals/{quote(case.journal.case_id, safe='')}"))
        assert "Nothing waits for your decision." in await page(manager, "/approvals")
    assert "Suspension warning: Brauerei Nord GmbH Lapsed" in shown
    assert "1 of 1" not in shown
    assert "decide by" not in shown
    assert "You may decide this" not in shown


@pytest.mark.parametrize("language", LANGUAGES)
async def test_both_pages_speak_the_readers_language(as_role: As, world: PortfolioWorld, identity: IdentityStore, language: str) -> None:
    world.account()
    case = store_approval(world, {"EUR": 123_456})
    identity.add_user("collections_manager-1", Role.COLLECTIONS_MANAGER, language=language)
    phrases = load_phrases(language)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        for path in ("/approvals", f"/approvals/{quote(case.journal.case_id, safe='')}"):
            html = await page(manager, path)
            assert f'<html lang="{language}">' in html
            assert phrases.translate("matters", "suspension_warning") in html
            assert phrases.shared.format_money(123_456, "EUR") in html
            assert html.count("<h1>") == 1


async def test_what_is_no_approval_is_a_page_that_leads_back_and_a_stranger_is_shown_the_way(
    app: FastAPI, as_role: As, world: PortfolioWorld
) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        answer = await manager.get("/approvals/approval%3Anone%3A1")
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (404, "text/html")
    async with as_role(None, Accept="text/html") as stranger:
        for path in ("/approvals", "/approvals/x"):
            answer = await stranger.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_many_are_decided_at_once_after_their_count_and_sums_and_one_that_is_refused_stops_no_other(
    as_role: As, world: PortfolioWorld
) -> None:
    cases = []
    for number, amounts in enumerate(({"EUR": 10_000}, {"EUR": 5_000, "USD": 200}, {"EUR": 1_000}), 1):
        world.account(f"A-{number}", name=f"Kunde {number}")
        cases.append(store_approval(world, amounts, f"A-{number}", at=NOW).journal.case_id)
    chosen = "&".join(f"approval={quote(case, safe='')}" for case in cases)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        assert (await page(manager, "/approvals")).count('name="approval"') == 3
        html = await page(manager, f"/approval-decisions?{chosen}")
        shown = words(html)
        assert "Decide 3 approvals at once" in shown
        assert 'name="comment" rows="3" data-names-people' in html
        assert "In all €160.00 In all US$2.00" in shown
        form: dict[str, str | list[str]] = {**fields_of(html), "approval": cases}
        unsaid = await manager.post("/approval-decisions", data=form)
        assert (unsaid.status_code, world.cases.acts) == (422, [])
        form[f"version.{cases[1]}"] = "99"
        told = await manager.post("/approval-decisions", data={**form, "decision": "approve", "comment": "@nobody-there look"})
        assert told.status_code == 200
        assert "There is no user nobody-there" in words(told.text)
    decided = {command.facts_version for command in world.cases.acts if isinstance(command, DecideApproval)}
    assert len(world.cases.acts) == 3
    assert 99 in decided


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_many_are_decided_five_at_a_time(as_role: As, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for its own worker: one after the other, two hundred would take as long as all their waits together."""
    under_way, most, five = 0, 0, asyncio.Event()
    submit = world.cases.submit_command

    async def submit_slowly(case_id: str, command: Command) -> CommandReceipt | CommandQueued:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 5:
            five.set()
        await asyncio.wait_for(five.wait(), PATIENCE)
        await asyncio.sleep(0.02)
        under_way -= 1
        return await submit(case_id, command)

    monkeypatch.setattr(world.cases, "submit_command", submit_slowly)
    cases = []
    for number in range(7):
        world.account(f"A-{number}")
        cases.append(store_approval(world, {"EUR": 10_000}, f"A-{number}", at=NOW).journal.case_id)
    chosen = "&".join(f"approval={quote(case, safe='')}" for case in cases)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = {**fields_of(await page(manager, f"/approval-decisions?{chosen}")), "approval": cases, "decision": "approve"}
        assert "7" in words((await manager.post("/approval-decisions", data=form)).text)
    assert (most, len(world.cases.acts)) == (5, 7)


async def test_a_batch_without_a_choice_says_so_and_is_for_approvers_alone(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        assert "Choose at least one approval" in words(await page(manager, "/approval-decisions"))
        assert "Choose at least one approval" in words(await page(manager, "/approval-decisions?approval=approval:none:1"))
        assert (await manager.post("/approval-decisions", data={"form_token": "x", "decision": "approve"})).status_code == 422
    async with as_role(Role.COLLECTOR, Accept="text/html") as collector:
        assert (await collector.get("/approval-decisions")).status_code == 403


async def test_a_version_that_no_page_wrote_is_refused_and_stops_no_other(as_role: As, world: PortfolioWorld) -> None:
    cases = []
    for number in (1, 2):
        world.account(f"A-{number}")
        cases.append(store_approval(world, {"EUR": 10_000}, f"A-{number}", at=NOW).journal.case_id)
    chosen = "&".join(f"approval={quote(case, safe='')}" for case in cases)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        form = fields_of(await page(manager, f"/approval-decisions?{chosen}"))
        sent = {**form, "approval": cases, "decision": "approve", f"version.{cases[0]}": "²"}
        told = await manager.post("/approval-decisions", data=sent)
    assert told.status_code == 200
    assert "Decided: 1" in words(told.text)
    assert len(world.cases.acts) == 1


def test_promises_in_another_order_are_no_change_and_many_are_told_by_their_sum() -> None:
    few, many = build_promises(2), build_promises(5)
    turned = few.model_copy(update={"invoices": few.invoices[::-1]})
    words_of = load_phrases("en")
    [told] = [row for row in build_facts_table(few, TODAY, turned, TODAY, words_of) if row.label == words_of.approvals["promised"]]
    assert (told.now, told.differs) == ("€10.00 2 Mar 2013\n€10.00 3 Mar 2013", False)
    [summed] = [row for row in build_facts_table(few, TODAY, many, TODAY, words_of) if row.label == words_of.approvals["promised"]]
    assert (summed.now, summed.differs) == ("€50.00\n5, until 6 Mar 2013", True)


def build_promises(count: int) -> DecisionFacts:
    """So many invoices, each promised a day after the one before."""
    facts = build_facts({"EUR": 10_000})
    [invoice] = facts.invoices
    days = [TODAY + timedelta(days=number) for number in range(1, count + 1)]
    promised = [invoice.model_copy(update={"invoice_id": f"I-{day}", "promised_by": day, "promised_amount": 1_000}) for day in days]
    return facts.model_copy(update={"invoices": promised})


async def test_a_page_reads_once_who_signs_in_whose_place(as_role: As, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.account()
    store_approval(world, {"EUR": 10_000})
    days, list_active = list[date](), DelegationStore.list_active

    def note(store: DelegationStore, day: date) -> list[Delegation]:
        days.append(day)
        return list_active(store, day)

    monkeypatch.setattr(DelegationStore, "list_active", note)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        assert "decision" in await page(manager, "/approvals")
    assert days == [TODAY]
