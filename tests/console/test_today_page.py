"""Today: what waits for whom, why, and what can be done about it, from the list to the next one."""

from datetime import timedelta

import pytest

from adapters.database.tables import Contact, Task
from adapters.i18n.languages import LANGUAGES
from adapters.identity.users_and_tokens import IdentityStore
from api.presenters.phrases import load_phrases
from domain.case.case_view import TaskKind
from domain.invoice.command_rules import apply_command
from domain.invoice.commands import MakePromise
from domain.portfolio.worklist_ranking import WorkKind
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.api.stored_approvals import store_approval
from tests.console.test_act_forms import fields_of
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


async def test_who_has_nothing_to_do_is_told_what_will_appear(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = words(await page(client, "/today"))
    assert "Nothing waits for you." in shown
    assert "calls that are due" in shown


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
        assert "Frau Berg , +49 30 1234567" in shown
        assert "It is 10:00 there" in shown
        assert "Points" in shown
        assert "N-I-A-2 10 Feb 2013 19 €900.00" in shown
        assert '<form class="act" method="post" action="/act/log_account_call"' in html
        other = await page(client, html[html.rindex("/today?item=") :].partition('"')[0])
        assert "N-I-A-1" in words(other)


async def test_after_a_call_the_next_one_is_shown(as_role: As, world: PortfolioWorld) -> None:
    call_to(world, "A-1", "Brauerei Nord GmbH", 10_000)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        form = fields_of(await page(client, "/today?kind=call"))
        answer = await client.post("/act/log_account_call", data={**form, "outcome": "no_answer"})
    assert answer.headers["location"] == "/today?kind=call&acted=log_account_call"


async def test_the_list_is_short_and_the_rest_is_counted(as_role: As, world: PortfolioWorld) -> None:
    for number in range(33):
        call_to(world, f"A-{number}", f"Kunde {number}", 10_000 + number)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/today")
        assert html.count("/today?item=") == 30
        assert "Show all (3)" in words(html)
        assert (await page(client, "/today?everything=yes")).count("/today?item=") == 33


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
    assert html.count("/today?item=") == 1
    assert "and 2 more like it" in words(html)
