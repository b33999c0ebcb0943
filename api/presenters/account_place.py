"""Tells on whose list an account is today, or why it is on nobody's."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import date
from typing import TypeVar

from adapters.i18n.wording import fill_placeholders
from adapters.journal.promises import find_last_call
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, list_invoices
from adapters.read_model.letter_brakes import find_account_brake
from adapters.read_model.lists.account_place import AccountPlace, PlacedWork, find_account_place
from adapters.read_model.worklist_queries import WorkItem
from api.commands.live_invoice import build_policy_reader
from api.context import ApiContext
from api.presenters.invoices import explain_invoice
from api.presenters.phrases import Phrases
from api.presenters.worklist import render_item_reason
from api.schemas.worklist import AccountPlaceOut
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.letter_stop import LetterBrake
from domain.roles import Actor

Thing = TypeVar("Thing")

MAX_SENTENCES = 4
MAX_INVOICES = 50


def tell_account_place(
    context: ApiContext, account_id: str, whose: Actor, words: Phrases, *, is_own: bool = True
) -> AccountPlaceOut | None:
    """Tell in a few sentences whether the account is on somebody's list, on another's, or on nobody's and why; None for an account that
    there is not. `is_own`: that somebody is who reads it."""
    place = find_account_place(context.database, account_id, whose, context.today)
    if place is None:
        return None
    says = _take_distinct(_tell_place(context, place, words, is_own), MAX_SENTENCES)
    return AccountPlaceOut(
        account_id=place.account_id,
        account_name=place.account_name,
        on_my_list=[item.id for item in place.mine],
        on_other_lists=len({placed.item.id for placed in place.others}),
        says=says,
    )


def _take_distinct(sentences: Iterable[str], most: int) -> list[str]:
    """Take the first that differ; what comes after them is not even read."""
    taken: dict[str, None] = {}
    for sentence in sentences:
        taken[sentence] = None
        if len(taken) == most:
            break
    return list(taken)


def _tell_place(context: ApiContext, place: AccountPlace, words: Phrases, is_own: bool) -> Iterator[str]:
    today = context.today
    for item, more in _join_alike(_sort_items(place.mine), lambda item: (item.work, item.due_on)):
        since, why = _tell_past_day(item.due_on, today, words), _tell_why(item, more, words)
        yield _say(words, "place_mine" if is_own else "place_person", user=place.reader.user, since=since, why=why)
    for each, more in _join_alike(place.others, lambda each: (each.person, each.role, each.item.work, each.item.due_on)):
        yield _tell_other(each, more, today, words)
    if place.is_on_a_list:
        return
    yield _say(words, "place_none")
    call = find_last_call(context.database, place.account_id)
    if call and call.at.date() == context.today:
        yield _say(words, "place_called", user=call.by, outcome=words.translate("calls", call.outcome))
    if place.call_on:
        yield _say(words, "place_call_on", day=_tell_day(place.call_on, words))
    yield from _tell_invoices(context, place, words)
    if place.collector is None:
        yield _say(words, "place_no_collector")
    elif not place.is_readers:
        yield _say(words, "place_collector", user=place.collector, covered_by=place.covered_by or "")


def _join_alike(things: Iterable[Thing], find_kind: Callable[[Thing], Hashable]) -> Iterable[tuple[Thing, int]]:
    """Of what is of one kind the first, and how many more there are: a promise over five invoices is broken once."""
    kinds: dict[Hashable, list[Thing]] = {}
    for thing in things:
        kinds.setdefault(find_kind(thing), []).append(thing)
    return [(alike[0], len(alike) - 1) for alike in kinds.values()]


def _tell_why(item: WorkItem, more: int, words: Phrases) -> str:
    why = render_item_reason(item, words)
    return f"{why}, {_say(words, 'alike', count=str(more))}" if more else why


def _sort_items(items: list[WorkItem]) -> list[WorkItem]:
    return sorted(items, key=lambda item: (item.due_on or date.min, item.id))


def _tell_other(each: PlacedWork, more: int, today: date, words: Phrases) -> str:
    since, why = _tell_past_day(each.item.due_on, today, words), _tell_why(each.item, more, words)
    if each.role:
        return _say(words, "place_role", role=words.translate("roles", each.role.value), since=since, why=why)
    return _say(words, "place_person", user=each.person or "", covered_by=each.covered_by or "", since=since, why=why)


def _tell_invoices(context: ApiContext, place: AccountPlace, words: Phrases) -> Iterator[str]:
    """What is owed, what holds it, and what comes by itself."""
    owed = InvoiceFilter(account=place.account_id, status=InvoiceStatus.OPEN)
    rows, _ = list_invoices(context.database, owed, context.today, MAX_INVOICES, None)
    overdue = [row for row in rows if row.days_past_due(context.today) > 0]
    brake = find_account_brake(context.database, place.account_id, context.today)
    explain_row = _explain_rows(context, brake, words)
    if not overdue:
        first = min((row.due_date for row in rows), default=None)
        yield _say(words, "place_not_overdue", day=_tell_day(first, words)) if first else _say(words, "place_nothing_open")
    for row in overdue:
        if row.case and row.case.holds:
            yield explain_row(row)
    if brake:
        yield _tell_brake(brake, words)
    free = [row for row in overdue or rows if not (row.case and row.case.holds)]
    if free:
        yield _tell_next(free, explain_row, words)


def _tell_brake(brake: LetterBrake, words: Phrases) -> str:
    """Why none of its letters goes: a person stopped them, or has yet to let them go, or what is owed is not known."""
    told = "place_release" if brake.awaits_release else "place_unread" if brake.unread_system else "place_stopped"
    since, until = _tell_day(brake.since, words), _tell_day(brake.until, words)
    return _say(words, told, since=since, until=until, system=brake.unread_system)


def _tell_next(rows: list[InvoiceRow], explain_row: Callable[[InvoiceRow], str], words: Phrases) -> str:
    """What comes next by itself; where nothing does, what the oldest waits for."""
    coming = [row for row in rows if row.case and row.case.next_step and row.case.next_on]
    first = min(coming, key=lambda row: (row.case.next_on if row.case and row.case.next_on else date.max, row.due_date), default=None)
    if first is None or first.case is None or first.case.next_step is None:
        return explain_row(min(rows, key=lambda row: row.due_date))
    return _say(words, "place_next", step=words.step_label(first.case.next_step), day=_tell_day(first.case.next_on, words))


def _explain_rows(context: ApiContext, brake: LetterBrake | None, words: Phrases) -> Callable[[InvoiceRow], str]:
    """What explains one invoice after another."""
    find_policy = build_policy_reader(context)

    def explain_row(row: InvoiceRow) -> str:
        return words.render_next_step_reason(*explain_invoice(row, find_policy(row.case), words, brake), row.currency)

    return explain_row


def _say(words: Phrases, sentence: str, **facts: str) -> str:
    return fill_placeholders(words.today[sentence], facts)


def _tell_day(day: date | None, words: Phrases) -> str:
    return words.shared.format_day(day) if day else ""


def _tell_past_day(day: date | None, today: date, words: Phrases) -> str:
    """Since when it waits; empty for a day by which there is time."""
    return _tell_day(day, words) if day and day <= today else ""
