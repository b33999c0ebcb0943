"""What the journal has of letters, calls, promises and disputes is noted in the connected system, once, and nothing of other accounts."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import func, select
from sqlmodel import col

from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError, RefusedByBillingError, UnansweredOrderError
from adapters.billing.external_records import NoteKind
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.notes.journal_notes import NOTE_KINDS, OVERLAP, leave_notes
from adapters.connections.notes.refused_notes import list_refused_notes, retry_refused_notes
from adapters.database.engine import Database
from adapters.database.tables import NOTED_KINDS, BillingCursorRow, Case, ExternalNoteRow, JournalEntry
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain.journal.entry_kinds import EntryKind
from tests.adapters.salesforce.salesforce_double import build_answer
from tests.adapters.salesforce.salesforce_world import SalesforceWorld

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.fixture
def world() -> SalesforceWorld:
    return SalesforceWorld(counts_applied=True)


@pytest.fixture
def account(world: SalesforceWorld) -> str:
    """With an invoice, which is mirrored."""
    return world.add_account("Customer Ltd")


@pytest.fixture
def invoice(world: SalesforceWorld, account: str, database: Database) -> str:
    invoice = world.issue_invoice(account, 10_000, world.today - timedelta(30))
    ConnectionSync(database, world.connector, AccountDefaults("DE", "Europe/Berlin", "en")).sync()
    return invoice


def write(
    database: Database, account: str, invoice: str, kind: EntryKind, at: datetime = NOW, *, counts: bool = True, **facts: object
) -> None:
    """An entry of an invoice's case; one that does not count is beside the case's chain."""
    with database.writing() as session:
        known = session.execute(select(func.count()).select_from(JournalEntry)).scalar_one()
        case_id, seq = f"invoice:{known}", 1
        session.add(
            JournalEntry(
                case_id=case_id,
                seq=seq,
                hash=f"hash-{known}",
                previous="",
                kind=kind.value,
                business_at=at,
                recorded_at=at,
                account_id=account,
                invoice_id=invoice,
                actor="mia",
                facts=facts,
            )
        )
        about: dict[str, Any] = {
            "case_id": case_id,
            "run_id": "r",
            "kind": "invoice",
            "account_id": account,
            "invoice_id": invoice,
            "stage": "chasing",
        }
        session.add(Case(**about, waiting_for="", seq=seq if counts else 0, head=f"hash-{known}", updated_at=at))


def name(external_id: str) -> str:
    return f"@crm:1:{external_id}"


def test_what_is_noted_is_what_the_index_has() -> None:
    assert sorted(NOTE_KINDS) == sorted(NOTED_KINDS.partition("(")[2].rstrip(")").replace("'", "").split(", "))


def test_each_letter_call_promise_and_dispute_is_noted_once(database: Database, world: SalesforceWorld, account: str, invoice: str) -> None:
    write(database, name(account), name(invoice), EntryKind.LETTER_SENT, step="first_reminder", message_id="m1")
    write(database, name(account), name(invoice), EntryKind.LETTER_SENT, step="first_reminder", message_id="m1")
    write(database, name(account), name(invoice), EntryKind.CALL_LOGGED, outcome="not_reached", act="a1", note="n1")
    write(database, name(account), name(invoice), EntryKind.PROMISE_MADE, by="2026-12-04", act="a2", amount=100)
    write(database, name(account), name(invoice), EntryKind.DISPUTE_RAISED, reason="wrong_price", act="a3")
    write(database, name(account), name(invoice), EntryKind.STEP_TAKEN, step="first_reminder")
    write(database, name(account), name(invoice), EntryKind.LETTER_SENT, counts=False, step="second", message_id="m2")
    write(database, "A1", "R1", EntryKind.LETTER_SENT, step="first_reminder", message_id="m3")
    write(database, "@crm:12:x", "@crm:12:y", EntryKind.LETTER_SENT, step="first_reminder", message_id="m4")
    assert leave_notes(database, world.connector, "en", NOW) == 5
    assert leave_notes(database, world.connector, "en", NOW) == 0
    number = world.double.objects["Invoice"][invoice]["DocumentNumber"]
    subjects = [(task["TaskSubtype"], task["Subject"].partition("] ")[2]) for task in world.double.objects["Task"].values()]
    assert sorted(subjects) == [
        ("Call", f"Call: not reached, invoice {number}"),
        ("Email", f"Letter sent: first reminder, invoice {number}"),
        ("Task", f"Payment promised by 2026-12-04, invoice {number}"),
    ]
    (case,) = world.double.objects["Case"].values()
    assert (case["Subject"].partition("] ")[2], case["AccountId"]) == (f"Dispute: wrong price, invoice {number}", account)


def test_what_is_recorded_late_is_not_missed_and_what_is_old_is_forgotten(
    database: Database, world: SalesforceWorld, account: str, invoice: str
) -> None:
    write(database, name(account), name(invoice), EntryKind.LETTER_SENT, step="first", message_id="m1")
    leave_notes(database, world.connector, "de", NOW)
    write(database, name(account), name(invoice), EntryKind.LETTER_SENT, NOW - timedelta(minutes=5), step="second", message_id="m2")
    assert leave_notes(database, world.connector, "de", NOW + timedelta(minutes=1)) == 1
    assert any("Schreiben versandt: second" in task["Subject"] for task in world.double.objects["Task"].values())
    assert leave_notes(database, world.connector, "de", NOW + 3 * OVERLAP) == 0
    with database.reading() as session:
        assert session.execute(select(func.count()).select_from(ExternalNoteRow)).scalar_one() == 0
        assert session.execute(select(col(BillingCursorRow.noted_to))).scalar_one() == NOW + 3 * OVERLAP
    assert leave_notes(database, world.connector, "de", NOW + 4 * OVERLAP) == 0
    assert len(world.double.objects["Task"]) == 2


def test_what_is_refused_holds_up_no_other_and_an_absence_is_tried_again(
    database: Database, world: SalesforceWorld, account: str, invoice: str
) -> None:
    for message in ("m1", "m2", "m3"):
        write(database, name(account), name(invoice), EntryKind.LETTER_SENT, step=message, message_id=message)
    left: list[str] = []

    class Choosy:
        """Refuses one, and is away for another at first."""

        is_away = True

        def __getattr__(self, name: str) -> object:
            return getattr(world.connector, name)

        def record_note(self, key: str, account_id: str, text: str, kind: NoteKind = NoteKind.NOTE) -> None:
            if key.endswith("m1"):
                raise RefusedByBillingError("no")
            if key.endswith("m2") and self.is_away:
                raise BillingAwayError("away")
            left.append(key)

    choosy = Choosy()
    with pytest.raises(BillingAwayError):
        leave_notes(database, choosy, "en", NOW)  # type: ignore[arg-type]
    choosy.is_away = False
    leave_notes(database, choosy, "en", NOW)  # type: ignore[arg-type]
    assert sorted(left) == ["letter.sent:m2", "letter.sent:m3"]


def refuse(world: SalesforceWorld, error: str, message: str) -> None:
    """What is to be made there next."""

    def plan(request: requests.PreparedRequest) -> requests.Response | None:
        if request.method == "POST" and "/sobjects/" in str(request.url):
            return build_answer(request, 400, [{"errorCode": error, "message": message}])
        world.double.plans.append(plan)
        return None

    world.double.plans.append(plan)


def test_what_is_refused_is_counted_with_its_reason_and_left_when_somebody_wants_it_tried_again(
    database: Database, world: SalesforceWorld, account: str, invoice: str
) -> None:
    key, picklist = world.connector.key, "bad value for restricted picklist field: Duecourse"
    write(database, name(account), name(invoice), EntryKind.DISPUTE_RAISED, reason="wrong_price", act="a1")
    refuse(world, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", picklist)
    leave_notes(database, world.connector, "en", NOW)
    refused = list_refused_notes(database)[key]
    assert (refused.number, picklist in refused.why, world.double.objects["Case"]) == (1, True, {})
    assert leave_notes(database, world.connector, "en", NOW + 3 * OVERLAP) == 0, "it waits, and is not forgotten"
    assert list_refused_notes(database)[key].number == 1
    assert retry_refused_notes(database, key) == 1
    refuse(world, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "a case needs a product")
    assert leave_notes(database, world.connector, "en", NOW + 3 * OVERLAP) == 1
    assert "needs a product" in list_refused_notes(database)[key].why
    retry_refused_notes(database, key)
    leave_notes(database, world.connector, "en", NOW + 3 * OVERLAP)
    assert (list_refused_notes(database), len(world.double.objects["Case"])) == ({}, 1)
    assert leave_notes(database, world.connector, "en", NOW + 6 * OVERLAP) == 0


def test_what_is_forbidden_of_one_kind_holds_up_no_other_and_what_is_forbidden_of_all_is_tried_again(
    database: Database, world: SalesforceWorld, account: str, invoice: str
) -> None:
    write(database, name(account), name(invoice), EntryKind.DISPUTE_RAISED, reason="wrong_price", act="a1")
    world.double.read_only = {"Case", "Task"}
    with pytest.raises(ConnectionRefusedByBillingError):
        leave_notes(database, world.connector, "en", NOW)
    assert list_refused_notes(database) == {}
    world.double.read_only = {"Case"}
    write(database, name(account), name(invoice), EntryKind.LETTER_SENT, step="first", message_id="m1")
    assert leave_notes(database, world.connector, "en", NOW) == 2
    assert (len(world.double.objects["Task"]), list_refused_notes(database)[world.connector.key].number) == (1, 1)


def test_a_run_whose_time_is_over_leaves_notes_to_the_next(database: Database, world: SalesforceWorld, account: str, invoice: str) -> None:
    for number in range(3):
        write(database, name(account), name(invoice), EntryKind.LETTER_SENT, step="first", message_id=f"m{number}")
    later = [NOW + number * 3 * OVERLAP for number in range(4)]
    assert [leave_notes(database, world.connector, "en", at, lambda: True) for at in later] == [1, 1, 1, 0]
    assert world.count_notes(account) == 3


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(BillingAwayError("Salesforce answers 503", 3_600), 3_600), (UnansweredOrderError("it may still be written there", 300.0), 300)],
)
def test_a_system_that_takes_no_notes_for_now_is_shown_and_read_on(
    database: Database, world: SalesforceWorld, account: str, invoice: str, error: BillingAwayError, seconds: int
) -> None:
    write(database, name(account), name(invoice), EntryKind.LETTER_SENT, step="first", message_id="m1")

    class Silent:
        def __getattr__(self, name: str) -> object:
            return getattr(world.connector, name)

        def record_note(self, key: str, account_id: str, text: str, kind: NoteKind = NoteKind.NOTE) -> None:
            raise error

    key = world.connector.key
    sync = ConnectionSync(database, Silent(), AccountDefaults("DE", "Europe/Berlin", "en"))  # type: ignore[arg-type]
    ConnectedReading({key: sync}, database, ZoneInfo("UTC")).run()
    waiting = SetAsideStore(database).list_waiting(SetAsideStage.BILLING_SYSTEM)
    assert set(waiting) == {"crm:1:notes"}
    assert waiting["crm:1:notes"].next_try_at - waiting["crm:1:notes"].last_tried_at >= timedelta(seconds=seconds)
