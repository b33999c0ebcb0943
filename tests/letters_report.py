"""What the customers of the public accounts-receivable file received, measured from the file and the letters themselves.

It shares no rule with the project: it reads the file, the rows of the letters that went, and their text. `make letters-report` plays June
to October 2013 and prints it.
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
from typing import Any, NamedTuple

import yaml

LETTERS = Path(__file__).resolve().parents[1] / "letters"
WINDOW = timedelta(days=14)
MOST_IN_WINDOW = 2
REMINDS_AGAIN = {"second_reminder", "firm_reminder", "final_demand"}
"""The letters that say that they are not the first about what they ask for."""


class ReportedLetter(NamedTuple):
    """A letter as it went: `asked_for` in euros, None for a courtesy note."""

    message_id: str
    account: str
    on: date
    template: str
    language: str
    asked_for: Decimal | None
    text: str


class LettersReport(NamedTuple):
    """Each list names what should not be. Crowded is an account that got more than two reminders within fourteen days."""

    letters: int
    templates: dict[str, int]
    crowded_accounts: list[str]
    incomplete_letters: list[str]
    wrongly_reminded: list[str]
    wrong_totals: list[str]

    @property
    def is_right(self) -> bool:
        return not (self.crowded_accounts or self.incomplete_letters or self.wrongly_reminded or self.wrong_totals)


def measure_letters(rows: Sequence[Mapping[str, str]], letters: Iterable[ReportedLetter], minimum: Decimal) -> LettersReport:
    """Hold the letters against the file. `minimum`: the least amount, in euros, that is chased."""
    sent = sorted(letters, key=lambda letter: letter.on)
    by_account: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for row in rows:
        by_account[row["customerID"]].append(row)
    incomplete, wrongly_reminded, wrong_totals = list[str](), list[str](), list[str]()
    asked_before: set[str] = set()
    for letter in sent:
        reminded, newly_due = _read_asked_for(letter, by_account[letter.account])
        name = f"{letter.account} on {letter.on}"
        if letter.template != "courtesy":
            rows_owed = [row for row in by_account[letter.account] if _owed(row, letter.on, minimum)]
            owed = {row["invoiceNumber"]: Decimal(row["InvoiceAmount"]) for row in rows_owed}
            if set(owed) - reminded - newly_due:
                incomplete.append(name)
            if letter.asked_for != sum(owed.values()):
                wrong_totals.append(name)
        if letter.template in REMINDS_AGAIN and reminded - asked_before:
            wrongly_reminded.append(name)
        if letter.template != "courtesy":
            asked_before |= reminded | newly_due
    return LettersReport(
        len(sent),
        dict(Counter(letter.template for letter in sent)),
        _list_crowded_accounts(sent),
        incomplete,
        wrongly_reminded,
        wrong_totals,
    )


def _owed(row: Mapping[str, str], day: date, minimum: Decimal) -> bool:
    """Overdue on the day, neither settled nor disputed, and worth chasing."""
    is_open = _parse_day(row["InvoiceDate"]) <= day < _parse_day(row["SettledDate"])
    return is_open and _parse_day(row["DueDate"]) < day and row["Disputed"] != "Yes" and Decimal(row["InvoiceAmount"]) >= minimum


@cache
def _read_words(language: str) -> dict[str, Any]:
    words: dict[str, Any] = yaml.safe_load((LETTERS / language / "words.yaml").read_text(encoding="utf-8"))
    return words


def _read_asked_for(letter: ReportedLetter, rows: Sequence[Mapping[str, str]]) -> tuple[set[str], set[str]]:
    """The invoices that the text asks for: those said to have been reminded, and those said to have become due since."""
    words = _read_words(letter.language)
    rest = letter.text
    for heading in ("due_today", "disputed", "arranged", "upcoming"):
        rest = rest.partition(words[heading])[0]
    first, _, second = rest.partition(words["newly_due"])
    numbers = [row["invoiceNumber"] for row in rows]
    return {number for number in numbers if number in first}, {number for number in numbers if number in second}


def _list_crowded_accounts(letters: Sequence[ReportedLetter]) -> list[str]:
    days: dict[str, list[date]] = defaultdict(list)
    for letter in letters:
        if letter.template != "courtesy":
            days[letter.account].append(letter.on)
    return [
        account
        for account, dates in sorted(days.items())
        if any(sum(first <= day < first + WINDOW for day in dates) > MOST_IN_WINDOW for first in dates)
    ]


@cache
def _parse_day(text: str) -> date:
    return datetime.strptime(text, "%m/%d/%Y").date()


def main() -> None:
    """Play the file, and print the report."""
    from adapters.composition import open_database
    from adapters.config.settings import Settings
    from tests.workflows.test_real_file import FILE, START, list_sent_letters, play_file

    async def play(folder: Path) -> LettersReport:
        database = open_database(Settings.load(data_dir=folder / "data"))
        with FILE.open(newline="", encoding="utf-8") as sheet:
            rows = list(csv.DictReader(sheet))
        inbox = await play_file(database, folder, rows, START + timedelta(days=122))
        return measure_letters(rows, list_sent_letters(database, inbox), Decimal(5))

    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(play(Path(folder)))
    print(f"{report.letters} letters: {report.templates}")
    for name, found in report._asdict().items():
        if isinstance(found, list):
            print(f"{name.replace('_', ' ')}: {len(found)}{' ' + ', '.join(found[:20]) if found else ''}")


if __name__ == "__main__":
    main()
