"""Every word of ours has a phrase in every language."""

import ast
import re
from collections.abc import Iterable, Iterator

import pytest

from adapters.i18n.languages import LANGUAGES
from adapters.i18n.wording import fill_placeholders
from adapters.read_model.invoices import NOT_STARTED
from adapters.shipped_files import PROJECT
from api.presenters.language import choose_accepted_language
from api.presenters.next_step_reason import NextStepReason
from api.presenters.phrases import load_phrases
from domain.approval import result as approval_news
from domain.approval.result import ApprovalResult, LapseReason
from domain.billing.billing_events import InvoiceStatus
from domain.billing.reduction_kind import ReductionKind
from domain.case.case_view import TaskKind
from domain.correspondence.letter_outcome import DropReason, LetterResult
from domain.correspondence.naming import NamedAs
from domain.credit_request.request_case import CreditRequestStage
from domain.credit_review import commands as credit_reviews
from domain.credit_review.commands import AbilityToPay, CollectionCourse, WillingnessToPay
from domain.credit_review.review_case import CreditReviewStage
from domain.dispute.state import DisputeStage
from domain.dossier import DossierPurpose
from domain.identifiers import CaseKind
from domain.invoice.commands import CallCourse, CallOutcome
from domain.invoice.view import STAGE_NEW
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.commands import Side
from domain.payment_plan.state import ENDED_STAGES, PlanStage
from domain.policy.approval_type import ApprovalType
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.policy_adoption.adoption_case import AdoptionStage
from domain.roles import Role
from domain.suspension.state import SuspensionEnding, SuspensionStage
from domain.timeline.holds import HoldKind
from domain.write_off.commands import WriteOffDecision
from domain.write_off.write_off_case import WriteOffStage
from tests.api.portfolio_world import POLICY

FACTS = {
    "step": "reminder",
    "letter": "reminder",
    "days_past_due": 7,
    "letter_at": "2013-03-01T09:00:00+00:00",
    "reason": "settled",
    "outcome": "paid",
    "role": "collections_manager",
    "amount": 12345,
    "reference": "bank 4711",
    "open_balance": 5000,
    "due_date": "2013-02-10",
    "hold_kind": "dispute",
    "until": "2013-04-01",
    "by": "2013-04-01",
    "received": 100,
    "policy": "standard",
    "policy_version": 2,
    "business_at": "2013-03-01",
    "matter": "credit_note",
    "to": "finance_director",
    "department": "sales_ops",
    "resolution": "credit_note",
    "result": "returned",
    "dispute_reason": "wrong_price",
    "told": "anna, otto",
    "purpose": "agency",
    "asked_by": "customer",
    "total": 90_000,
    "instalments": 3,
    "first_on": "2013-03-04",
    "last_on": "2013-05-06",
    "why": "a slow season",
    "instalment": 2,
    "due_on": "2013-04-05",
    "grace_until": "2013-04-10",
    "invoice": "I-1",
    "invoices": 3,
    "fate": "refused",
    "delivered_on": "2013-03-04",
    "notice_ends": "2013-03-18",
    "hand_over_on": "2013-04-20",
    "ending": "cured",
    "decision": "part",
    "reduction": "credit_note",
    "ability": "able",
    "willingness": "willing",
    "course": "gentle",
    "limit": 500_000,
    "next_review_on": "2013-06-03",
}
every_language = pytest.mark.parametrize("language", LANGUAGES)


@every_language
@pytest.mark.parametrize("kind", EntryKind)
def test_every_journal_kind_has_a_sentence_in_every_language(kind: EntryKind, language: str) -> None:
    assert kind.value in load_phrases(language).entries
    sentence = load_phrases(language).render_entry(kind.value, FACTS, "EUR")
    assert not re.search(r"[{}\[\]–]", sentence.replace("—", ""))


@every_language
@pytest.mark.parametrize("kind", EntryKind)
def test_a_sentence_can_be_said_when_facts_are_missing(kind: EntryKind, language: str) -> None:
    assert load_phrases(language).render_entry(kind.value, {}, None).strip()


