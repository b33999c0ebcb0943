"""What templates say in words: filters and functions that speak the language of the page on which they are used.

Each finds the reader's phrases in the page's facts, as `words`.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from babel.units import format_unit
from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from adapters.i18n.formatting import name_country, name_language
from adapters.i18n.languages import DEFAULT_LANGUAGE
from adapters.i18n.shared_wording import SharedWording
from adapters.i18n.wording import fill_placeholders
from adapters.read_model.correspondence import TaskRow
from adapters.read_model.open_disputes import OpenDispute, PendingReduction
from adapters.read_model.suspensions import SuspensionStanding
from api.console.import_rows import BETWEEN_FAULTS, tell_row_faults
from api.console.mentioned_people import link_people
from api.console.verbatim import OF_SYSTEM, UNKNOWN_SENTENCE, mark_verbatim
from api.console.viewed_pages import name_viewed_page
from api.presenters.account_suspensions import describe_suspension, describe_suspension_end
from api.presenters.invoices import describe_dispute, describe_reduction
from api.presenters.phrases import Phrases
from api.presenters.refusals import tell_fault
from domain.case.case_view import TaskKind

NOTHING = "–"
FILE_SIZE_UNITS = ((1_000_000, "digital-megabyte"), (1_000, "digital-kilobyte"), (1, "digital-byte"))
"""The factor of each unit in bytes, the largest first."""


def install_words(templates: Environment) -> None:
    """Let the templates speak. `fill` puts facts into a sentence, `word` names what the code knows by a name of its own."""
    templates.filters |= {
        "day": _format_day,
        "days": _format_days,
        "moment": _format_moment,
        "month": _format_month,
        "clock_time": _format_clock_time,
        "number": _format_number,
        "money": _format_money,
        "language": _name_language,
        "country": _name_country,
        "stage": _label_stage,
        "step": _label_step,
        "inside": put_inside_sentence,
        "capitalise": begin_sentence,
        "file_size": _format_file_size,
        "people": _link_people,
    }
    templates.globals |= {
        "fill": _fill,
        "told_fault": _tell_fault,
        "told_row": _tell_row,
        "told_by_system": _tell_by_system,
        "verbatim": mark_verbatim,
        "viewed_page": _name_viewed_page,
        "word": _translate,
        "case_kind": _label_case_kind,
        "case_stage": _label_case_stage,
        "task_outcome": _describe_task_outcome,
        "dispute_says": _describe_dispute,
        "reduction_says": _describe_reduction,
        "suspension_says": _describe_suspension,
        "suspension_ends": _describe_suspension_end,
    }


def put_inside_sentence(label: str) -> str:
    """A label as it reads inside a sentence: its first letter small, and no other, for German writes nouns large."""
    return label[:1].lower() + label[1:]


def begin_sentence(label: str) -> str:
    """A label as it reads alone: its first letter large."""
    return label[:1].upper() + label[1:]


def describe_task_outcome(task: TaskRow, words: Phrases) -> str:
    """What came of a task: a word of ours, with what a person added to it, or only what a person wrote."""
    outcome = task.outcome or ""
    if task.kind == TaskKind.CALL and outcome in words.calls:
        return words.calls[outcome]
    known, colon, comment = outcome.partition(": ")
    return f"{words.task_outcomes[known]}{colon}{comment}" if known in words.task_outcomes else outcome


def _find_words(context: Context) -> Phrases:
    words: Phrases = context["words"]
    return words


@pass_context
def _fill(context: Context, sentence: str, **facts: Any) -> Markup:
    """Whole numbers and days are written as the reader writes them; markup among the facts stays markup, all else is text."""
    shared = _find_words(context).shared
    shown = {name: _show_fact(value, shared) for name, value in facts.items()}
    return Markup(fill_placeholders(escape(sentence), shown))


def _show_fact(value: Any, shared: SharedWording) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return shared.format_count(value)
    if isinstance(value, date):
        return shared.format_day(value.date() if isinstance(value, datetime) else value)
    return str(escape(value))


@pass_context
def _format_day(context: Context, value: date | datetime | None) -> str:
    return NOTHING if value is None else _show_fact(value, _find_words(context).shared)


@pass_context
def _format_moment(context: Context, value: datetime) -> str:
    """A day and a time in the reader's own time zone, which it names."""
    local = value.astimezone(ZoneInfo(_find_time_zone(context)))
    return f"{_find_words(context).shared.format_day(local.date())}, {_format_clock_time(context, value)} {local:%Z}"


