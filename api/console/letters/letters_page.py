"""The console's page of the letters of today and the next business days: each is read before it goes, and taken back until then."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from adapters.preview.letter_preview import PreviewedLetter
from adapters.read_model.correspondence import LetterRow, list_letters
from api.console.rendering import PageReader, render
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
    ahead = context.preview.look_ahead(context.business_now, DAYS_SHOWN, collector=collector)
    gone, further = list_letters(context.database, MOST_GONE, collector=collector, gone_since=start_of_day(context.today))
    known = {letter.message_id for letter in gone}
    return render(
        request,
        context,
        "letters.html",
        actor,
        ahead=ahead,
        days=_group_by_day(each for each in ahead.letters if each.letter.message_id not in known),
        gone=gone,
        gone_asked=_sum_asked(gone),
        has_more_gone=further is not None,
        no_address=[task for task in ahead.hindered if task.kind == TaskKind.NO_ADDRESS],
        covered=[task for task in ahead.hindered if task.kind == TaskKind.UNAPPLIED_CREDIT],
        whose="mine" if collector else "all",
    )


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
    return DayOfLetters(on, going, held, _sum_asked([each.letter for each in going]), len({each.letter.account_id for each in going}))


def _sum_asked(letters: Iterable[LetterRow]) -> dict[str, int]:
    """What letters ask for, in minor units by currency."""
    asked = Counter[str]()
    for letter in letters:
        asked[letter.currency] += letter.asked_for or 0
    return {currency: amount for currency, amount in asked.items() if amount}
