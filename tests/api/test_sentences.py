"""What the product says of a case, read as its reader would: every sentence names its thing, counts right, and shows no id of ours."""

import re
from typing import Any

import pytest

from adapters.audit.histories.replayer import HistoryReplayer
from adapters.audit.histories.run_history_loader import RunHistory
from adapters.i18n.languages import LANGUAGES
from api.presenters.phrases import load_phrases
from api.presenters.solvency import SOLVENCY_SENTENCES
from domain.audit.replay_report import RunSource
from domain.credit_review.solvency_score import FactorScore, SolvencyFactor
from domain.journal.entry_kinds import EntryKind
from tests.api.told_sentences import TOLD
from tests.workflows.test_replay import FILES, recorded
from worker import WORKFLOWS, build_workflow_runner

every_language = pytest.mark.parametrize("language", LANGUAGES)
UNREADABLE = re.compile(
    r"“–”|„–“|« – »|«–»"  # a letter or a step without a name
    r"|(?<!\w)-\d"  # a number of days below zero
    r"|[{}\[\]|]"  # a placeholder
    r"|\b(?:dispute|payment|credit_note|sample|import|cancellation|suspension|plan):\w"  # an id of ours
    r"|\b[a-z]+_[a-z_]+\b"  # a name in the code
)
ONE_OF_MANY = re.compile(
    r"(?<![\d.,])1 (?:days|invoices|instalments|years|Tage|Rechnungen|Raten|jours|factures|échéances|días|facturas|cuotas)\b"
)


@pytest.mark.parametrize(("kind", "facts", "sentence"), TOLD, ids=[f"{kind}-{number}" for number, (kind, *_) in enumerate(TOLD)])
def test_an_entry_is_told_in_these_words(kind: EntryKind, facts: dict[str, Any], sentence: str) -> None:
    assert load_phrases("en").render_entry(kind, facts, "EUR") == sentence


def test_the_list_has_every_kind_of_entry() -> None:
    assert {kind for kind, _, _ in TOLD} == set(EntryKind)


@every_language
@pytest.mark.parametrize(("kind", "facts"), [(kind, facts) for kind, facts, _ in TOLD], ids=range(len(TOLD)))
def test_no_language_tells_it_in_ids_or_in_wrong_numbers(kind: EntryKind, facts: dict[str, Any], language: str) -> None:
    sentence = load_phrases(language).render_entry(kind, facts, "EUR")
    assert not UNREADABLE.search(sentence), sentence
    assert not ONE_OF_MANY.search(sentence), sentence


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_entries_of_recorded_lives_are_readable(file: Any) -> None:
    history = recorded(file)
    run = RunHistory(history.workflow_id, history.run_id, RunSource.ARCHIVED, history)
    (result,) = await HistoryReplayer(WORKFLOWS, build_workflow_runner()).replay([run])
    for entry in (entry for write in result.journal_writes for entry in write.entries or []):
        for language in LANGUAGES:
            told = load_phrases(language).render_entry(entry.kind, entry.facts, "EUR")
            assert not UNREADABLE.search(told), told
            assert not ONE_OF_MANY.search(told), told


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (31, "The later half of the payments was 31 days later than the earlier half: poor"),
        (1, "The later half of the payments was 1 day later than the earlier half: poor"),
        (0, "The later half of the payments was as punctual as the earlier half: poor"),
        (-1, "The later half of the payments was 1 day earlier than the earlier half: poor"),
        (-31, "The later half of the payments was 31 days earlier than the earlier half: poor"),
    ],
)
def test_a_trend_says_earlier_or_later(days: int, sentence: str) -> None:
    factor = FactorScore(factor=SolvencyFactor.TREND, value=days, weight=15, points=5, sentence="solvency.trend.poor")
    assert SOLVENCY_SENTENCES.load("en").render_factor(factor, "en_GB") == sentence
    assert all("-" not in SOLVENCY_SENTENCES.load(language).render_factor(factor, language) for language in LANGUAGES)


@every_language
@pytest.mark.parametrize("days", [1, 3])
def test_why_and_the_worklist_count_right(language: str, days: int) -> None:
    words = load_phrases(language)
    facts = {"days": days, "day": -days, "on": "2013-05-06", "since": "2013-05-06", "due_date": "2013-05-09", "step": "reminder"}
    told = [words.render_next_step_reason(reason, facts, "EUR") for reason in ("before_due", "catch_up")]
    told += [words.render_explanation(reason, facts, "EUR") for reason in ("sent_before_due", "sent_catch_up", "next_catch_up")]
    told.append(words.render_worklist_reason("late", facts, "EUR"))
    assert not [sentence for sentence in told if ONE_OF_MANY.search(sentence) or re.search(r"(?<!\w)-\d", sentence)]
