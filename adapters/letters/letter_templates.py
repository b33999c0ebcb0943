"""The letters: their content (`Letter`), and the templates that render it in the customer's language (`LetterTemplates`).

The templates live in `letters/`. A company replaces any of them, or adds a language, in a folder of its own that is searched first;
`words.yaml` may there hold only the words that differ. A sentence of it gets its facts by `words.please_pay | filled(total=total)`.

What a template may speak of, all of it text in the reader's language by now:

- `letter` (the `Letter`: `letter.template`, `letter.customer` …), `words` (the language's `words.yaml`, with what `words.<country>.yaml`
  says otherwise), `date`, `greeting`.
- `tables`: the invoices named, one `Table` per currency with its total row; empty when a letter of a case names none that is open.
  `table` is the first of them, or None. A letter of a timeline has exactly one.
- `total`: what is to be paid, the currencies joined by " + "; "" without tables. `one`, `count`: of the invoices in `tables`; `asked`:
  how many the letter asks for in all, those in `newly_due` included.
  `first` (`number`, `issued`, `due`): the one due first, or None without tables. `due_today`: all that is asked for is due on this very
  day; `from_today`: some of it; `same_day`: all on one day.
- Of a reminder, each a Table or None: `newly_due` (overdue, and no earlier letter has asked for it), `disputed`, `arranged` (under a
  promise or a plan), `also_due_today` and `upcoming` (not overdue, in a letter about others that are). `sums`: pairs that lead from what
  is overdue, less the credit, to what is to be paid; empty where a total row says it.
- `deadline`: "by" the day on which the money is expected. In `suspension_warning` it is the last of the notice.
- `supplies.what` and `supplies.stop`: what the company supplies, and how its suspension is called. `consequences`: what may follow a
  final demand, `late_payment`: the sentence on interest and the costs of recovery; each "" where the company says nothing of it. `law`:
  the country whose law that is, or "". All four are chosen in the company file.
- `partly_accepted`: the answer to an objection credits less than was objected to. `imprint`: the lines of the company's address and
  of its legal particulars.
- `payment`: pairs for the payment box. `payment_links`: (number, address) of the pages on which the billing system lets a reminder's
  invoices be paid; empty where it has none, and in letters of cases, which may ask for another amount.
- `said`: the details of a case's letter under their own names. Amounts are text with currency, ISO days are long dates, what ends in
  `_percent` is a number as the language writes it, `said.invoice` is the invoice's number and `said.invoices` the numbers joined by
  ", "; everything else is as given (None stays None). Empty in letters of timelines.
- `schedule`: of a plan, the Table of its instalments (number, due, interest where any is charged, amount) with a total row, or None.
  Its headings are `words.schedule.number | due | interest | amount | total` in `words.yaml`.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from types import CodeType
from typing import Annotated, Self

from jinja2 import BytecodeCache, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateSyntaxError
from jinja2.bccache import Bucket
from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.i18n.formatting import find_locale, format_localised_date, format_localised_money
from adapters.i18n.wording import WordingCatalogue, fill_placeholders
from adapters.letters.creditor import Collector, Creditor
from adapters.letters.demand_words import describe_consequences, describe_late_payment, list_imprint, list_particulars, list_payment_details
from adapters.letters.payment_reference import build_payment_reference, list_payment_links
from adapters.letters.template_context import LetterLine, build_invoice_table, build_schedule_table, format_details
from adapters.letters.text_layout import (
    LetterTable,
    OneLine,
    align_pairs,
    align_sums,
    align_table,
    build_html_paragraphs,
    collapse_whitespace,
    keep_numbers_whole,
    reflow_prose,
)
from adapters.letters.wording import TEMPLATES_DIR, LetterWording, create_letter_catalogue
from domain.correspondence.naming import NamedAs
from domain.journal.entry import FactValue
from domain.money import Currency

TemplateName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _LetterModel(BaseModel):
    model_config = ConfigDict(frozen=True)


class Letter(_LetterModel):
    """One letter to one account in one language and currency. `country` fits the number format (de and AT make de_AT) and, where
    there is a `words.<country>.yaml`, the words.

    A letter of a case (`case_id`) names what its case names, be it nothing or in several currencies. `details` are what its case has to
    say, `names` the numbers of the invoices that it speaks of, by id. `reminded_before`: a letter that arrived has asked for each of them
    before; `all_settled`: nothing is owed of any. `account_id`: the number by which the customer knows the account; empty where the billing
    system has printed none.
    """

    language: TemplateName
    country: str | None = None
    template: TemplateName
    currency: Currency
    letter_date: date
    pay_by: date
    greeting_name: OneLine = ""
    customer: OneLine
    account_id: OneLine
    lines: tuple[LetterLine, ...]
    collector: Collector
    creditor: Creditor
    case_id: str | None = None
    credit_minor: int = 0
    details: dict[str, FactValue] = Field(default_factory=dict)
    names: dict[str, OneLine] = Field(default_factory=dict)
    reminded_before: bool = True
    all_settled: bool = True

    @model_validator(mode="after")
    def _check_invoices(self) -> Self:
        if not self.lines and self.case_id is None:
            raise ValueError("a reminder needs an invoice; only the letter of a case may name none")
        return self

    @cached_property
    def demanded(self) -> tuple[LetterLine, ...]:
        """What the letter asks for: the overdue invoices; all of them in the letter of a case and in one that comes before any due date."""
        if self.case_id is not None:
            return self.lines
        asked_for = tuple(line for line in self.lines if line.is_demanded)
        return tuple(line for line in asked_for if line.overdue) or asked_for

    @cached_property
    def reminded(self) -> tuple[LetterLine, ...]:
        """The demanded invoices that an earlier letter has asked for; all of them where none is new, or every one is."""
        return tuple(line for line in self.demanded if not line.is_new) or self.demanded

    @property
    def was_reminded(self) -> bool:
        """The letter may say that we have reminded the customer: a letter that arrived has asked for what this one says it of."""
        return self.reminded_before if self.case_id is not None else any(not line.is_new for line in self.demanded)

    @cached_property
    def newly_due(self) -> tuple[LetterLine, ...]:
        """The demanded invoices that no letter has asked for yet, in a letter about others that one has."""
        return () if self.reminded is self.demanded else tuple(line for line in self.demanded if line.is_new)

    @property
    def is_partly_accepted(self) -> bool:
        """True of the answer to an objection that credits less than was objected to."""
        amount, credited = self.details.get("amount"), self.details.get("credited")
        return isinstance(amount, int) and isinstance(credited, int) and 0 < credited < amount

    @cached_property
    def upcoming(self) -> tuple[LetterLine, ...]:
        """Invoices that a letter about overdue ones mentions, but does not ask for: they are not due yet."""
        if self.case_id is not None:
            return ()
        taken = {line.invoice_id for line in self.demanded}
        return tuple(line for line in self.lines if not line.overdue and line.invoice_id not in taken)

    def list_named_as(self, named_as: NamedAs) -> tuple[LetterLine, ...]:
        return tuple(line for line in self.lines if line.named_as is named_as)

    @cached_property
    def by_currency(self) -> dict[str, list[LetterLine]]:
        """What is demanded and was before, in one table per currency; what is newly due is in a table of its own."""
        parts: dict[str, list[LetterLine]] = {}
        for line in self.reminded:
            parts.setdefault(line.currency or self.currency, []).append(line)
        return parts

    @cached_property
    def to_pay_minor(self) -> int:
        """What a reminder asks for in all, less the credit, in minor units."""
        return sum(line.open_minor for line in self.demanded) - self.credit_minor

    @cached_property
    def payment_reference(self) -> str:
        return build_payment_reference(self.account_id, self.demanded)


class RenderedMessage(_LetterModel):
    subject: str
    text: str
    html: str


class UnknownLetterTemplateError(LookupError):
    """There is no such letter in this language."""


class LetterTemplates:
    """Renders letters. Templates and words are read once, at the start; later edits have no effect."""

    def __init__(self, override: Path | None = None) -> None:
        self._folders = [TEMPLATES_DIR] if override is None else [override, TEMPLATES_DIR]
        create_environment = _share_environment if override is None else _create_environment
        self._text_environment = create_environment(*self._folders, escaped=False)
        self._html_environment = create_environment(*self._folders, escaped=True)
        self._wording: WordingCatalogue[LetterWording] = create_letter_catalogue(override) if override else _share_wording()
        self._wording.load_all()

    def list_languages(self) -> tuple[str, ...]:
        return tuple(sorted(self._wording.languages))

    def list_templates(self, language: str) -> tuple[str, ...]:
        return tuple(sorted({path.stem for folder in self._folders for path in (folder / language).glob("*.j2")}))

    def find_missing_templates(self, templates: Iterable[str]) -> list[tuple[str, str]]:
        """Each (language, template) that a policy asks for and the book lacks."""
        names = sorted(set(templates))
        return [(language, name) for language in self.list_languages() for name in names if name not in self.list_templates(language)]

    def find_template_faults(self) -> list[str]:
        """Each template that no letter could be made of: `file:line: what is wrong; what to do`."""
        faults = []
        for language, name in sorted(self._known_templates):
            try:
                template = self._text_environment.get_template(f"{language}/{name}.j2")
            except TemplateSyntaxError as error:
                faults.append(f"{error.filename or name}:{error.lineno}: {error.message}; correct the template")
            except UnicodeDecodeError:
                faults.append(f"{language}/{name}.j2:1: this is not UTF-8 text; save the template as UTF-8")
            else:
                if "subject" not in template.blocks:
                    faults.append(f"{template.filename}:1: the letter has no subject; add a block of that name, as the project's own has")
        return faults

    def render(self, letter: Letter) -> RenderedMessage:
        name = f"{letter.language}/{letter.template}.j2"
        if (letter.language, letter.template) not in self._known_templates:
            raise UnknownLetterTemplateError(f"There is no letter '{letter.template}' in '{letter.language}': add {name}.")
        facts = _build_template_context(letter, self._wording.load(letter.language, letter.country))
        text = self._text_environment.get_template(name)
        plain = {**facts, "layout": "layout.txt.j2"}
        return RenderedMessage(
            subject=collapse_whitespace("".join(text.blocks["subject"](text.new_context(plain)))),
            text=text.render(plain).rstrip() + "\n",
            html=self._html_environment.get_template(name).render({**facts, "layout": "layout.html.j2"}),
        )

    @cached_property
    def _known_templates(self) -> frozenset[tuple[str, str]]:
        return frozenset((language, name) for language in self._wording.languages for name in self.list_templates(language))


class _CompiledTemplates(BytecodeCache):
    """Keeps in memory what was compiled, by file and text: for a company with letters of its own the others are compiled once, too."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.code


