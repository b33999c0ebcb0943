"""Whatever is changed or removed behind Duecourse's back, in any table that an auditor rests on, is named, with the entry that proves it.

What is done to the journal and its seals stands in test_verifying.py; here stand the other tables, and chains with an entry put in.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from obstore.store import LocalStore
from sqlalchemy import ColumnElement, delete, text, update
from sqlmodel import Session, SQLModel, col

from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.object_store import ArchiveStoreError, BucketStore
from adapters.audit.verification.verification import SETTLING, Verification
from adapters.database.append_only import drop_append_only_trigger, list_protected_tables
from adapters.database.engine import Database
from adapters.database.tables import (
    Allocation,
    ArchivedRun,
    Case,
    Document,
    DossierRow,
    ErasureRow,
    Invoice,
    JournalEntry,
    LedgerEvent,
    Message,
    Payment,
    PolicyVersion,
)
from domain.audit.verification_report import VerificationReport
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from tests.adapters.audit.audited_database import DOSSIER, LETTER, MATRIX, PAGES, PHOTO, RULES, AuditedDatabase, sha256_hex
from tests.adapters.audit.tampered_journals import TamperedJournals
from tests.adapters.audit.tampered_journals import entry_key as entry_key
from tests.databases import KINDS, PostgresServer, _sqlite_template
from tests.domain.builders import moment

Done = Callable[[Session], object]
Found = set[tuple[str, str, str | None]]
"""(table, row, the entry that proves it) of every fault."""

FORGED = b"Subject: Reminder\r\n\r\nPay nothing."


@pytest.fixture(scope="module", params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditedDatabase]:
    """Books that no test changes for good, on either database."""
    if request.param == "sqlite":
        file = shutil.copy(_sqlite_template(), tmp_path_factory.mktemp("books") / "duecourse.db")
        url = f"sqlite:///{file}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create()
    database = Database(url)
    yield AuditedDatabase(database)
    database.close()


@pytest.fixture
def books(database: Database) -> AuditedDatabase:
    return AuditedDatabase(database)


class Undone:
    """The database as it looks inside one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        yield self._session


def after(kept: AuditedDatabase, *tamperings: Done) -> Found:
    """What is found after somebody who may alter the schema has done this, which is undone then."""
    with kept.database.writing() as session:
        for table in list_protected_tables(session.connection()):
            drop_append_only_trigger(session.connection(), table)
        for done in tamperings:
            done(session)
        session.flush()
        report = Verification(cast("Database", Undone(session))).run()
        session.rollback()
    return named(report)


def named(report: VerificationReport) -> Found:
    return {(fault.table, fault.key, fault.entry) for fault in report.faults}


def verify(books: AuditedDatabase) -> VerificationReport:
    return Verification(books.database).run()


def tamper(books: AuditedDatabase, done: Done) -> None:
    with TamperedJournals(books.database).tampering() as session:
        done(session)


# --- one thing that was changed or removed, and nothing else

Where = ColumnElement[bool]


def change(where: Any, **values: Any) -> Done:
    return lambda session: session.execute(update(where.left.table).where(where).values(**values))


def remove(*wheres: Any) -> Done:
    return lambda session: [session.execute(delete(where.left.table).where(where)) for where in wheres]


def add(*rows: SQLModel) -> Done:
    return lambda session: session.add_all(rows)


class Tampering(NamedTuple):
    """`proof`: the case and the kind of entry that says otherwise; None where none speaks of the row."""

    table: str
    what: str
    done: Done
    key: str
    proof: tuple[str, EntryKind] | None = None


LETTER_1: Where = col(Message.message_id) == "<1@ours.test>"
STANDARD, APPROVALS = col(PolicyVersion.name) == RULES.name, col(PolicyVersion.name) == "approvals"
DOSSIER_1: Where = col(DossierRow.key) == "write_off:A1:1"
CASE_1, INVOICE_1, INVOICE_2 = col(Case.case_id) == "invoice:I1", col(Invoice.id) == "I1", col(Invoice.id) == "I2"
GIVEN_1, GIVEN_2 = col(Allocation.payment_id) == "P-I1", col(Allocation.payment_id) == "P-I2"
PAYMENT_1, PAYMENT_2 = col(Payment.id) == "P-I1", col(Payment.id) == "P-I2"
RUN_1: Where = col(ArchivedRun.run_id) == "run-1"
ERASURE: Where = col(ErasureRow.key) == "act:1"


def stored(content: bytes) -> Where:
    return col(Document.sha256) == sha256_hex(content)


