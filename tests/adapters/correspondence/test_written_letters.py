"""Letters that a person writes: once each, right at the moment they go, and no reminders. It is Tuesday noon."""

from datetime import time
from typing import Any

import pytest
from sqlmodel import select

from adapters.correspondence.letter_decisions import LetterDecision, LetterDecisionStore
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.correspondence.written_letter_store import AddresseeError, LetterToWrite, NothingToSendError, Writer, WrittenLetterStore
from adapters.database.row_states import MessageState
from adapters.database.tables import Account, Contact, Invoice, Note
from adapters.mail.local_inbox import read_mail
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from domain.policy.collection_policy import ContactHours
from tests.adapters.correspondence.correspondence_setup import DAY, DUE, HOUR, NOON, CorrespondenceSetup

HOURS = ContactHours(opens=time(9), closes=time(17))
WRITER = Writer("act-1", "mia", NOON, NOON, "Statement of account written to")


def build_letter(**change: Any) -> LetterToWrite:
    return LetterToWrite("A1", [1], "As promised.", None, HOURS, hours_matter=True)._replace(**change)


def open_store(correspondence: CorrespondenceSetup) -> WrittenLetterStore:
    return WrittenLetterStore(correspondence.database, correspondence.letter_loader())


def test_a_statement_goes_once_with_what_is_open_when_it_goes_and_takes_no_step(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.create_invoice("I2", due=DUE + 30 * DAY)
    store = open_store(correspondence)
    assert store.write(build_letter(), WRITER) == store.write(build_letter(), WRITER) == [1]
    correspondence.create_invoice("I3", due=DUE + 40 * DAY)
    correspondence.change(Invoice, "I2", open_balance=4_000, version=2)
    assert correspondence.send_all(correspondence.letter_outbox(), NOON + HOUR) == 2
    statement, reminder = correspondence.letters()
    text = read_mail(statement.content).text
    assert all(part in text for part in ("As promised.", "I1", "I2", "I3", "€40.00", "€240.00", "not a reminder"))
    assert (statement.state, statement.asked_for, statement.told) == (MessageState.SENT, None, None)
    assert (reminder.letter, reminder.asked_for) == ("reminder", 10_000)
    assert OutcomeFeed(correspondence.database).list_case_outcomes(10) == []
    with correspondence.database.reading() as session:
        assert [(note.author, note.text) for note in session.exec(select(Note))] == [
            ("mia", "Statement of account written to: a1@customer.test\nAs promised.")
        ]


def test_a_copy_goes_to_each_chosen_contact_in_its_language(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_billed_invoice()
    correspondence.send_all(correspondence.letter_outbox())
    with correspondence.database.writing() as session:
        session.add(Contact(account_id="A1", role="escalation", name="Ana", email="ana@customer.test", language="es"))
    copies = build_letter(contacts=[1, 2], copy_of=1)
    shown = open_store(correspondence).preview(copies, NOON)
    assert [(each.recipient, each.language) for each in shown] == [("a1@customer.test", "en"), ("ana@customer.test", "es")]
    assert len(correspondence.letters()) == 1
    open_store(correspondence).write(copies, WRITER)
    assert correspondence.send_all(correspondence.letter_outbox(), NOON + HOUR) == 2
    original, _, copy = correspondence.letters()
    mail = read_mail(copy.content)
    assert mail.recipients == ("Ana <ana@customer.test>",)
    assert mail.subject == f"Copia de nuestra carta del 4 de junio de 2013: {original.subject}"
    assert "> Dear Kim" in mail.text


def test_a_letter_in_doubt_is_a_persons_task_and_goes_again_by_decision_alone(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    open_store(correspondence).write(build_letter(), WRITER)
    correspondence.send_all(correspondence.letter_outbox(), NOON + HOUR, DeliveryResult(DeliveryOutcome.UNKNOWN, None, "gone away"))
    assert correspondence.tasks() == [("unknown_letter", "open")]
    assert correspondence.send_all(correspondence.letter_outbox(), NOON + HOUR) == 0
    LetterDecisionStore(correspondence.database).decide(1, LetterDecision.RESEND, "mia", "", NOON)
    assert correspondence.send_all(correspondence.letter_outbox(), NOON + HOUR) == 1
    assert OutcomeFeed(correspondence.database).list_case_outcomes(10) == []


def test_what_cannot_go_is_refused(correspondence: CorrespondenceSetup) -> None:
    store = open_store(correspondence)
    with pytest.raises(NothingToSendError):
        store.write(build_letter(), WRITER)
    correspondence.create_invoice()
    correspondence.create_account("A2")
    correspondence.create_invoice("I9", "A2")
    for contacts in ([], [2], [1, 99]):
        with pytest.raises(AddresseeError):
            store.write(build_letter(contacts=contacts), WRITER)
    with pytest.raises(NothingToSendError):
        store.write(build_letter(copy_of=77), WRITER)
    with correspondence.database.writing() as session:
        session.get_one(Contact, 1).undeliverable_since = NOON
    with pytest.raises(AddresseeError):
        store.preview(build_letter(), NOON)
    assert correspondence.letters() == []


def test_a_contact_who_was_removed_gets_nothing_and_a_task_asks_for_an_address(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    open_store(correspondence).write(build_letter(), WRITER)
    with correspondence.database.writing() as session:
        session.delete(session.get_one(Contact, 1))
    assert correspondence.send_all(correspondence.letter_outbox(), NOON + HOUR) == 0
    assert correspondence.tasks() == [("no_address", "open")]


def test_at_night_it_waits_for_the_customers_hours(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    correspondence.change(Account, "A1", time_zone="America/New_York", country="US")
    (shown,) = open_store(correspondence).preview(build_letter(), NOON - 4 * HOUR)
    assert shown.slot == NOON + HOUR