@every_language
def test_every_word_that_a_case_can_show_is_translated(language: str) -> None:
    words = load_phrases(language)
    assert {STAGE_NEW, NOT_STARTED, *InvoiceStatus} <= words.stages.keys()
    assert {*HoldKind, "time", "letter", "nothing"} <= words.holds.keys()
    assert set(DropReason) <= words.reasons.keys()
    assert set(NamedAs) == words.namings.keys()
    assert set(Role) <= words.shared.roles.keys()
    assert {*CallOutcome, *CallCourse} <= words.calls.keys()
    assert set(TaskKind) - {TaskKind.HISTORY_AT_RISK} <= words.tasks.keys()
    assert set(ApprovalType) == words.shared.matters.keys()
    assert set(ReductionKind) == words.shared.reductions.keys()
    assert set(DisputeReason) == words.shared.dispute_reasons.keys()
    assert set(DisputeResolution) == words.shared.resolutions.keys()
    assert set(ApprovalResult) == words.shared.results.keys()
    assert {*LapseReason, approval_news.SETTLED, approval_news.REVISED, approval_news.WITHDRAWN} <= words.shared.lapses.keys()
    assert {"intended", "transmitting", "void", *LetterResult} <= words.letters.keys()
    assert set(credit_reviews.ReferralReason) <= words.shared.review_reasons.keys()
    assert set(Side) == words.sides.keys()
    assert {*AbilityToPay, *WillingnessToPay, *CollectionCourse} == words.verdicts.keys()
    assert set(WriteOffDecision) == words.decisions.keys()
    assert set(DossierPurpose) == words.purposes.keys()


def returned_words(function: str, module: str = "**/*") -> set[str]:
    """The words that the domain's functions of that name can answer with."""
    sources = (path.read_text(encoding="utf-8") for path in (PROJECT / "domain").glob(f"{module}.py"))
    return {word for source in sources for tree in [ast.parse(source)] for word in _answers(tree, function)}


