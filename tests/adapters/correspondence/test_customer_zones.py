"""One customer has one time zone, whoever asks: the letters, the contact hours of a case, and the dates of what became of a letter."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import col, delete

from adapters.cases.case_store import CaseStore
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.database.tables import Contact
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from tests.adapters.correspondence.correspondence_setup import DAY, NOON, TODAY, CorrespondenceSetup

AUCKLAND, HONOLULU = "Pacific/Auckland", "Pacific/Honolulu"
REFUSED = DeliveryResult(DeliveryOutcome.REFUSED, 554, "No such mailbox")
EVENING, BOUNCED = NOON.replace(hour=22), NOON
"""On which it is tomorrow in Auckland already, and today in Honolulu and in UTC."""


def put_contacts(correspondence: CorrespondenceSetup, account: str, contacts: list[dict[str, Any]]) -> None:
    with correspondence.database.writing() as session:
        session.execute(delete(Contact).where(col(Contact.account_id) == account))
        for number, contact in enumerate(contacts):
            session.add(Contact(account_id=account, email=f"{number}@customer.test", **contact))
            session.flush()


def schedule_contact(correspondence: CorrespondenceSetup) -> date | None:
    """The customer's date of the letter that a step of another invoice asks for."""
    correspondence.create_invoice("I8", "B1")
    case = correspondence.case("I8", "B1", at=EVENING)
    ask = correspondence.take_step(case, "reminder", at=EVENING)
    (result,) = CaseStore(correspondence.database).write([correspondence.build_case_write(case, at=EVENING, ask=ask)])
    return result.contact_on


@pytest.mark.parametrize(
    ("contacts", "zone"),
    [
        ([], HONOLULU),
        ([{}], HONOLULU),
        ([{"time_zone": ""}], HONOLULU),
        ([{"time_zone": AUCKLAND}], AUCKLAND),
        ([{}, {"time_zone": AUCKLAND}], HONOLULU),
        ([{"role": "escalation", "time_zone": AUCKLAND}], HONOLULU),
        ([{"undeliverable_since": BOUNCED}, {"time_zone": AUCKLAND}], AUCKLAND),
        ([{"undeliverable_since": BOUNCED, "time_zone": AUCKLAND}], AUCKLAND),
    ],
)
def test_everybody_takes_the_zone_of_the_contact_who_is_written_to_else_the_accounts(
    correspondence: CorrespondenceSetup, contacts: list[dict[str, Any]], zone: str
) -> None:
    correspondence.create_account("B1", time_zone=HONOLULU)
    correspondence.create_billed_invoice("I9", "B1")
    correspondence.send_all(correspondence.letter_outbox(), EVENING, delivery=REFUSED)
    put_contacts(correspondence, "B1", contacts)

    with correspondence.database.reading() as session:
        recipient = correspondence.letter_loader().load_recipients(session, {"B1"})["B1"]
    ((_, _, outcome),) = OutcomeFeed(correspondence.database).list_invoice_outcomes(10)

    assert recipient.zone.key == zone
    assert schedule_contact(correspondence) == outcome.on == (TODAY + DAY if zone == AUCKLAND else TODAY)
