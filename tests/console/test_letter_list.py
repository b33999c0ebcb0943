"""The list of all letters: by day, whether they have gone or are due to, each opened as it was sent."""

import csv
from datetime import datetime, timedelta
from io import StringIO

import pytest
from sqlalchemy import update
from sqlmodel import col

from adapters.database.tables import Message
from adapters.read_model.lists import letter_list
from adapters.read_model.lists.letter_list import LetterListFilter, list_letter_page, load_letter_totals
from domain.clock import start_of_day
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.console.test_pages import page, words

DAY = timedelta(days=1)
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def place(world: PortfolioWorld, letter_id: int, sent_at: datetime | None, slot: datetime, **changes: object) -> None:
    with world.database.writing() as session:
        session.execute(update(Message).where(col(Message.id) == letter_id).values(sent_at=sent_at, slot=slot, **changes))


@pytest.fixture
def letters(world: PortfolioWorld) -> list[int]:
    """Four letters to two accounts: one went late, one is refused, one is due tomorrow, one went at the very end of a day."""
    world.account(collector="mia")
    world.account("A-2", "Hafenwerk", collector="ben")
    for invoice, account in (("I-1", "A-1"), ("I-2", "A-2")):
        world.invoice(invoice, account)
    ids = [
        world.letter("I-1"),
        world.letter("I-1", "refused", step="second_reminder", reply="554"),
        world.letter("I-2", "intended", account="A-2", step="final_demand"),
        world.letter("I-2", account="A-2", step="courtesy"),
    ]
    midday, end = start_of_day(TODAY) + timedelta(hours=12), start_of_day(TODAY) - timedelta(seconds=1)
    place(world, ids[0], midday - 3 * DAY, midday - 9 * DAY)
    place(world, ids[1], None, midday - 2 * DAY)
    place(world, ids[2], None, midday + DAY)
    place(world, ids[3], end, end, language="fr")
    return ids


def walk(world: PortfolioWorld, wanted: LetterListFilter, descending: bool = False) -> list[int]:
    found: list[int] = []
    cursor = None
    while True:
        rows, cursor = list_letter_page(world.database, wanted, "day", descending, 1, cursor)
        found += [row.id for row in rows]
        if cursor is None:
            return found


def test_letters_are_in_the_order_of_the_days_on_which_they_went_or_are_due_to(world: PortfolioWorld, letters: list[int]) -> None:
    late, refused, due, last = letters
    assert walk(world, LetterListFilter()) == [late, refused, last, due]
    assert walk(world, LetterListFilter(), descending=True) == [due, last, refused, late]


@ON_SQLITE
def test_a_filter_of_letters_finds_those_and_no_others(world: PortfolioWorld, letters: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    late, refused, due, last = letters
    for wanted, found in (
        (LetterListFilter(state="sent"), [late, last]),
        (LetterListFilter(state="refused"), [refused]),
        (LetterListFilter(template="final_demand"), [due]),
        (LetterListFilter(language="fr"), [last]),
        (LetterListFilter(account="A-2"), [last, due]),
        (LetterListFilter(collector="mia"), [late, refused]),
        (LetterListFilter(q="hafen"), [last, due]),
        (LetterListFilter(first_day=TODAY - DAY, last_day=TODAY - DAY), [last]),
        (LetterListFilter(first_day=TODAY), [due]),
        (LetterListFilter(last_day=TODAY - 2 * DAY), [late, refused]),
    ):
        assert walk(world, wanted) == found, wanted
        assert load_letter_totals(world.database, wanted).count == len(found), wanted
    monkeypatch.setattr(letter_list, "MAX_COUNTED", 3)
    assert load_letter_totals(world.database, LetterListFilter()).is_more


@ON_SQLITE
async def test_each_letter_opens_as_it_was_sent_and_all_that_match_are_taken_along(
    as_role: As, world: PortfolioWorld, letters: list[int]
) -> None:
    async with as_role(Role.AUDITOR, Accept="text/html") as client:
        html = await page(client, "/correspondence?column=account&column=language&column=channel&column=state&column=recipient")
        for letter in letters:
            assert f'href="/letters/{letter}"' in html
        assert "Hafenwerk French E-mail" in words(html)
        assert f'href="/letters/{letters[0]}"' not in await page(client, f"/correspondence?first_day={TODAY - DAY}&last_day={TODAY - DAY}")
        assert 'type="date" name="first_day" value="2013-03-01"' in await page(client, "/correspondence?first_day=2013-03-01")
        for nonsense in ("first_day=1 March", "last_day=20130301", "state=lost", "sort=letter"):
            assert (await client.get(f"/correspondence?{nonsense}")).status_code == 422, nonsense
        sheet = await client.get("/lists/correspondence/csv?state=refused")
        head, line = csv.reader(StringIO(sheet.text.removeprefix("\ufeff")))
        told = dict(zip(head, line, strict=True))
        assert (told["Day"], told["Account number"], told["State"]) == ("2013-02-27", "A-1", "refused")
