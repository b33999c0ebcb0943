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
from tests.workflows.stage import DAY, InvoiceSpec, PlayStage, start_stage

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
    "weekends": Expected("DE", "Europe/Berlin", date(2013, 11, 29), "11-26", "12-02", "12-06", "12-13", "12-20", "12-30"),
    "German Christmas": Expected("DE", "Europe/Berlin", date(2013, 12, 4), "12-02", "12-05", "12-11", "12-18", "12-27", "01-03"),
    "Thanksgiving in Los Angeles": Expected(
        "US", "America/Los_Angeles", date(2013, 11, 27), "11-25", "11-29", "12-04", "12-11", "12-18", "12-27"
    ),
    "Tokyo": Expected("JP", "Asia/Tokyo", date(2013, 12, 3), "12-02", "12-05", "12-10", "12-17", "12-24", "01-02"),
    "Christmas in Auckland": Expected("NZ", "Pacific/Auckland", date(2013, 12, 4), "12-02", "12-05", "12-11", "12-18", "12-27", "01-03"),
}


@pytest.fixture(scope="module")
async def season(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[PlayStage, dict[str, str]]]:
    """The season, played to its end; the invoice of each expectation."""
    folder = tmp_path_factory.mktemp("season")
    (folder / "duecourse.db").write_bytes(_sqlite_template().read_bytes())
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    async with start_stage(database, folder, FIRST) as stage:
        bills = [InvoiceSpec(row.due, country=row.country, time_zone=row.time_zone) for row in SEASON.values()]
        invoices = dict(zip(SEASON, await stage.open_invoices(*bills), strict=True))
        for offset in range((LAST - FIRST).days + 1):
            for at in LETTERS_GO_AT:
                await stage.play.skip_to(datetime.combine(FIRST + offset * DAY, at, ZoneInfo("UTC")))
                await stage.play.send_letters()
        yield stage, invoices
        await stage.close()
    database.close()


@pytest.mark.parametrize("name", SEASON)
def test_every_step_reaches_the_customer_on_its_business_day(season: tuple[PlayStage, dict[str, str]], name: str) -> None:
    stage, invoices = season
    calls = [("phone_call", due_on) for kind, _, due_on in stage.tasks(invoices[name]) if kind == "call"]
    reached = {step: on.strftime("%m-%d") for step, on in [*_letters(stage, invoices[name], SEASON[name].time_zone), *calls]}
    assert reached == {step: getattr(SEASON[name], step) for step in Expected._fields[3:]}


@pytest.mark.parametrize("name", SEASON)
def test_letters_go_within_contact_hours_of_the_customer(season: tuple[PlayStage, dict[str, str]], name: str) -> None:
    stage, invoices = season
    zone = ZoneInfo(SEASON[name].time_zone)
    with stage.database.reading() as session:
        statement = select(col(Message.sent_at)).where(col(Message.account_id) == stage.account_and_currency(invoices[name])[0])
        times = [at.astimezone(zone).time() for at in session.scalars(statement) if at]
    assert len(times) == 5
    assert all(time(9) <= at < time(17) for at in times)


def _letters(stage: PlayStage, invoice: str, time_zone: str) -> list[tuple[str, date]]:
    with stage.database.reading() as session:
        statement = select(col(MessageLine.step), col(Message.sent_at)).join(Message, col(Message.id) == col(MessageLine.message_id))
        rows = session.execute(statement.where(col(MessageLine.invoice_id) == invoice)).all()
        return [(step, at.astimezone(ZoneInfo(time_zone)).date()) for step, at in rows]


async def test_a_late_start_begins_at_the_first_reminder_and_climbs_one_step_at_a_time(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - timedelta(days=60))
    await stage.play.run_mornings(monday, monday + 15 * DAY)
    assert stage.steps_with_dates(invoice) == [
        ("reminder", monday),
        ("second_reminder", monday + 3 * DAY),
        ("phone_call", monday + 6 * DAY),
        # the call is made on the Monday after that Sunday, and the next step keeps its distance from it
        ("firm_reminder", monday + 10 * DAY),
        ("final_demand", monday + 13 * DAY),
    ]
    letters = stage.letters(invoice)
    assert letters[-2:] == [("firm_reminder", monday + 10 * DAY), ("final_demand", monday + 14 * DAY)]
    assert len({on for _, on in letters}) == len(letters) == 4


async def test_days_without_any_letter_run_make_no_step_go_twice_or_get_lost(stage: PlayStage) -> None:
    """Nobody sends for three weeks: the reminder waits, and the steps after it wait for the reminder."""
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday - DAY)
    await stage.pass_to(monday + 21 * DAY)
    assert stage.steps(invoice) == ["reminder"]
    assert (stage.row(invoice).waiting_for, stage.row(invoice).next_on) == ("letter", None)
    await stage.play.run_mornings(monday + 21 * DAY, monday + 25 * DAY)
    assert stage.letters(invoice) == [("reminder", monday + 21 * DAY), ("second_reminder", monday + 24 * DAY)]


async def test_a_courtesy_note_that_finds_no_business_day_before_the_due_date_lapses(stage: PlayStage) -> None:
    saturday = await stage.pass_to_monday() + 5 * DAY
    await stage.pass_to(saturday)
    invoice = await stage.open_invoice(due=saturday + DAY)
    await stage.play.run_mornings(saturday, saturday + 3 * DAY)
    assert stage.entry_facts(invoice, "letter.dropped")[0]["reason"] == "lapsed"
    # the reminder keeps its distance from the day on which the note was asked for, not from the Monday on which it would have gone
    assert stage.letters(invoice) == [("reminder", saturday + 3 * DAY)]


async def test_an_invoice_that_is_due_today_still_gets_its_courtesy_note(stage: PlayStage) -> None:
    monday = await stage.pass_to_monday()
    invoice = await stage.open_invoice(due=monday)
    await stage.play.run_mornings(monday, monday + 3 * DAY)
    assert stage.letters(invoice) == [("courtesy_note", monday), ("reminder", monday + 3 * DAY)]
