"""What a letter has to say, in its reader's language: the table of its invoices and, when a case writes, what the case has to say."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated

from babel.numbers import format_decimal
from pydantic import AfterValidator, BaseModel, ConfigDict

from adapters.i18n.formatting import date_text, money_text
from adapters.letters.text_layout import Column, Table, collapsed
from adapters.letters.wording import Words
from domain.journal.journal import Fact
from domain.money import Currency

AMOUNTS = frozenset({"amount", "credited", "interest", "open_balance", "outstanding", "paid", "received", "rest", "to_pay", "total"})
"""The details that are minor units of the currency among them."""

_iso_day = re.compile(r"\d{4}-\d{2}-\d{2}")

OneLine = Annotated[str, AfterValidator(collapsed)]


class LetterLine(BaseModel):
    """One invoice in a letter. Amounts in minor units of its `currency` (None: the letter's); `days_past_due` is negative before the due
    date."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    number: OneLine
    issue_date: date
    due_date: date
    days_past_due: int
    original_minor: int
    open_minor: int
    step: str
    currency: Currency | None = None

    @property
    def overdue(self) -> bool:
        return self.days_past_due > 0


def invoice_table(lines: Sequence[LetterLine], words: Words, currency: str, locale: str) -> Table:
    """Days past due are shown once an invoice is overdue, original amounts once one differs from its open balance."""

    def day(value: date) -> str:
        return date_text(value, words.table_date, locale)

    def money(minor: int) -> str:
        return money_text(minor, currency, locale)

    heading = words.columns
    shown: list[tuple[Column, Callable[[LetterLine], str]]] = [
        (Column(heading.number, "left"), lambda line: line.number),
        (Column(heading.issued, "left"), lambda line: day(line.issue_date)),
        (Column(heading.due, "left"), lambda line: day(line.due_date)),
    ]
    if any(line.overdue for line in lines):
        shown.append((Column(heading.days, "right"), lambda line: str(line.days_past_due)))
    if any(line.original_minor != line.open_minor for line in lines):
        shown.append((Column(heading.original, "right"), lambda line: money(line.original_minor)))
    shown.append((Column(heading.open, "right"), lambda line: money(line.open_minor)))
    return Table(
        columns=tuple(column for column, _ in shown),
        cells=tuple(tuple(cell(line) for _, cell in shown) for line in lines),
    )


def said(details: Mapping[str, Fact], names: Mapping[str, str], currency: str, locale: str) -> dict[str, Fact]:
    """The details of a case's letter under their own names: amounts, days and percentages as the reader's language writes them, invoices
    by their numbers (`names`: by id). Anything else stays as it is."""
    amounts_in = str(details.get("currency") or currency)

    def in_words(name: str, value: Fact) -> Fact:
        if name in AMOUNTS and isinstance(value, int):
            return money_text(value, amounts_in, locale)
        if not isinstance(value, str):
            return value
        if name == "invoice":
            return names.get(value, value)
        if name == "invoices":
            return ", ".join(names.get(invoice, invoice) for invoice in value.split())
        if name.endswith("_percent"):
            return str(format_decimal(Decimal(value), locale=locale))
        return date_text(date.fromisoformat(value), "long", locale) if _iso_day.fullmatch(value) else value

    return {name: in_words(name, value) for name, value in details.items()}


def schedule_table(details: Mapping[str, Fact], words: Words, currency: str, locale: str) -> Table | None:
    """A plan's instalments, from day:amount:interest parted by spaces (minor units); the interest is in the amount."""
    written = details.get("schedule")
    if not isinstance(written, str) or not written:
        return None
    amounts_in, heading = str(details.get("currency") or currency), words.schedule
    parts = [part.split(":") for part in written.split()]
    instalments = [(date.fromisoformat(day), int(amount), int(interest)) for day, amount, interest in parts]
    charged = any(interest for _, _, interest in instalments)

    def money(minor: int) -> str:
        return money_text(minor, amounts_in, locale)

    return Table(
        columns=(
            Column(heading.number, "right"),
            Column(heading.due, "left"),
            *((Column(heading.interest, "right"),) if charged else ()),
            Column(heading.amount, "right"),
        ),
        cells=tuple(
            (str(number), date_text(day, words.table_date, locale), *((money(interest),) if charged else ()), money(amount))
            for number, (day, amount, interest) in enumerate(instalments, 1)
        ),
        total_label=heading.total,
        total=money(sum(amount for _, amount, _ in instalments)),
    )
