"""A letter tells the account's whole position, in the account's own rhythm: one season is played for all accounts at once.

Day 0 is a Monday, on whose first moment the invoices open; letters go in the afternoon. Days count from it; invoices are of EUR 100.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import pytest
import yaml

from adapters.database.engine import Database
from adapters.shipped_files import PROJECT
from domain.invoice.commands import MakePromise
from tests.databases import _sqlite_template
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec, SentLetter, start_collection_environment
from workflows.invoice_collection import InvoiceCollection

LAST_DAY = 35
WORDS = yaml.safe_load((PROJECT / "letters" / "en" / "words.yaml").read_text(encoding="utf-8"))
PLEASE_PAY = WORDS["please_pay"].partition("{")[0]
"""What stands after the invoices; the payment's reference names one again."""


class Due(NamedTuple):
    """An invoice that is due so many days after day 0."""

    day: int
    currency: str = "EUR"
    disputed: bool = False
    total: str = "100.00"


class AccountLetter(NamedTuple):
    """A letter as it must be. `names`: per invoice as what it is named, and the step that the letter takes; `asked_for` in major units."""

    day: int
    template: str
    names: Mapping[str, tuple[str, str]]
    asked_for: int | None


@dataclass(frozen=True)
class Course:
    """An account: its invoices, what happens to them, and the letters that it must get until a day.

    `paid`: on day 0, in major units, per invoice that is paid; what is too much stays the account's credit. `applied_on`: the day on which
    its credit is applied. `promised`: per invoice, the days on which a promise is made, and by which."""

    invoices: Mapping[str, Due]
    letters: tuple[AccountLetter, ...]
    until: int = LAST_DAY
    paid: Mapping[str, int] = field(default_factory=dict)
    applied_on: int | None = None
    promised: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def due(step: str) -> tuple[str, str]:
    return ("due", step)


def gathered(step: str) -> tuple[str, str]:
    return ("gathered", step)


LISTED, DISPUTED, ARRANGED = ("listed", ""), ("disputed", ""), ("arranged", "")
UPCOMING = ("upcoming", "courtesy_note")

COURSES = {
    "five invoices of different ages in one month": Course(
        {"A": Due(-1), "B": Due(2), "C": Due(9), "D": Due(16), "E": Due(23)},
        (
            AccountLetter(0, "reminder", {"A": due("reminder"), "B": UPCOMING}, 100),
            AccountLetter(7, "second_reminder", {"A": due("second_reminder"), "B": due("reminder"), "C": UPCOMING}, 200),
            AccountLetter(14, "second_reminder", {"A": LISTED, "B": due("second_reminder"), "C": due("reminder"), "D": UPCOMING}, 300),
            AccountLetter(
                21,
                "firm_reminder",
                {
                    "A": due("firm_reminder"),
                    "B": gathered("firm_reminder"),
                    "C": due("second_reminder"),
                    "D": due("reminder"),
                    "E": UPCOMING,
                },
                400,
            ),
            AccountLetter(
                28,
                "firm_reminder",
                {"A": LISTED, "B": LISTED, "C": gathered("firm_reminder"), "D": due("second_reminder"), "E": due("reminder")},
                500,
            ),
            # the final demands of days 29 and 32 would be the third and the fourth letter within two weeks
            AccountLetter(
                35,
                "final_demand",
                {
                    "A": due("final_demand"),
                    "B": due("final_demand"),
                    "C": LISTED,
                    "D": gathered("firm_reminder"),
                    "E": due("second_reminder"),
                },
                500,
            ),
        ),
    ),
    "a courtesy note waits for the letter that goes anyway": Course(
        {"A": Due(-1), "B": Due(7)},
        (
            AccountLetter(0, "reminder", {"A": due("reminder")}, 100),
            AccountLetter(7, "second_reminder", {"A": due("second_reminder"), "B": UPCOMING}, 100),
            AccountLetter(14, "reminder", {"A": LISTED, "B": due("reminder")}, 200),
        ),
        until=14,
    ),
    "a courtesy note lapses when no letter goes before the due date": Course(
        {"A": Due(-1), "B": Due(6)},
        (
            AccountLetter(0, "reminder", {"A": due("reminder")}, 100),
            AccountLetter(7, "second_reminder", {"A": due("second_reminder"), "B": due("reminder")}, 200),
        ),
        until=13,
    ),
    "a courtesy note puts no reminder off": Course(
        {"A": Due(2), "B": Due(1)},
        (
            AccountLetter(0, "courtesy", {"A": due("courtesy_note"), "B": due("courtesy_note")}, None),
            AccountLetter(3, "reminder", {"A": due("reminder"), "B": due("reminder")}, 200),
        ),
        until=8,
    ),
    "a step is gathered": Course(
        {"A": Due(-4), "B": Due(5)},
        (
            AccountLetter(0, "reminder", {"A": due("reminder")}, 100),
            AccountLetter(7, "second_reminder", {"A": due("second_reminder"), "B": due("reminder")}, 200),
            AccountLetter(14, "firm_reminder", {"A": gathered("firm_reminder"), "B": due("second_reminder")}, 200),
            AccountLetter(28, "final_demand", {"A": due("final_demand"), "B": due("firm_reminder")}, 200),
        ),
        until=30,
    ),
    "an invoice is listed": Course(
        {"A": Due(-20), "B": Due(5)},
        (
            AccountLetter(0, "reminder", {"A": due("reminder")}, 100),
            AccountLetter(7, "second_reminder", {"A": due("second_reminder"), "B": due("reminder")}, 200),
            AccountLetter(14, "firm_reminder", {"A": due("firm_reminder"), "B": due("second_reminder")}, 200),
            AccountLetter(21, "final_demand", {"A": due("final_demand"), "B": LISTED}, 200),
            # the account's suspension is asked for: what led to it is still owed
            AccountLetter(28, "firm_reminder", {"A": LISTED, "B": due("firm_reminder")}, 200),
        ),
        until=28,
    ),
    "disputed and promised invoices stand apart": Course(
        {"A": Due(-1), "B": Due(-1, disputed=True), "C": Due(-1)},
        (
            AccountLetter(0, "reminder", {"A": due("reminder"), "B": DISPUTED, "C": due("reminder")}, 200),
            AccountLetter(7, "second_reminder", {"A": due("second_reminder"), "B": DISPUTED, "C": ARRANGED}, 100),
        ),
        until=13,
        promised={"C": (2, 12)},
    ),
    "credit is taken off": Course(
        {"A": Due(-1), "W": Due(-1, total="10.00")},
        (
            AccountLetter(0, "reminder", {"A": due("reminder")}, 70),
            AccountLetter(7, "second_reminder", {"A": due("second_reminder")}, 70),
        ),
        until=13,
        paid={"W": 40},
    ),
    "credit covers all": Course({"A": Due(-1), "W": Due(-1, total="10.00")}, (), paid={"W": 110}, applied_on=3),
    "letters in several currencies go on one day": Course(
        {"A": Due(-1), "B": Due(-1, "GBP"), "C": Due(1, "USD")},
        (
            AccountLetter(0, "reminder", {"A": due("reminder")}, 100),
            AccountLetter(0, "reminder", {"B": due("reminder")}, 100),
            AccountLetter(0, "courtesy", {"C": due("courtesy_note")}, None),
            AccountLetter(7, "second_reminder", {"A": due("second_reminder")}, 100),
            AccountLetter(7, "second_reminder", {"B": due("second_reminder")}, 100),
            AccountLetter(7, "reminder", {"C": due("reminder")}, 100),
        ),
        until=13,
    ),
}

