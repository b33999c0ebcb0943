"""What the last comparison did not find in the connected system is asked for by no letter until that is decided; all else is."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import update

from adapters.billing.external_key import SystemKey
from adapters.connections.difference_store import end_differences
from adapters.correspondence.missing_there import find_letters_of_missing
from adapters.database.row_states import ContactRequestState, DifferenceKind
from adapters.database.tables import BillingDifferenceRow, ContactRequest, Message
from tests.adapters.correspondence.correspondence_setup import HOUR, NOON, CorrespondenceSetup
from tests.adapters.correspondence.test_connected_letters import ACCOUNT, FIRST, SECOND, add_connected
from tests.adapters.correspondence.test_reading_gaps import MINUTE, list_written_to, read_last

THIRD = "@erp:1:4712"
MISSING = DifferenceKind.MISSING_THERE


def ask_for_three(correspondence: CorrespondenceSetup) -> None:
    """The first two are parts of one invoice."""
    correspondence.create_account(ACCOUNT, name="Customer Ltd")
    for invoice, number in ((FIRST, "2026-17 (1/2)"), (SECOND, "2026-17 (2/2)"), (THIRD, "2026-18")):
        add_connected(correspondence, invoice, number)
    read_last(correspondence.database, MINUTE)


def name_missing(correspondence: CorrespondenceSetup, invoice: str = FIRST) -> None:
    now = datetime.now(UTC)
    with correspondence.database.writing() as session:
        row = BillingDifferenceRow(system="erp", company="1", kind=MISSING.value, subject_id=invoice, first_seen_at=now, last_seen_at=now)
        session.add(row)


def find_states(correspondence: CorrespondenceSetup) -> list[str]:
    requests = correspondence.requests()
    return [requests[invoice].state for invoice in (FIRST, SECOND, THIRD)]


PENDING, CLAIMED, GONE = ContactRequestState.PENDING, ContactRequestState.CLAIMED, ContactRequestState.SENT


def test_only_what_is_missing_waits_and_goes_once_it_is_seen_again(correspondence: CorrespondenceSetup) -> None:
    ask_for_three(correspondence)
    name_missing(correspondence)
    assert len(list_written_to(correspondence)) == 1
    assert find_states(correspondence) == [PENDING, PENDING, GONE]
    (letter,) = correspondence.letters()
    assert set(correspondence.lines(letter.id)) == {THIRD}
    assert list_written_to(correspondence, NOON + HOUR) == []
    end_differences(correspondence.database, SystemKey("erp", "1"), MISSING, [FIRST], datetime.now(UTC))
    with correspondence.database.writing() as session:
        session.execute(update(ContactRequest).values(days_between_letters=0))
    assert len(list_written_to(correspondence, NOON + 24 * HOUR)) == 1
    assert find_states(correspondence) == [GONE, GONE, GONE]


def test_a_letter_that_was_chosen_before_goes_without_it(correspondence: CorrespondenceSetup) -> None:
    ask_for_three(correspondence)
    outbox = correspondence.letter_outbox()
    letters = outbox.claim_due_letters(NOON, 100)
    name_missing(correspondence)
    assert [each for each in outbox.begin_transmission(letters, NOON) if each] == []
    assert find_states(correspondence) == [CLAIMED, CLAIMED, CLAIMED]
    assert len(list_written_to(correspondence)) == 1
    assert find_states(correspondence) == [PENDING, PENDING, GONE]


def test_a_letter_of_a_case_waits_for_its_invoices(correspondence: CorrespondenceSetup) -> None:
    ask_for_three(correspondence)
    name_missing(correspondence)
    common: dict[str, Any] = {"account_id": ACCOUNT, "language": "en", "currency": "EUR", "slot": NOON, "case_id": "suspension:1"}
    with correspondence.database.writing() as session:
        for name, invoices in (("a", [SECOND, THIRD]), ("b", [THIRD])):
            session.add(Message(key=name, message_id=name, invoice_ids=invoices, **common))
    with correspondence.database.reading() as session:
        held = find_letters_of_missing(session)
    assert [each.key for each in correspondence.letters() if each.id in held] == ["a"]
