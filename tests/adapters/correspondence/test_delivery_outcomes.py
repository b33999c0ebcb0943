"""What became of a letter, and who may say so: the process that sent it, until a person has decided."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.tables import Account, Contact, ContactRequest, Message
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain.correspondence.letter_outcome import LetterResult
from tests.adapters.correspondence.correspondence_setup import DAY, NOON, SENT, TODAY, CorrespondenceSetup

REFUSED = DeliveryResult(DeliveryOutcome.REFUSED, 554, "No such mailbox")
UNKNOWN = DeliveryResult(DeliveryOutcome.UNKNOWN, None, "The line was cut")
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def transmitting(correspondence: CorrespondenceSetup, owner: str = "worker-1") -> int:
    """A letter that a process has begun to send."""
    correspondence.create_billed_invoice()
    outbox = correspondence.letter_outbox(owner)
    (letter,) = outbox.claim_due_letters(NOON, 100)
    assert outbox.begin_transmission([letter], NOON)[0] is not None
    return letter


def dead(correspondence: CorrespondenceSetup) -> int:
    """A letter over which its process, worker-1, is presumed dead."""
    letter = transmitting(correspondence)
    correspondence.change(Message, letter, transmitting_since=LONG_AGO)  # type: ignore[arg-type]
    assert correspondence.letter_outbox("worker-2").mark_abandoned_letters(NOON) == 1
    return letter


@pytest.mark.parametrize(("delivery", "task"), [(REFUSED, "refused_letter"), (UNKNOWN, "unknown_letter")])
def test_a_letter_that_did_not_go_is_a_persons_task_and_told_to_its_invoice(
    correspondence: CorrespondenceSetup, delivery: DeliveryResult, task: str
) -> None:
    correspondence.create_billed_invoice()
    correspondence.send_all(correspondence.letter_outbox(), delivery=delivery)
    request = correspondence.requests()["I1"]
    assert (correspondence.letters()[0].state, request.state, request.told) == (delivery.outcome.value, delivery.outcome.value, False)
    assert correspondence.tasks() == [(task, "open")]


def test_a_letter_that_went_needs_no_word_to_its_invoice_unless_one_waits(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    correspondence.create_billed_invoice("I2")
    correspondence.change(ContactRequest, 2, awaited=True)  # type: ignore[arg-type]
    correspondence.send_all(correspondence.letter_outbox())
    assert {invoice: request.told for invoice, request in correspondence.requests().items()} == {"I1": True, "I2": False}
    assert correspondence.tasks() == []


def test_what_a_dead_process_was_sending_is_unknown_and_never_sent_again(correspondence: CorrespondenceSetup) -> None:
    dead(correspondence)
    assert (correspondence.letters()[0].state, correspondence.requests()["I1"].reason) == ("unknown", "process_died")
    assert correspondence.tasks() == [("unknown_letter", "open")]
    assert correspondence.send_all(correspondence.letter_outbox("worker-2"), NOON + DAY) == 0


def test_a_letter_that_this_process_or_a_living_one_is_sending_is_left_alone(correspondence: CorrespondenceSetup) -> None:
    letter = transmitting(correspondence)
    assert correspondence.letter_outbox("worker-2").mark_abandoned_letters(NOON) == 0
    correspondence.change(Message, letter, transmitting_since=LONG_AGO)  # type: ignore[arg-type]
    assert correspondence.letter_outbox("worker-1").mark_abandoned_letters(NOON, on_the_wire=[letter]) == 0
    assert correspondence.letters()[0].state == "transmitting"


def test_a_process_that_was_presumed_dead_may_still_say_how_its_letter_ended(correspondence: CorrespondenceSetup) -> None:
    letter = dead(correspondence)
    correspondence.letter_outbox("worker-1").record_outcomes([(letter, SENT)], NOON)
    assert (correspondence.letters()[0].state, correspondence.requests()["I1"].state) == ("sent", "sent")
    assert correspondence.tasks() == [("unknown_letter", "dropped")]


def test_another_process_has_no_say_in_it(correspondence: CorrespondenceSetup) -> None:
    letter = dead(correspondence)
    correspondence.letter_outbox("worker-2").record_outcomes([(letter, SENT)], NOON)
    assert correspondence.letters()[0].state == "unknown"


def test_after_a_person_has_decided_the_process_has_no_say_any_more(correspondence: CorrespondenceSetup) -> None:
    letter = dead(correspondence)
    LetterDecisionStore(correspondence.database).decide(letter, LetterDecision.DELIVERED, "mia", "the customer has it", NOON)
    correspondence.letter_outbox("worker-1").record_outcomes([(letter, REFUSED)], NOON)
    assert (correspondence.letters()[0].state, correspondence.requests()["I1"].state) == ("sent", "sent")


def test_a_letter_that_a_person_sends_again_keeps_its_message_id(correspondence: CorrespondenceSetup) -> None:
    letter = dead(correspondence)
    (before,) = correspondence.letters()
    LetterDecisionStore(correspondence.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)
    assert correspondence.send_all(correspondence.letter_outbox("worker-2"), NOON + DAY) == 1
    (after,) = correspondence.letters()
    assert (after.message_id, after.attempts, after.state) == (before.message_id, 2, "sent")


def test_a_letter_that_cannot_be_written_is_refused_and_takes_no_other_with_it(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account("A2")
    correspondence.change(Account, "A2", name="A line\nbreak")
    correspondence.create_billed_invoice("I1")
    correspondence.create_billed_invoice("B1", "A2")
    correspondence.change(Contact, 2, name="A line\nbreak")  # type: ignore[arg-type]
    outbox = correspondence.letter_outbox()
    good, bad = sorted(outbox.claim_due_letters(NOON, 100))
    with pytest.raises(ValueError, match="line break"):
        outbox.begin_transmission([good, bad], NOON)
    assert {letter.state for letter in correspondence.letters()} == {"intended"}
    outbox.refuse_unwritable_letter(bad, "the name holds a line break", NOON)
    assert [begun is not None for begun in outbox.begin_transmission([good, bad], NOON)] == [True, False]
    assert {letter.id: letter.state for letter in correspondence.letters()} == {good: "transmitting", bad: "refused"}
    assert correspondence.requests()["B1"].reason == "the name holds a line break"


def test_a_letter_that_this_process_lost_sight_of_is_unknown_too(correspondence: CorrespondenceSetup) -> None:
    transmitting(correspondence)
    assert correspondence.letter_outbox("worker-1").mark_abandoned_letters(NOON) == 1
    assert correspondence.letters()[0].state == "unknown"


# --- the news of it


def test_the_postbox_holds_what_must_be_told_until_it_was_told(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.send_all(correspondence.letter_outbox(), delivery=REFUSED)
    postbox = OutcomeFeed(correspondence.database)
    ((request, invoice, news),) = postbox.list_invoice_outcomes(10)
    assert (invoice, news.step, news.attempt, news.fate, news.on) == ("I1", "reminder", 1, LetterResult.REFUSED, TODAY)
    assert (news.message_id, news.reason) == (correspondence.letters()[0].message_id, "554 No such mailbox")
    postbox.mark_invoices_notified([request])
    assert postbox.list_invoice_outcomes(10) == []


def test_the_address_that_a_mail_server_quotes_does_not_get_into_the_journal(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    quoted = DeliveryResult(DeliveryOutcome.REFUSED, 550, "<anna.meier@kunde.example>: Recipient address rejected")
    correspondence.send_all(correspondence.letter_outbox(), delivery=quoted)
    ((_, _, news),) = OutcomeFeed(correspondence.database).list_invoice_outcomes(10)
    assert news.reason == "550 <…>: Recipient address rejected"
    assert correspondence.letters()[0].reason == "550 <anna.meier@kunde.example>: Recipient address rejected"


def test_the_postbox_gives_the_customers_date_and_no_letter_that_is_under_way(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account("NZ", time_zone="Pacific/Auckland")
    correspondence.create_billed_invoice("I1", "NZ")
    correspondence.create_billed_invoice("I2")
    outbox = correspondence.letter_outbox()
    correspondence.send_all(outbox, delivery=UNKNOWN)
    correspondence.send_all(outbox, NOON.replace(hour=22), delivery=UNKNOWN)
    correspondence.create_billed_invoice("I3")
    assert [(invoice, news.on) for _, invoice, news in OutcomeFeed(correspondence.database).list_invoice_outcomes(10)] == [
        ("I1", TODAY + DAY),
        ("I2", TODAY),
    ]
    assert len(OutcomeFeed(correspondence.database).list_invoice_outcomes(1)) == 1