ACCOUNTS = {name: f"COURSE{place}" for place, name in enumerate(COURSES)}


class Season(NamedTuple):
    environment: CollectionEnvironment
    monday: date

    def letters(self, name: str) -> list[SentLetter]:
        return self.environment.sent_letters(ACCOUNTS[name])

    def invoice(self, name: str, invoice: str) -> str:
        return f"{ACCOUNTS[name]}-{invoice}"

    def day(self, number: int) -> date:
        return self.monday + number * DAY


@pytest.fixture(scope="module")
async def season(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Season]:
    """The season, played to its end."""
    folder = tmp_path_factory.mktemp("season")
    (folder / "duecourse.db").write_bytes(_sqlite_template().read_bytes())
    database = Database(f"sqlite:///{folder / 'duecourse.db'}")
    async with start_collection_environment(database, folder) as environment:
        played = Season(environment, await environment.pass_to_monday())
        await _open_invoices(played)
        for number in range(LAST_DAY + 1):
            await environment.pass_to(played.day(number))
            await _let_people_act(played, number)
            await environment.play.run_morning(played.day(number))
        yield played
        environment.orphans = 20
        await environment.close()
    database.close()


async def _open_invoices(season: Season) -> None:
    environment = season.environment
    await environment.open_invoices(
        *[
            InvoiceSpec(
                season.day(due.day),
                number=season.invoice(name, invoice),
                account=ACCOUNTS[name],
                total=due.total,
                currency=due.currency,
                disputed="yes" if due.disputed else "",
            )
            for name, course in COURSES.items()
            for invoice, due in course.invoices.items()
        ]
    )
    for name, course in COURSES.items():
        for invoice, amount in course.paid.items():
            await environment.pay(season.invoice(name, invoice), amount * 100)


async def _let_people_act(season: Season, number: int) -> None:
    environment = season.environment
    for name, course in COURSES.items():
        if course.applied_on == number:
            environment.play.parts.billing.apply_unapplied_credit(ACCOUNTS[name], "EUR", at=await environment.play.now())
            await environment.play.sync()
        for invoice, (on, by) in course.promised.items():
            if on == number:
                command = MakePromise(act_id=f"{name}-{invoice}", actor="mia", amount=10_000, by=season.day(by))
                await environment.case(season.invoice(name, invoice)).execute_update(InvoiceCollection.make_promise, command)


Described = tuple[date, str, frozenset[tuple[str, str, int]], frozenset[tuple[str, str]], int | None]


def _describe(letter: SentLetter) -> Described:
    return letter.on, letter.letter, letter.named, letter.lines, letter.asked_for


