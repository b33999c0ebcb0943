"""The letters of the next days while they are played: a page is there at once, and says how far it is."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from threading import Event

import pytest
from fastapi import FastAPI

from adapters.preview.letter_preview import LettersAhead, PlayProgress
from api.console.letters.letter_plays import MOST_KEPT, LetterPlays, LettersFound
from domain.roles import Role
from tests.api.conftest import As
from tests.api.portfolio_world import TODAY, PortfolioWorld
from tests.console.test_pages import page, words
from tests.patience import PATIENCE

NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)


def build_ahead(accounts: int) -> LettersAhead:
    return LettersAhead(until=date(2013, 3, 4), letters=[], hindered=[], accounts=accounts, has_more=False)


class HeldPlay:
    """A play that reports three letters and goes on once it may."""

    def __init__(self, accounts: int) -> None:
        self.accounts, self.begun, self.may_end = accounts, Event(), Event()

    def __call__(self, progress: PlayProgress) -> LettersAhead:
        progress(3)
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        return build_ahead(self.accounts)


def never(progress: PlayProgress) -> LettersAhead:
    raise AssertionError("it is played once at a time")


def at_once(accounts: int) -> Callable[[PlayProgress], LettersAhead]:
    return lambda progress: build_ahead(accounts)


def test_a_first_look_says_how_far_the_play_has_come_and_the_next_has_what_came_of_it() -> None:
    plays, first = LetterPlays(0), HeldPlay(1)
    assert plays.look("mia", NOON, first).ahead is None
    assert first.begun.wait(PATIENCE)
    assert plays.look("mia", NOON, never) == LettersFound(None, None, 3)
    first.may_end.set()
    plays.waited_seconds = PATIENCE
    assert plays.look("mia", NOON, at_once(1)) == LettersFound(build_ahead(1))


def test_while_they_are_played_again_those_of_before_are_shown_with_their_moment() -> None:
    plays, again = LetterPlays(PATIENCE), HeldPlay(2)
    assert plays.look("mia", NOON, at_once(1)).ahead == build_ahead(1)
    plays.waited_seconds = 0
    shown = plays.look("mia", NOON + timedelta(hours=1), again)
    assert (shown.ahead, shown.played_at) == (build_ahead(1), NOON)
    assert again.begun.wait(PATIENCE)
    plays.waited_seconds = PATIENCE
    assert plays.look("ben", NOON, at_once(9)) == LettersFound(build_ahead(9)), "another's view waits for nobody"
    again.may_end.set()
    found = plays.look("mia", NOON + timedelta(hours=1), at_once(2))
    assert found == LettersFound(build_ahead(2))


def test_what_cannot_be_played_is_told_to_whoever_looks_and_tried_again() -> None:
    plays = LetterPlays(PATIENCE)
    with pytest.raises(AssertionError, match="once at a time"):
        plays.look("mia", NOON, never)
    assert plays.look("mia", NOON, at_once(1)).ahead == build_ahead(1)
    for number in range(MOST_KEPT):
        plays.look(number, NOON, at_once(number))
    plays.waited_seconds, held = 0, HeldPlay(1)
    assert plays.look("mia", NOON, held).ahead is None, "no more than the latest views are kept"
    held.may_end.set()


class Found(LetterPlays):
    """Has found this, whatever is looked for."""

    def __init__(self, found: LettersFound) -> None:
        super().__init__()
        self.found = found

    def look(self, view: object, now: datetime, play: object) -> LettersFound:
        return self.found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_the_page_is_there_before_the_letters_are(app: FastAPI, as_role: As, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    world.letter("I-1")
    async with as_role(Role.COLLECTOR, Accept="text/html") as client:
        app.state.letter_plays = Found(LettersFound(None, None, 1_200))
        html = await page(client, "/letters?whose=all")
        assert "1,200 letters so far." in words(html)
        assert "<progress" in html
        assert 'http-equiv="refresh"' in html
        assert "Gone today" in words(html), "what has gone is known at once"
        earlier = build_ahead(0).model_copy(update={"until": TODAY})
        app.state.letter_plays = Found(LettersFound(earlier, NOON, 5))
        html = await page(client, "/letters?whose=all")
        assert "something has changed since" in words(html)
        assert 'http-equiv="refresh"' not in html
