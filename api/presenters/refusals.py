"""Why something is refused, in the reader's language. The sentences stand in `refusal_sentences/`."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

from babel.lists import format_list
from babel.numbers import format_decimal
from pydantic import BaseModel, ConfigDict

from adapters.i18n.languages import DEFAULT_LANGUAGE
from adapters.i18n.shared_wording import SharedWording
from adapters.i18n.wording import WordingCatalogue, fill_placeholders, list_placeholders
from adapters.shipped_files import PROJECT
from api.web.problems import FIELD_CODES
from domain.approval.result import LapseReason
from domain.digits import parse_digits
from domain.identifiers import CaseKind
from domain.money import Money
from domain.refusal import RefusalFacts

OTHER = "other"
"""What is said of anything that has no sentence of its own."""

FACT_GROUPS = {
    "status": "stages",
    "role": "roles",
    "asked_role": "roles",
    "given_role": "roles",
    "department": "roles",
    "act": "matters",
    "result": "results",
    "resolution": "resolutions",
    "dispute_reason": "dispute_reasons",
    "case_kind": "case_kinds",
    "task_state": "task_states",
    "contact_field": "import_fields",
}
"""Facts that are words of ours, and the group of phrases that translates them."""

CASE_STAGES = {"suspension_stage": CaseKind.SUSPENSION, "write_off_stage": CaseKind.WRITE_OFF}
FOREIGN_FACTS = {"said": "system", "problem": "error", "menu": "system"}
"""Facts that are another's words, such as what a billing system said, and the reason why a page shows them so."""

FOREIGN_MARKS = {"system": ("\u2068\u2063", "\u2063\u2069"), "error": ("\u2068\u2062", "\u2062\u2069")}
"""Between which they stand in a sentence, by that reason: signs that nobody sees, for a sentence is text. Pages put quotes there."""

DAY_FACTS = frozenset({"on", "until", "first_day", "last_day", "today"})
MONEY_FACTS = frozenset({"asked", "owed"})
COUNT_FACTS = frozenset({"columns", "length", "most"})
DECIMAL_FACTS = frozenset({"largest"})
LIST_FACTS = frozenset({"files", "policies"})
"""Facts that are numbers where they are digits alone, amounts without a currency, and such as name several things with an `and` between
them."""

BROKEN_RULES = {
    "Input should be a valid integer": "int_parsing",
    "Input should be greater than": "greater_than",
    "Input should be less than": "less_than",
    "String should match": "string_pattern_mismatch",
    "List should have at least": "too_short",
    "String should have at least": "too_short",
    "List should have at most": "too_long",
    "String should have at most": "too_long",
}
"""How pydantic's sentences about a value begin, and the rule that is broken."""

_LAPSES = {reason.explanation: reason.value for reason in LapseReason}
_PLACES = [re.compile(rf"(?P<place>{place})(?P<what>.+)", re.DOTALL) for place in (r"\S.*?:[0-9]+: ", "", r"\S[^:]*: ")]
"""What may stand before a sentence: a file and a line, nothing, or a file."""

_LIST_SEPARATOR = re.compile(r" or |, ")


class RefusalWording(BaseModel):
    """One language's words. `sentences` by the code of a refusal; `kinds` by the type of a problem, for what has no code; `fields` by
    pydantic's name for what is wrong with a field. `silences` say by the name of an error why a system did not answer, `answers` what
    the HTTP status means with which it did."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sentences: dict[str, str]
    silences: dict[str, str]
    answers: dict[str, str]
    kinds: dict[str, str]
    fields: dict[str, str]


REFUSAL_WORDING = WordingCatalogue(RefusalWording, PROJECT / "api" / "presenters" / "refusal_sentences")


class ReaderWords(Protocol):
    """What a reader calls things: `Phrases`, which say why an act was refused too."""

    @property
    def language(self) -> str: ...

    @property
    def shared(self) -> SharedWording: ...

    @property
    def refusals(self) -> RefusalWording: ...

    def translate(self, group: str, name: str) -> str: ...

    def case_stage_label(self, kind: str, stage: str) -> str: ...

    def outcome_label(self, kind: str, outcome: str) -> str: ...


def tell_problem(document: Mapping[str, Any], words: ReaderWords) -> str:
    """Why a request was refused, from the problem document that answered it. In English the document says itself what has no name."""
    told = _read_reason(document)
    if told and (sentence := tell_reason(told, words)):
        return sentence
    if words.language == DEFAULT_LANGUAGE:
        return str(document.get("detail", ""))
    kind = str(document.get("type", "")).rpartition(":")[2]
    return words.refusals.kinds.get(kind, words.refusals.kinds[OTHER])


def tell_field_error(error: Mapping[str, Any], words: ReaderWords) -> str:
    """What is wrong with one field, from the problem document's `errors`."""
    told = _read_reason(error)
    if words.language == DEFAULT_LANGUAGE and (told is None or told.code.startswith(FIELD_CODES)):
        return str(error["detail"])
    return (told and tell_reason(told, words)) or words.refusals.fields[OTHER]