def _expect(season: Season, name: str, letter: AccountLetter) -> Described:
    of = {invoice: season.invoice(name, invoice) for invoice in letter.names}
    return (
        season.day(letter.day),
        letter.template,
        frozenset((of[invoice], named_as, 10_000) for invoice, (named_as, _) in letter.names.items()),
        frozenset((of[invoice], step) for invoice, (_, step) in letter.names.items() if step),
        None if letter.asked_for is None else letter.asked_for * 100,
    )


@pytest.mark.parametrize("name", COURSES)
def test_an_account_gets_the_letters_of_its_position(season: Season, name: str) -> None:
    course = COURSES[name]
    sent = [_describe(letter) for letter in season.letters(name) if letter.on <= season.day(course.until)]
    assert Counter(sent) == Counter(_expect(season, name, letter) for letter in course.letters)


@pytest.mark.parametrize("name", COURSES)
def test_no_step_is_taken_by_two_letters(season: Season, name: str) -> None:
    pairs = Counter(pair for letter in season.letters(name) for pair in letter.lines)
    assert set(pairs.values()) <= {1}


@pytest.mark.parametrize("name", COURSES)
def test_no_invoice_is_said_to_have_been_reminded_before_it_was(season: Season, name: str) -> None:
    """What no earlier letter has asked for stands under a heading of its own, in every letter but a first one."""
    asked_before: set[str] = set()
    for letter in season.letters(name):
        asked = {invoice for invoice, named_as, _ in letter.named if named_as in ("due", "gathered", "listed")}
        if letter.asked_for is None:
            continue
        text = letter.text.partition(PLEASE_PAY)[0]
        for heading in ("disputed", "arranged", "upcoming"):
            text = text.partition(WORDS[heading])[0]
        reminded, heading, newly_due = text.partition(WORDS["newly_due"])
        assert {invoice for invoice in asked if invoice in reminded or invoice in newly_due} == asked
        if asked & asked_before and asked - asked_before:
            assert {invoice for invoice in asked if invoice in reminded} == asked & asked_before
            assert {invoice for invoice in asked if invoice in newly_due} == asked - asked_before
        else:
            assert not heading
        asked_before |= asked


def test_a_gathered_step_is_taken_when_it_falls_due_on_the_day_of_its_letter(season: Season) -> None:
    invoice = season.invoice("a step is gathered", "A")
    steps = dict(season.environment.steps_with_dates(invoice))
    assert (steps["firm_reminder"], steps["final_demand"]) == (season.day(17), season.day(26))
    letters = dict(season.environment.letters(invoice))
    assert (letters["firm_reminder"], letters["final_demand"]) == (season.day(14), season.day(28))
    (told,) = [facts for facts in season.environment.entry_facts(invoice, "letter.sent") if facts["step"] == "firm_reminder"]
    assert (told["letter_at"][:10], told["named_as"]) == (season.day(14).isoformat(), "gathered")
    assert season.environment.entry_facts(invoice, "letter.listed") == []


def test_a_letter_that_lists_an_invoice_is_noted_once_and_takes_no_step_of_it(season: Season) -> None:
    name = "an invoice is listed"
    invoice, environment = season.invoice(name, "B"), season.environment
    (listing,) = environment.entry_facts(invoice, "letter.listed")
    assert (listing["letter"], listing["letter_at"][:10]) == ("final_demand", season.day(21).isoformat())
    assert environment.steps_with_dates(invoice)[-3:-1] == [("phone_call", season.day(19)), ("firm_reminder", season.day(26))]


def test_a_courtesy_note_that_found_no_letter_lapsed_before_the_due_date(season: Season) -> None:
    name = "a courtesy note lapses when no letter goes before the due date"
    invoice, environment = season.invoice(name, "B"), season.environment
    (dropped,) = environment.entry_facts(invoice, "letter.dropped")
    assert (dropped["step"], dropped["reason"], dropped["letter_at"][:10]) == ("courtesy_note", "lapsed", season.day(4).isoformat())


def test_what_is_disputed_or_promised_stands_under_its_own_heading(season: Season) -> None:
    name = "disputed and promised invoices stand apart"
    letter = season.letters(name)[1]
    asked, _, rest = letter.text.partition(PLEASE_PAY)[0].partition(WORDS["disputed"])
    disputed, _, arranged = rest.partition(WORDS["arranged"])
    parts = [{invoice for invoice in "ABC" if season.invoice(name, invoice) in part} for part in (asked, disputed, arranged)]
    assert parts == [{"A"}, {"B"}, {"C"}]
    assert "€100.00" in asked
    assert "€200.00" not in letter.text


def test_a_letter_says_what_credit_it_takes_off(season: Season) -> None:
    text = season.letters("credit is taken off")[0].text
    assert "€30.00" in text
    assert "transfer €70.00" in " ".join(text.split())


def test_credit_that_covers_all_is_a_task_until_it_is_applied(season: Season) -> None:
    invoice = season.invoice("credit covers all", "A")
    assert season.environment.tasks(invoice) == [("unapplied_credit", "dropped", season.day(2))]
    assert season.environment.entry_kinds(invoice)[-1] == "case.closed"
