"""Which letters are made of what is due, and when. It is Tuesday noon; every slot came at nine."""

from datetime import timedelta

import pytest

from adapters.database.tables import Contact, Invoice
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from tests.adapters.correspondence.office import DAY, HOUR, NOON, TODAY, CorrespondenceOffice

REFUSED = DeliveryResult(DeliveryOutcome.REFUSED, 554, "No")
DEFERRED = DeliveryResult(DeliveryOutcome.DEFERRED, 451, "Later")
AT_ONCE = (timedelta(0),)
"""A deferred letter may go again in the same moment."""


def claimed(office: CorrespondenceOffice) -> set[frozenset[str]]:
    """The invoices of each letter."""
    by_letter: dict[int, set[str]] = {}
    for invoice, request in office.requests().items():
        if request.message_id is not None:
            by_letter.setdefault(request.message_id, set()).add(invoice)
    return {frozenset(invoices) for invoices in by_letter.values()}


# --- which letters


def test_one_letter_per_account_and_currency(office: CorrespondenceOffice) -> None:
    office.create_account("A2")
    office.create_billed_invoice("E1")
    office.create_billed_invoice("E2", name="second_reminder")
    office.create_billed_invoice("P1", currency="GBP")
    office.create_billed_invoice("B1", account="A2")
    assert len(office.letter_outbox().claim_due_letters(NOON, 100)) == 3
    assert claimed(office) == {frozenset({"E1", "E2"}), frozenset({"P1"}), frozenset({"B1"})}


