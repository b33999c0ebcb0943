"""Which letters are made of what is due, and when. It is Tuesday noon; every slot came at nine."""

from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest

from adapters.database.tables import Contact, Invoice
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from tests.adapters.correspondence.correspondence_setup import DAY, HOUR, NOON, TODAY, CorrespondenceSetup

REFUSED = DeliveryResult(DeliveryOutcome.REFUSED, 554, "No")
DEFERRED = DeliveryResult(DeliveryOutcome.DEFERRED, 451, "Later")
AT_ONCE = (timedelta(0),)
"""A deferred letter may go again in the same moment."""


def claimed(correspondence: CorrespondenceSetup) -> set[frozenset[str]]:
    """The invoices of each letter."""
    by_letter: dict[int, set[str]] = {}
    for invoice, request in correspondence.requests().items():
        if request.message_id is not None:
            by_letter.setdefault(request.message_id, set()).add(invoice)
    return {frozenset(invoices) for invoices in by_letter.values()}


# --- which letters


def test_one_letter_per_account_and_currency(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account("A2")
    correspondence.create_billed_invoice("E1")
    correspondence.create_billed_invoice("E2", name="second_reminder")
    correspondence.create_billed_invoice("P1", currency="GBP")
    correspondence.create_billed_invoice("B1", account="A2")
    assert len(correspondence.letter_outbox().claim_due_letters(NOON, 100)) == 3
    assert claimed(correspondence) == {frozenset({"E1", "E2"}), frozenset({"P1"}), frozenset({"B1"})}


def test_a_letter_takes_the_tone_of_its_highest_step_and_lists_every_invoice(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    correspondence.create_billed_invoice("I2", name="firm_reminder", due=TODAY - 21 * DAY)
    correspondence.create_billed_invoice("I3", name="second_reminder", due=TODAY - 7 * DAY)
    assert correspondence.send_all(correspondence.letter_outbox()) == 1
    (letter,) = correspondence.letters()
    assert (letter.letter, letter.state, letter.recipient) == ("firm_reminder", "sent", "a1@customer.test")
    assert correspondence.lines(letter.id) == {"I1": "reminder", "I2": "firm_reminder", "I3": "second_reminder"}
    assert {request.state for request in correspondence.requests().values()} == {"sent"}


def test_what_is_not_due_yet_is_not_sent(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    correspondence.create_contact_request(slot=NOON + HOUR)
    assert correspondence.letter_outbox().claim_due_letters(NOON, 100) == []
    assert correspondence.requests()["I1"].state == "pending"


def test_a_limit_counts_letters_and_tears_no_account_apart(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account("A2")
    for number in range(3):
        correspondence.create_billed_invoice(f"I{number}")
    correspondence.create_invoice("B1", "A2")
    correspondence.create_contact_request("B1", "A2", slot=NOON - HOUR)
    assert len(correspondence.letter_outbox().claim_due_letters(NOON, 1)) == 1
    assert claimed(correspondence) == {frozenset({"I0", "I1", "I2"})}


# --- not too often


def test_a_request_too_soon_after_the_last_letter_moves_to_the_next_business_day_allowed(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    outbox, thursday = correspondence.letter_outbox(), NOON + 2 * DAY
    correspondence.send_all(outbox, thursday)
    correspondence.create_billed_invoice("I2")
    assert outbox.claim_due_letters(thursday + DAY, 100) == []
    # two days after Thursday is Saturday
    assert correspondence.requests()["I2"].slot == (thursday + 4 * DAY).replace(hour=9)
    assert len(outbox.claim_due_letters(thursday + 4 * DAY, 100)) == 1


def test_another_currency_is_not_put_off(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    outbox = correspondence.letter_outbox()
    correspondence.send_all(outbox)
    correspondence.create_billed_invoice("I2", currency="GBP")
    assert correspondence.send_all(outbox) == 1


def test_a_request_joins_the_letter_that_has_not_gone(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    outbox = correspondence.letter_outbox(backoff=AT_ONCE)
    assert correspondence.send_all(outbox, delivery=DEFERRED) == 1
    correspondence.create_billed_invoice("I2")
    assert correspondence.send_all(outbox, NOON + DAY) == 1
    (letter,) = correspondence.letters()
    assert (letter.attempts, letter.state) == (2, "sent")
    assert set(correspondence.lines(letter.id)) == {"I1", "I2"}


def test_a_deferred_letter_rests_before_it_goes_again(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    outbox = correspondence.letter_outbox(backoff=(timedelta(hours=1),))
    correspondence.send_all(outbox, delivery=DEFERRED)
    assert outbox.claim_due_letters(NOON + HOUR, 100) == []
    assert correspondence.letters()[0].state == "intended"


def test_a_letter_waits_for_a_sibling_that_is_due_to_ask(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    correspondence.create_invoice("I2")
    correspondence.write_case_row("I2", next_on=TODAY)
    outbox = correspondence.letter_outbox(patience=4 * HOUR)
    assert outbox.claim_due_letters(NOON, 100) == []
    correspondence.create_contact_request("I2")
    assert len(outbox.claim_due_letters(NOON, 100)) == 1
    assert claimed(correspondence) == {frozenset({"I1", "I2"})}


def test_the_patience_with_a_sibling_that_never_asks_has_an_end(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    correspondence.create_invoice("I2")
    correspondence.write_case_row("I2", next_on=TODAY)
    assert len(correspondence.letter_outbox(patience=2 * HOUR).claim_due_letters(NOON, 100)) == 1


def test_nobody_waits_for_an_invoice_that_is_due_another_day_or_closed(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    correspondence.write_case_row("I2", next_on=TODAY + DAY)
    assert len(correspondence.letter_outbox(patience=9 * HOUR).claim_due_letters(NOON, 100)) == 1


# --- right at the moment it goes


def test_an_invoice_that_is_paid_while_its_letter_is_written_is_read_again_and_left_out(
    correspondence: CorrespondenceSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    correspondence.create_billed_invoice("I1")
    correspondence.create_billed_invoice("I2")
    outbox = correspondence.letter_outbox()
    reading = outbox._loader
    compose, composed = reading.compose, list[int]()

    def paid_meanwhile(*arguments: object) -> bytes:
        content = compose(*arguments)  # type: ignore[arg-type]
        if not composed:
            correspondence.change(Invoice, "I1", status="paid", open_balance=0, version=2)
        composed.append(len(content))
        return content

    monkeypatch.setattr(reading, "compose", paid_meanwhile)
    assert correspondence.send_all(outbox) == 1
    assert len(composed) == 2
    assert (correspondence.lines(correspondence.letters()[0].id), correspondence.requests()["I1"].reason) == ({"I2": "reminder"}, "settled")


def test_a_letter_in_which_nothing_stands_is_void_and_taken_up_again_the_same_day(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1", disputed=True)
    outbox = correspondence.letter_outbox()
    assert correspondence.send_all(outbox) == 0
    (void,) = correspondence.letters()
    assert (void.state, correspondence.requests()["I1"].state, correspondence.requests()["I1"].reason) == ("void", "dropped", "disputed")
    correspondence.create_billed_invoice("I2")
    assert correspondence.send_all(outbox) == 1
    (letter,) = correspondence.letters()
    assert (letter.id, letter.key, letter.state) == (void.id, void.key, "sent")
    assert correspondence.lines(letter.id) == {"I2": "reminder"}


def test_a_void_letter_puts_no_later_one_off(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1", disputed=True)
    outbox = correspondence.letter_outbox()
    correspondence.send_all(outbox)
    correspondence.create_billed_invoice("I2")
    assert correspondence.send_all(outbox, NOON + DAY) == 1


def test_a_letter_to_a_customer_without_an_address_is_a_persons_task_and_waits_for_one(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.change(Contact, 1, email="")  # type: ignore[arg-type]
    assert correspondence.send_all(correspondence.letter_outbox()) == 0
    assert (correspondence.requests()["I1"].state, correspondence.letters()[0].state) == ("claimed", "intended")
    assert correspondence.tasks() == [("no_address", "open")]
    correspondence.change(Contact, 1, email="kim@customer.test")  # type: ignore[arg-type]
    assert correspondence.send_all(correspondence.letter_outbox(), NOON + DAY) == 1


def test_a_letter_is_begun_once_however_many_processes_want_it(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    one, other = correspondence.letter_outbox("one"), correspondence.letter_outbox("other")
    (letter,) = one.claim_due_letters(NOON, 100)
    assert other.claim_due_letters(NOON, 100) == [letter]
    assert [begun is not None for outbox in (one, other) for begun in outbox.begin_transmission([letter], NOON)] == [True, False]


def test_the_same_day_makes_the_same_message_id(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.letter_outbox().claim_due_letters(NOON, 100)
    (letter,) = correspondence.letters()
    assert letter.key == f"letter:A1:en:EUR:{TODAY}"
    assert letter.message_id.startswith("<")
    assert (correspondence.requests()["I1"].message_id, letter.state) == (letter.id, "intended")


def test_a_letter_that_came_late_does_not_go_at_night(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    outbox = correspondence.letter_outbox(backoff=AT_ONCE)
    correspondence.send_all(outbox, delivery=DEFERRED)
    night = NOON + 10 * HOUR
    assert outbox.begin_transmission([correspondence.letters()[0].id or 0], night) == [None]
    assert outbox.claim_due_letters(night + 2 * HOUR, 100) == []
    assert correspondence.send_all(outbox, (NOON + DAY).replace(hour=9)) == 1


def test_an_invoice_whose_due_date_was_moved_out_of_the_steps_reach_is_left_out(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1")
    correspondence.create_billed_invoice("I2")
    correspondence.change(Invoice, "I1", due_date=TODAY + DAY)
    assert correspondence.send_all(correspondence.letter_outbox()) == 1
    assert (correspondence.lines(correspondence.letters()[0].id), correspondence.requests()["I1"].reason) == ({"I2": "reminder"}, "not_due")


# --- letters that were prepared before their turn


def test_a_letter_prepared_before_its_turn_goes_as_it_was_written(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    outbox = correspondence.letter_outbox()
    (number,) = outbox.claim_due_letters(NOON, 100)
    prepared = outbox.prepare_letters([number], NOON)
    (letter,) = outbox.begin_transmission([number], NOON + timedelta(seconds=1), prepared)
    assert letter is not None
    assert letter.content == prepared[number].message


def test_what_was_paid_since_a_letter_was_prepared_is_not_asked_for(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    outbox = correspondence.letter_outbox()
    (number,) = outbox.claim_due_letters(NOON, 100)
    prepared = outbox.prepare_letters([number], NOON)
    correspondence.change(Invoice, "I1", open_balance=2_345, version=9)
    (letter,) = outbox.begin_transmission([number], NOON, prepared)
    assert letter is not None
    assert (b"23.45" in letter.content, b"23.45" in (prepared[number].message or b"")) == (True, False)


def test_a_letter_prepared_on_another_day_or_hour_is_written_anew(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    outbox = correspondence.letter_outbox()
    (number,) = outbox.claim_due_letters(NOON, 100)
    prepared = outbox.prepare_letters([number], NOON)
    assert outbox.begin_transmission([number], NOON + 10 * HOUR, prepared) == [None], "it is night"
    tomorrow = (NOON + DAY).replace(hour=9)
    (letter,) = outbox.begin_transmission([number], tomorrow, prepared)
    assert letter is not None
    assert message_from_bytes(letter.content, policy=default)["Date"].datetime == tomorrow


def test_a_prepared_letter_is_begun_once_however_many_processes_want_it(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    one, other = correspondence.letter_outbox("one"), correspondence.letter_outbox("other")
    (number,) = one.claim_due_letters(NOON, 100)
    prepared = [outbox.prepare_letters([number], NOON) for outbox in (one, other)]
    assert one.begin_transmission([number], NOON, prepared[0]) != [None]
    assert other.begin_transmission([number], NOON, prepared[1]) == [None]
