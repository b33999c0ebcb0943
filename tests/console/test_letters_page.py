"""The page of the letters that go next."""

import re

import pytest

from adapters.database.row_states import MessageState
from adapters.database.tables import Account
from api.console.letters import letters_page
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.console.test_pages import page, words


async def test_a_letter_is_read_taken_back_and_let_go_again_on_the_page(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1", started=False)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        html = await page(client, "/letters?whose=all")
        assert "1 letter goes to 1 customer, asking for €250.00 ." in words(html)
        form_address = re.search(r'href="(/act/take_back_letter[^"]+)"', html)
        assert form_address
        form = await page(client, form_address[1].replace("&amp;", "&"))
        sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)) | {"reason": "they pay today"}
        assert sent["last_day"] >= TODAY.isoformat()
        done = await client.post("/act/take_back_letter", data=sent)
        assert (done.status_code, done.headers["location"]) == (303, "/letters?whose=all&acted=take_back_letter")
        html = await page(client, "/letters?whose=all")
        assert "All of it is held back." in words(html)
        assert re.search(r"until [^:]+ by collector-1: they pay today", words(html))
        back = re.search(r'href="(/act/put_back_letter[^"]+)"', html)
        assert back
        form = await page(client, back[1].replace("&amp;", "&"))
        done = await client.post("/act/put_back_letter", data=dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)))
        assert done.status_code == 303
        assert "1 letter goes to 1 customer" in words(await page(client, "/letters?whose=all"))


async def test_what_has_gone_and_who_has_no_address_is_named(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    world.add(Account(id="A-3", name="Café Mitte", country="AT", time_zone="Europe/Vienna", language="fr", segment="small"))
    world.invoice("I-3", account="A-3", started=False)
    world.invoice("I-1")
    world.letter("I-1", MessageState.SENT)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = words(await page(client, "/letters?whose=all"))
        assert "No address: these customers will hear nothing" in shown
        assert "Café Mitte Add a contact" in shown
        assert "Gone today 1 letter went" in shown


async def test_what_went_today_is_counted_whole_or_not_at_all(as_role: As, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.account()
    for number, state in enumerate((MessageState.SENT, MessageState.REFUSED, MessageState.INTENDED)):
        world.invoice(f"I-{number}")
        world.letter(f"I-{number}", state)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        for most, said in ((2, "Gone today 2 letters went"), (1, "Gone today More have gone than are shown here: All letters")):
            monkeypatch.setattr(letters_page, "MOST_GONE", most)
            assert said in words(await page(client, "/letters?whose=all"))


async def test_a_day_without_letters_says_what_brings_them(as_role: As, world: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        shown = words(await page(client, "/letters"))
        assert "No letter goes until" in shown
        assert "as soon as an invoice’s next step falls due" in shown
        assert (await client.get("/letters?whose=yours")).status_code == 422