_compiled = {escaped: _CompiledTemplates() for escaped in (True, False)}
"""A template compiles to other code where its texts are escaped."""


def _create_environment(*folders: Path, escaped: bool) -> Environment:
    environment = Environment(
        bytecode_cache=_compiled[escaped],
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=escaped,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "aligned": align_table,
        "collapsed": collapse_whitespace,
        "filled": _fill_sentence,
        "paired": align_pairs,
        "paragraphs": build_html_paragraphs,
        "reflowed": reflow_prose,
        "summed": align_sums,
        "unbroken": keep_numbers_whole,
    }
    return environment


_share_environment = cache(_create_environment)
"""For the letters that come with Duecourse, which do not change while it runs: compiling them again would take as long as hundreds of
letters."""


@cache
def _share_wording() -> WordingCatalogue[LetterWording]:
    return create_letter_catalogue(None)


def _fill_sentence(sentence: str, **facts: str) -> str:
    """For templates: `words.please_pay | filled(total=total)`."""
    return fill_placeholders(sentence, facts)


def _build_template_context(letter: Letter, words: LetterWording) -> dict[str, object]:
    """Build the names that a template may use, as listed at the top; amounts and dates are text in the reader's language."""
    locale = find_locale(letter.language, letter.country, words.locale)
    demanded, law = letter.demanded, letter.creditor.law
    totals = {currency: _format_total(lines, currency, locale) for currency, lines in letter.by_currency.items()}
    is_summed_up = bool(letter.newly_due or letter.credit_minor)
    total = _format_money(letter.to_pay_minor, letter, locale) if is_summed_up else " + ".join(totals.values())
    tables = [
        _add_total(build_invoice_table(lines, words, currency, locale), words, "" if is_summed_up else totals[currency])
        for currency, lines in letter.by_currency.items()
    ]

    def build_part(lines: Sequence[LetterLine]) -> LetterTable | None:
        return build_invoice_table(lines, words, letter.currency, locale) if lines else None

    return {
        "letter": letter,
        "words": words,
        "date": format_localised_date(letter.letter_date, "long", locale),
        "greeting": _format_greeting(letter.greeting_name, words),
        "was_reminded": letter.was_reminded,
        "all_settled": letter.all_settled,
        "one": len(letter.reminded) == 1,
        "count": len(letter.reminded),
        "asked": len(demanded),
        "first": _describe_first_invoice(letter.reminded, locale),
        "due_today": all(line.days_past_due == 0 for line in demanded),
        "from_today": any(line.days_past_due == 0 for line in demanded),
        "same_day": len({line.due_date for line in demanded}) == 1,
        "total": total,
        "sums": _build_sums(letter, words, locale) if is_summed_up else [],
        "deadline": fill_placeholders(words.by_date, {"date": format_localised_date(letter.pay_by, "long", locale)}),
        "tables": tables,
        "table": tables[0] if tables else None,
        "newly_due": build_part(letter.newly_due),
        "disputed": build_part(letter.list_named_as(NamedAs.DISPUTED)),
        "arranged": build_part(letter.list_named_as(NamedAs.ARRANGED)),
        "also_due_today": build_part([line for line in letter.upcoming if line.days_past_due == 0]),
        "upcoming": build_part([line for line in letter.upcoming if line.days_past_due < 0]),
        "payment": list_payment_details(letter.creditor, words.payment, letter.currency, letter.country, letter.payment_reference),
        "payment_links": list_payment_links(demanded) if letter.case_id is None else [],
        "imprint": [*list_imprint(letter.creditor, locale), *list_particulars(letter.creditor, words.particulars, words.colon)],
        "law": law,
        "late_payment": describe_late_payment(law, words),
        "consequences": describe_consequences(letter.creditor, words, locale),
        "supplies": words.supplies[letter.creditor.supplies],
        "partly_accepted": letter.is_partly_accepted,
        "said": format_details(letter.details, letter.names, letter.currency, locale),
        "schedule": build_schedule_table(letter.details, words, letter.currency, locale),
    }