def tell_sentence(sentence: str, words: ReaderWords) -> str:
    """Why something was refused, from the English words that a journal has of it; those words where they are not ours."""
    told = recognise_refusal(sentence)
    return (told and tell_reason(told, words)) or sentence


def tell_fault(line: str, words: ReaderWords) -> str | None:
    """What is wrong with something that people wrote, from its English line, which may begin with its place, as `file:line: `; None where
    there are no words for it."""
    for pattern in _PLACES:
        found = pattern.fullmatch(line)
        told = recognise_refusal(found["what"]) if found else None
        if found and told and (sentence := tell_reason(told, words)):
            return f"{found['place']}{sentence}"
    return None


def recognise_refusal(sentence: str, kinds: tuple[str, ...] = ("",)) -> RefusalFacts | None:
    """What an English sentence says without the words. `kinds`: how the codes begin that it may have."""
    for code, pattern in _list_patterns():
        if code.startswith(kinds) and (found := pattern.fullmatch(sentence)):
            return RefusalFacts(code=code, facts=dict(found.groupdict()))
    return None


def _read_reason(told: Mapping[str, Any]) -> RefusalFacts | None:
    return RefusalFacts.model_validate(told["reason"]) if told.get("reason") else None


def tell_reason(told: RefusalFacts, words: ReaderWords) -> str:
    """Empty where there are no words for it."""
    if told.code.startswith(FIELD_CODES):
        return words.refusals.fields.get(told.code.removeprefix(FIELD_CODES), "")
    sentence = words.refusals.sentences.get(told.code, "")
    facts = {name: _tell_or_mark(name, str(value), told.facts, words) for name, value in told.facts.items()}
    return fill_placeholders(sentence, facts)


def _tell_or_mark(name: str, value: str, facts: Mapping[str, str | int], words: ReaderWords) -> str:
    if value and name in FOREIGN_FACTS and value not in words.refusals.silences:
        begin, end = FOREIGN_MARKS[FOREIGN_FACTS[name]]
        return f"{begin}{value}{end}"
    return _tell_fact(name, value, facts, words)


def _tell_fact(name: str, value: str, facts: Mapping[str, str | int], words: ReaderWords) -> str:
    if name == "problem" and value in words.refusals.silences:
        return words.refusals.silences[value]
    if name == "status" and (meant := words.refusals.answers.get(value.partition(" ")[0])):
        return f"{value} ({meant})"
    if name in FACT_GROUPS:
        return words.translate(FACT_GROUPS[name], value.replace(" ", "_"))
    if name in CASE_STAGES:
        return words.case_stage_label(CASE_STAGES[name], value)
    if name in DAY_FACTS:
        return words.shared.format_day(date.fromisoformat(value))
    if name in MONEY_FACTS:
        currency, _, amount = value.partition(" ")
        return words.shared.format_money(Money.from_major(Decimal(amount), currency).minor, currency)
    if name in COUNT_FACTS and (count := parse_digits(value.replace(",", ""))) is not None:
        return str(format_decimal(count, locale=words.shared.locale))
    if name in DECIMAL_FACTS:
        return str(format_decimal(Decimal(value.replace(",", "")), locale=words.shared.locale))
    if name in LIST_FACTS:
        return str(format_list(value.split(" and "), locale=words.shared.locale))
    match name:
        case "roles":
            roles = [words.translate("roles", role) for role in _LIST_SEPARATOR.split(value)]
            return str(format_list(roles, style="or", locale=words.shared.locale))
        case "choices" if " or " in value:
            return str(format_list(_LIST_SEPARATOR.split(value), style="or", locale=words.shared.locale))
        case "columns":
            return value.replace(" (is it ", " (")
        case "why":
            return words.translate("lapses", _LAPSES[value]) if value in _LAPSES else tell_sentence(value, words)
        case "how":
            return words.outcome_label(str(facts.get("case_kind", "")).replace(" ", "_"), value.replace(" ", "_"))
        case "broken_rule":
            return _tell_broken_rule(value, words)
        case "plan_ending":
            return words.outcome_label(CaseKind.PAYMENT_PLAN, value)
    return value


def _tell_broken_rule(said: str, words: ReaderWords) -> str:
    """What pydantic says of a value. English readers have it in its own words."""
    if words.language == DEFAULT_LANGUAGE:
        return said
    return words.refusals.fields[next((rule for begins, rule in BROKEN_RULES.items() if said.startswith(begins)), OTHER)]


@cache
def _list_patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The English sentences as patterns, the one with the most words of its own first."""
    english = REFUSAL_WORDING.load(DEFAULT_LANGUAGE).sentences
    own_words = {code: len(re.sub(r"\{\w+\}", "", sentence)) for code, sentence in english.items()}
    return [(code, _build_pattern(english[code])) for code in sorted(english, key=lambda code: -own_words[code])]


def _build_pattern(sentence: str) -> re.Pattern[str]:
    """A fact that is named twice is the same text in both places."""
    pattern, seen = re.escape(sentence), set[str]()
    for name in list_placeholders(sentence):
        pattern = pattern.replace(re.escape(f"{{{name}}}"), f"(?P={name})" if name in seen else f"(?P<{name}>.+?)", 1)
        seen.add(name)
    return re.compile(pattern, re.DOTALL)
