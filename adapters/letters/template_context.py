"""Builds the parts of a letter in its reader's language: the table of its invoices and, in a case's letter, the details of the case."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from babel.numbers import format_decimal
from pydantic import BaseModel, ConfigDict

from adapters.i18n.formatting import format_localised_date, format_localised_money
from adapters.letters.text_layout import LetterTable, OneLine, TableColumn
from adapters.letters.wording import LetterWording
from domain.correspondence.naming import ASKED_FOR, NamedAs
from domain.journal.entry import FactValue
from domain.money import Currency

AMOUNT_DETAILS = frozenset(
    {"amount", "contested", "credited", "interest", "open_balance", "outstanding", "paid", "received", "rest", "to_pay", "total"}
)
"""The details that are minor units of the currency among them."""

ATTACHED_NUMBERS = "attached_numbers"
"""The detail with the numbers of the invoices of which a copy goes along, as text."""

NOT_YET = "–"
"""Where a table has the days past due, of an invoice that is not due yet."""

_iso_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class LetterLine(BaseModel):
    """One invoice in a letter. Amounts in minor units of its `currency` (None: the letter's); `days_past_due` is negative before the due
    date; `is_new`: no earlier letter has asked for it. Of an invoice of a connected system: `whole_number`, where this is a part of it;
    `reference`, what it asks the payer to state; `payment_link`, where it lets them pay."""

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
    named_as: NamedAs = NamedAs.DUE
    is_new: bool = False
    whole_number: OneLine = ""
    reference: OneLine = ""
    payment_link: str = ""

    @property
    def overdue(self) -> bool:
        return self.days_past_due > 0

    @property
    def is_demanded(self) -> bool:
        """True of a line whose amount the letter asks for."""
        return self.named_as in ASKED_FOR


def build_invoice_table(lines: Sequence[LetterLine], words: LetterWording, currency: str, locale: str) -> LetterTable:
    """Build the table of invoices, with days past due if one is overdue, and original amounts if one differs from its open balance."""

    def day(value: date) -> str:
        return format_localised_date(value, words.table_date, locale)

    def money(minor: int) -> str:
        return format_localised_money(minor, currency, locale)

    heading = words.columns
    shown: list[tuple[TableColumn, Callable[[LetterLine], str]]] = [
        (TableColumn(heading.number, "left"), lambda line: line.number),
        (TableColumn(heading.issued, "left"), lambda line: day(line.issue_date)),
        (TableColumn(heading.due, "left"), lambda line: day(line.due_date)),
    ]
    if any(line.overdue for line in lines):
        shown.append((TableColumn(heading.days, "right"), lambda line: str(line.days_past_due) if line.days_past_due >= 0 else NOT_YET))
    if any(line.original_minor != line.open_minor for line in lines):
        shown.append((TableColumn(heading.original, "right"), lambda line: money(line.original_minor)))
    shown.append((TableColumn(heading.open, "right"), lambda line: money(line.open_minor)))
    return LetterTable(
        columns=tuple(column for column, _ in shown),
        cells=tuple(tuple(cell(line) for _, cell in shown) for line in lines),
    )


def format_details(details: Mapping[str, FactValue], names: Mapping[str, str], currency: str, locale: str) -> dict[str, FactValue]:
    """Format the details of a case's letter under their own names: amounts, days and percentages in the reader's language, invoices by
    their numbers (`names`: by id). Anything else stays as it is."""
    amounts_in = str(details.get("currency") or currency)

    def in_words(name: str, value: FactValue) -> FactValue:
        if name in AMOUNT_DETAILS and isinstance(value, int):
            return format_localised_money(value, amounts_in, locale)
        if not isinstance(value, str):
            return value
        if name == ATTACHED_NUMBERS:
            return value
        if name == "invoice":
            return names.get(value, value)
        if name == "invoices":
            return ", ".join(names.get(invoice, invoice) for invoice in value.split())
        if name.endswith("_percent"):
            return str(format_decimal(Decimal(value), locale=locale))
        return format_localised_date(date.fromisoformat(value), "long", locale) if _iso_day.fullmatch(value) else value

    return {name: in_words(name, value) for name, value in details.items()}


def build_schedule_table(details: Mapping[str, FactValue], words: LetterWording, currency: str, locale: str) -> LetterTable | None:
    """Build the table of a plan's instalments, from day:amount:interest parted by spaces (minor units); the interest is in the amount."""
    written = details.get("schedule")
    if not isinstance(written, str) or not written:
        return None
    amounts_in, heading = str(details.get("currency") or currency), words.schedule
    parts = [part.split(":") for part in written.split()]
    instalments = [(date.fromisoformat(day), int(amount), int(interest)) for day, amount, interest in parts]
    charged = any(interest for _, _, interest in instalments)

    def money(minor: int) -> str:
        return format_localised_money(minor, amounts_in, locale)

    return LetterTable(
        columns=(
            TableColumn(heading.number, "right"),
            TableColumn(heading.due, "left"),
            *((TableColumn(heading.interest, "right"),) if charged else ()),
            TableColumn(heading.amount, "right"),
        ),
        cells=tuple(
            (str(number), format_localised_date(day, words.table_date, locale), *((money(interest),) if charged else ()), money(amount))
            for number, (day, amount, interest) in enumerate(instalments, 1)
        ),
        total_label=heading.total,
        total=money(sum(amount for _, amount, _ in instalments)),
    )
