"""What customers received, measured from the books and the letters themselves: those of the public accounts-receivable file and the sample.

It shares no rule with the project: it reads the file, or the bookings, the rows of the letters that went, and their text.
`make letters-report` plays June to October 2013 of the file and forty days of the sample, and prints it.
"""

import asyncio
import csv
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import yaml

LETTERS = Path(__file__).resolve().parents[1] / "letters"
WINDOW = timedelta(days=14)
MOST_IN_WINDOW = 2
INFORMS = "courtesy"


class ReportedLetter(NamedTuple):
    """A reminder as it went. `on`: the customer's date; `asked_for` in major units of the currency, None for a courtesy note."""

    message_id: str
    account: str
    on: date
    template: str
    language: str
    currency: str
    asked_for: Decimal | None
    text: str


class CustomerBooks(Protocol):
    """What is owed, as somebody who knows the money and the agreements, and nothing of letters, would say it."""

    def list_numbers(self, account: str) -> Sequence[str]:
        """The numbers of all invoices that the account ever had."""
        ...

    def list_owed(self, letter: ReportedLetter) -> Mapping[str, Decimal]:
        """What may be asked for in the letter's currency at the moment of the letter, in major units, by invoice number."""
        ...

    def find_credit(self, letter: ReportedLetter) -> Decimal:
        """The account's unapplied credit at the moment of the letter, in major units."""
        ...


class FileBooks:
    """The public file: all is in euros, and there is no credit. `minimum`: the least amount that is chased."""

    def __init__(self, rows: Sequence[Mapping[str, str]], minimum: Decimal) -> None:
        self._minimum = minimum
        self._by_account: dict[str, list[Mapping[str, str]]] = defaultdict(list)
        for row in rows:
            self._by_account[row["customerID"]].append(row)

    def list_numbers(self, account: str) -> Sequence[str]:
        return [row["invoiceNumber"] for row in self._by_account[account]]

    def list_owed(self, letter: ReportedLetter) -> Mapping[str, Decimal]:
        rows = self._by_account[letter.account]
        return {row["invoiceNumber"]: Decimal(row["InvoiceAmount"]) for row in rows if _owed(row, letter.on, self._minimum)}

    def find_credit(self, letter: ReportedLetter) -> Decimal:
        return Decimal(0)


def _owed(row: Mapping[str, str], day: date, minimum: Decimal) -> bool:
    """Overdue on the day, neither settled nor disputed, and worth chasing."""
    is_open = _parse_day(row["InvoiceDate"]) <= day < _parse_day(row["SettledDate"])
    return is_open and _parse_day(row["DueDate"]) < day and row["Disputed"] != "Yes" and Decimal(row["InvoiceAmount"]) >= minimum


class LettersReport(NamedTuple):
    """Each list names what should not be. Crowded is an account that got more than two reminders within fourteen days."""

    letters: int
    templates: dict[str, int]
    netted: int
    crowded_accounts: list[str]
    incomplete_letters: list[str]
    wrongly_reminded: list[str]
    wrong_totals: list[str]

    @property
    def is_right(self) -> bool:
        return not (self.crowded_accounts or self.incomplete_letters or self.wrongly_reminded or self.wrong_totals)


def measure_letters(books: CustomerBooks, letters: Iterable[ReportedLetter]) -> LettersReport:
    """Hold the letters against the books. `netted`: how many took credit off."""
    sent = sorted(letters, key=lambda letter: letter.on)
    incomplete, wrongly_reminded, wrong_totals = list[str](), list[str](), list[str]()
    asked_before: set[str] = set()
    netted = 0
    for letter in sent:
        reminded, newly_due = _read_asked_for(letter, books.list_numbers(letter.account))
        name = f"{letter.account} on {letter.on}"
        if letter.template == INFORMS:
            continue
        if _claims_earlier_letters(letter) and reminded - asked_before:
            wrongly_reminded.append(name)
        owed = books.list_owed(letter)
        if set(owed) - reminded - newly_due:
            incomplete.append(name)
        credit = min(books.find_credit(letter), sum(owed.values(), Decimal(0)))
        netted += credit > 0
        if letter.asked_for != sum(owed.values()) - credit:
            wrong_totals.append(f"{name}: {letter.asked_for} for {sum(owed.values())} less {credit}")
        asked_before |= reminded | newly_due
    return LettersReport(
        len(sent),
        dict(Counter(letter.template for letter in sent)),
        netted,
        _list_crowded_accounts(sent),
        incomplete,
        wrongly_reminded,
        wrong_totals,
    )


