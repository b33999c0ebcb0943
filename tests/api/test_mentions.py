"""Who is named in a note or a comment finds it in a list of their own, until they have read it."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import ViewRow
from adapters.mentions import mention_store
from adapters.mentions.mention_store import MentionStore
from api.console.mentions import mentions_page
from domain.identifiers import credit_review_case_id
from domain.mentions import MentionedNames, find_mentions
from domain.roles import Role
from tests.api.conftest import As, Client
from tests.api.portfolio_world import PortfolioWorld
from tests.console.test_act_forms import fields_of
from tests.console.test_pages import page, words
from tests.form_tokens import find_form_token

NOTES, MARIA = "/v1/accounts/A-1/notes", "collections_manager-1"


@pytest.fixture
def named(world: PortfolioWorld, as_role: As) -> PortfolioWorld:
    world.account()
    world.invoice("I-1")
    as_role.identity.add_user(MARIA, Role.COLLECTIONS_MANAGER, full_name="Maria Berg")
    return world


async def test_a_note_tells_whom_it_names_once_and_nobody_else(collector: Client, as_role: As, named: PortfolioWorld) -> None:
    for _ in range(2):
        sent = {"text": "@collections_manager-1, @collector-1 and @stranger: moves in May"}
        assert (await collector.post(NOTES, json=sent, headers={"Idempotency-Key": "k"})).status_code == 200
    assert (await collector.get("/v1/mentions")).json() == [], "whoever names themselves knows"
    async with as_role(Role.COLLECTIONS_MANAGER) as maria:
        (mention,) = (await maria.get("/v1/mentions?unread=true")).json()
        assert (mention["account_id"], mention["author"], mention["read_at"]) == ("A-1", "collector-1", None)
        assert (await collector.post("/v1/mentions/read", json={})).json() == {"read": 0}
        assert (await maria.post("/v1/mentions/read", json={"notes": ["other"]})).json() == {"read": 0}
        assert (await maria.post("/v1/mentions/read", json={"notes": [mention["note_id"]]})).json() == {"read": 1}
        assert (await maria.get("/v1/mentions?unread=true")).json() == []
        assert len((await maria.get("/v1/mentions")).json()) == 1


async def test_whom_a_note_names_is_found_before_it_is_written(
    collector: Client, named: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, open_for_writing = Database.writing, list[Database]()

    @contextmanager
    def write(database: Database) -> Iterator[Session]:
        open_for_writing.append(database)
        with writing(database) as session:
            yield session
        open_for_writing.remove(database)

    def find_unhurried(text: str, users: Collection[str]) -> MentionedNames:
        assert not open_for_writing, "nobody else could write meanwhile"
        return find_mentions(text, users)

    monkeypatch.setattr(Database, "writing", write)
    monkeypatch.setattr(mention_store, "find_mentions", find_unhurried)
    assert (await collector.post(NOTES, json={"text": "@collections_manager-1 rang"})).status_code == 200
    assert MentionStore(named.database).count_unread(MARIA) == 1


async def test_whoever_is_named_marks_it_read_and_their_look_at_the_account_is_recorded(
    app: FastAPI, collector: Client, as_role: As, named: PortfolioWorld
) -> None:
    auditor = "auditor-1"
    async with as_role(Role.AUDITOR) as client:
        assert (await collector.post(NOTES, json={"text": f"@{auditor} look"})).status_code == 200
        (mention,) = (await client.get("/v1/mentions")).json()
        await client.get("/mentions", headers={"Accept": "text/html"})
        assert (await client.post("/v1/mentions/read", json={"notes": [mention["note_id"]]})).json() == {"read": 1}
    await app.state.trail.flush()
    with named.database.reading() as session:
        seen = session.execute(select(col(ViewRow.account_id), col(ViewRow.route)).where(col(ViewRow.user) == auditor)).all()
    assert {tuple(row) for row in seen} == {("A-1", "/v1/mentions"), ("A-1", "/mentions")}


async def test_a_comment_tells_whom_it_names_unless_what_it_was_written_for_is_refused(collector: Client, named: PortfolioWorld) -> None:
    body = {"amount": "300.00", "currency": "EUR", "reason": "wrong_price", "comment": "@collections_manager-1 look"}
    assert (await collector.post("/v1/invoices/I-1/disputes", json=body)).status_code == 409, "it is more than what is open"
    assert MentionStore(named.database).count_unread(MARIA) == 0
    assert (await collector.post("/v1/invoices/I-1/disputes", json={**body, "amount": "30.00"})).status_code == 200
    assert MentionStore(named.database).count_unread(MARIA) == 1


async def test_an_act_on_an_account_that_is_refused_tells_nobody_whom_its_comment_names(collector: Client, named: PortfolioWorld) -> None:
    comment = {"comment": "@collections_manager-1 look"}
    named.cases.running[credit_review_case_id("A-1")] = "the review is being closed"
    assert (await collector.post("/v1/accounts/A-1/credit-reviews", json=comment)).status_code == 409
    named.cases.cases.clear()
    escalation = {"invoices": ["I-1"], "role": "sales", **comment}
    assert (await collector.post("/v1/accounts/A-1/escalations", json=escalation)).status_code == 409
    assert MentionStore(named.database).count_unread(MARIA) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_page_lists_mentions_with_a_count_and_leads_to_the_note(as_role: As, named: PortfolioWorld) -> None:
    async with as_role(Role.COLLECTOR, Accept="text/html") as writer:
        form = fields_of(await page(writer, "/act/add_account_note?account_id=A-1&back=/accounts/A-1"))
        sent = await writer.post("/act/add_account_note", data={**form, "text": "@collections_manager-1 and @nobody-there: <b>rang</b>"})
        assert sent.headers["location"] == "/accounts/A-1?acted=add_account_note&unknown=nobody-there"
        told = await page(writer, sent.headers["location"])
        assert "The note is written. There is no user nobody-there: nobody was told" in words(told)
        assert '<a class="mention" href="/today?collector=collections_manager-1">@Maria Berg</a> and @nobody-there: &lt;b&gt;rang' in told
        assert "There is no user" not in await page(writer, "/accounts/A-1?unknown=nobody-there"), "nothing was just done"
        assert "<script" not in (await page(writer, "/accounts/A-1?acted=add_account_note&unknown=%3Cscript")).partition("<main")[2]
        assert "Nobody has named you yet" in await page(writer, "/mentions")
        assert 'data-name="collections_manager-1"' in await page(writer, "/mentions/people")
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as maria:
        assert "You were named in 1 note that you have not read" in words(await page(maria, "/today"))
        listed = await page(maria, "/mentions")
        assert "1 unread" in words(listed)
        (address,) = re.findall(r'href="(/accounts/A-1\?older=[^"#]+)#(note:[^"]+)"', listed)
        assert f'id="{address[1]}"' in await page(maria, address[0])
        read = await maria.post("/mentions", data={"form_token": find_form_token(listed), "note": address[1]})
        assert (read.status_code, MentionStore(named.database).count_unread(MARIA)) == (303, 0)
        assert "I have read" not in await page(maria, "/mentions")
        assert (await maria.post("/mentions", data={"form_token": "x"})).status_code == 403


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_all_are_read_that_the_page_showed_and_none_that_it_did_not(
    collector: Client, as_role: As, named: PortfolioWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mentions_page, "MAX_MENTIONS", 2)
    store = MentionStore(named.database)

    async def name_maria(text: str) -> None:
        assert (await collector.post(NOTES, json={"text": f"@collections_manager-1 {text}"})).status_code == 200

    for text in ("first", "second", "third"):
        await name_maria(text)
    latest = store.list_mentions(MARIA, 2)
    store.mark_read(MARIA, [line.note_id for line in latest], latest[0].written_at)
    (hidden,) = store.list_mentions(MARIA, 5, unread=True)
    async with as_role(Role.COLLECTIONS_MANAGER, Accept="text/html") as maria:
        shown = await page(maria, "/mentions")
        assert shown.count("<blockquote>") == 2
        assert hidden.text.split()[-1] in words(shown), "what is unread comes first, however many were written since"
        await name_maria("since")
        await name_maria("and again")
        form = shown.partition('action="/mentions"')[2].partition("</form>")[0]
        notes = re.findall(r'name="note" value="([^"]+)"', form)
        token = find_form_token(shown)
        assert (await maria.post("/mentions", data={"form_token": token, "note": notes})).status_code == 303
        assert store.count_unread(MARIA) == 2
        await name_maria("once more")
        assert "3 unread" in words(await page(maria, "/mentions"))
        assert "Unread beside these: 1" in words(await page(maria, "/mentions"))
        assert (await maria.post("/mentions", data={"form_token": token})).status_code == 303
        assert store.count_unread(MARIA) == 3, "a form that names none marks none"
