"""The letters: what a letter says (`Letter`) and the book of templates that says it in the customer's language (`LetterBook`).

The templates live in `letters/`. A company replaces any of them, or adds a language, in a folder of its own that is searched first;
`words.yaml` may there hold only the words that differ.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.letter_layout import Column, Table, aligned, collapsed, paired, paragraphs, reflowed
from adapters.letter_words import PaymentWords, Words, languages_in, words_of
from adapters.localised import date_text, locale_of, money_text
from domain.money import Currency

LETTERS = Path(__file__).resolve().parent.parent / "letters"
REFERENCE_LENGTH = 140
"""What a SEPA credit transfer carries as its remittance information."""

OneLine = Annotated[str, AfterValidator(collapsed)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class LetterLine(_Part):
    """One invoice in a letter. Amounts in minor units of the letter's currency; `days_past_due` is negative before the due date."""

    invoice_id: str
    number: OneLine
    issue_date: date
    due_date: date
    days_past_due: int
    original_minor: int
    open_minor: int
    step: str

    @property
    def overdue(self) -> bool:
        return self.days_past_due > 0


class Collector(_Part):
    """Whom the customer can answer."""

    name: OneLine
    email: OneLine
    phone: OneLine = ""


class Creditor(_Part):
    """The company that is owed: its imprint and the account it is paid on."""

    name: OneLine
    address: tuple[OneLine, ...]
    iban: OneLine
    bic: OneLine = ""
    bank: OneLine = ""

    @property
    def printed_iban(self) -> str:
        """In groups of four, as ISO 13616 prints it."""
        return " ".join(re.findall(".{1,4}", self.iban.replace(" ", "")))


class Letter(_Part):
    """One letter to one account in one language and currency. `country` only fits the number format (de and AT make de_AT)."""

    language: Name
    country: str | None = None
    template: Name
    currency: Currency
    letter_date: date
    pay_by: date | None = None
    greeting_name: OneLine = ""
    customer: OneLine
    account_id: OneLine
    lines: tuple[LetterLine, ...] = Field(min_length=1)
    collector: Collector
    creditor: Creditor

    @cached_property
    def demanded(self) -> tuple[LetterLine, ...]:
        """The overdue invoices or, in a letter that comes before any due date, all of them."""
        return tuple(line for line in self.lines if line.overdue) or self.lines

    @cached_property
    def upcoming(self) -> tuple[LetterLine, ...]:
        """Invoices that a letter about overdue ones mentions, but does not ask for: they are not due yet."""
        return () if self.demanded is self.lines else tuple(line for line in self.lines if not line.overdue)

    @cached_property
    def total_minor(self) -> int:
        return sum(line.open_minor for line in self.demanded)

    @cached_property
    def payment_reference(self) -> str:
        """The account and its invoice numbers, or the account alone where a bank transfer could not carry them all."""
        full = f"{self.account_id} / {', '.join(line.number for line in self.demanded)}"
        return full if len(full) <= REFERENCE_LENGTH else self.account_id


class Rendered(_Part):
    subject: str
    text: str
    html: str


class LetterMissing(LookupError):
    """The book has no such letter in this language."""


class LetterBook:
    """Renders letters. Templates are compiled once; a book is read when it is opened and does not notice later edits."""

    def __init__(self, override: Path | None = None) -> None:
        self._folders = [LETTERS] if override is None else [override, LETTERS]
        self._text = self._environment(escaped=False)
        self._html = self._environment(escaped=True)
        self._words = {language: words_of(language, self._folders) for language in languages_in(self._folders)}

    def languages(self) -> tuple[str, ...]:
        return tuple(self._words)

    def templates(self, language: str) -> tuple[str, ...]:
        return tuple(sorted({path.stem for folder in self._folders for path in (folder / language).glob("*.j2")}))

    def missing(self, templates: Iterable[str]) -> list[tuple[str, str]]:
        """Each (language, template) that a policy asks for and the book lacks."""
        wanted = sorted(set(templates))
        return [(language, name) for language in self.languages() for name in wanted if name not in self.templates(language)]

    def render(self, letter: Letter) -> Rendered:
        name = f"{letter.language}/{letter.template}.j2"
        if (letter.language, letter.template) not in self._known:
            raise LetterMissing(f"There is no letter '{letter.template}' in '{letter.language}': add {name}.")
        facts = _facts(letter, self._words[letter.language])
        text = self._text.get_template(name)
        plain = {**facts, "layout": "layout.txt.j2"}
        return Rendered(
            subject=collapsed("".join(text.blocks["subject"](text.new_context(plain)))),
            text=text.render(plain).rstrip() + "\n",
            html=self._html.get_template(name).render({**facts, "layout": "layout.html.j2"}),
        )

    @cached_property
    def _known(self) -> frozenset[tuple[str, str]]:
        return frozenset((language, name) for language in self._words for name in self.templates(language))

    def _environment(self, *, escaped: bool) -> Environment:
        environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(folder) for folder in self._folders]),
            autoescape=escaped,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {
            "aligned": aligned,
            "collapsed": collapsed,
            "paired": paired,
            "paragraphs": paragraphs,
            "reflowed": reflowed,
        }
        return environment


def _facts(letter: Letter, words: Words) -> dict[str, object]:
    """What a template may speak of, in the reader's language: amounts and dates are text by now."""
    locale = locale_of(letter.language, letter.country, words.locale)
    first = min(letter.demanded, key=lambda line: (line.due_date, line.number))
    total = money_text(letter.total_minor, letter.currency, locale)
    table = _table(letter.demanded, words, letter.currency, locale)
    return {
        "letter": letter,
        "words": words,
        "date": date_text(letter.letter_date, "long", locale),
        "greeting": words.greeting.format(name=letter.greeting_name) if letter.greeting_name else words.greeting_without_name,
        "one": len(letter.demanded) == 1,
        "count": len(letter.demanded),
        "first": {
            "number": first.number,
            "issued": date_text(first.issue_date, "long", locale),
            "due": date_text(first.due_date, "long", locale),
        },
        "total": total,
        "deadline": words.by_date.format(date=date_text(letter.pay_by, "long", locale)) if letter.pay_by else words.by_default,
        "table": table._replace(total_label=words.total, total=total),
        "upcoming": _table(letter.upcoming, words, letter.currency, locale) if letter.upcoming else None,
        "payment": _payment(letter, words.payment),
    }


def _table(lines: Sequence[LetterLine], words: Words, currency: str, locale: str) -> Table:
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


def _payment(letter: Letter, words: PaymentWords) -> list[tuple[str, str]]:
    creditor = letter.creditor
    labelled = [
        (words.holder, creditor.name),
        (words.iban, creditor.printed_iban),
        (words.bic, creditor.bic),
        (words.bank, creditor.bank),
        (words.reference, letter.payment_reference),
    ]
    return [(label, value) for label, value in labelled if value]