@cache
def _read_words(language: str) -> dict[str, Any]:
    words: dict[str, Any] = yaml.safe_load((LETTERS / language / "words.yaml").read_text(encoding="utf-8"))
    return words


CLAIMS_EARLIER = {
    "de": ("trotz unserer Erinnerung", "wir haben Sie bereits an"),
    "en": ("Although we have reminded you", "We have already written to you"),
    "es": ("Pese a nuestro recordatorio", "Ya les hemos escrito"),
    "fr": ("Malgré notre rappel", "Nous vous avons déjà adressé un rappel"),
}


def _claims_earlier_letters(letter: ReportedLetter) -> bool:
    """Return true where the text says that the customer was written to about what stands before the newly due."""
    text, heading = " ".join(letter.text.split()), " ".join(_read_words(letter.language)["reminded"].split())
    return any(words in text for words in (heading, *CLAIMS_EARLIER[letter.language]))


def _read_asked_for(letter: ReportedLetter, numbers: Sequence[str]) -> tuple[set[str], set[str]]:
    """The invoices that the text asks for: those said to have been reminded, and those said to have become due since."""
    words = _read_words(letter.language)
    rest = letter.text
    for heading in ("due_today", "disputed", "arranged", "upcoming"):
        rest = rest.partition(words[heading])[0]
    first, _, second = rest.partition(words["newly_due"])
    return {number for number in numbers if number in first}, {number for number in numbers if number in second}


def _list_crowded_accounts(letters: Sequence[ReportedLetter]) -> list[str]:
    days: dict[str, list[date]] = defaultdict(list)
    for letter in letters:
        if letter.template != INFORMS:
            days[letter.account].append(letter.on)
    return [
        account
        for account, dates in sorted(days.items())
        if any(sum(first <= day < first + WINDOW for day in dates) > MOST_IN_WINDOW for first in dates)
    ]


@cache
def _parse_day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()


async def _report_file(folder: Path) -> LettersReport:
    from adapters.composition import open_database
    from adapters.config.settings import Settings
    from tests.sent_letters import list_sent_letters
    from tests.workflows.test_real_file import FILE, START, play_file

    database = open_database(Settings.load(data_dir=folder / "data"))
    with FILE.open(newline="", encoding="utf-8") as sheet:
        rows = list(csv.DictReader(sheet))
    inbox = await play_file(database, folder, rows, START + timedelta(days=122))
    return measure_letters(FileBooks(rows, Decimal(5)), list_sent_letters(database, inbox))


async def _report_sample(folder: Path) -> LettersReport:
    from adapters.composition import open_database
    from adapters.config.settings import Settings
    from tests.workflows.test_sample_played import MORNINGS, play_sample

    database = open_database(Settings.load(data_dir=folder / "data"))
    async with play_sample(database, folder) as sample:
        await sample.pass_days(MORNINGS)
        return sample.measure_letters()


def main() -> None:
    """Play the file, where it is, and the sample; print the reports."""
    from tests.workflows.test_real_file import FILE

    reports = {"the public file, June to October 2013": _report_file} if FILE.exists() else {}
    for name, report in (reports | {"the sample, forty days": _report_sample}).items():
        with tempfile.TemporaryDirectory() as folder:
            _print_report(name, asyncio.run(report(Path(folder))))


def _print_report(name: str, report: LettersReport) -> None:
    print(f"{name}: {report.letters} letters {report.templates}, {report.netted} of them less unapplied credit")
    for measure, found in report._asdict().items():
        if isinstance(found, list):
            print(f"  {measure.replace('_', ' ')}: {len(found)}{' ' + ', '.join(found[:20]) if found else ''}")


if __name__ == "__main__":
    main()