SENT, OPENED = ("invoice:I1", EntryKind.LETTER_SENT), ("invoice:I1", EntryKind.CASE_OPENED)
PAID, CLOSED = ("invoice:I1", EntryKind.PAYMENT_RECEIVED), ("invoice:I2", EntryKind.CASE_CLOSED)
MADE, ATTACHED = ("write_off:A1", EntryKind.DOSSIER_MADE), ("dispute:I1:1", EntryKind.DISPUTE_EVIDENCE_ATTACHED)
REQUESTED = ("approval:suspension:A1:1", EntryKind.APPROVAL_REQUESTED)

TAMPERINGS = [
    Tampering("messages", "a letter", change(LETTER_1, content=FORGED), "<1@ours.test>", SENT),
    Tampering("messages", "a letter, its hash", change(LETTER_1, content=FORGED, sha256=sha256_hex(FORGED)), "<1@ours.test>", SENT),
    Tampering("messages", "a hash", change(LETTER_1, sha256=sha256_hex(FORGED)), "<1@ours.test>", SENT),
    Tampering("messages", "a letter emptied", change(LETTER_1, content=b""), "<1@ours.test>", SENT),
    Tampering("messages", "a letter and its hash emptied", change(LETTER_1, content=b"", sha256=""), "<1@ours.test>", SENT),
    Tampering("messages", "a letter's name", change(LETTER_1, message_id="<3@ours.test>"), "<1@ours.test>", SENT),
    Tampering("messages", "a letter deleted", remove(LETTER_1), "<1@ours.test>", SENT),
    Tampering("documents", "a file", change(stored(PHOTO), content=b"an empty yard"), sha256_hex(PHOTO), ATTACHED),
    Tampering("documents", "a dossier's file", change(stored(PAGES), content=b"%PDF-1.8"), sha256_hex(PAGES), MADE),
    Tampering("documents", "a file deleted", remove(stored(PHOTO)), sha256_hex(PHOTO), ATTACHED),
    Tampering("documents", "a dossier's file deleted", remove(stored(DOSSIER)), sha256_hex(DOSSIER), MADE),
    Tampering("dossiers", "a hash", change(DOSSIER_1, json_sha256=sha256_hex(PHOTO)), "write_off:A1:write_off", MADE),
    Tampering("dossiers", "an account", change(DOSSIER_1, account_id="A2"), "write_off:A1:write_off", MADE),
    Tampering("dossiers", "a dossier deleted", remove(DOSSIER_1), "write_off:A1:write_off", MADE),
    Tampering("policies", "a policy", change(STANDARD, snapshot="{}"), "standard/1", OPENED),
    Tampering("policies", "a policy, its hash", change(STANDARD, snapshot="{}", sha256=sha256_hex("{}")), "standard/1", OPENED),
    Tampering("policies", "a hash", change(STANDARD, sha256=sha256_hex(MATRIX)), "standard/1", OPENED),
    Tampering("policies", "a policy deleted", remove(STANDARD), "standard/1", OPENED),
    Tampering("policies", "the matrix", change(APPROVALS, snapshot="{}"), "approvals/1", REQUESTED),
    Tampering("policies", "the matrix deleted", remove(APPROVALS), "approvals/1", REQUESTED),
    Tampering("cases", "an account", change(CASE_1, account_id="A2"), "invoice:I1", OPENED),
    Tampering("cases", "an invoice", change(CASE_1, invoice_id="I2"), "invoice:I1", OPENED),
    Tampering("cases", "a kind", change(CASE_1, kind="dispute"), "invoice:I1", OPENED),
    Tampering("cases", "a number", change(CASE_1, seq=9), "invoice:I1"),
    Tampering("cases", "a case deleted", remove(CASE_1), "invoice:I1"),
    Tampering("invoices", "what is open", change(INVOICE_1, open_balance=1), "I1", PAID),
    Tampering("invoices", "a total", change(INVOICE_1, total=4_001), "I1", PAID),
    Tampering("invoices", "a total and what is open of it", change(INVOICE_1, total=4_001, open_balance=1), "I1", PAID),
    Tampering("invoices", "a paid one opened", change(INVOICE_2, open_balance=1, status="open"), "I2", CLOSED),
    Tampering("invoices", "an invoice deleted", remove(GIVEN_2, PAYMENT_2, INVOICE_2), "I2", CLOSED),
    Tampering("invoices", "what was given", change(GIVEN_1, amount=3_000), "I1", PAID),
    Tampering("invoices", "a payment deleted", remove(GIVEN_1, PAYMENT_1), "I1", PAID),
    Tampering("payments", "a payment made less", change(PAYMENT_1, amount=3_999), "P-I1", PAID),
    Tampering("archived_runs", "a history", change(RUN_1, content=b"other"), "invoice:I2/run-1"),
    Tampering("archived_runs", "a hash", change(RUN_1, sha256="e" * 64), "invoice:I2/run-1"),
    Tampering("archived_runs", "a history deleted", remove(RUN_1), "invoice:I2/run-1"),
]