def _answers(tree: ast.Module, function: str) -> Iterator[str]:
    for found in ast.walk(tree):
        if isinstance(found, ast.FunctionDef) and found.name == function:
            for part in ast.walk(found):
                answered = part.value if isinstance(part, ast.Return) else part if isinstance(part, ast.Dict) else None
                if answered is not None:
                    yield from (each.value for each in _results(answered) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _results(answered: ast.expr) -> list[ast.expr]:
    """What an expression can come to, without the tests by which it chooses."""
    match answered:
        case ast.IfExp():
            return [*_results(answered.body), *_results(answered.orelse)]
        case ast.Dict():
            return [each for value in answered.values for each in _results(value)]
        case ast.Call():
            return [each for argument in answered.args for each in _results(argument)]
    return [answered]


STAGES: dict[str, Iterable[str]] = {
    "dispute": DisputeStage,
    "payment_plan": PlanStage,
    "suspension": SuspensionStage,
    "write_off": WriteOffStage,
    "approval": ("asked", "escalated", *ApprovalResult),
    "credit_review": CreditReviewStage,
    "policy_adoption": AdoptionStage,
    "credit_request": CreditRequestStage,
}
ENDINGS: dict[str, Iterable[str]] = {
    "payment_plan": ENDED_STAGES,
    "suspension": SuspensionEnding,
    "write_off": ("settled", "ended", *WriteOffDecision),
    "credit_review": ("ended",),
    "credit_request": ("not_asked", "booked", "refused", "rejected", "returned", "lapsed"),
    "policy_adoption": ("adopted", "incomplete", "overtaken", "rejected", "returned", "lapsed", "in_force", "unusable"),
}


@every_language
def test_a_stage_and_an_ending_are_said_in_the_word_of_their_kind_of_case(language: str) -> None:
    words = load_phrases(language)
    assert {f"{kind}.{stage}" for kind, stages in STAGES.items() for stage in stages} <= words.case_stages.keys()
    assert {f"{kind}.{ending}" for kind, endings in ENDINGS.items() for ending in endings} <= words.endings.keys()
    assert {key.split(".")[0] for key in (*words.case_stages, *words.endings)} <= words.case_kinds.keys()


@every_language
def test_whatever_a_case_waits_for_and_does_next_is_translated(language: str) -> None:
    words = load_phrases(language)
    assert {"approval", "billing", "time"} <= returned_words("waiting_for")
    assert returned_words("waiting_for") <= words.waiting.keys() | words.holds.keys()
    assert returned_words("next_step")
    assert returned_words("next_step") <= words.next_steps.keys()


@every_language
def test_every_kind_of_case_has_a_name(language: str) -> None:
    """But the seals', which people meet in the audit alone."""
    assert set(CaseKind) - {CaseKind.SEAL} == load_phrases(language).case_kinds.keys()


@every_language
def test_every_letter_has_a_name(language: str) -> None:
    letters = PROJECT / "letters" / "en"
    assert {path.stem for path in letters.glob("*.j2") if not path.stem.startswith("_")} <= load_phrases(language).templates.keys()


def test_what_is_called_alike_in_two_kinds_of_case_is_said_of_its_own_kind() -> None:
    words = load_phrases("de")
    assert (words.case_stage_label("dispute", "open"), words.case_stage_label("invoice", "open")) == (
        "wartet auf die Antwort der Abteilung",
        "offen",
    )
    assert (words.outcome_label("payment_plan", "cancelled"), words.outcome_label("invoice", "cancelled")) == ("aufgehoben", "storniert")


@every_language
def test_every_step_of_the_standard_policy_has_a_name(language: str) -> None:
    steps = {step.step for step in POLICY.load_policy().timeline}
    assert steps <= load_phrases(language).steps.keys()


def test_the_languages_say_the_same_things() -> None:
    english = load_phrases("en")
    for language in LANGUAGES:
        words = load_phrases(language)
        for group, translated in words.model_dump(exclude={"shared", "refusals"}).items():
            assert translated.keys() == getattr(english, group).keys(), (language, group)
        for group, translated in words.shared.model_dump(exclude={"locale"}).items():
            assert translated.keys() == getattr(english.shared, group).keys(), (language, group)


@every_language
def test_a_sentence_speaks_of_the_same_facts_in_every_language(language: str) -> None:
    def facts(sentences: dict[str, str]) -> dict[str, set[str]]:
        return {name: set(re.findall(r"\{(\w+)\}", sentence)) for name, sentence in sentences.items()}

    assert facts(load_phrases(language).entries) == facts(load_phrases("en").entries)
    assert facts(load_phrases(language).why) == facts(load_phrases("en").why)


def test_no_phrase_file_is_left_unused() -> None:
    assert sorted(path.stem for path in (PROJECT / "api" / "console" / "phrases").glob("*.yaml")) == sorted(LANGUAGES)


def test_money_and_dates_are_written_as_the_reader_writes_them() -> None:
    facts = {"amount": 123456, "by": "2013-03-15"}
    assert load_phrases("en").render_entry("promise.made", facts, "EUR") == "The customer promised to pay €1,234.56 by 15 Mar 2013"
    assert load_phrases("de").render_entry("promise.made", facts, "EUR") == "Der Kunde sagte zu, 1.234,56\xa0€ bis zum 15.03.2013 zu zahlen"


def test_a_stretch_without_its_fact_is_left_out() -> None:
    words = load_phrases("en")
    assert words.render_entry("hold.placed", {"hold_kind": "pause", "until": None, "reason": ""}, None) == "Put on hold: paused"
    assert words.render_entry("hold.placed", {"hold_kind": "pause", "until": "2013-03-20", "reason": "stock"}, None) == (
        "Put on hold: paused until 20 Mar 2013 (stock)"
    )


def test_a_fact_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    reason = "see {amount} [here]"
    assert (
        load_phrases("en").render_entry("hold.placed", {"hold_kind": "pause", "reason": reason, "amount": 1}, "EUR")
        == f"Put on hold: paused ({reason})"
    )


def test_a_step_of_a_companys_own_is_shown_by_its_name() -> None:
    assert load_phrases("en").stage_label("field_visit") == "field visit"


def test_a_browser_gets_the_language_it_prefers() -> None:
    assert choose_accepted_language("it, fr-CH;q=0.9, de;q=0.95") == "de"
    assert choose_accepted_language("ja") == "en"
    assert choose_accepted_language("nonsense;q=x") == "en"


def test_a_reason_without_facts_is_a_whole_sentence() -> None:
    assert (
        load_phrases("en").render_next_step_reason(*NextStepReason("end", {}))
        == "The timeline has no further step: a person decides how to go on"
    )


def test_one_is_said_as_one_of_rows_and_notes() -> None:
    one = {language: load_phrases(language) for language in LANGUAGES}
    said = {language: fill_placeholders(phrases.lists["queued_of"], {"count": "1"}) for language, phrases in one.items()}
    assert said["en"].startswith("1 of them is recorded, and will")
    assert said["de"].startswith("1 davon ist vermerkt und wird ausgeführt")
    assert said["fr"].startswith("Parmi elles, 1 est enregistrée et sera exécutée")
    assert said["es"].startswith("1 de ellas está registrada y se aplicará cuando")
    french = one["fr"]
    assert fill_placeholders(french.today["alike"], {"count": "1"}) == "et 1 autre semblable"
    assert fill_placeholders(french.mentions_page["unread"], {"count": "1"}) == "1 non lue"
    assert fill_placeholders(french.mentions_page["on_today"], {"count": "1"}) == "On vous a nommé dans 1 note que vous n’avez pas lue"
    assert one["de"].targets["reference"] == one["de"].credit["reference"]
