"""The page on which a person writes to a customer now."""

import re

from adapters.database.row_states import MessageState
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import PortfolioWorld
from tests.console.test_pages import page, words


def fields_of(html: str) -> dict[str, str]:
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', html))


async def test_a_letter_is_chosen_read_as_it_will_go_and_sent(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        assert 'href="/accounts/A-1/write"' in await page(client, "/accounts/A-1")
        empty = await page(client, "/accounts/A-1/write")
        filled = fields_of(empty) | {"sentence": "Wie besprochen <b>"}
        assert filled["contacts"] == "1"
        shown = await client.post("/accounts/A-1/write", data=filled)
        assert shown.status_code == 200
        assert "1 letter goes on" in words(shown.text)
        assert "Wie besprochen &amp;lt;b" in shown.text
        form = fields_of(shown.text.partition('action="/act/write_letter"')[2])
        done = await client.post("/act/write_letter", data=form | {"account_id": "A-1"})
        assert (done.status_code, done.headers["location"]) == (303, "/accounts/A-1?acted=write_letter")
        talk = words(await page(client, "/accounts/A-1"))
        assert "Statement of account" in talk
        assert "A statement of account was written ap@a-1.example Wie besprochen" in talk


async def test_a_copy_is_offered_where_a_letter_is_read(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    world.letter("I-1", MessageState.SENT)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        assert 'href="/accounts/A-1/write?copy_of=1"' in await page(client, "/letters/1")
        assert '<option value="1" selected>' in await page(client, "/accounts/A-1/write?copy_of=1")


async def test_what_is_missing_is_said_and_nothing_goes(as_role: As, world: PortfolioWorld) -> None:
    world.account()
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        filled = fields_of(await page(client, "/accounts/A-1/write"))
        for change, status, said in (
            ({"contacts": ""}, 422, "This cannot be sent"),
            ({"contacts": "99"}, 422, "This cannot be sent"),
            ({"form_token": "other"}, 403, "This form was opened long ago"),
        ):
            answer = await client.post("/accounts/A-1/write", data=filled | change)
            assert (answer.status_code, said in words(answer.text)) == (status, True)
        answer = await client.post("/accounts/A-1/write", data={key: value for key, value in filled.items() if key != "contacts"})
        assert "Choose at least one contact." in words(answer.text)
    async with as_role(Role.AUDITOR, Accept="text/html") as auditor:
        assert (await auditor.get("/accounts/A-1/write")).status_code == 403
