"""Whatever is changed or removed behind Duecourse's back, in any table that an auditor rests on, is named, with the entry that proves it.

What is done to the journal and its seals stands in test_verifying.py; here stand the other tables, and chains with an entry put in.
"""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, cast

import pytest
from obstore.store import LocalStore
from sqlalchemy import select, text
from sqlmodel import Session, col

from adapters.audit.histories.account_replay import load_database_entries
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.object_store import ArchiveStoreError, BucketStore
from adapters.audit.seals.seal_store import SealStore
from adapters.audit.verification.verification import SETTLING, Verification
from adapters.database.append_only import drop_append_only_trigger, list_protected_tables
from adapters.database.engine import Database
from adapters.database.tables import ArchivedRun, Case, ErasureRow, JournalEntry, LedgerEvent, Message, SealRow
from domain.audit.replay_comparison import JournalWrite, compare_replay
from domain.audit.verification_report import VerificationReport
from domain.identifiers import SEAL_CASE_ID
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from tests.adapters.audit.audited_database import LETTER, AuditedDatabase, Undone, sha256_hex
from tests.adapters.audit.audited_letters import write_letter
from tests.adapters.audit.tampered_journals import TamperedJournals
from tests.adapters.audit.tampered_journals import entry_key as entry_key
from tests.adapters.audit.tampering import Done, Tampering, add, change, remove
from tests.adapters.audit.tamperings import FORGED, GIVEN_1, INVOICE_1, LETTER_1, PAYMENT_1, TAMPERINGS
from tests.adapters.audit.tamperings_of_proofs import ERASURE, PROOF_TAMPERINGS
from tests.databases import KINDS, PostgresServer, _sqlite_template
from tests.domain.builders import moment

Found = set[tuple[str, str, str | None]]
"""(table, row, the entry that proves it) of every fault."""

FOURTH = write_letter(4)
ALL_TAMPERINGS = TAMPERINGS + PROOF_TAMPERINGS


@pytest.fixture(scope="module", params=KINDS)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditedDatabase]:
    """Books that no test changes for good, on either database, in the hands of somebody who may alter the schema: no table is guarded."""
    if request.param == "sqlite":
        file = shutil.copy(_sqlite_template(), tmp_path_factory.mktemp("books") / "duecourse.db")
        url = f"sqlite:///{file}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create()
    database = Database(url)
    kept = AuditedDatabase(database)
    with database.writing() as session:
        for table in list_protected_tables(session.connection()):
            drop_append_only_trigger(session.connection(), table)
    yield kept
    database.close()


@pytest.fixture
def books(database: Database) -> AuditedDatabase:
    return AuditedDatabase(database)


class Naming(NamedTuple):
    """Who named a tampering: `verify` by these findings, the replay, the mail of the seals."""

    found: Found
    replay: bool
    mail: bool


def try_tampering(kept: AuditedDatabase, *tamperings: Done) -> Naming:
    """What names it after somebody who may alter the schema has done this, which is undone then."""
    with kept.database.writing() as session:
        for done in tamperings:
            done(session, kept)
            session.flush()
        session.expire_all()
        report = Verification(cast("Database", Undone(session, kept.database))).run()
        naming = Naming(named_rows(report), _replay_differs(session, kept), _mail_differs(session, kept))
        session.rollback()
    return naming


def after(kept: AuditedDatabase, *tamperings: Done) -> Found:
    return try_tampering(kept, *tamperings).found


def _replay_differs(session: Session, kept: AuditedDatabase) -> bool:
    """Whether the entries that the histories make again are not the database's. Of the same journal and heads it is asked once."""
    heads = dict(session.execute(select(col(Case.case_id), col(Case.head))).all())
    columns = JournalEntry.__table__.columns  # type: ignore[attr-defined]
    journal = session.execute(select(*columns).order_by(columns.case_id, columns.seq, columns.hash)).all()
    read = repr((sorted(heads.items()), [tuple(row) for row in journal]))
    if read not in kept.replays:
        kept.replays[read] = any(
            compare_replay(
                case_id, [JournalWrite(entries, entries[-1].hash)], load_database_entries(session, case_id), heads.get(case_id)
            ).findings
            for case_id, entries in kept.entries.items()
            if case_id != SEAL_CASE_ID  # its history is no account's
        )
    return kept.replays[read]


def _mail_differs(session: Session, kept: AuditedDatabase) -> bool:
    """Whether a seal in the auditors' mailbox is not the one that the database has."""
    stored = dict(session.execute(select(col(SealRow.day), col(SealRow.hash))).all())
    made = {seal.day: seal.digest() for seal in SealStore(cast("Database", Undone(session, kept.database))).list_seals()}
    return not stored == made == kept.mailed


