"""Taking back many letters at once, or letting many go after all, those that were ticked or all of a page: first how many they are, to how
many customers, and what they ask for; then each customer's by itself, as the form for one letter does it."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from adapters.preview.letter_preview import DEFAULT_DAYS, PreviewedLetter
from api.console.acts.form_body import build_body
from api.console.acts.forms import ActForm, load_act_forms
from api.console.acts.refusal import Faults
from api.console.acts.sent_form import KEY_FIELD, Values, get_first, read_sent_form
from api.console.acts.shown_form import show_form
from api.console.acts.subject import NO_SUBJECT
from api.console.letters.letters_page import DAYS_SHOWN, LETTERS_PAGE, sum_asked
from api.console.lists.acts_on_many.list_works import ActOnRows, ListWorks
from api.console.lists.acts_on_many.many_pages import MAX_ROWS
from api.console.lists.acts_on_many.row_requests import INVALID, RowRequests, work_through
from api.console.lists.acts_on_many.work_pages import MAX_CHOSEN_AGAIN, begin_once, find_begun, find_stale_fault, lead_to_work
from api.console.lists.chosen_fields import CHOSEN_FIELD, mark_rows
from api.console.rendering import PageReader, load_reader, render
from api.context import ApiContext
from api.web.authentication import Context, require_right
from api.web.request_target import EncodedPathRoute
from domain.roles import Actor

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, route_class=EncodedPathRoute)
HOLDBACKS_PAGE = "/letter-holdbacks"
TAKE_BACK, PUT_BACK = "take_back_letter", "put_back_letter"
UNDONE_BY = {TAKE_BACK: PUT_BACK, PUT_BACK: TAKE_BACK}
LIST_NAME, LAST_DAY, LETTER, HOLDBACK_ID = "letters", "last_day", "letter", "holdback_id"
ACT_FIELD, OF_FIELD, DAY_FIELD = "act", "of", "on"


class LetterView(NamedTuple):
    """The letters of one page: of the next `days`, of whoever looks alone where `is_own`."""

    page: str
    days: int
    is_own: bool = False


VIEWS = {
    "mine": LetterView(f"{LETTERS_PAGE}?whose=mine", DAYS_SHOWN, True),
    "all": LetterView(f"{LETTERS_PAGE}?whose=all", DAYS_SHOWN),
    "ahead": LetterView("/preview", DEFAULT_DAYS),
}


class ChosenLetters(NamedTuple):
    """Letters that go, or by the act that lets them go those that are held back, of the view `of` and of the day `on`, where one is named;
    `chosen`: the Message-IDs that were ticked, none for all. `by_account`: a customer's are taken back at once, for what holds one back
    holds back each until its day."""

    act: str
    of: str
    on: str
    chosen: Sequence[str]
    by_account: Mapping[str, Sequence[PreviewedLetter]]

    @property
    def letters(self) -> list[PreviewedLetter]:
        return [each for letters in self.by_account.values() for each in letters]

    @property
    def rows(self) -> dict[str, str]:
        return {account: letters[0].letter.account_name for account, letters in self.by_account.items()}

    @property
    def seen(self) -> str:
        """The same for the same letters alone."""
        held = [each.brake.stop_id if each.brake else None for each in self.letters]
        return mark_rows(f"{each.letter.message_id} {each.at.date()} {stop}" for each, stop in zip(self.letters, held, strict=True))

    @property
    def back(self) -> str:
        return VIEWS[self.of].page

    @property
    def is_cut(self) -> bool:
        return len(self.by_account) > MAX_ROWS

    def describe_act(self) -> ActOnRows:
        again = self._build_page(self.act, self.chosen)
        undo = self._build_page(UNDONE_BY[self.act], [each.letter.message_id for each in self.letters])
        return ActOnRows(LIST_NAME, self.act, self.back, again, "/accounts", UNDONE_BY[self.act], undo)

    def _build_page(self, act: str, chosen: Sequence[str]) -> str:
        """Empty where they are too many for an address."""
        asked = [(ACT_FIELD, act), (OF_FIELD, self.of), (DAY_FIELD, self.on), *((CHOSEN_FIELD, each) for each in chosen)]
        return f"{HOLDBACKS_PAGE}?{urlencode(asked)}" if len(chosen) <= MAX_CHOSEN_AGAIN else ""

    def list_holdbacks(self) -> dict[str, dict[str, str]]:
        """By what name each customer's path has what holds its letters back."""
        held = {account: letters[0].brake for account, letters in self.by_account.items()}
        return {account: {HOLDBACK_ID: brake.stop_id} for account, brake in held.items() if brake and brake.stop_id}

    def build_own_parts(self, asked: str | None) -> dict[str, dict[str, Any]]:
        """What each customer's request says of its own, where letters are taken back: that letter which goes first must not have gone; and
        until when, at the least until the day of the last one. `asked`: until when by the form; what is no day is refused."""
        if self.act != TAKE_BACK:
            return {}
        return {
            account: {LETTER: letters[0].letter.message_id, LAST_DAY: _choose_last_day(letters, asked)}
            for account, letters in self.by_account.items()
        }


