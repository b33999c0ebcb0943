"""An address that was refused for good counts as none, until there is reason to trust it again."""

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.database.tables import Contact
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from tests.adapters.correspondence.case_letter_orders import build_warning_order, order_letter
from tests.adapters.correspondence.correspondence_setup import DAY, NOON, SENT, CorrespondenceSetup

GONE = DeliveryResult(DeliveryOutcome.REFUSED, 550, "No such user", address_refused=True)
SPAM = DeliveryResult(DeliveryOutcome.REFUSED, 554, "Looks like spam")
LATER = NOON + 3 * DAY


def undeliverable(correspondence: CorrespondenceSetup) -> dict[str, datetime | None]:
    """Since when each address is."""
    with correspondence.database.reading() as session:
        rows = session.execute(select(col(Contact.email), col(Contact.undeliverable_since)))
        return dict(rows.all())


def refuse(correspondence: CorrespondenceSetup, delivery: DeliveryResult = GONE) -> int:
    """A letter to the account's address, which is refused."""
    correspondence.create_billed_invoice("I1")
    assert correspondence.send_all(correspondence.letter_outbox(), delivery=delivery) == 1
    return correspondence.letters()[0].id or 0


def test_an_address_that_was_refused_for_good_gets_no_further_letter(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_account("A2")
    refuse(correspondence)
    assert undeliverable(correspondence) == {"a1@customer.test": NOON, "a2@customer.test": None}
    correspondence.create_billed_invoice("I2")
    assert correspondence.send_all(correspondence.letter_outbox(), LATER) == 0
    assert ("no_address", "open") in correspondence.tasks()


def test_another_billing_contact_gets_the_letters_then(correspondence: CorrespondenceSetup) -> None:
    refuse(correspondence)
    with correspondence.database.writing() as session:
        session.add(Contact(account_id="A1", name="Luz", email="luz@customer.test"))
    correspondence.create_billed_invoice("I2")
    assert correspondence.send_all(correspondence.letter_outbox(), LATER) == 1
    assert correspondence.letters()[-1].recipient == "luz@customer.test"


def test_a_letter_that_was_refused_for_its_content_says_nothing_of_the_address(correspondence: CorrespondenceSetup) -> None:
    refuse(correspondence, SPAM)
    assert undeliverable(correspondence) == {"a1@customer.test": None}


def test_the_first_refusal_is_the_day_since_when(correspondence: CorrespondenceSetup) -> None:
    letter = refuse(correspondence)
    correspondence.change(Contact, 1, undeliverable_since=NOON - DAY)  # type: ignore[arg-type]
    LetterDecisionStore(correspondence.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)
    assert undeliverable(correspondence) == {"a1@customer.test": None}
    assert correspondence.send_all(correspondence.letter_outbox(), LATER, delivery=GONE) == 1
    assert undeliverable(correspondence) == {"a1@customer.test": LATER}


@pytest.mark.parametrize("decision", LetterDecision)
def test_a_person_who_decides_about_the_letter_trusts_its_address(correspondence: CorrespondenceSetup, decision: LetterDecision) -> None:
    letter = refuse(correspondence)
    LetterDecisionStore(correspondence.database).decide(letter, decision, "mia", "their server is mended", LATER)
    assert undeliverable(correspondence) == {"a1@customer.test": None}


def test_a_letter_that_is_taken_shows_that_the_address_takes_letters(correspondence: CorrespondenceSetup) -> None:
    """Two letters were on the wire at once: one was refused, the other is taken afterwards."""
    correspondence.create_billed_invoice("I1")
    correspondence.create_billed_invoice("U1", currency="USD")
    outbox = correspondence.letter_outbox()
    first, second = outbox.claim_due_letters(NOON, 100)
    outbox.begin_transmission([first, second], NOON)
    outbox.record_outcomes([(first, GONE)], NOON)
    assert undeliverable(correspondence) == {"a1@customer.test": NOON}
    outbox.record_outcomes([(second, SENT)], NOON)
    assert undeliverable(correspondence) == {"a1@customer.test": None}


def test_who_asks_for_a_letter_again_that_was_refused_trusts_its_address(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice("I1")
    order_letter(correspondence, build_warning_order("I1"))
    correspondence.send_all(correspondence.letter_outbox(), delivery=GONE)
    assert undeliverable(correspondence) == {"a1@customer.test": NOON}
    order_letter(correspondence, build_warning_order("I1", number=2), LATER)
    assert undeliverable(correspondence) == {"a1@customer.test": None}
