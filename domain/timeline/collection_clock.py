"""The collection clock: how long an invoice has been collectable, that is past due and not on hold."""

from datetime import date, datetime, timedelta

from domain.clock import start_of_day
from domain.timeline.holds import Holds


def read_collection_clock(due_date: date, holds: Holds, now: datetime) -> timedelta:
    """How far the clock has run at business time `now`. Negative before the due date; a hold before it costs nothing."""
    due = start_of_day(due_date)
    if now <= due:
        return now - due
    return now - due - holds.compute_held_time(due, now)


def find_time_of_clock_day(due_date: date, holds: Holds, days: int) -> datetime:
    """The business time at which the clock reads `days`, if no hold stands or comes. Asked while a hold stands, it means nothing.

    Days before the due date (negative) cannot be held up: the clock stands at the calendar.
    """
    moment = start_of_day(due_date) + timedelta(days=days)
    if days <= 0:
        return moment
    due = start_of_day(due_date)
    for span in holds.past:
        if span.end <= due:
            continue
        if span.start >= moment:
            break
        moment += span.end - max(span.start, due)
    return moment