def _format_greeting(name: str, words: LetterWording) -> str:
    return fill_placeholders(words.greeting, {"name": name}) if name else words.greeting_without_name


def _format_total(lines: Sequence[LetterLine], currency: str, locale: str) -> str:
    return format_localised_money(sum(line.open_minor for line in lines), currency, locale)


def _format_money(minor: int, letter: Letter, locale: str) -> str:
    return format_localised_money(minor, letter.currency, locale)


def _add_total(table: LetterTable, words: LetterWording, total: str) -> LetterTable:
    return table._replace(total_label=words.total, total=total) if total else table


def _build_sums(letter: Letter, words: LetterWording, locale: str) -> list[tuple[str, str]]:
    """Build the lines that lead from what is overdue, or of a statement from what is open, less the credit, to what is to be paid."""
    is_overdue = letter.case_id is None and any(line.overdue for line in letter.demanded)
    to_pay = (words.total if is_overdue else words.total_left or words.total, _format_money(letter.to_pay_minor, letter, locale))
    if not letter.credit_minor:
        return [to_pay]
    return [
        (words.total_overdue if is_overdue else words.total_open, _format_money(letter.to_pay_minor + letter.credit_minor, letter, locale)),
        (words.credit, _format_money(-letter.credit_minor, letter, locale)),
        to_pay,
    ]


def _describe_first_invoice(lines: Sequence[LetterLine], locale: str) -> dict[str, str] | None:
    if not lines:
        return None
    first = min(lines, key=lambda line: (line.due_date, line.number))
    return {
        "number": first.number,
        "issued": format_localised_date(first.issue_date, "long", locale),
        "due": format_localised_date(first.due_date, "long", locale),
    }


__all__ = ["Collector", "Creditor", "Letter", "LetterLine", "LetterTemplates", "RenderedMessage", "UnknownLetterTemplateError"]
