"""Every word of ours has a phrase in every language."""

import re

import pytest

from api.phrases import LANGUAGES, PHRASES, phrases, preferred
from api.readings.invoices import NOT_STARTED
from api.reasons import Why
from domain.acts import CallOutcome
from domain.holds import HoldKind
from domain.invoice_case import NEW
from domain.invoices import InvoiceStatus
from domain.journal import EntryKind
from domain.record import DropReason
from domain.roles import Role
from tests.api.world import POLICY

FACTS = {
    "step": "reminder", "letter": "reminder", "days_past_due": 7, "letter_at": "2013-03-01T09:00:00+00:00", "reason": "settled",
    "outcome": "paid", "role": "collections_manager", "amount": 12345, "reference": "bank 4711", "open_balance": 5000,
    "due_date": "2013-02-10", "hold_kind": "dispute", "until": "2013-04-01", "by": "2013-04-01", "received": 100, "policy": "standard",
    "policy_version": 2, "business_at": "2013-03-01",
}  # fmt: skip
every_language = pytest.mark.parametrize("language", LANGUAGES)


@every_language
@pytest.mark.parametrize("kind", EntryKind)
def test_every_journal_kind_has_a_sentence_in_every_language(kind: EntryKind, language: str) -> None:
    assert kind.value in phrases(language).entries
    sentence = phrases(language).entry(kind.value, FACTS, "EUR")
    assert not re.search(r"[{}\[\]–]", sentence.replace("—", ""))


@every_language
@pytest.mark.parametrize("kind", EntryKind)
def test_a_sentence_can_be_said_when_facts_are_missing(kind: EntryKind, language: str) -> None:
    assert phrases(language).entry(kind.value, {}, None).strip()


@every_language
def test_every_word_that_a_case_can_show_is_translated(language: str) -> None:
    words = phrases(language)
    assert {NEW, NOT_STARTED, *InvoiceStatus} <= words.stages.keys()
    assert {*HoldKind, "time", "letter", "nothing"} <= words.holds.keys()
    assert set(DropReason) <= words.reasons.keys()
    assert set(Role) <= words.roles.keys()
    assert set(CallOutcome) <= words.calls.keys()
    assert {"call", "escalation", "refused_letter", "unknown_letter", "no_address"} <= words.tasks.keys()
    assert {"intended", "transmitting", "sent", "refused", "unknown", "void"} <= words.letters.keys()


@every_language
def test_every_step_of_the_standard_policy_has_a_name(language: str) -> None:
    steps = {step.step for step in POLICY.read().timeline}
    assert steps <= phrases(language).steps.keys()


def test_the_languages_say_the_same_things() -> None:
    english = phrases("en")
    for language in LANGUAGES:
        for group, words in phrases(language).model_dump(exclude={"locale"}).items():
            assert words.keys() == getattr(english, group).keys(), (language, group)


@every_language
def test_a_sentence_speaks_of_the_same_facts_in_every_language(language: str) -> None:
    def facts(sentences: dict[str, str]) -> dict[str, set[str]]:
        return {name: set(re.findall(r"\{(\w+)\}", sentence)) for name, sentence in sentences.items()}

    assert facts(phrases(language).entries) == facts(phrases("en").entries)
    assert facts(phrases(language).why) == facts(phrases("en").why)


def test_no_phrase_file_is_left_unused() -> None:
    assert sorted(path.stem for path in PHRASES.glob("*.yaml")) == sorted(LANGUAGES)


def test_money_and_dates_are_written_as_the_reader_writes_them() -> None:
    said = {"amount": 123456, "by": "2013-03-15"}
    assert phrases("en").entry("promise.made", said, "EUR") == "The customer promised to pay €1,234.56 by 15 Mar 2013"
    assert phrases("de").entry("promise.made", said, "EUR") == "Der Kunde sagte zu, 1.234,56\xa0€ bis zum 15.03.2013 zu zahlen"


def test_a_stretch_without_its_fact_is_left_out() -> None:
    words = phrases("en")
    assert words.entry("hold.placed", {"hold_kind": "pause", "until": None, "reason": ""}, None) == "Put on hold: paused"
    assert words.entry("hold.placed", {"hold_kind": "pause", "until": "2013-03-20", "reason": "stock"}, None) == (
        "Put on hold: paused until 20 Mar 2013 (stock)"
    )


def test_a_fact_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    reason = "see {amount} [here]"
    assert (
        phrases("en").entry("hold.placed", {"hold_kind": "pause", "reason": reason, "amount": 1}, "EUR")
        == f"Put on hold: paused ({reason})"
    )


def test_a_step_of_a_companys_own_is_shown_by_its_name() -> None:
    assert phrases("en").stage("field_visit") == "field visit"


def test_a_browser_gets_the_language_it_prefers() -> None:
    assert preferred("it, fr-CH;q=0.9, de;q=0.95") == "de"
    assert preferred("ja") == "en"
    assert preferred("nonsense;q=x") == "en"


def test_a_reason_without_facts_is_a_whole_sentence() -> None:
    assert phrases("en").say_why(*Why("end", {})) == "The timeline has no further step: a person decides how to go on"