@pass_context
def _format_month(context: Context, month: str) -> str:
    """A month as addresses write it, `2013-01`, in words."""
    return str(format_skeleton("yMMMM", date.fromisoformat(f"{month}-01"), locale=_find_words(context).shared.locale))


@pass_context
def _format_clock_time(context: Context, value: datetime) -> str:
    """The time of day in the reader's own time zone."""
    return _find_words(context).shared.format_time(value, _find_time_zone(context))


def _find_time_zone(context: Context) -> str:
    """The reader's own."""
    return context["preferences"].time_zone or "UTC"


@pass_context
def _format_days(context: Context, count: int) -> Markup:
    return _fill(context, _find_words(context).parts["days"], days=count)


@pass_context
def _format_number(context: Context, number: int) -> str:
    return _show_fact(number, _find_words(context).shared)


@pass_context
def _format_file_size(context: Context, size: int) -> str:
    """`size` in bytes; in the largest unit of which it is one or more."""
    factor, unit = next(((factor, unit) for factor, unit in FILE_SIZE_UNITS if size >= factor), FILE_SIZE_UNITS[-1])
    return str(format_unit(round(size / factor, 1), unit, length="short", locale=_find_words(context).shared.locale))


@pass_context
def _format_money(context: Context, minor: int, currency: str) -> str:
    """`minor` in minor units of `currency`."""
    return _find_words(context).shared.format_money(minor, currency)


@pass_context
def _name_language(context: Context, language: str) -> str:
    return name_language(language, _find_words(context).shared.locale)


@pass_context
def _name_country(context: Context, code: str) -> str:
    return name_country(code, _find_words(context).shared.locale)


@pass_context
def _label_stage(context: Context, name: str) -> str:
    return _find_words(context).stage_label(name)


@pass_context
def _label_step(context: Context, name: str) -> str:
    return _find_words(context).step_label(name)


@pass_context
def _link_people(context: Context, text: str) -> Markup:
    """What a person wrote, with whom it names; who there is, is only looked up where somebody may be."""
    return link_people(text, context["people"]() if "@" in text else {})


@pass_context
def _tell_fault(context: Context, line: str) -> str:
    return mark_fault(line, context["words"])


def mark_fault(line: str, words: Phrases) -> str:
    """What is wrong with something that people wrote, from its English line; marked as English where there are no other words for it."""
    if words.language == DEFAULT_LANGUAGE:
        return tell_fault(line, words) or line
    return tell_fault(line, words) or mark_verbatim(UNKNOWN_SENTENCE, line)


@pass_context
def _tell_by_system(context: Context, line: str) -> str:
    """What a connected system or a mail server said; in its own words where it is none of our sentences."""
    words = _find_words(context)
    if words.language == DEFAULT_LANGUAGE:
        return tell_fault(line, words) or line
    faults = tell_row_faults(line, words)
    return tell_fault(line, words) or (BETWEEN_FAULTS.join(faults) if faults else mark_verbatim(OF_SYSTEM, line))


@pass_context
def _tell_row(context: Context, line: str) -> list[str]:
    """What is wrong with a row of a file, or worth a look, each by itself."""
    words = _find_words(context)
    unknown = line if words.language == DEFAULT_LANGUAGE else mark_verbatim(UNKNOWN_SENTENCE, line)
    return tell_row_faults(line, words) or [unknown]


@pass_context
def _name_viewed_page(context: Context, route: str) -> str:
    return name_viewed_page(route, _find_words(context))


@pass_context
def _translate(context: Context, group: str, name: str) -> str:
    return _find_words(context).translate(group, name)


@pass_context
def _label_case_kind(context: Context, kind: str) -> str:
    return _find_words(context).translate("case_kinds", kind)


@pass_context
def _label_case_stage(context: Context, kind: str, stage: str) -> str:
    return _find_words(context).case_stage_label(kind, stage)


@pass_context
def _describe_task_outcome(context: Context, task: TaskRow) -> str:
    return describe_task_outcome(task, _find_words(context))


@pass_context
def _describe_dispute(context: Context, dispute: OpenDispute, currency: str) -> str:
    return describe_dispute(dispute, currency, _find_words(context))


@pass_context
def _describe_reduction(context: Context, reduction: PendingReduction, currency: str) -> str:
    return describe_reduction(reduction, currency, _find_words(context))


@pass_context
def _describe_suspension(context: Context, suspension: SuspensionStanding) -> str:
    return describe_suspension(suspension, _find_words(context))


@pass_context
def _describe_suspension_end(context: Context, suspension: SuspensionStanding) -> str:
    return describe_suspension_end(suspension, _find_words(context))