def test_untouched_books_have_no_fault_and_what_was_erased_lawfully_is_none(books: AuditedDatabase) -> None:
    report = verify(books)
    assert (report.faults, report.out_of_reach, report.unguarded) == ([], [], [])
    assert report.looked_at == {
        "cases": 7,
        "messages": 2,
        "documents": 3,
        "policies": 2,
        "invoices": 2,
        "erasures": 1,
        "archived_runs": 2,
    }


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: f"{one.table}: {one.what}")
def test_what_was_tampered_with_is_named_by_its_row_and_by_the_entry_that_proves_it(kept: AuditedDatabase, tampering: Tampering) -> None:
    proof = kept.entry_key(*tampering.proof) if tampering.proof else None
    assert after(kept, tampering.done) == {(tampering.table, tampering.key, proof)}


# --- what needs more than one hand


def test_a_letter_and_what_its_entry_says_of_it_changed_together_are_found_by_the_entry(kept: AuditedDatabase) -> None:
    entry = kept.last_entry("invoice:I1", EntryKind.LETTER_SENT)
    facts = {**entry.facts, "sha256": sha256_hex(FORGED)}
    done = change(LETTER_1, content=FORGED, sha256=sha256_hex(FORGED)), change(col(JournalEntry.hash) == entry.hash, facts=facts)
    assert after(kept, *done) == {("journal", entry_key(entry), None)}


def test_money_changed_with_the_entry_that_tells_of_it_is_found_by_the_entry(kept: AuditedDatabase) -> None:
    entry = kept.last_entry("invoice:I1", EntryKind.PAYMENT_RECEIVED)
    facts = {**entry.facts, "amount": 9_000, "open_balance": 1_000}
    books = change(GIVEN_1, amount=9_000), change(PAYMENT_1, amount=9_000), change(INVOICE_1, open_balance=1_000)
    assert after(kept, *books, change(col(JournalEntry.hash) == entry.hash, facts=facts)) == {("journal", entry_key(entry), None)}


def test_a_letter_that_is_not_journalled_yet_is_held_against_its_hash(kept: AuditedDatabase) -> None:
    assert after(kept, add(kept.letter("A1", 4, LETTER, sha256_hex(LETTER)))) == set()
    assert after(kept, add(kept.letter("A1", 4, FORGED, sha256_hex(LETTER)))) == {("messages", "<4@ours.test>", None)}


def test_a_letter_that_was_sent_before_entries_knew_its_hash_must_be_there(kept: AuditedDatabase) -> None:
    journal = Journal(case_id="plan:A1:1", account_id="A1")
    entry = journal.write(EntryKind.LETTER_SENT, moment(9).business, moment(9).real, message_id="<5@ours.test>")
    told, letter = add(*kept.rows(journal, "payment_plan")), add(kept.letter("A1", 5, LETTER, sha256_hex(LETTER)))
    assert after(kept, told) == {("messages", "<5@ours.test>", entry_key(entry))}
    told = add(*kept.rows(journal, "payment_plan"))
    assert after(kept, told, letter) == set()


@pytest.mark.parametrize("done", [remove(ERASURE), change(ERASURE, account_id="A1")], ids=["deleted", "of another account"])
def test_what_an_erasure_took_is_missed_without_it(kept: AuditedDatabase, done: Done) -> None:
    assert after(kept, done) == {
        ("erasures", "act:1", kept.entry_key("erasure:A2", EntryKind.ACCOUNT_ERASED)),
        ("messages", "<2@ours.test>", kept.entry_key("dispute:I9:1", EntryKind.LETTER_SENT)),
        ("documents", sha256_hex(b"a complaint"), kept.entry_key("dispute:I9:1", EntryKind.DISPUTE_EVIDENCE_ATTACHED)),
    }


def test_an_erasure_that_no_workflow_made_is_named(kept: AuditedDatabase) -> None:
    report = {"letters": {"<1@ours.test>": sha256_hex(LETTER)}, "documents": []}
    row = ErasureRow(key="forged", account_id="A1", asked_by="eve", at=moment(9).business, recorded_at=moment(9).real, report=report)
    assert after(kept, add(row), change(LETTER_1, content=b"")) == {("erasures", "forged", None)}


def test_what_an_erasure_took_and_is_there_again_is_held_against_its_entry(kept: AuditedDatabase) -> None:
    done = change(col(Message.message_id) == "<2@ours.test>", content=FORGED)
    assert after(kept, done) == {("messages", "<2@ours.test>", kept.entry_key("dispute:I9:1", EntryKind.LETTER_SENT))}


