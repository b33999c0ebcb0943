"""The header's field: straight to the one thing that is meant, else a page of what could be."""

import pytest
from sqlalchemy import update
from sqlmodel import col

from adapters.database.tables import Invoice
from adapters.i18n.languages import LANGUAGES
from adapters.identity.users_and_tokens import IdentityStore
from adapters.read_model.lists.quick_search import search_books
from api.console.search_page import MAX_HITS
from api.presenters.phrases import load_phrases
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.console.test_pages import NASTY, page, words


@pytest.fixture
def books(world: PortfolioWorld) -> PortfolioWorld:
    world.account("A-1", "Brauerei Nord GmbH")
    world.account("A-10", "Hafenwerk Nord KG")
    world.account("B/2", "Café Süd")
    world.invoice("I-1", account="A-1")
    world.invoice("I-2", account="A-10")
    return world


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("A-1", "/accounts/A-1"),
        ("  hafen ", "/accounts/A-10"),
        ("Café", "/accounts/B%2F2"),
        ("N-I-2", "/invoices/I-2"),
        ("I-1", "/invoices/I-1"),
        ("n-i-2", "/invoices/I-2"),
    ],
)
async def test_what_means_one_thing_leads_straight_to_it(as_role: As, books: PortfolioWorld, sought: str, found: str) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        answer = await client.get("/search", params={"q": sought})
        assert (answer.status_code, answer.headers["location"]) == (303, found)
        assert (await client.get(found)).status_code == 200


async def test_what_could_be_several_things_is_a_page_of_them(as_role: As, books: PortfolioWorld) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        html = await page(client, "/search?q=nord")
        assert ('href="/accounts/A-1"' in html, 'href="/accounts/A-10"' in html) == (True, True)
        assert "B%2F2" not in html
        numbered = await page(client, "/search?q=N-I")
        assert ('href="/invoices/I-1"' in numbered, 'href="/invoices/I-2"' in numbered) == (True, True)
        assert "Nothing fits “nobody”" in words(nobody := await page(client, "/search?q=nobody"))
        assert 'name="q" value="nobody"' in nobody, "it can be corrected"
        assert "Nothing fits" not in words(await page(client, "/search?q=+")), "nothing was sought"
        assert "<script>alert" not in (await client.get("/search", params={"q": NASTY})).text
        assert "Nothing fits" in words(await page(client, "/search?q=%25")), "what means something in a pattern means itself"
        assert (await client.get("/search", params={"q": "x" * 101})).status_code == 422
    async with as_role(None, Accept="text/html") as stranger:
        assert (await stranger.get("/search?q=A-1")).headers["location"] == "/sign-in"


async def test_beyond_the_first_hits_the_lists_have_all(as_role: As, books: PortfolioWorld) -> None:
    for number in range(MAX_HITS + 1):
        books.account(f"K-{number}", f"Kunde {number:02}")
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/search?q=Kunde")
        assert html.count('href="/accounts/K-') == MAX_HITS
        assert 'href="/accounts?q=Kunde"' in html


def test_two_customers_invoices_of_one_number_are_both_shown(books: PortfolioWorld) -> None:
    with books.database.writing() as session:
        session.execute(update(Invoice).where(col(Invoice.id) == "I-2").values(number="N-I-1"))
    assert [row.id for row in search_books(books.database, "N-I-1", TODAY, 5).invoices] == ["I-1", "I-2"]


def test_what_has_the_text_as_its_whole_number_comes_first(books: PortfolioWorld) -> None:
    books.account("Z", "Z")
    books.invoice("Z", account="Z")
    books.account("A-Z", "Azul")
    found = search_books(books.database, "Z", TODAY, 1)
    assert ([row.id for row in found.accounts], [row.id for row in found.invoices], found.has_more_accounts) == (["Z"], ["Z"], True)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_has_the_field_in_the_readers_language(as_role: As, books: PortfolioWorld, language: str) -> None:
    IdentityStore(books.database).add_user("collector-1", Role.COLLECTOR, language=language)
    text = load_phrases(language).search
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        for path in ("/today", "/search?q=nord", "/nowhere"):
            assert f'aria-label="{text["field"]}" placeholder="{text["hint"]}"' in (await client.get(path)).text
        assert text["none_hint"] in (await client.get("/search?q=nobody")).text