def named_rows(report: VerificationReport) -> Found:
    """Of an entry of the journal, its case and number: what was forged has a hash of its own."""
    return {(fault.table, fault.key, fault.entry) for fault in report.faults}


def verify(books: AuditedDatabase) -> VerificationReport:
    return Verification(books.database).run()


def tamper(books: AuditedDatabase, done: Done) -> None:
    with TamperedJournals(books.database).tampering() as session:
        done(session, books)


# --- one thing that was changed or removed, and nothing else


def test_untouched_books_have_no_fault_and_what_was_erased_lawfully_is_none(books: AuditedDatabase) -> None:
    report = verify(books)
    assert (report.faults, report.out_of_reach, report.unguarded) == ([], [], [])
    assert report.looked_at == {
        "cases": 14,
        "messages": 2,
        "documents": 3,
        "policies": 2,
        "invoices": 4,
        "credit_applications": 3,
        "erasures": 1,
        "delegations": 1,
        "archived_runs": 2,
    }


@pytest.mark.parametrize("tampering", ALL_TAMPERINGS, ids=lambda one: one.name)
def test_what_was_tampered_with_is_named_by_its_row_and_by_the_entry_that_proves_it(kept: AuditedDatabase, tampering: Tampering) -> None:
    """What nothing names is said so, in docs/audit.md."""
    found, replay, mail = try_tampering(kept, tampering.done)
    assert {(table, _cut_hash(table, key), entry) for table, key, entry in found} == {
        (table, key, kept.entry_key(*proof) if proof else None) for table, key, proof in tampering.finds
    }
    assert (replay, mail) == (tampering.replay, tampering.mail)


def _cut_hash(table: str, key: str) -> str:
    """Of an entry, its case and number: one that was forged has a hash of its own."""
    return "/".join(key.split("/")[:2]) if table == "journal" else key


# --- what needs more than one hand


def test_a_letter_and_what_its_entry_says_of_it_changed_together_are_found_by_the_entry(kept: AuditedDatabase) -> None:
    entry = kept.last_entry("invoice:I1", EntryKind.LETTER_SENT)
    forged = LETTER + b"P.S."
    facts = {**entry.facts, "sha256": sha256_hex(forged)}
    done = change(LETTER_1, content=forged, sha256=sha256_hex(forged)), change(col(JournalEntry.hash) == entry.hash, facts=facts)
    assert after(kept, *done) == {("journal", entry_key(entry), None)}


def test_money_changed_with_the_entry_that_tells_of_it_is_found_by_the_entry(kept: AuditedDatabase) -> None:
    entry = kept.last_entry("invoice:I1", EntryKind.PAYMENT_RECEIVED)
    facts = {**entry.facts, "amount": 9_000, "open_balance": 1_000}
    books = change(GIVEN_1, amount=9_000), change(PAYMENT_1, amount=9_000), change(INVOICE_1, open_balance=1_000)
    assert after(kept, *books, change(col(JournalEntry.hash) == entry.hash, facts=facts)) == {("journal", entry_key(entry), None)}


def test_a_letter_that_is_not_journalled_yet_is_held_against_its_hash(kept: AuditedDatabase) -> None:
    assert after(kept, add(lambda: kept.letter("A1", 4, FOURTH, sha256_hex(FOURTH)))) == set()
    assert after(kept, add(lambda: kept.letter("A1", 4, FORGED, sha256_hex(FOURTH)))) == {("messages", "<4@ours.test>", None)}


def test_a_letter_that_was_sent_before_entries_knew_its_hash_must_be_there(kept: AuditedDatabase) -> None:
    journal = Journal(case_id="plan:A1:1", account_id="A1")
    entry = journal.write(EntryKind.LETTER_SENT, moment(9).business, moment(9).real, message_id="<5@ours.test>")
    fifth = write_letter(5)

    def told(session: Session, _: AuditedDatabase) -> None:
        session.add_all(kept.rows(journal, "payment_plan"))

    assert after(kept, told) == {("messages", "<5@ours.test>", entry_key(entry))}
    assert after(kept, told, add(lambda: kept.letter("A1", 5, fifth, sha256_hex(fifth)))) == set()


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
    assert after(kept, add(lambda: row), change(LETTER_1, content=b"")) == {("erasures", "forged", None)}


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
    found = after(kept, lambda session, _: session.execute(text(spoilt)))
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
    assert named_rows(verify(books)) == {("journal", entry_key(sealed), None)}
