"""Today: what waits for whom, why, and what can be done about it, from the list to the next one."""

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import update
from sqlmodel import col

from adapters.database.tables import Account, Contact, Invoice, Payment, Task
from adapters.i18n.languages import LANGUAGES
from adapters.identity.users_and_tokens import IdentityStore
from api.console.today.foreseen import ADVICE
from api.presenters.phrases import load_phrases
from domain.approval.command_rules import apply_command as decide_approval
from domain.approval.commands import ApprovalVerdict, DecideApproval
from domain.approval.view import build_case_view as build_approval_view
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import CallOutcome, LogCall, MakePromise, PauseCollection, ResumeCollection
from domain.portfolio.worklist_ranking import WorkKind
from domain.roles import Role
from tests.api.account_cases import write_case
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import store_approval
from tests.console.test_act_forms import fields_of, find_link
from tests.console.test_pages import page, words


def call_to(world: PortfolioWorld, account: str, name: str, total: int) -> None:
    world.account(account, name=name, collector="collector-1")
    world.invoice(f"I-{account}", account=account, total=total)
    world.add(Contact(account_id=account, role="phone", name="Frau Berg", email="", phone="+49 30 1234567"))
    world.add(
        Task(
            key=f"call:{account}",
            kind=TaskKind.CALL,
            account_id=account,
            role=Role.COLLECTOR,
            due_on=TODAY - timedelta(days=2),
            state="open",
        )
    )


def count_listed(html: str) -> int:
    """How many things stand in the queue."""
    return html.partition("</ol>")[0].count('href="/today?item=')


