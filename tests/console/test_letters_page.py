"""The page of the letters that go next."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.correspondence.letter_stop_store import BrakeContext, LetterStopStore, StopClashError
from adapters.correspondence.release_store import hold_accounts
from adapters.database.row_states import MessageState
from adapters.database.tables import Account
from api.console.letters import letters_page
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on
from tests.console.test_act_forms import fields_of
from tests.console.test_acts_on_many import finish
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


def write_to_three(world: PortfolioWorld) -> None:
    for number in (1, 2, 3):
        world.account(f"A-{number}", name=f"Kunde {number}")
        world.invoice(f"I-{number}", account=f"A-{number}", started=False)


async def test_all_letters_of_a_day_are_taken_back_at_once_and_one_that_is_refused_is_named(
    as_role: As, world: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_to_three(world)
    stop = LetterStopStore.stop

    def refuse_one(store: LetterStopStore, *given: Any, **named: Any) -> Any:
        if given[1] == "A-2":
            raise StopClashError("otto stopped them already")
        return stop(store, *given, **named)

    monkeypatch.setattr(LetterStopStore, "stop", refuse_one)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        [on] = re.findall(r'name="of" value="all"><input type="hidden" name="on" value="([^"]+)"', await page(client, "/letters?whose=all"))
        html = await page(client, f"/letter-holdbacks?of=all&on={on}")
        assert "3 letters go to 3 customers, asking for €750.00 ." in words(html)
        sent = fields_of(html)
        unsaid = await client.post("/letter-holdbacks", data=sent)
        assert (unsaid.status_code, LetterStopStore(world.database).list_stops()) == (422, []), "nothing without a reason"
        for day in ("the day after", "2019-01-01"):
            odd = await client.post("/letter-holdbacks", data={**sent, "reason": "a strike", "last_day": day})
            assert (odd.status_code, 'id="f-take_back_letter-last_day-fault"' in odd.text) == (422, True)
        begun = await client.post("/letter-holdbacks", data={**sent, "reason": "a strike"})
        again = await client.post("/letter-holdbacks", data={**sent, "reason": "a strike"})
        assert again.headers["location"] == begun.headers["location"], "the same form sent twice is done once"
        done = await finish(client, begun.headers["location"])
        assert "Done to 2 of 3." in words(done)
        assert "Not done to 1, and why Kunde 2 : Nothing was done: otto stopped them already" in words(done)
        assert 'href="/letters?whose=all"' in done
        held = words(await page(client, "/letters?whose=all"))
        assert "1 letter goes to 1 customer" in held
        assert held.count("by collector-1: a strike") == 2
    for stop_of in LetterStopStore(world.database).list_stops():
        assert str(stop_of.last_day) >= on
    async with as_role(Role.AUDITOR, Accept="text/html") as reader:
        assert 'action="/letter-holdbacks"' not in await page(reader, "/letters?whose=all")
        assert (await reader.get("/letter-holdbacks?of=all")).status_code == 403


async def test_ticked_letters_alone_are_taken_back_those_that_were_shown_or_none(as_role: As, world: PortfolioWorld) -> None:
    write_to_three(world)
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        ticked = re.findall(r'form="take" name="chosen" value="([^"]+)"', await page(client, "/preview"))
        assert len(ticked) == 3
        chosen = [unescape(each) for each in ticked[:2]]
        html = await page(client, f"/letter-holdbacks?{urlencode({'of': 'ahead', 'chosen': chosen}, doseq=True)}")
        assert "2 letters go to 2 customers" in words(html)
        sent: dict[str, str | list[str]] = {**fields_of(html), "chosen": chosen, "reason": "a strike"}
        other = fields_of(html) | {"form_key": "other", "reason": "they pay"}
        await client.post("/v1/accounts/A-1/letter-holdbacks", json={"reason": "they pay", "last_day": "2013-03-20"})
        changed = await client.post("/letter-holdbacks", data=sent | other | {"chosen": chosen})
        assert (changed.status_code, "1 letter goes to 1 customer" in words(changed.text)) == (409, True)
        sent = {**fields_of(changed.text), "chosen": chosen, "reason": "a strike"}
        assert "Done to 1 of 1." in words(await finish(client, (await client.post("/letter-holdbacks", data=sent)).headers["location"]))
        nothing = await page(client, f"/letter-holdbacks?{urlencode({'of': 'ahead', 'chosen': chosen}, doseq=True)}")
        assert "None of these letters goes any more" in words(nothing)


async def test_letters_that_were_taken_back_are_let_go_at_once_and_one_that_another_holds_is_named(
    as_role: As, world: PortfolioWorld
) -> None:
    write_to_three(world)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        await manager.post("/v1/accounts/A-2/letter-holdbacks", json={"reason": "a visit", "last_day": "2013-03-20"})
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        taking = fields_of(await page(client, "/letter-holdbacks?of=all"))
        taken = await finish(client, (await client.post("/letter-holdbacks", data={**taking, "reason": "a strike"})).headers["location"])
        assert "Done to 2 of 2." in words(taken)
        [undo] = re.findall(r'href="(/letter-holdbacks[?][^"]+)">Let letters go after all<', taken)
        assert "2 letters go to 2 customers" in words(await page(client, unescape(undo)))
        for address, form in (("/letters?whose=all", "put-1"), ("/preview", "put")):
            assert len(re.findall(rf'form="{form}" name="chosen"', await page(client, address))) == 3
        html = await page(client, "/letter-holdbacks?act=put_back_letter&of=all")
        assert "3 letters go to 3 customers, asking for €750.00 ." in words(html)
        begun = await client.post("/letter-holdbacks", data=fields_of(html))
        done = words(await finish(client, begun.headers["location"]))
        assert "Done to 2 of 3." in done
        assert "held these letters back" in done
        assert "Take letters back" in done, "it is undone from there"
        shown = words(await page(client, "/letters?whose=all"))
        assert "2 letters go to 2 customers" in shown
        assert "a strike" not in shown


async def test_ticked_customers_are_released_at_once(as_role: As, world: PortfolioWorld) -> None:
    write_to_three(world)
    at = moment_on(TODAY)
    with world.database.writing() as session:
        hold_accounts(session, ["A-1", "A-2", "A-3"], BrakeContext("import-1", "sofia", at.business, at.real))
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as manager:
        for address in ("/letters?whose=all", "/preview"):
            assert len(re.findall(r'form="release[^"]*" name="accounts"', await page(manager, address))) == 3
        form = fields_of(await page(manager, "/act/release_accounts?back=/preview&accounts=A-1&accounts=A-3"))
        done = await manager.post("/act/release_accounts", data={**form, "accounts": ["A-1", "A-3"]})
        assert done.headers["location"].startswith("/preview?acted=release_accounts")
        assert len(re.findall(r'form="release" name="accounts"', await page(manager, "/preview"))) == 1