def test_a_letter_takes_the_tone_of_its_highest_step_and_lists_every_invoice(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1")
    office.create_billed_invoice("I2", name="firm_reminder", due=TODAY - 21 * DAY)
    office.create_billed_invoice("I3", name="second_reminder", due=TODAY - 7 * DAY)
    assert office.send_all(office.letter_outbox()) == 1
    (letter,) = office.letters()
    assert (letter.letter, letter.state, letter.recipient) == ("firm_reminder", "sent", "a1@customer.test")
    assert office.lines(letter.id) == {"I1": "reminder", "I2": "firm_reminder", "I3": "second_reminder"}
    assert {request.state for request in office.requests().values()} == {"sent"}


def test_what_is_not_due_yet_is_not_sent(office: CorrespondenceOffice) -> None:
    office.create_invoice()
    office.create_contact_request(slot=NOON + HOUR)
    assert office.letter_outbox().claim_due_letters(NOON, 100) == []
    assert office.requests()["I1"].state == "pending"


def test_a_limit_counts_letters_and_tears_no_account_apart(office: CorrespondenceOffice) -> None:
    office.create_account("A2")
    for number in range(3):
        office.create_billed_invoice(f"I{number}")
    office.create_invoice("B1", "A2")
    office.create_contact_request("B1", "A2", slot=NOON - HOUR)
    assert len(office.letter_outbox().claim_due_letters(NOON, 1)) == 1
    assert claimed(office) == {frozenset({"I0", "I1", "I2"})}


# --- not too often


def test_a_request_too_soon_after_the_last_letter_moves_to_the_next_business_day_allowed(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1")
    desk, thursday = office.letter_outbox(), NOON + 2 * DAY
    office.send_all(desk, thursday)
    office.create_billed_invoice("I2")
    assert desk.claim_due_letters(thursday + DAY, 100) == []
    # two days after Thursday is Saturday
    assert office.requests()["I2"].slot == (thursday + 4 * DAY).replace(hour=9)
    assert len(desk.claim_due_letters(thursday + 4 * DAY, 100)) == 1


def test_another_currency_is_not_put_off(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1")
    desk = office.letter_outbox()
    office.send_all(desk)
    office.create_billed_invoice("I2", currency="GBP")
    assert office.send_all(desk) == 1


def test_a_request_joins_the_letter_that_has_not_gone(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1")
    desk = office.letter_outbox(backoff=AT_ONCE)
    assert office.send_all(desk, delivery=DEFERRED) == 1
    office.create_billed_invoice("I2")
    assert office.send_all(desk, NOON + DAY) == 1
    (letter,) = office.letters()
    assert (letter.attempts, letter.state) == (2, "sent")
    assert set(office.lines(letter.id)) == {"I1", "I2"}


def test_a_deferred_letter_rests_before_it_goes_again(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice()
    desk = office.letter_outbox(backoff=(timedelta(hours=1),))
    office.send_all(desk, delivery=DEFERRED)
    assert desk.claim_due_letters(NOON + HOUR, 100) == []
    assert office.letters()[0].state == "intended"


def test_a_letter_waits_for_a_sibling_that_is_due_to_ask(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1")
    office.create_invoice("I2")
    office.write_case_row("I2", next_on=TODAY)
    desk = office.letter_outbox(patience=4 * HOUR)
    assert desk.claim_due_letters(NOON, 100) == []
    office.create_contact_request("I2")
    assert len(desk.claim_due_letters(NOON, 100)) == 1
    assert claimed(office) == {frozenset({"I1", "I2"})}


def test_the_patience_with_a_sibling_that_never_asks_has_an_end(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1")
    office.create_invoice("I2")
    office.write_case_row("I2", next_on=TODAY)
    assert len(office.letter_outbox(patience=2 * HOUR).claim_due_letters(NOON, 100)) == 1


def test_nobody_waits_for_an_invoice_that_is_due_another_day_or_closed(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1")
    office.write_case_row("I2", next_on=TODAY + DAY)
    assert len(office.letter_outbox(patience=9 * HOUR).claim_due_letters(NOON, 100)) == 1


# --- right at the moment it goes


def test_an_invoice_that_is_paid_while_its_letter_is_written_is_read_again_and_left_out(
    office: CorrespondenceOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.create_billed_invoice("I1")
    office.create_billed_invoice("I2")
    desk = office.letter_outbox()
    reading = desk._loader
    compose, composed = reading.compose, list[int]()

    def paid_meanwhile(*arguments: object) -> bytes:
        content = compose(*arguments)  # type: ignore[arg-type]
        if not composed:
            office.change(Invoice, "I1", status="paid", open_balance=0, version=2)
        composed.append(len(content))
        return content

    monkeypatch.setattr(reading, "compose", paid_meanwhile)
    assert office.send_all(desk) == 1
    assert len(composed) == 2
    assert (office.lines(office.letters()[0].id), office.requests()["I1"].reason) == ({"I2": "reminder"}, "settled")


def test_a_letter_in_which_nothing_stands_is_void_and_taken_up_again_the_same_day(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1", disputed=True)
    desk = office.letter_outbox()
    assert office.send_all(desk) == 0
    (void,) = office.letters()
    assert (void.state, office.requests()["I1"].state, office.requests()["I1"].reason) == ("void", "dropped", "disputed")
    office.create_billed_invoice("I2")
    assert office.send_all(desk) == 1
    (letter,) = office.letters()
    assert (letter.id, letter.key, letter.state) == (void.id, void.key, "sent")
    assert office.lines(letter.id) == {"I2": "reminder"}


def test_a_void_letter_puts_no_later_one_off(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1", disputed=True)
    desk = office.letter_outbox()
    office.send_all(desk)
    office.create_billed_invoice("I2")
    assert office.send_all(desk, NOON + DAY) == 1


def test_a_letter_to_a_customer_without_an_address_is_a_persons_task_and_waits_for_one(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice()
    office.change(Contact, 1, email="")  # type: ignore[arg-type]
    assert office.send_all(office.letter_outbox()) == 0
    assert (office.requests()["I1"].state, office.letters()[0].state) == ("claimed", "intended")
    assert office.tasks() == [("no_address", "open")]
    office.change(Contact, 1, email="kim@customer.test")  # type: ignore[arg-type]
    assert office.send_all(office.letter_outbox(), NOON + DAY) == 1


def test_a_letter_is_begun_once_however_many_processes_want_it(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice()
    one, other = office.letter_outbox("one"), office.letter_outbox("other")
    (letter,) = one.claim_due_letters(NOON, 100)
    assert other.claim_due_letters(NOON, 100) == [letter]
    assert [begun is not None for desk in (one, other) for begun in desk.begin_transmission([letter], NOON)] == [True, False]


def test_the_same_day_makes_the_same_message_id(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice()
    office.letter_outbox().claim_due_letters(NOON, 100)
    (letter,) = office.letters()
    assert letter.key == f"letter:A1:en:EUR:{TODAY}"
    assert letter.message_id.startswith("<")
    assert (office.requests()["I1"].message_id, letter.state) == (letter.id, "intended")


def test_a_letter_that_came_late_does_not_go_at_night(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice()
    desk = office.letter_outbox(backoff=AT_ONCE)
    office.send_all(desk, delivery=DEFERRED)
    night = NOON + 10 * HOUR
    assert desk.begin_transmission([office.letters()[0].id or 0], night) == [None]
    assert desk.claim_due_letters(night + 2 * HOUR, 100) == []
    assert office.send_all(desk, (NOON + DAY).replace(hour=9)) == 1


def test_an_invoice_whose_due_date_was_moved_out_of_the_steps_reach_is_left_out(office: CorrespondenceOffice) -> None:
    office.create_billed_invoice("I1")
    office.create_billed_invoice("I2")
    office.change(Invoice, "I1", due_date=TODAY + DAY)
    assert office.send_all(office.letter_outbox()) == 1
    assert (office.lines(office.letters()[0].id), office.requests()["I1"].reason) == ({"I2": "reminder"}, "not_due")
