"""One thing is done to many rows of a list: after their count and sums, in the background, each by itself, with what could not be done."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import date
from html import unescape
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from sqlmodel import select

from adapters.database.tables import Note
from adapters.temporal.case_commands import CaseNotRunning, CommandQueued
from api.console.lists.acts_on_many.list_works import ListWorks
from domain.billing.billing_events import InvoiceFacts
from domain.case.command import Command, CommandReceipt
from domain.clock import start_of_day
from domain.dispute.commands import RaiseDispute
from domain.dispute.dispute_case import DisputeCase
from domain.dispute.view import build_case_view
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import AddNote, PauseCollection
from domain.invoice.invoice_case import PAUSE_HOLD
from domain.journal.journal import Journal
from domain.policy.dispute_rules import DisputeReason
from domain.roles import Role
from tests.api.account_cases import NOW, days_from_today, write_case
from tests.api.conftest import As, Client
from tests.api.portfolio_world import POLICY, TODAY, FakeCases, PortfolioWorld, moment_on
from tests.console.test_act_forms import fields_of
from tests.console.test_pages import page, words
from tests.patience import Looks

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def owing(world: PortfolioWorld) -> PortfolioWorld:
    for number in range(3):
        world.account(f"A-{number}", collector="maria")
        world.invoice(f"I-{number}", account=f"A-{number}", total=10_000)
    world.invoice("G-1", account="A-0", total=700, currency="GBP")
    return world


async def finish(client: Client, address: str) -> str:
    """The page of a work once it is over."""
    async for _ in Looks():
        html = await page(client, address)
        if 'http-equiv="refresh"' not in html:
            return html
    raise AssertionError("it does not end")


@ON_SQLITE
async def test_all_that_match_are_paused_after_their_count_and_sums_and_one_that_is_refused_stops_no_other(
    as_role: As, owing: PortfolioWorld
) -> None:
    owing.invoice("NEW", account="A-1", total=300, started=False)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        listed = await page(client, "/invoices?collector=maria")
        assert listed.count('form="choose" name="chosen"') == 5
        html = await page(client, f"/lists/invoices/acts?act=pause_invoice&query={quote('collector=maria')}")
        assert "Match 5 Open, EUR €303.00 €303.00 overdue Open, GBP £7.00" in words(html)
        form = fields_of(html)
        unsaid = await client.post("/lists/invoices/acts", data={**form, "reason": ""})
        assert (unsaid.status_code, owing.cases.acts) == (422, []), "what is wrong with the form is said once, and nothing is done"
        odd = await client.post("/lists/invoices/acts", data={**form, "reason": "stock is counted", "until": "friday"})
        assert (odd.status_code, 'id="f-pause_invoice-until-fault"' in odd.text, owing.cases.acts) == (422, True, [])
        begun = await client.post("/lists/invoices/acts", data={**form, "reason": "stock is counted"})
        assert begun.status_code == 303
        again = await client.post("/lists/invoices/acts", data={**form, "reason": "stock is counted"})
        assert again.headers["location"] == begun.headers["location"], "the same form sent twice is done once"
        done = words(await finish(client, begun.headers["location"]))
        assert "Done to 4 of 5." in done
        assert "Not done to 1, and why N-NEW : " in done
        assert len([act for act in owing.cases.acts if isinstance(act, PauseCollection)]) == 4
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as other:
        assert (await other.get(begun.headers["location"])).status_code == 404, "it is of whoever began it"


@ON_SQLITE
async def test_only_the_ticked_rows_are_acted_on_and_what_matches_by_now_is_shown_where_it_is_not_the_same(
    as_role: As, owing: PortfolioWorld
) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        ticked = await page(client, "/lists/invoices/acts?act=add_note&query=&chosen=I-0&chosen=I-2&chosen=none")
        assert "Ticked 2 Open" in words(ticked)
        form: dict[str, str | list[str]] = {**fields_of(ticked), "chosen": ["I-0", "I-2"], "text": "stock is counted"}
        await finish(client, (await client.post("/lists/invoices/acts", data=form)).headers["location"])
        assert len([act for act in owing.cases.acts if isinstance(act, AddNote)]) == 2
        accounts = await page(client, "/lists/accounts/acts?act=pause_account&query=")
        assert "Match 3 Open, EUR €300.00" in words(accounts)
        form = {**fields_of(accounts), "reason": "stock is counted"}
        owing.account("A-9")
        changed = await client.post("/lists/accounts/acts", data=form)
        assert (changed.status_code, "Match 4" in words(changed.text)) == (409, True)
        again = {**fields_of(changed.text), "reason": "stock is counted"}
        told = words(await finish(client, (await client.post("/lists/accounts/acts", data=again)).headers["location"]))
        assert "Done to 3 of 4." in told
        assert {type(act) for act in owing.cases.acts} == {AddNote, PauseCollection}
        assert len([act for act in owing.cases.acts if isinstance(act, PauseCollection)]) == 4


@ON_SQLITE
async def test_many_are_done_five_at_a_time_while_the_page_shows_how_far_it_is(
    app: FastAPI, as_role: As, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.account()
    for number in range(60):
        world.invoice(f"I-{number:03}", started=False)
    gate, under_way, most = asyncio.Event(), 0, 0

    async def take(invoice_id: str, command: Command) -> CommandReceipt:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if invoice_id != "I-000":
            await gate.wait()
        under_way -= 1
        return CommandReceipt(act_id=command.act_id, seq=1)

    monkeypatch.setattr(world.cases, "submit_invoice_command", take)
    monkeypatch.setattr("api.console.lists.acts_on_many.work_pages.WAITED_SECONDS", 0.05)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/lists/invoices/acts?act=pause_invoice&query="))
        begun = (await client.post("/lists/invoices/acts", data={**form, "reason": "stock"})).headers["location"]
        for _ in range(2):
            html = await page(client, begun)
            assert "1 of 60 so far." in words(html)
            assert 'http-equiv="refresh"' in html
        async for _ in Looks():
            if under_way == 5:
                break
        gate.set()
        assert "Done to 60 of 60." in words(await finish(client, begun))
    assert most == 5


@ON_SQLITE
async def test_who_may_not_collect_is_offered_nothing_and_an_unknown_act_is_not_there(as_role: As, owing: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as auditor:
        assert 'name="chosen"' not in await page(auditor, "/invoices")
        assert (await auditor.get("/lists/invoices/acts?act=pause_invoice")).status_code == 403
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        for path in ("/lists/invoices/acts?act=erase_account", "/lists/cases/acts?act=pause_invoice", "/lists/works/none"):
            assert (await client.get(path)).status_code == 404
        assert not re.findall('name="chosen"', await page(client, "/cases"))
        stranger = {"act": "pause_invoice", "form_token": "x", "reason": "y"}
        assert (await client.post("/lists/invoices/acts", data=stranger)).status_code == 403


@ON_SQLITE
async def test_disputes_are_passed_on_together_with_what_is_contested_and_ticked_accounts_are_given_away(
    as_role: As, owing: PortfolioWorld
) -> None:
    owing.invoice("D-1", account="A-1", total=25_000)
    for number in (1, 2):
        owing.cases.running[f"dispute:I-{number}:1"] = "" if number == 1 else "the dispute has its answer; there is nothing left to assign"
        write_dispute(owing, f"I-{number}")
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        assert 'name="chosen"' not in await page(manager, "/cases"), "not everything there is a dispute"
        assert (await page(manager, "/cases?kind=dispute")).count('form="choose" name="chosen"') == 2
        assert (await manager.get("/lists/cases/acts?act=assign_dispute&query=")).status_code == 404
        html = await page(manager, "/lists/cases/acts?act=assign_dispute&query=kind%3Ddispute")
        assert "Match 2 Amount €200.00" in words(html)
        form = fields_of(html)
        nobody = await manager.post("/lists/cases/acts", data={**form, "assignee": "nobody"})
        assert (nobody.status_code, owing.cases.acts) == (422, [])
        sent = await manager.post("/lists/cases/acts", data={**form, "assignee": "collections_manager-1"})
        done = words(await finish(manager, sent.headers["location"]))
        assert "Done to 1 of 2." in done
        assert "there is nothing left to assign" in done
        ticked = await page(manager, "/lists/accounts/reassignment?query=&chosen=A-1&chosen=A-2&chosen=none")
        assert "Ticked 2 Open €450.00" in words(ticked)
        given = {**fields_of(ticked), "chosen": ["A-1", "A-2"], "to": "collections_manager-1", "why": "away"}
        assert "2 accounts are now with collections_manager-1" in words(
            (await manager.post("/lists/accounts/reassignment", data=given)).text
        )


def write_dispute(world: PortfolioWorld, invoice: str) -> None:
    """EUR 100 of it, by maria."""
    facts = InvoiceFacts(version=1, due_date=days_from_today(-10), currency="EUR", total=10_000, open_balance=10_000)
    raised = RaiseDispute(act_id="d", actor="maria", role=Role.COLLECTOR, reason=DisputeReason.WRONG_PRICE, amount=10_000)
    journal = Journal(case_id=f"dispute:{invoice}:1", account_id=invoice.replace("I", "A"), invoice_id=invoice)
    case = DisputeCase(journal=journal, facts=facts, snapshot=POLICY, raised=raised)
    case.open(NOW)
    write_case(world, case, build_case_view)


def pause(world: PortfolioWorld, invoice_id: str, until: date | None) -> None:
    case = world.cases.cases[invoice_id]
    apply_command(case, PauseCollection(act_id=f"p:{invoice_id}", actor="maria", reason="holidays", until=until), moment_on(TODAY))
    world.write(case)


@ON_SQLITE
async def test_a_pause_of_many_shortens_none_that_stands_and_names_those(as_role: As, owing: PortfolioWorld) -> None:
    for invoice_id, until in (("I-0", None), ("I-1", date(2013, 5, 1)), ("I-2", date(2013, 3, 15))):
        pause(owing, invoice_id, until)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/lists/invoices/acts?act=pause_invoice&query="))
        past = await client.post("/lists/invoices/acts", data={**form, "reason": "stock", "until": TODAY.isoformat()})
        assert (past.status_code, owing.cases.acts) == (422, []), "the day is wrong for all, and said once, beside its field"
        assert 'id="f-pause_invoice-until-fault"' in past.text
        begun = await client.post("/lists/invoices/acts", data={**form, "reason": "stock", "until": "2013-04-01"})
        told = words(await finish(client, begun.headers["location"]))
    assert "Done to 2 of 4." in told
    assert "N-I-0 : It is paused already; its pause was not shortened." in told
    assert "N-I-1 : It is paused already until 1 May 2013; its pause was not shortened." in told
    ends = {each: case.holds.standing[PAUSE_HOLD].until for each, case in owing.cases.cases.items()}
    until = start_of_day(date(2013, 4, 1))
    assert ends == {"I-0": None, "I-1": start_of_day(date(2013, 5, 1)), "I-2": until, "G-1": until}


@ON_SQLITE
async def test_of_an_account_that_took_it_in_part_each_invoice_that_did_not_is_named(
    as_role: As, owing: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = owing.cases.submit_invoice_command

    async def refuse_one(invoice_id: str, command: Command) -> CommandReceipt | CommandQueued:
        if invoice_id == "G-1":
            raise CaseNotRunning(invoice_id)
        return await take(invoice_id, command)

    monkeypatch.setattr(owing.cases, "submit_invoice_command", refuse_one)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/lists/accounts/acts?act=pause_account&query="))
        begun = await client.post("/lists/accounts/acts", data={**form, "reason": "stock"})
        html = await finish(client, begun.headers["location"])
    assert "Done to 2 of 3. In part to 1." in words(html)
    assert "N-G-1 : collection of this invoice has not begun yet" in words(html)
    assert 'href="/invoices/G-1"' in html


@ON_SQLITE
async def test_a_note_begun_anew_on_the_same_day_reaches_those_alone_that_lack_it(app: FastAPI, as_role: As, owing: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        for rows in (["I-0", "I-1"], ["I-0", "I-1", "I-2"]):
            app.state.list_works = ListWorks()  # as after a process that was killed
            ticked = "".join(f"&chosen={row}" for row in rows)
            form = {**fields_of(await page(client, f"/lists/invoices/acts?act=add_note&query={ticked}")), "chosen": rows}
            begun = await client.post("/lists/invoices/acts", data={**form, "text": "@collections_manager-1 stock, @nobody-there"})
            done = words(await finish(client, begun.headers["location"]))
            assert f"Done to {len(rows)} of {len(rows)}." in done
            assert "There is no user collections_manager-1, nobody-there" in done
    assert len(owing.cases.acts) == 3
    with owing.database.reading() as session:
        assert len(session.exec(select(Note)).all()) == 3


@dataclass
class Gate:
    """Holds back what is sent to cases until it is opened. `reached`: something was sent."""

    cases: FakeCases
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def submit_once_open(self, invoice_id: str, command: Command) -> CommandReceipt | CommandQueued:
        self.reached.set()
        await self.opened.wait()
        return await FakeCases.submit_invoice_command(self.cases, invoice_id, command)


@pytest.fixture
def gate(owing: PortfolioWorld, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(owing.cases)
    monkeypatch.setattr(owing.cases, "submit_invoice_command", gate.submit_once_open)
    return gate


@ON_SQLITE
@pytest.mark.parametrize("signs_out", [True, False])
async def test_it_goes_on_when_its_author_signs_out_and_ends_when_they_may_no_more(
    app: FastAPI, as_role: As, gate: Gate, signs_out: bool
) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = {**fields_of(await page(client, "/lists/invoices/acts?act=pause_invoice&query=")), "reason": "stock"}
        sending = asyncio.create_task(client.post("/lists/invoices/acts", data=form))
        await gate.reached.wait()
        identity = app.state.parts.identity
        identity.revoke_user_tokens("collector-1") if signs_out else identity.deactivate_user("collector-1")
        gate.opened.set()
        begun = (await sending).headers["location"]
        await asyncio.gather(*app.state.list_works.tasks)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        told = words(await page(client, begun))
    assert ("Done to 4 of 4." if signs_out else "Done to 1 of 4.") in told
    assert ("is not active any more" in told) != signs_out


@ON_SQLITE
async def test_a_form_that_is_sent_twice_in_one_moment_is_one_work(as_role: As, gate: Gate) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = {**fields_of(await page(client, "/lists/invoices/acts?act=pause_invoice&query=")), "reason": "stock"}
        first = asyncio.create_task(client.post("/lists/invoices/acts", data=form))
        await gate.reached.wait()
        second = asyncio.create_task(client.post("/lists/invoices/acts", data=form))
        await asyncio.wait({second}, timeout=0.2)
        gate.opened.set()
        begun = (await first).headers["location"]
        assert (await second).headers["location"] == begun
        assert "Done to 4 of 4." in words(await finish(client, begun))


@ON_SQLITE
async def test_after_the_server_was_started_anew_the_page_says_so_and_what_is_left_is_begun_again(
    app: FastAPI, as_role: As, owing: PortfolioWorld
) -> None:
    address = f"/lists/invoices/acts?act=pause_invoice&query={quote('collector=maria')}&chosen=I-0&chosen=I-1"
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = {**fields_of(await page(client, address)), "chosen": ["I-0", "I-1"], "reason": "stock is counted"}
        begun = (await client.post("/lists/invoices/acts", data=form)).headers["location"]
        await finish(client, begun)
        app.state.list_works = ListWorks()
        gone = await client.get(begun)
        assert gone.status_code == 410
        assert "Nothing is known of it any more. It was over more than an hour ago, or the server was started anew" in words(gone.text)
        again = re.search(r'<a class="button" href="(/lists/invoices/acts[^"]+)">Begin again with what is left', gone.text)
        assert again
        assert 'href="/invoices?collector=maria"' in gone.text
        assert "Ticked 2" in words(await page(client, unescape(again[1])))
        led = await client.get(begun.replace("back=%2F", "back=%2F%2Felsewhere.test%2F"))
        assert "elsewhere.test" not in led.text.partition("<main")[2], "it leads to no page but ours"
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as other:
        assert (await other.get(begun)).status_code == 404, "it is of whoever began it"
