"""The journal binds a letter that went: its entry has the SHA-256 of the content, as it was on the wire."""

from hashlib import sha256

import pytest

from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.tables import ContactRequest
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain.case.account_case import AccountCase
from domain.clock import Moment
from domain.correspondence.letter_outcome import LetterOutcome, LetterResult
from domain.journal.journal import Journal
from tests.adapters.correspondence.case_letter_orders import build_warning_order, order_letter, take_outcomes
from tests.adapters.correspondence.correspondence_setup import DAWN, DAY, NOON, CorrespondenceSetup

REFUSED, UNKNOWN = (
    DeliveryResult(DeliveryOutcome.REFUSED, 554, "No such mailbox"),
    DeliveryResult(DeliveryOutcome.UNKNOWN, None, "The line was cut"),
)
DEFERRED = DeliveryResult(DeliveryOutcome.DEFERRED, 451, "Later")


def news_of(correspondence: CorrespondenceSetup) -> LetterOutcome:
    """What the one letter's invoice is told."""
    ((_, _, news),) = OutcomeFeed(correspondence.database).list_invoice_outcomes(10)
    return news


def test_a_letter_has_no_hash_before_it_has_a_content(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.letter_outbox().claim_due_letters(NOON, 100)
    assert [(letter.content, letter.sha256) for letter in correspondence.letters()] == [(b"", "")]


def test_a_letter_that_went_is_told_with_the_hash_of_what_went(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.change(ContactRequest, 1, awaited=True)  # type: ignore[arg-type]
    outbox = correspondence.letter_outbox()
    (letter,) = (letter for letter in outbox.begin_transmission(outbox.claim_due_letters(NOON, 100), NOON) if letter)
    outbox.record_outcomes([(letter.message, DeliveryResult(DeliveryOutcome.SENT, 250, "Taken"))], NOON)
    (stored,) = correspondence.letters()
    assert stored.content == letter.content
    assert news_of(correspondence).sha256 == stored.sha256 == sha256(letter.content).hexdigest()


def test_a_letter_that_is_written_anew_has_the_hash_of_what_goes_at_last(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    outbox = correspondence.letter_outbox(backoff=())
    correspondence.send_all(outbox, NOON, REFUSED)
    (first,) = correspondence.letters()
    LetterDecisionStore(correspondence.database).decide(first.id or 0, LetterDecision.RESEND, "mia", "", NOON)
    correspondence.send_all(outbox, NOON + DAY)
    (second,) = correspondence.letters()
    assert first.sha256 != second.sha256 == sha256(second.content).hexdigest()


@pytest.mark.parametrize("delivery", [REFUSED, UNKNOWN])
def test_a_letter_that_did_not_go_proves_nothing(correspondence: CorrespondenceSetup, delivery: DeliveryResult) -> None:
    correspondence.create_billed_invoice()
    correspondence.send_all(correspondence.letter_outbox(), delivery=delivery)
    assert news_of(correspondence).sha256 is None


def test_a_case_is_told_of_its_letter_so_too_whoever_says_that_it_arrived(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    number = order_letter(correspondence, build_warning_order("I1"))
    correspondence.send_all(correspondence.letter_outbox(), delivery=UNKNOWN)
    LetterDecisionStore(correspondence.database).decide(number, LetterDecision.DELIVERED, "mia", "she has it", NOON)
    ((_, news),) = take_outcomes(correspondence)
    assert (news.fate, news.sha256) == (LetterResult.SENT, correspondence.letters()[0].sha256)


def test_the_invoice_hears_of_it_with_what_it_writes_next(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account("A7")
    correspondence.create_invoice("I7", "A7")
    case = correspondence.case("I7", "A7")
    ask = correspondence.take_step(case, "reminder")
    correspondence.casebook.write([correspondence.build_case_write(case, ask=ask)])
    case.journal.mark_written(case.journal.seq)
    correspondence.send_all(correspondence.letter_outbox(), NOON)
    (answer,) = correspondence.casebook.write([correspondence.build_case_write(case, at=NOON)])
    assert [news.sha256 for news in answer.letters] == [letter.sha256 for letter in correspondence.letters()]


def test_the_entry_has_the_hash_only_where_there_is_one() -> None:
    """Entries of earlier releases must be made again as they are when their histories are replayed."""
    at = Moment(DAWN, DAWN)
    for digest, facts in (("ab" * 32, {"sha256": "ab" * 32}), (None, {})):
        case = AccountCase(journal=Journal(case_id="plan:A1:1", account_id="A1"))
        news = LetterOutcome(
            step="plan_offer", attempt=1, fate=LetterResult.SENT, at=DAWN, on=DAWN.date(), message_id="<1@x>", sha256=digest
        )
        case.apply_letter_outcome(news, at)
        (entry,) = case.journal.pending
        assert {name: fact for name, fact in entry.facts.items() if name == "sha256"} == facts
