"""The standard timeline on the calendar: weekends, public holidays and time zones. One season is played, for all customers at once."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Message, MessageLine
from tests.databases import _sqlite_template
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec, start_collection_environment

FIRST, LAST = date(2013, 11, 20), date(2014, 1, 6)
LETTERS_GO_AT = (time(0, 20), time(8, 5), time(17, 5), time(20, 5))
"""UTC: shortly after contact hours open, or steps fall due, in Tokyo and Auckland, Berlin, Los Angeles, Auckland."""


class Expected(NamedTuple):
    """The customer's dates in 2013, or early 2014: "12-27"."""

    country: str
    time_zone: str
    due: date
    courtesy_note: str
    reminder: str
    second_reminder: str
    phone_call: str
    firm_reminder: str
    final_demand: str


SEASON = {
    "weekends": Expected("DE", "Europe/Berlin", date(2013, 11, 29), "11-26", "12-02", "12-09", "12-13", "12-20", "12-30"),
    "German Christmas": Expected("DE", "Europe/Berlin", date(2013, 12, 4), "12-02", "12-05", "12-12", "12-18", "12-27", "01-03"),
    "Thanksgiving in Los Angeles": Expected(
        "US", "America/Los_Angeles", date(2013, 11, 27), "11-25", "11-29", "12-06", "12-11", "12-18", "12-27"
    ),
    "Tokyo": Expected("JP", "Asia/Tokyo", date(2013, 12, 3), "12-02", "12-05", "12-12", "12-17", "12-24", "01-02"),
    "Christmas in Auckland": Expected("NZ", "Pacific/Auckland", date(2013, 12, 4), "12-02", "12-05", "12-12", "12-18", "12-27", "01-03"),
}


@pytest.fixture(scope="module")
async def season(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[CollectionEnvironment, dict[str, str]]]:
    """The season, played to its end; the invoice of each expectation."""
    folder = tmp_path_factory.mktemp("season")
    (folder / "duecourse.db").write_bytes(_sqlite_template().read_bytes())
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    async with start_collection_environment(database, folder, FIRST) as environment:
        bills = [InvoiceSpec(row.due, country=row.country, time_zone=row.time_zone) for row in SEASON.values()]
        invoices = dict(zip(SEASON, await environment.open_invoices(*bills), strict=True))
        for offset in range((LAST - FIRST).days + 1):
            for at in LETTERS_GO_AT:
                await environment.play.skip_to(datetime.combine(FIRST + offset * DAY, at, ZoneInfo("UTC")))
                await environment.play.send_letters()
        yield environment, invoices
        await environment.close()
    database.close()


@pytest.mark.parametrize("name", SEASON)
def test_every_step_reaches_the_customer_on_its_business_day(season: tuple[CollectionEnvironment, dict[str, str]], name: str) -> None:
    environment, invoices = season
    calls = [("phone_call", due_on) for kind, _, due_on in environment.tasks(invoices[name]) if kind == "call"]
    reached = {step: on.strftime("%m-%d") for step, on in [*_letters(environment, invoices[name], SEASON[name].time_zone), *calls]}
    assert reached == {step: getattr(SEASON[name], step) for step in Expected._fields[3:]}


@pytest.mark.parametrize("name", SEASON)
def test_letters_go_within_contact_hours_of_the_customer(season: tuple[CollectionEnvironment, dict[str, str]], name: str) -> None:
    environment, invoices = season
    zone = ZoneInfo(SEASON[name].time_zone)
    with environment.database.reading() as session:
        statement = select(col(Message.sent_at)).where(col(Message.account_id) == environment.account_and_currency(invoices[name])[0])
        times = [at.astimezone(zone).time() for at in session.scalars(statement) if at]
    assert len(times) == 5
    assert all(time(9) <= at < time(17) for at in times)


def _letters(environment: CollectionEnvironment, invoice: str, time_zone: str) -> list[tuple[str, date]]:
    with environment.database.reading() as session:
        statement = select(col(MessageLine.step), col(Message.sent_at)).join(Message, col(Message.id) == col(MessageLine.message_id))
        rows = session.execute(statement.where(col(MessageLine.invoice_id) == invoice)).all()
        return [(step, at.astimezone(ZoneInfo(time_zone)).date()) for step, at in rows]


async def test_a_late_start_begins_at_the_first_reminder_and_climbs_one_step_at_a_time(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - timedelta(days=60))
    await environment.play.run_mornings(monday, monday + 21 * DAY)
    assert environment.steps_with_dates(invoice) == [
        ("reminder", monday),
        # its letter goes a week after the first, and the call keeps its distance from that day
        ("second_reminder", monday + 3 * DAY),
        ("phone_call", monday + 10 * DAY),
        ("firm_reminder", monday + 13 * DAY),
        ("final_demand", monday + 17 * DAY),
    ]
    assert environment.letters(invoice) == [
        ("reminder", monday),
        ("second_reminder", monday + 7 * DAY),
        ("firm_reminder", monday + 14 * DAY),
        # a step apart does not wait for the week, but is not the third letter within two
        ("final_demand", monday + 21 * DAY),
    ]


async def test_days_without_any_letter_run_make_no_step_go_twice_or_get_lost(environment: CollectionEnvironment) -> None:
    """Nobody sends for three weeks: the reminder waits, and the steps after it wait for the reminder."""
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday - DAY)
    await environment.pass_to(monday + 21 * DAY)
    assert environment.steps(invoice) == ["reminder"]
    assert (environment.row(invoice).waiting_for, environment.row(invoice).next_on) == ("letter", None)
    await environment.play.run_mornings(monday + 21 * DAY, monday + 28 * DAY)
    assert environment.steps_with_dates(invoice)[1:] == [("second_reminder", monday + 24 * DAY)]
    assert environment.letters(invoice) == [("reminder", monday + 21 * DAY), ("second_reminder", monday + 28 * DAY)]


async def test_a_courtesy_note_that_finds_no_business_day_before_the_due_date_lapses(environment: CollectionEnvironment) -> None:
    saturday = await environment.pass_to_monday() + 5 * DAY
    await environment.pass_to(saturday)
    invoice = await environment.open_invoice(due=saturday + DAY)
    await environment.play.run_mornings(saturday, saturday + 3 * DAY)
    assert environment.entry_facts(invoice, "letter.dropped")[0]["reason"] == "lapsed"
    # the reminder keeps its distance from the day on which the note was asked for, not from the Monday on which it would have gone
    assert environment.letters(invoice) == [("reminder", saturday + 3 * DAY)]


async def test_an_invoice_that_is_due_today_still_gets_its_courtesy_note(environment: CollectionEnvironment) -> None:
    monday = await environment.pass_to_monday()
    invoice = await environment.open_invoice(due=monday)
    await environment.play.run_mornings(monday, monday + 3 * DAY)
    assert environment.letters(invoice) == [("courtesy_note", monday), ("reminder", monday + 3 * DAY)]
