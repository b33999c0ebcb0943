"""The list of accounts: what each owes by currency, found by a part of its name, in the reader's language."""

import pytest

from adapters.i18n.languages import LANGUAGES
from adapters.identity.users_and_tokens import IdentityStore
from api.console.lists.list_pages import PAGE_LENGTH
from api.presenters.phrases import load_phrases
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import PortfolioWorld
from tests.console.test_pages import NASTY, page, words


async def test_accounts_show_each_currency_by_itself_and_are_found_by_name_or_collector(as_role: As, world: PortfolioWorld) -> None:
    world.account("A-1", name="Brauerei Nord GmbH", collector="collector-1")
    world.account("A-2", name="Hafenwerk KG", collector="ben")
    world.invoice("I-1", account="A-1", total=25_000)
    world.invoice("I-2", account="A-1", total=7_000, currency="GBP")
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = words(await page(client, "/accounts"))
        assert "Brauerei Nord GmbH A-1 collector-1 €250.00 £70.00" in shown
        assert "Hafenwerk KG" in shown
        found = await page(client, "/accounts?q=nord")
        assert "Hafenwerk KG" not in found
        assert "Hafenwerk KG" not in await page(client, "/accounts?collector=collector-1")
        assert "No account fits." in await page(client, "/accounts?q=nobody")
        assert "<script>" not in (await client.get("/accounts", params={"q": NASTY, "collector": NASTY})).text


async def test_an_empty_list_says_how_accounts_come_and_a_long_one_has_pages(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        assert "they come with their first invoices" in await page(client, "/accounts")
        for number in range(PAGE_LENGTH + 1):
            world.account(f"A-{number}", name=f"Kunde {number:03}")
        first = await page(client, "/accounts?q=Kunde")
        assert first.count("<tr>") == PAGE_LENGTH + 1
        following = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
        assert f"Kunde {PAGE_LENGTH:03}" in await page(client, following)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_list_is_in_the_readers_language(as_role: As, world: PortfolioWorld, language: str) -> None:
    IdentityStore(world.database).add_user("collector-1", Role.COLLECTOR, language=language)
    world.account()
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        assert load_phrases(language).accounts["unapplied"] in await page(client, "/accounts")