async def test_who_has_nothing_to_do_is_told_what_will_appear(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = words(await page(client, "/today"))
    assert "Nothing waits for you." in shown
    assert "calls that are due" in shown
    assert "What waits for others is on the Overview" in shown


async def test_the_heaviest_stands_first_with_its_reason_and_its_account_beside_the_list(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 10_000)
    call_to(world, "A-2", "Hafenwerk KG", 90_000)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today")
        shown = words(html)
        assert shown.index("Hafenwerk KG") < shown.index("Brauerei Nord GmbH")
        assert "All 2 Calls 2" in shown
        assert "Hafenwerk KG €900.00 The customer is to be called" in shown
        assert "2 days late" in shown
        assert "Frau Berg , phone · German · it is 10:00 in Berlin, a working day there" in shown
        assert "+49 30 1234567" in shown
        assert "Points" in shown
        assert "N-I-A-2 10 Feb 2013 19 €900.00" in shown
        assert '<form class="act" method="post" action="/act/log_account_call"' in html
        other = await page(client, html[html.rindex("/today?item=") :].partition('"')[0])
        assert "N-I-A-1" in words(other)


async def test_the_head_says_what_is_owed_how_they_pay_and_what_comes_next(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 90_000)
    case = world.invoice("I-2", account="A-1", due=TODAY - timedelta(days=70), total=10_000)
    assert case
    promise = MakePromise(act_id="p", actor="collector-1", amount=5_000, by=TODAY - timedelta(days=9))
    apply_command(case, promise, moment_on(TODAY - timedelta(days=20)))
    world.record_payment(case, 5_000, TODAY - timedelta(days=9))
    case.judge_promise(moment_on(TODAY - timedelta(days=2)))
    world.write(case)
    world.invoice("I-3", account="A-1", due=TODAY - timedelta(days=40), status=InvoiceStatus.PAID)
    with world.database.writing() as session:
        session.execute(update(Invoice).where(col(Invoice.id) == "I-3").values(settled_on=TODAY - timedelta(days=6)))
        session.execute(update(Contact).where(col(Contact.email) != "").values(undeliverable_since=moment_on(TODAY).business))
    world.letter("I-2")
    world.add(Payment(id="P-1", account_id="A-1", currency="EUR", amount=12_000, received_on=TODAY))
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today")
    shown = words(html)
    assert "Overdue, net of €120.00 unapplied €830.00 €950.00 without it" in shown
    assert "<title>1–30 days: €900.00 · 61–90 days: €50.00</title>" in html
    assert "Last contact 1 Mar 2013, First reminder · the address takes no letters any more" in shown
    assert "Promises 1 of 1 kept" in shown
    assert "Usually pays 34 days late" in shown
    assert re.search(r"What comes next [A-Z][a-z ]+ on \d", shown)


async def test_nobody_is_told_that_it_is_a_working_day_on_a_holiday_of_the_customers_country(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Hanok Trading", 90_000)
    with world.database.writing() as session:
        session.execute(update(Account).values(country="KR", time_zone="Asia/Seoul", language="ko"))
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        assert "it is 18:00 in Seoul, no working day there" in words(await page(client, "/today"))


async def test_after_a_call_the_next_one_is_shown(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 10_000)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/today?kind=call"))
        answer = await client.post("/act/log_account_call", data={**form, "outcome": "no_answer"})
        assert answer.headers["location"] == "/today?kind=call&acted=log_account_call"
        stay = {**form, "form_key": "another", "outcome": "no_answer", "instead": "/accounts/A-1"}
        answer = await client.post("/act/log_account_call", data=stay)
        assert answer.headers["location"] == "/accounts/A-1?acted=log_account_call", "or one stays with the customer"


async def test_under_the_call_stands_what_will_happen_then_with_its_days(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 90_000)
    world.steps(world.cases.cases["I-A-1"], 2)
    world.invoice("I-2", account="A-1", total=10_000)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today?kind=call")
        shown = words(html)
        assert "sets all 2 invoices at once" in shown
        assert "The call counts as made for 2 invoices. If nothing else is filled in, next comes: First reminder, on 1 Mar 2013." in shown
        assert "A promise holds the letters of its invoices until 3 days after its day" in shown
        filled = {"promises.0.by": "2013-03-10", "disputes.0.reason": "quality", "look_again_on": "2013-03-05"}
        said = words((await client.post("/today/foreseen", data={**fields_of(html), **filled})).text)
        assert re.search(
            r"Letters about 2 invoices wait until 13 Mar 2013\. If €1,000\.00 has not .*? First reminder follows from 13 Mar 2013 on", said
        )
        assert "next comes" not in said
        assert "What is contested is not asked for until it is answered: sales team, by 15 Mar 2013." in said
        assert "The account is to be called again on 5 Mar 2013." in said
        part = {**fields_of(html), "promises.0.by": "2013-03-10", "promises.0.amount": "9.50", "promises.0.currency": "EUR"}
        assert "Letters about 1 invoice wait" in words((await client.post("/today/foreseen", data=part)).text), "the oldest due first"
        for amount, by, told in (("many", "2013-03-10", "wait until"), ("1", "2013-05-10", "no promise for a day after 22 Mar 2013")):
            sent = {**part, "promises.0.amount": amount, "promises.0.by": by}
            assert told in words((await client.post("/today/foreseen", data=sent)).text)
        assert (await client.post("/today/foreseen", data={"account_id": "A-9"})).status_code == 404
    async with as_role(Role.AUDITOR, Accept="text/html") as auditor:
        assert (await auditor.post("/today/foreseen", data={"account_id": "A-1"})).status_code == 403


def test_every_outcome_of_a_call_has_its_advice() -> None:
    assert set(ADVICE) == set(CallOutcome)


async def test_the_list_is_short_and_the_rest_is_counted(as_role: As, world: PortfolioWorld) -> None:
    for number in range(33):
        call_to(world, f"A-{number}", f"Kunde {number}", 10_000 + number)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today")
        assert count_listed(html) == 30
        assert "Show all (3)" in words(html)
        assert count_listed(await page(client, "/today?everything=yes")) == 33


async def test_a_manager_sees_approvals_and_another_collectors_list(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 10_000)
    store_approval(world, {"EUR": 10_000})
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        html = await page(manager, "/today?kind=approval")
        assert "Read and decide" in words(html)
        assert "Calls 1" in words(await page(manager, "/today?collector=collector-1"))


async def test_an_auditor_is_offered_no_act(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 10_000)
    async with as_role(Role.AUDITOR, Accept="text/html") as auditor:
        html = await page(auditor, "/today?collector=collector-1")
    assert "Brauerei Nord GmbH" in html
    assert "/act/" not in html


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_is_in_the_readers_language(as_role: As, world: PortfolioWorld, language: str) -> None:
    IdentityStore(world.database).add_user("collector-1", Role.COLLECTOR, language=language)
    call_to(world, "A-1", "Brauerei Nord GmbH", 10_000)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = words(await page(client, "/today"))
    said = load_phrases(language)
    assert said.today["invoices"] in shown
    assert said.work_kinds["call"] in shown


def test_every_kind_of_work_has_a_name_in_every_language() -> None:
    for language in LANGUAGES:
        assert set(load_phrases(language).work_kinds) == {kind.value for kind in WorkKind}


async def test_a_promise_over_several_invoices_is_one_thing_to_ask_about(as_role: As, world: PortfolioWorld) -> None:
    world.account(collector="collector-1")
    for number in range(3):
        case = world.invoice(f"I-{number}")
        assert case
        apply_command(case, MakePromise(act_id=f"p{number}", actor="collector-1", amount=25_000, by=TODAY), moment_on(TODAY))
        world.write(case)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today")
    assert count_listed(html) == 1
    assert "and 2 more like it" in words(html)


async def test_the_customers_invoices_are_paused_in_one_form_and_the_next_customer_is_shown(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 90_000)
    world.invoice("I-2", account="A-1")
    call_to(world, "A-2", "Hafenwerk KG", 10_000)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today")
        assert "/act/resume_account" not in html
        form = await page(client, find_link(html, "/act/pause_account"))
        assert form.count('name="invoices"') == form.count(" checked") == 2
        ticked = {**fields_of(form), "invoices": ["I-A-1", "I-2"], "reason": "Umzug"}
        answer = await client.post("/act/pause_account", data=ticked)
        html = await page(client, answer.headers["location"])
        assert "Collection is paused on 2 invoices." in words(html)
        assert '<h2 id="work" class="who-is-it">Hafenwerk KG' in html
    assert sorted(command.act_id.rpartition(":")[2] for command in world.cases.acts) == ["I-2", "I-A-1"]


async def test_invoices_that_do_not_take_an_act_are_named_with_the_reason(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 90_000)
    world.invoice("I-2", account="A-1")
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = await page(client, find_link(await page(client, "/today"), "/act/escalate_account"))
        del world.cases.cases["I-2"]
        sent = {**fields_of(form), "invoices": ["I-A-1", "I-2"], "role": "sales", "comment": "Rabatt?"}
        answer = await client.post("/act/escalate_account", data=sent)
        assert answer.status_code == 200
        assert "Escalated: 1 invoice." in words(answer.text)
        assert "N-I-2 : collection of this invoice has not begun yet" in words(answer.text)
        refused = await client.post("/act/pause_account", data={**fields_of(form), "reason": "Umzug"})
        assert refused.status_code == 422
        assert " checked" not in refused.text, "what was unticked stays so"


async def test_what_is_paused_is_resumed_from_today_and_from_the_accounts_page(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 90_000)
    world.invoice("I-2", account="A-1")
    case = world.cases.cases["I-2"]
    apply_command(case, PauseCollection(act_id="p", actor="maria", reason="Umzug"), moment_on(TODAY))
    world.write(case)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        for path in ("/today", "/accounts/A-1"):
            form = await page(client, find_link(await page(client, path), "/act/resume_account"))
            assert "N-I-2" in words(form)
            assert "N-I-A-1" not in words(form), "only what is paused can be resumed"
        await client.post("/act/resume_account", data={**fields_of(form), "invoices": "I-2"})
        assert isinstance(world.cases.acts[-1], ResumeCollection)


async def test_a_letter_is_written_or_taken_back_and_a_call_is_logged_in_one_place(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 90_000)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today")
        assert 'href="/accounts/A-1/write"' in html
        assert 'href="/preview?account=A-1"' in html
        assert 'href="/preview?account=A-1"' in await page(client, "/accounts/A-1")
        assert "/act/log_account_call?" not in html, "its form stands on the page"


async def test_whoever_misses_an_account_is_told_why_it_is_not_here(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 90_000)
    world.account("A-2", name="Hafenwerk KG", collector="maria")
    world.account("A-3", name="Hafenamt", collector="collector-1")
    case = world.invoice("I-3", account="A-3")
    assert case
    apply_command(case, MakePromise(act_id="p", actor="collector-1", amount=25_000, by=TODAY + timedelta(days=7)), moment_on(TODAY))
    world.write(case)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        promised = words(await page(client, "/today?about=hafenamt"))
        assert "Hafenamt : On nobody’s list today. On hold: €250.00 is promised by 8 Mar 2013." in promised
        assert "Nothing is open. maria looks after the account." in words(await page(client, "/today?about=A-2"))
        assert "On your list since" in words(await page(client, "/today?about=N-I-A-1")), "an invoice's number will do"
        several = await page(client, "/today?about=hafen")
        assert "“hafen” could be several accounts: Hafenamt A-3 Hafenwerk KG A-2" in words(several)
        assert "/today?about=A-2&amp;exact=yes" in several
        assert "No account and no invoice has “nobody”" in words(await page(client, "/today?about=nobody"))
        assert "On nobody’s list today. On hold: €250.00 is promised" in words(await page(client, "/accounts/A-3"))


async def test_a_choice_is_the_account_itself_though_its_id_is_anothers_number(as_role: As, world: PortfolioWorld) -> None:
    world.account("17", name="Brauerei Nord GmbH")
    world.add(Account(id="@erp:1:4", number="17", name="Hafenwerk KG", country="DE", time_zone="Europe/Berlin", language="de"))
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        asked = await page(client, "/today?about=17")
        assert "“17” could be several accounts:" in words(asked), "the number names both"
        chosen = re.findall(r'href="(/today\?about=[^"]+)"', asked)
        answers = [words(await page(client, unescape(address))) for address in chosen]
    assert ["could be several" in answer for answer in answers] == [False, False]
    assert sorted("Hafenwerk KG : On nobody’s list today" in answer for answer in answers) == [False, True]
    assert sorted("Brauerei Nord GmbH : On nobody’s list today" in answer for answer in answers) == [False, True]


async def test_all_that_waits_is_counted_also_what_is_not_listed(
    as_role: As, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.console.today_page.MAX_QUEUE_LENGTH", 3)
    for number in range(5):
        call_to(world, f"A-{number}", f"Kunde {number}", 10_000 + number)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today?everything=yes")
    assert "All 5 Calls 5" in words(html)
    assert count_listed(html) == 3
    assert "and 2 more, which are not shown: choose a kind above" in words(html)


async def test_whoever_asks_about_an_account_was_seen_looking_at_it_too(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 90_000)
    world.account("A-2", name="Hafenwerk KG")
    async with as_role(Role.COLLECTOR, Accept="text/html") as client, as_role(Role.AUDITOR) as auditor:
        await page(client, "/today?about=A-2")
        seen = (await auditor.get("/v1/audit/views")).json()["items"]
    assert {view["account_id"] for view in seen if view["route"] == "/today"} == {"A-1", "A-2"}


async def test_what_was_done_today_is_counted_by_customer_and_told_where_somebody_asks(as_role: As, world: PortfolioWorld) -> None:
    for account, name in (("A-1", "Brauerei Nord GmbH"), ("A-2", "Hafenwerk KG"), ("A-3", "Kontor Süd")):
        world.account(account, name=name, collector="collector-1")
    shared = LogCall(act_id="c", actor="collector-1", outcome=CallOutcome.REACHED)
    promise = MakePromise(act_id="p", actor="collector-1", amount=5_000, by=TODAY + timedelta(days=7))
    of_another = LogCall(act_id="d", actor="maria", outcome=CallOutcome.NO_ANSWER)
    commands_of: dict[str, list[LogCall | MakePromise]] = {"I-1": [shared, promise], "I-2": [shared], "I-3": [of_another]}
    for invoice, account in (("I-1", "A-1"), ("I-2", "A-1"), ("I-3", "A-2")):
        case = world.invoice(invoice, account=account)
        assert case
        for command in commands_of[invoice]:
            apply_command(case, command, moment_on(TODAY))
        world.write(case)
    old = world.invoice("I-4", account="A-3")
    assert old
    apply_command(old, LogCall(act_id="e", actor="collector-1", outcome=CallOutcome.REACHED), moment_on(TODAY - timedelta(days=1)))
    world.write(old)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today")
        assert "1 customer done today" in words(html)
        assert "Put on hold" not in words(html)
        shown = words(await page(client, unescape(re.findall(r'href="(/today\?[^"]*done=yes)#finished"', html)[0])))
        told_once = r"Brauerei Nord GmbH The customer was called: the customer was reached N-I-\d, N-I-\d · 09:00"
        assert re.search(told_once, shown), shown
        assert "promised to pay €50.00" in shown
        assert "Put on hold" not in shown, "what follows from an act is none"
        assert "1 customer done today" in shown
        await client.post("/v1/accounts/A-3/notes", json={"text": "moved"}, headers={"Idempotency-Key": "n"})
        assert "2 customers done today" in words(await page(client, "/today"))
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        assert "done today" not in words(await page(manager, "/today"))
        assert "2 customers done today" in words(await page(manager, "/today?collector=collector-1"))
        decided = store_approval(world, {"EUR": 10_000}, account="A-2")
        word = DecideApproval(act_id="w", actor="collections_manager-1", role=Role.COLLECTIONS_MANAGER, verdict=ApprovalVerdict.APPROVE)
        decide_approval(decided, word, moment_on(TODAY))
        write_case(world, decided, build_approval_view)
        assert "1 customer done today" in words(await page(manager, "/today"))
