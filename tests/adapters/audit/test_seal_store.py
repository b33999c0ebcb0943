"""A day is sealed once, over where every chain stands; what was sealed can be proved ever after, and is never changed."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Executable, delete, select, text, update
from sqlalchemy.exc import DatabaseError
from sqlmodel import col

from adapters.audit.seals.seal_store import SealOrderError, SealStore
from adapters.database.append_only import list_append_only_tables, list_protected_tables
from adapters.database.engine import Database
from adapters.database.tables import JournalEntry, SealRow, SQLModel
from domain.audit.replay_report import SealPosition
from domain.audit.seal import SealLeaf
from domain.journal.entry import GENESIS
from tests.adapters.audit.tampered_journals import TamperedJournals

MAY, DAY = date(2013, 5, 30), timedelta(days=1)
NOW = datetime(2013, 5, 31, 0, 1, tzinfo=UTC)


@pytest.fixture
def journals(database: Database) -> TamperedJournals:
    journals = TamperedJournals(database)
    journals.write("dispute:I-1:1", "a", "b", "c")
    journals.write("plan:A-1:1", "x")
    return journals


@pytest.fixture
def seals(database: Database) -> SealStore:
    return SealStore(database)


def heads(journals: TamperedJournals) -> dict[str, str]:
    return {case_id: entries[-1].hash for case_id, entries in journals.entries.items()}


def test_a_seal_is_over_where_every_chain_stands(journals: TamperedJournals, seals: SealStore) -> None:
    seal = seals.make_seal(MAY, NOW)
    assert (seal.day, seal.cases, seal.entries, seal.previous) == (MAY, 2, 4, GENESIS)
    assert {leaf.case_id: leaf.head for leaf in seals.load_leaves(MAY)} == heads(journals)


def test_nothing_can_be_sealed_too(seals: SealStore) -> None:
    assert (seals.make_seal(MAY, NOW).cases, seals.check_seal(MAY)) == (0, [])


def test_a_day_is_sealed_once_whatever_came_after(journals: TamperedJournals, seals: SealStore) -> None:
    seal = seals.make_seal(MAY, NOW)
    journals.write("plan:A-1:1", "y")
    assert seals.make_seal(MAY, NOW + DAY) == seal
    assert seals.list_seals() == [seal]


def test_a_past_day_cannot_be_sealed_any_more(journals: TamperedJournals, seals: SealStore) -> None:
    seals.make_seal(MAY, NOW)
    with pytest.raises(SealOrderError, match="2013-05-30"):
        seals.make_seal(MAY - DAY, NOW)


def test_the_leaves_of_every_day_are_known_whole_across_months(journals: TamperedJournals, seals: SealStore) -> None:
    stood = {}
    for number in range(5):
        journals.write(f"approval:{number}", "asked")
        journals.write("plan:A-1:1", str(number))
        stood[MAY + number * DAY] = heads(journals)
        seals.make_seal(MAY + number * DAY, NOW + number * DAY)
    assert {day: {leaf.case_id: leaf.head for leaf in seals.load_leaves(day)} for day in stood} == stood
    with journals.database.reading() as session:
        kept = session.execute(select(col(SealRow.day), col(SealRow.whole)).order_by(col(SealRow.day))).all()
    assert [whole for _, whole in kept] == [True, False, True, False, False]
    assert [seal.previous for seal in seals.list_seals()] == [GENESIS, *(seal.digest() for seal in seals.list_seals()[:-1])]
    assert [seals.check_seal(day) for day in stood] == [[]] * 5


def test_a_past_head_is_proved_by_the_seal_of_its_day(journals: TamperedJournals, seals: SealStore) -> None:
    seal = seals.make_seal(MAY, NOW)
    head = heads(journals)["dispute:I-1:1"]
    journals.write("dispute:I-1:1", "d")
    seals.make_seal(MAY + DAY, NOW + DAY)

    proof = seals.build_proof(MAY, "dispute:I-1:1")

    assert proof.leaf == SealLeaf("dispute:I-1:1", 3, head)
    assert proof.compute_root() == seal.root
    assert seals.build_proof(MAY + DAY, "dispute:I-1:1").leaf.head != head


@pytest.mark.parametrize(("day", "case_id"), [(MAY, "dispute:I-9:1"), (MAY + DAY, "dispute:I-1:1")])
def test_what_was_not_sealed_has_no_proof(journals: TamperedJournals, seals: SealStore, day: date, case_id: str) -> None:
    seals.make_seal(MAY, NOW)
    with pytest.raises(KeyError):
        seals.build_proof(day, case_id)


def test_the_last_seal_over_a_case_is_known_by_its_hashes(journals: TamperedJournals, seals: SealStore) -> None:
    first = {entry.hash: entry.seq for entry in journals.entries["dispute:I-1:1"]}
    assert seals.find_seal_position("dispute:I-1:1", first) is None
    seals.make_seal(MAY, NOW)
    seals.make_seal(MAY + DAY, NOW + DAY)
    assert seals.find_seal_position("dispute:I-1:1", first) == SealPosition(day=MAY + DAY, seq=3)
    journals.write("dispute:I-1:1", "d")
    seals.make_seal(MAY + 2 * DAY, NOW + 2 * DAY)
    now = {entry.hash: entry.seq for entry in journals.entries["dispute:I-1:1"]}
    assert seals.find_seal_position("dispute:I-1:1", now) == SealPosition(day=MAY + 2 * DAY, seq=4)
    assert seals.find_seal_position("dispute:I-1:1", first) == SealPosition(day=MAY + DAY, seq=3)
    assert seals.find_seal_position("dispute:I-1:1", {"e" * 64: 3}) is None
    assert {leaf.seq for leaf in seals.load_last_leaves(["dispute:I-1:1", "dispute:none:1"]).values()} == {4}


def test_checking_a_day_names_the_seal_or_the_entry_that_is_gone(journals: TamperedJournals, seals: SealStore) -> None:
    seals.make_seal(MAY, NOW)
    assert [(fault.table, fault.key) for fault in seals.check_seal(MAY + DAY)] == [("seals", "2013-05-31")]
    journals.delete(journals.entries["dispute:I-1:1"][2])
    assert [(fault.table, fault.key) for fault in seals.check_seal(MAY)] == [("journal", "dispute:I-1:1/3")]
    journals.change_seal(entries=9)
    assert {(fault.table, fault.key) for fault in seals.check_seal(MAY)} == {("seals", "2013-05-30"), ("journal", "dispute:I-1:1/3")}


# --- the trigger


def test_whatever_is_append_only_has_its_trigger(database: Database) -> None:
    expected = list_append_only_tables(SQLModel.metadata)
    assert {"journal", "seals"} <= set(expected)
    with database.reading() as session:
        assert list_protected_tables(session.connection()) == set(expected)


@pytest.mark.parametrize(
    "statement",
    [
        update(JournalEntry).values(actor="eve"),
        delete(JournalEntry),
        update(SealRow).values(root="e" * 64),
        delete(SealRow),
    ],
    ids=["change an entry", "delete entries", "change a seal", "delete seals"],
)
def test_the_database_refuses_to_change_what_is_append_only(journals: TamperedJournals, seals: SealStore, statement: Executable) -> None:
    seals.make_seal(MAY, NOW)
    with pytest.raises(DatabaseError, match="is append-only"), journals.database.writing() as session:
        session.execute(statement)
    assert seals.check_seal(MAY) == []


def test_a_table_that_is_append_only_cannot_be_emptied_or_replaced_either(journals: TamperedJournals) -> None:
    entry = journals.entries["plan:A-1:1"][0]
    columns = "case_id, seq, hash, previous, kind, business_at, recorded_at, account_id, invoice_id, actor, facts"
    replace = f"INSERT OR REPLACE INTO journal ({columns}) SELECT {columns} FROM journal WHERE hash = '{entry.hash}'"
    with pytest.raises(DatabaseError, match="is append-only"), journals.database.writing() as session:
        session.execute(text(replace if journals.database.is_sqlite else "TRUNCATE journal"))


def test_writing_an_entry_again_is_no_change(journals: TamperedJournals) -> None:
    first = journals.repeat("plan:A-1:1", "x", after=timedelta(0))
    assert journals.entries["plan:A-1:1"] == [first]