@pytest.mark.parametrize(
    ("spoilt", "named"),
    [
        ("UPDATE cases SET summary = '[1]'", set()),
        ("UPDATE erasures SET report = '[1]'", {"messages", "documents"}),
        ("UPDATE journal SET facts = '[1]'", {"journal"}),
        ("UPDATE journal SET facts = '\"x\"' WHERE case_id = 'invoice:I1'", {"journal"}),
    ],
)
def test_what_is_no_longer_what_it_should_be_does_not_end_the_check(kept: AuditedDatabase, spoilt: str, named: set[str]) -> None:
    found = after(kept, lambda session: session.execute(text(spoilt)))
    assert {table for table, _, _ in found} - {"erasures"} == named


# --- what is on its way is no fault


def test_money_of_which_the_invoice_has_not_heard_yet_is_no_fault(books: AuditedDatabase) -> None:
    day = moment(30)
    books.ledger.record_payment("P-2", "A1", "EUR", 1_000, day.business.date(), invoice_id="I1", at=day.business)
    assert verify(books).faults == []


@pytest.mark.parametrize(("ago", "faults"), [(SETTLING - timedelta(minutes=5), 0), (SETTLING + timedelta(minutes=5), 1)])
def test_an_invoice_has_an_hour_to_write_down_what_it_heard(books: AuditedDatabase, ago: timedelta, faults: int) -> None:
    day = moment(30)
    books.ledger.record_payment("P-2", "A1", "EUR", 1_000, day.business.date(), invoice_id="I1", at=day.business)
    tamper(books, change(col(LedgerEvent.event_id) == "payment.received:I1:3", delivered_at=books.real_now() - ago))
    assert len(verify(books).faults) == faults


# --- histories that lie in a bucket


def in_a_bucket(books: AuditedDatabase, folder: Path) -> RunArchive:
    """Both histories are there, and the second one's content is another's."""
    tamper(books, change(col(ArchivedRun.workflow_id) == "invoice:I2", content=None))
    store = BucketStore(LocalStore(folder, mkdir=True))
    for number, content in ((1, b"history 1"), (2, b"history 1")):
        store.put(f"histories/invoice:I2/run-{number}.json.gz", content)
    return RunArchive(books.database, store)


def test_a_history_that_was_changed_in_its_bucket_is_named(books: AuditedDatabase, tmp_path: Path) -> None:
    report = Verification(books.database, in_a_bucket(books, tmp_path / "bucket")).run()
    assert [(fault.table, fault.key) for fault in report.faults] == [("archived_runs", "invoice:I2/run-2")]
    assert report.out_of_reach == []


def test_a_bucket_that_does_not_answer_is_no_fault_and_is_told_of(
    books: AuditedDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(self: BucketStore, key: str) -> bytes:
        raise ArchiveStoreError("no route to it")

    archive = in_a_bucket(books, tmp_path / "bucket")
    monkeypatch.setattr(BucketStore, "get", no_answer)
    for reached in (None, archive):
        report = Verification(books.database, reached).run()
        assert (report.faults, len(report.out_of_reach)) == ([], 1)


# --- an entry put into the chain


def put_in(journals: TamperedJournals, place: int) -> None:
    """An entry of somebody else's at this place, and every later one after it, with a number and a hash that fit."""
    case_id = "dispute:I-1:1"
    written = journals.entries[case_id]
    journal = Journal(case_id=case_id, account_id="A-1")
    journal = journal.model_copy(update={"seq": place - 1, "head": written[place - 1].previous})
    journal.write(EntryKind.NOTE_ADDED, written[place - 1].business_at, written[place - 1].recorded_at, "eve", note="forged")
    for entry in written[place - 1 :]:
        journal.write(entry.kind, entry.business_at, entry.recorded_at, entry.actor, **entry.facts)
    journals.delete(*written[place - 1 :])
    for entry in journal.pending:
        journals.insert(entry)
    journals.set_case(case_id, seq=journal.seq, head=journal.head)
    journals.entries[case_id] = [*written[: place - 1], *journal.pending]


@pytest.mark.parametrize("place", [1, 3])
def test_an_entry_put_into_a_chain_that_was_written_anew_around_it_is_caught_by_the_last_seal(books: AuditedDatabase, place: int) -> None:
    journals = TamperedJournals(books.database)
    journals.write("dispute:I-1:1", "a", "b", "c", "d")
    books.seal()
    put_in(journals, place)
    sealed = journals.entries["dispute:I-1:1"][3]
    assert named(verify(books)) == {("journal", entry_key(sealed), None)}
