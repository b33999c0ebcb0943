"""What a letter says at the moment it goes: only what still stands, in the account's thread."""

from email import message_from_bytes
from email.policy import default

import pytest

from adapters.correspondence.letter_loader import LetterContent
from adapters.database.tables import Contact, ContactRequest, Invoice, User
from adapters.ledger.ledger import Ledger
from domain.billing.credit_application import CreditShare
from domain.correspondence.letter_outcome import DropReason
from tests.adapters.correspondence.correspondence_setup import DAY, NOON, SENT, TODAY, CorrespondenceSetup


def read(correspondence: CorrespondenceSetup) -> LetterContent:
    """The one letter of what is due, as it stands at noon."""
    (letter,) = correspondence.letter_outbox().claim_due_letters(NOON, 100)
    loader = correspondence.letter_loader()
    with correspondence.database.reading() as session:
        drafts = loader.load_drafts(session, [letter])
    return loader.build_letters(drafts, NOON)[letter]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "paid", "open_balance": 0}, DropReason.SETTLED),
        ({"status": "cancelled"}, DropReason.SETTLED),
        ({"disputed": True}, DropReason.DISPUTED),
    ],
)
def test_what_billing_has_settled_or_marked_as_disputed_is_left_out(
    correspondence: CorrespondenceSetup, change: dict[str, object], reason: DropReason
) -> None:
    correspondence.create_billed_invoice("I1")
    correspondence.create_billed_invoice("I2")
    correspondence.change(Invoice, "I1", **change)
    reading = read(correspondence)
    assert [why for _, why in reading.dropped] == [reason]
    assert [line.number for line in reading.standing] == ["I2"]


@pytest.mark.parametrize(
    ("holds", "reason"),
    [
        (["dispute"], DropReason.DISPUTED),
        (["pause"], DropReason.ON_HOLD),
        (["promise"], DropReason.ON_HOLD),
        (["payment_plan"], DropReason.ON_HOLD),
        (["below_minimum"], DropReason.BELOW_MINIMUM),
        ([], None),
    ],
)
def test_an_invoice_on_hold_is_left_out_for_that_reason(
    correspondence: CorrespondenceSetup, holds: list[str], reason: DropReason | None
) -> None:
    correspondence.create_billed_invoice()
    correspondence.write_case_row("I1", holds=holds)
    assert [why for _, why in read(correspondence).dropped] == ([reason] if reason else [])


def test_a_note_after_its_last_day_has_lapsed(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice("I1", name="courtesy_note")
    correspondence.create_billed_invoice("I2", name="courtesy_note")
    correspondence.change(ContactRequest, 1, not_after=TODAY - DAY)  # type: ignore[arg-type]
    correspondence.change(ContactRequest, 2, not_after=TODAY)  # type: ignore[arg-type]
    assert read(correspondence).dropped == [(1, DropReason.LAPSED)]


def test_a_contact_whose_address_bounced_counts_as_none(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.change(Contact, 1, undeliverable_since=NOON)  # type: ignore[arg-type]
    assert read(correspondence).customer.email == ""


def test_the_first_contact_that_can_be_reached_gets_the_letter_in_its_own_language(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    with correspondence.database.writing() as session:
        session.add(Contact(account_id="A1", name="Luz", email="luz@customer.test", language="es", time_zone="Europe/Madrid"))
    correspondence.change(Contact, 1, undeliverable_since=NOON)  # type: ignore[arg-type]
    customer = read(correspondence).customer
    assert (customer.email, customer.language, customer.zone.key) == ("luz@customer.test", "es", "Europe/Madrid")


def test_a_letter_states_the_balance_and_the_days_past_due_of_the_moment(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.change(Invoice, "I1", open_balance=2_345)
    reading = read(correspondence)
    (line,) = reading.standing
    assert (line.open_minor, line.days_past_due) == (2_345, 2)
    assert (reading.lines[0]["open_balance"], reading.lines[0]["step"]) == (2_345, "reminder")


def test_credit_counts_once_before_it_is_applied_and_after_and_when_that_is_taken_back(correspondence: CorrespondenceSetup) -> None:
    """100.00 are owed on each of two invoices; 40.00 came that no invoice took."""
    ledger = Ledger(correspondence.database)
    correspondence.create_invoice("W")
    correspondence.create_billed_invoice("I1")
    correspondence.create_billed_invoice("I2")
    ledger.record_payment("P1", "A1", "EUR", 14_000, TODAY, "bank", "W", at=NOON)
    (letter,) = correspondence.letter_outbox().claim_due_letters(NOON, 100)

    def read_again() -> tuple[int | None, int, list[int]]:
        loader = correspondence.letter_loader()
        with correspondence.database.reading() as session:
            drafts = loader.load_drafts(session, [letter])
        content = loader.build_letters(drafts, NOON)[letter]
        return content.asked_for, content.credit, [line.open_minor for line in content.standing]

    assert read_again() == (16_000, 4_000, [10_000, 10_000])
    share = CreditShare(credit_id="P1", invoice_id="I2", amount=1_500)
    ledger.apply_credit("A1", "EUR", [share], key="U1", at=NOON)
    assert read_again() == (16_000, 2_500, [10_000, 8_500])
    ledger.apply_unapplied_credit("A1", "EUR", at=NOON)
    assert read_again() == (16_000, 0, [7_500, 8_500])
    ledger.take_back_application("B1", "U1", "for another", at=NOON)
    assert read_again() == (16_000, 1_500, [7_500, 10_000])


def test_letters_of_one_account_make_one_thread(correspondence: CorrespondenceSetup) -> None:
    outbox, contents = correspondence.letter_outbox(), []
    for number in range(3):
        correspondence.create_billed_invoice(f"I{number}")
        now = NOON + number * 7 * DAY
        (letter,) = outbox.begin_transmission(outbox.claim_due_letters(now, 100), now)
        assert letter is not None
        contents.append(message_from_bytes(letter.content, policy=default))
        outbox.record_outcomes([(letter.message, SENT)], now)
    ids = [str(content["Message-ID"]) for content in contents]
    assert len(set(ids)) == 3
    assert [content["In-Reply-To"] for content in contents] == [None, ids[0], ids[1]]
    assert str(contents[2]["References"]).split() == ids[:2]


def test_another_accounts_letters_are_not_in_the_thread(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account("A2")
    correspondence.create_billed_invoice("I1")
    correspondence.send_all(correspondence.letter_outbox())
    correspondence.create_billed_invoice("B1", "A2")
    assert read(correspondence).thread == ()


def test_answers_go_to_the_accounts_collector(correspondence: CorrespondenceSetup) -> None:
    with correspondence.database.writing() as session:
        session.add(User(name="mia", email="mia@creditor.test", full_name="Mia Berg"))
    correspondence.create_account("A2", collector="mia")
    correspondence.create_billed_invoice("I1", "A2")
    outbox = correspondence.letter_outbox()
    (letter,) = outbox.begin_transmission(outbox.claim_due_letters(NOON, 100), NOON)
    assert letter is not None
    assert message_from_bytes(letter.content, policy=default)["Reply-To"].addresses[0].addr_spec == "mia@creditor.test"
