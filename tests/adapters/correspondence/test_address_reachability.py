"""An address that was refused for good counts as none, until there is reason to trust it again."""

from datetime import datetime

import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.database.tables import Contact
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from tests.adapters.correspondence.case_letter_orders import build_warning_order, order_letter
from tests.adapters.correspondence.office import DAY, NOON, SENT, CorrespondenceOffice

GONE = DeliveryResult(DeliveryOutcome.REFUSED, 550, "No such user", address_refused=True)
SPAM = DeliveryResult(DeliveryOutcome.REFUSED, 554, "Looks like spam")
LATER = NOON + 3 * DAY


def undeliverable(office: CorrespondenceOffice) -> dict[str, datetime | None]:
    """Since when each address is."""
    with office.database.reading() as session:
        rows = session.execute(select(col(Contact.email), col(Contact.undeliverable_since)))
        return dict(rows.all())


def refuse(office: CorrespondenceOffice, delivery: DeliveryResult = GONE) -> int:
    """A letter to the account's address, which is refused."""
    office.create_billed_invoice("I1")
    assert office.send_all(office.letter_outbox(), delivery=delivery) == 1
    return office.letters()[0].id or 0


def test_an_address_that_was_refused_for_good_gets_no_further_letter(office: CorrespondenceOffice) -> None:
    office.create_account("A2")
    refuse(office)
    assert undeliverable(office) == {"a1@customer.test": NOON, "a2@customer.test": None}
    office.create_billed_invoice("I2")
    assert office.send_all(office.letter_outbox(), LATER) == 0
    assert ("no_address", "open") in office.tasks()


def test_another_billing_contact_gets_the_letters_then(office: CorrespondenceOffice) -> None:
    refuse(office)
    with office.database.writing() as session:
        session.add(Contact(account_id="A1", name="Luz", email="luz@customer.test"))
    office.create_billed_invoice("I2")
    assert office.send_all(office.letter_outbox(), LATER) == 1
    assert office.letters()[-1].recipient == "luz@customer.test"


def test_a_letter_that_was_refused_for_its_content_says_nothing_of_the_address(office: CorrespondenceOffice) -> None:
    refuse(office, SPAM)
    assert undeliverable(office) == {"a1@customer.test": None}


def test_the_first_refusal_is_the_day_since_when(office: CorrespondenceOffice) -> None:
    letter = refuse(office)
    office.change(Contact, 1, undeliverable_since=NOON - DAY)  # type: ignore[arg-type]
    LetterDecisionStore(office.database).decide(letter, LetterDecision.RESEND, "mia", "", NOON)
    assert undeliverable(office) == {"a1@customer.test": None}
    assert office.send_all(office.letter_outbox(), LATER, delivery=GONE) == 1
    assert undeliverable(office) == {"a1@customer.test": LATER}


@pytest.mark.parametrize("decision", LetterDecision)
def test_a_person_who_decides_about_the_letter_trusts_its_address(office: CorrespondenceOffice, decision: LetterDecision) -> None:
    letter = refuse(office)
    LetterDecisionStore(office.database).decide(letter, decision, "mia", "their server is mended", LATER)
    assert undeliverable(office) == {"a1@customer.test": None}


def test_a_letter_that_is_taken_shows_that_the_address_takes_letters(office: CorrespondenceOffice) -> None:
    """Two letters were on the wire at once: one was refused, the other is taken afterwards."""
    office.create_billed_invoice("I1")
    office.create_billed_invoice("U1", currency="USD")
    outbox = office.letter_outbox()
    first, second = outbox.claim_due_letters(NOON, 100)
    outbox.begin_transmission([first, second], NOON)
    outbox.record_outcomes([(first, GONE)], NOON)
    assert undeliverable(office) == {"a1@customer.test": NOON}
    outbox.record_outcomes([(second, SENT)], NOON)
    assert undeliverable(office) == {"a1@customer.test": None}


def test_who_asks_for_a_letter_again_that_was_refused_trusts_its_address(office: CorrespondenceOffice) -> None:
    office.create_invoice("I1")
    order_letter(office, build_warning_order("I1"))
    office.send_all(office.letter_outbox(), delivery=GONE)
    assert undeliverable(office) == {"a1@customer.test": NOON}
    order_letter(office, build_warning_order("I1", number=2), LATER)
    assert undeliverable(office) == {"a1@customer.test": None}
