"""The collection clock: the time for which an invoice has been collectable, that is past due and not on hold."""

from datetime import date, datetime, timedelta

from domain.clock import start_of_day
from domain.timeline.holds import Holds


def read_collection_clock(due_date: date, holds: Holds, now: datetime) -> timedelta:
    """Return how far the clock has run at business time `now` (UTC). Negative before the due date; a hold before it does not count."""
    due = start_of_day(due_date)
    if now <= due:
        return now - due
    return now - due - holds.compute_held_time(due, now)


def find_time_of_clock_day(due_date: date, holds: Holds, days: int) -> datetime:
    """Return the business time (UTC) at which the clock reads `days`, if no further hold comes. Call it only while no hold is active.

    Days before the due date (negative) cannot be delayed: the clock follows the calendar.
    """
    moment = start_of_day(due_date) + timedelta(days=days)
    if days <= 0:
        return moment
    due = start_of_day(due_date)
    for period in holds.past:
        if period.end <= due:
            continue
        if period.start >= moment:
            break
        moment += period.end - max(period.start, due)
    return moment