@router.get(HOLDBACKS_PAGE)
def show_act_on_letters(request: Request, context: Context, actor: PageReader) -> HTMLResponse:
    """How many letters they are, to how many customers, and what they ask for. Raises Problem 403."""
    given = {field: request.query_params.getlist(field) for field in request.query_params}
    return _render_form(request, context, actor, _choose_letters(context, actor, given), {})


@router.post(HOLDBACKS_PAGE)
async def act_on_letters(request: Request, context: Context, actor: PageReader) -> Response:
    """Those that were shown, or none. The same form sent again leads to what it began."""
    sent = await read_sent_form(request, max_fields=MAX_ROWS + 100)
    works: ListWorks = request.app.state.list_works
    if begun := await find_begun(works, sent, actor.user):
        return begun
    chosen = await run_in_threadpool(_choose_letters, context, actor, sent.values)
    reader = await run_in_threadpool(load_reader, context, actor)

    async def again(status: int, faults: Faults) -> HTMLResponse:
        page = await run_in_threadpool(_render_form, request, context, actor, chosen, sent.values, faults)
        page.status_code = status
        return page

    if stale := find_stale_fault(sent, chosen, reader.act_words):
        return await again(*stale)
    body = build_body(_load_form(chosen.act), sent.values, reader.locale)
    own, ids = chosen.build_own_parts(body.get(LAST_DAY)), chosen.list_holdbacks()
    requests = RowRequests(request, actor, "account_id", chosen.act, body, sent.key, context.today, own, ids)
    do = partial(work_through, works, requests=requests, left_out={}, reader=reader)
    work = await begin_once(works, actor.user, sent.key, chosen.describe_act(), chosen.rows, do)
    return await again(INVALID, work.faults) if work.faults else lead_to_work(work)


def _choose_last_day(letters: Sequence[PreviewedLetter], asked: str | None) -> str:
    own = max(each.at.date() for each in letters)
    try:
        return max(own, date.fromisoformat(asked) if asked else own).isoformat()
    except ValueError:
        return asked or ""


def _load_form(act: str) -> ActForm:
    """The form for one letter, without what is known of each. Until when may be left open: then it is each letter's own day."""
    form = load_act_forms()[act]
    if act != TAKE_BACK:
        return form
    fields = {name: field for name, field in form.fields.items() if name != LETTER}
    return form.model_copy(update={"fields": fields | {LAST_DAY: fields[LAST_DAY].model_copy(update={"required": False})}})


def _choose_letters(context: ApiContext, actor: Actor, given: Values) -> ChosenLetters:
    """As they stand now: those that go, to be taken back, or those that somebody holds back. Raises Problem 403."""
    act, of = get_first(given, ACT_FIELD), get_first(given, OF_FIELD)
    act = act if act in UNDONE_BY else TAKE_BACK
    require_right(actor, load_act_forms()[act].permission)
    of, on, chosen = of if of in VIEWS else "all", get_first(given, DAY_FIELD), list(dict.fromkeys(given.get(CHOSEN_FIELD, ())))
    view = VIEWS[of]
    ahead = context.preview.look_ahead(context.business_now, view.days, collector=actor.user if view.is_own else None)
    by_account: dict[str, list[PreviewedLetter]] = {}
    for each in ahead.letters:
        is_meant = each.letter.message_id in chosen if chosen else on in ("", each.on.isoformat())
        is_to_do = each.brake is None if act == TAKE_BACK else each.brake is not None and bool(each.brake.stop_id)
        if is_to_do and is_meant:
            by_account.setdefault(each.letter.account_id, []).append(each)
    return ChosenLetters(act, of, on, chosen, by_account)


def _render_form(
    request: Request, context: ApiContext, actor: Actor, chosen: ChosenLetters, given: Values, faults: Faults = ()
) -> HTMLResponse:
    form, reader = _load_form(chosen.act), load_reader(context, actor)
    values = {name: given[name] for name in form.fields if name in given}
    key = get_first(given, KEY_FIELD) if request.method == "POST" else ""
    return render(
        request,
        context,
        "letter_holdbacks.html",
        actor,
        chosen=chosen,
        form=show_form(chosen.act, form, {}, NO_SUBJECT, reader, values, faults, key),
        asked=sum_asked(each.letter for each in chosen.letters),
        most=MAX_ROWS,
    )
