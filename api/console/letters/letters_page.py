"""The console's page of the letters of today and the next business days: each is read before it goes, and taken back until then."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from adapters.preview.letter_preview import LettersAhead, PlayProgress, PreviewedLetter
from adapters.read_model.correspondence import LetterRow, list_letters
from adapters.read_model.letter_brakes import list_reading_gaps
from api.console.letters.letter_plays import LetterPlays, LettersFound
from api.console.rendering import PageReader, render
from api.context import ApiContext
from api.web.authentication import Context
from api.web.request_target import EncodedPathRoute
from domain.case.case_view import TaskKind
from domain.clock import start_of_day
from domain.roles import Actor, Role

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
LETTERS_PAGE = "/letters"
DAYS_SHOWN = 3
"""Business days, today included: tomorrow, and the day after."""

MOST_GONE = 300
"""So many of those that went today are shown."""

Whose = Literal["", "mine", "all"]


class DayOfLetters(NamedTuple):
    """The letters of one date of their customers: those that go, and those that are held back. `asked`: what the former ask for, in minor
    units by currency; `customers`: to how many they go."""

    on: date
    going: list[PreviewedLetter]
    held: list[PreviewedLetter]
    asked: dict[str, int]
    customers: int


@router.get(LETTERS_PAGE)
def show_letters(request: Request, context: Context, actor: PageReader, whose: Whose = "") -> HTMLResponse:
    """`whose`: a collector's own accounts, or all; a collector's own at first."""
    collector = _choose_collector(actor, whose)
    found = _look_ahead(request, context, collector)
    ahead = found.ahead
    gone, further = list_letters(context.database, MOST_GONE, collector=collector, gone_since=start_of_day(context.today))
    known, hindered = {letter.message_id for letter in gone}, ahead.hindered if ahead else []
    return render(
        request,
        context,
        "letters.html",
        actor,
        ahead=ahead,
        found=found,
        days=_group_by_day(each for each in (ahead.letters if ahead else ()) if each.letter.message_id not in known),
        gone=gone,
        gone_asked=sum_asked(gone),
        has_more_gone=further is not None,
        no_address=[task for task in hindered if task.kind == TaskKind.NO_ADDRESS],
        covered=[task for task in hindered if task.kind == TaskKind.UNAPPLIED_CREDIT],
        reading_gaps=list_reading_gaps(context.database),
        whose="mine" if collector else "all",
    )


def _look_ahead(request: Request, context: ApiContext, collector: str | None) -> LettersFound:
    """What is shown of an earlier moment is held back as of now, too."""
    plays: LetterPlays = request.app.state.letter_plays
    now = context.business_now

    def play(progress: PlayProgress) -> LettersAhead:
        return context.preview.look_ahead(now, DAYS_SHOWN, collector=collector, progress=progress)

    found = plays.look((collector, context.today), now, play)
    if found.ahead is None or found.played_at is None:
        return found
    return found._replace(ahead=context.preview.put_brakes(found.ahead, context.today))


def _choose_collector(actor: Actor, whose: Whose) -> str | None:
    """None for all accounts."""
    is_own = whose == "mine" or (not whose and actor.role is Role.COLLECTOR)
    return actor.user if is_own else None


def _group_by_day(letters: Iterable[PreviewedLetter]) -> list[DayOfLetters]:
    by_day: dict[date, list[PreviewedLetter]] = {}
    for letter in letters:
        by_day.setdefault(letter.on, []).append(letter)
    return [_sum_up(on, of_day) for on, of_day in sorted(by_day.items())]


def _sum_up(on: date, letters: Sequence[PreviewedLetter]) -> DayOfLetters:
    going = [each for each in letters if each.brake is None]
    held = [each for each in letters if each.brake is not None]
    return DayOfLetters(on, going, held, sum_asked([each.letter for each in going]), len({each.letter.account_id for each in going}))


def sum_asked(letters: Iterable[LetterRow]) -> dict[str, int]:
    """What letters ask for, in minor units by currency."""
    asked = Counter[str]()
    for letter in letters:
        asked[letter.currency] += letter.asked_for or 0
    return {currency: amount for currency, amount in asked.items() if amount}
