"""What became of a letter, and who may say so: the process that sent it, until a person has decided."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.tables import Account, Contact, ContactRequest, Message
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain.correspondence.letter_outcome import LetterResult
from tests.adapters.correspondence.office import DAY, NOON, SENT, TODAY, CorrespondenceOffice

REFUSED = DeliveryResult(DeliveryOutcome.REFUSED, 554, "No such mailbox")
UNKNOWN = DeliveryResult(DeliveryOutcome.UNKNOWN, None, "The line was cut")
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


def transmitting(office: CorrespondenceOffice, owner: str = "worker-1") -> int:
    """A letter that a process has begun to send."""
    office.create_billed_invoice()
    desk = office.letter_outbox(owner)
    (letter,) = desk.claim_due_letters(NOON, 100)
    assert desk.begin_transmission([letter], NOON)[0] is not None
    return letter


def dead(office: CorrespondenceOffice) -> int:
    """A letter over which its process, worker-1, is presumed dead."""
    letter = transmitting(office)
    office.change(Message, letter, transmitting_since=LONG_AGO)  # type: ignore[arg-type]
    assert office.letter_outbox("worker-2").mark_abandoned_letters(NOON) == 1
    return letter


@pytest.mark.parametrize(("delivery", "task"), [(REFUSED, "refused_letter"), (UNKNOWN, "unknown_letter")])
def test_a_letter_that_did_not_go_is_a_persons_task_and_told_to_its_invoice(
    office: CorrespondenceOffice, delivery: DeliveryResult, task: str
) -> None:
    office.create_billed_invoice()
    office.send_all(office.letter_outbox(), delivery=delivery)
    request = office.requests()["I1"]
    assert (office.letters()[0].state, request.state, request.told) == (delivery.outcome.value, delivery.outcome.value, False)
    assert office.tasks() == [(task, "open")]


def test_a_letter_that_went_needs_no_word_to_its_invoice_unless_one_waits(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1")
    office.create_billed_invoice("I2")
    office.change(ContactRequest, 2, awaited=True)  # type: ignore[arg-type]
    office.send_all(office.letter_outbox())
    assert {invoice: request.told for invoice, request in office.requests().items()} == {"I1": True, "I2": False}
    assert office.tasks() == []


def test_what_a_dead_process_was_sending_is_unknown_and_never_sent_again(office: CorrespondenceOffice) -> None:
    dead(office)
    assert (office.letters()[0].state, office.requests()["I1"].reason) == ("unknown", "process_died")
    assert office.tasks() == [("unknown_letter", "open")]
    assert office.send_all(office.letter_outbox("worker-2"), NOON + DAY) == 0


def test_a_letter_that_this_process_or_a_living_one_is_sending_is_left_alone(office: CorrespondenceOffice) -> None:
    letter = transmitting(office)
    assert office.letter_outbox("worker-2").mark_abandoned_letters(NOON) == 0
    office.change(Message, letter, transmitting_since=LONG_AGO)  # type: ignore[arg-type]
    assert office.letter_outbox("worker-1").mark_abandoned_letters(NOON, on_the_wire=[letter]) == 0
    assert office.letters()[0].state == "transmitting"


def test_a_process_that_was_presumed_dead_may_still_say_how_its_letter_ended(office: CorrespondenceOffice) -> None:
    letter = dead(office)
    office.letter_outbox("worker-1").record_outcomes([(letter, SENT)], NOON)
    assert (office.letters()[0].state, office.requests()["I1"].state) == ("sent", "sent")
    assert office.tasks() == [("unknown_letter", "dropped")]


def test_another_process_has_no_say_in_it(office: CorrespondenceOffice) -> None:
    letter = dead(office)
    office.letter_outbox("worker-2").record_outcomes([(letter, SENT)], NOON)
    assert office.letters()[0].state == "unknown"


def test_after_a_person_has_decided_the_process_has_no_say_any_more(office: CorrespondenceOffice) -> None:
    letter = dead(office)
    LetterDecisionStore(office.database).decide(letter, LetterDecision.DELIVERED, "mia", "the customer has it", NOON)
    office.letter_outbox("worker-1").record_outcomes([(letter, REFUSED)], NOON)
    assert (office.letters()[0].state, office.requests()["I1"].state) == ("sent", "sent")


def test_a_letter_that_a_person_sends_again_keeps_its_message_id(office: CorrespondenceOffice) -> None:
    letter = dead(office)
    (before,) = office.letters()
    LetterDecisionStore(office.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)
    assert office.send_all(office.letter_outbox("worker-2"), NOON + DAY) == 1
    (after,) = office.letters()
    assert (after.message_id, after.attempts, after.state) == (before.message_id, 2, "sent")


def test_a_letter_that_cannot_be_written_is_refused_and_takes_no_other_with_it(office: CorrespondenceOffice) -> None:
    office.create_account("A2")
    office.change(Account, "A2", name="A line\nbreak")
    office.create_billed_invoice("I1")
    office.create_billed_invoice("B1", "A2")
    office.change(Contact, 2, name="A line\nbreak")  # type: ignore[arg-type]
    desk = office.letter_outbox()
    good, bad = sorted(desk.claim_due_letters(NOON, 100))
    with pytest.raises(ValueError, match="line break"):
        desk.begin_transmission([good, bad], NOON)
    assert {letter.state for letter in office.letters()} == {"intended"}
    desk.refuse_unwritable_letter(bad, "the name holds a line break", NOON)
    assert [begun is not None for begun in desk.begin_transmission([good, bad], NOON)] == [True, False]
    assert {letter.id: letter.state for letter in office.letters()} == {good: "transmitting", bad: "refused"}
    assert office.requests()["B1"].reason == "the name holds a line break"


def test_a_letter_that_this_process_lost_sight_of_is_unknown_too(office: CorrespondenceOffice) -> None:
    transmitting(office)
    assert office.letter_outbox("worker-1").mark_abandoned_letters(NOON) == 1
    assert office.letters()[0].state == "unknown"


# --- the news of it


def test_the_postbox_holds_what_must_be_told_until_it_was_told(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice()
    office.send_all(office.letter_outbox(), delivery=REFUSED)
    postbox = OutcomeFeed(office.database)
    ((request, invoice, news),) = postbox.list_invoice_outcomes(10)
    assert (invoice, news.step, news.attempt, news.fate, news.on) == ("I1", "reminder", 1, LetterResult.REFUSED, TODAY)
    assert (news.message_id, news.reason) == (office.letters()[0].message_id, "554 No such mailbox")
    postbox.mark_invoices_notified([request])
    assert postbox.list_invoice_outcomes(10) == []


def test_the_address_that_a_mail_server_quotes_does_not_get_into_the_journal(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice()
    quoted = DeliveryResult(DeliveryOutcome.REFUSED, 550, "<anna.meier@kunde.example>: Recipient address rejected")
    office.send_all(office.letter_outbox(), delivery=quoted)
    ((_, _, news),) = OutcomeFeed(office.database).list_invoice_outcomes(10)
    assert news.reason == "550 <…>: Recipient address rejected"
    assert office.letters()[0].reason == "550 <anna.meier@kunde.example>: Recipient address rejected"


def test_the_postbox_gives_the_customers_date_and_no_letter_that_is_under_way(office: CorrespondenceOffice) -> None:
    office.create_account("NZ", time_zone="Pacific/Auckland")
    office.create_billed_invoice("I1", "NZ")
    office.create_billed_invoice("I2")
    desk = office.letter_outbox()
    office.send_all(desk, delivery=UNKNOWN)
    office.send_all(desk, NOON.replace(hour=22), delivery=UNKNOWN)
    office.create_billed_invoice("I3")
    assert [(invoice, news.on) for _, invoice, news in OutcomeFeed(office.database).list_invoice_outcomes(10)] == [
        ("I1", TODAY + DAY),
        ("I2", TODAY),
    ]
    assert len(OutcomeFeed(office.database).list_invoice_outcomes(1)) == 1
