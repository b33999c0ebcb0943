"""Whatever is done to the stored journal behind the workflows' backs is found, and the entry is named."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update
from sqlmodel import col

from adapters.audit.seals.seal_store import SealStore
from adapters.audit.verification.verification import Verification
from adapters.database.append_only import drop_append_only_trigger
from adapters.database.engine import Database
from adapters.database.tables import Case, SealRow
from adapters.journal.stored_cases import compute_digest
from domain.audit.verification_report import VerificationReport
from domain.journal.entry import Entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from tests.adapters.audit.tampered_journals import BEGIN, TamperedJournals, entry_key

DAY = date(2013, 3, 20)
NOON = datetime(2013, 3, 21, 12, tzinfo=UTC)
LATER = timedelta(hours=1)
UNSEALED = ("seals", "none")


@pytest.fixture
def journals(database: Database) -> TamperedJournals:
    """Three cases: one of five entries, one of three, and one of a single entry."""
    journals = TamperedJournals(database)
    journals.write("dispute:I-1:1", "a", "b", "c", "d", "e", amount=12_345, late=True, nobody=None)
    journals.write("plan:A-1:1", "x", "Zoë „“\n\t\u0001\x7f\u2028", "z")
    journals.write("suspension:A-1", "alone")
    return journals


def verify(journals: TamperedJournals) -> VerificationReport:
    return Verification(journals.database).run()


def found(journals: TamperedJournals) -> set[tuple[str, str]]:
    """What differs; that nothing was sealed at all is a finding of its own."""
    return {(fault.table, fault.key) for fault in verify(journals).faults} - {UNSEALED}


def seal(journals: TamperedJournals, day: date = DAY) -> None:
    SealStore(journals.database).make_seal(day, NOON + (day - DAY))


# --- what is right


def test_an_untouched_journal_has_no_fault(journals: TamperedJournals) -> None:
    seal(journals)
    journals.write("dispute:I-1:1", "f")
    seal(journals, DAY + timedelta(days=1))

    report = verify(journals)

    assert report.faults == []
    assert (report.cases, report.entries, report.orphans, report.unsettled, report.seals) == (3, 10, 0, 0, 2)
    assert report.sound
    assert report.unguarded == []


def test_what_a_repeated_workflow_task_left_beside_the_chain_is_counted(journals: TamperedJournals) -> None:
    journals.repeat("dispute:I-1:1", "e")
    seal(journals)
    report = verify(journals)
    assert (report.faults, report.orphans, report.entries) == ([], 1, 10)


def test_a_head_that_was_sealed_just_before_its_task_was_repeated_is_counted(journals: TamperedJournals) -> None:
    last = journals.entries["dispute:I-1:1"][-1]
    SealStore(journals.database).make_seal(DAY, last.recorded_at + timedelta(seconds=30))
    journals.repeat("dispute:I-1:1", "e")
    report = verify(journals)
    assert (report.faults, report.orphans, report.unsettled) == ([], 1, 1)


def test_a_journal_of_days_that_nobody_has_sealed_is_a_finding(journals: TamperedJournals) -> None:
    report = verify(journals)
    assert [(fault.table, fault.key) for fault in report.faults] == [UNSEALED]
    assert (report.days, report.last_seal, report.last_seal_at) == (5, None, None)


def test_a_journal_whose_first_day_is_not_over_needs_no_seal(database: Database) -> None:
    journals = TamperedJournals(database)
    journals.write("suspension:A-1", "alone")
    assert verify(journals).faults == []


def test_the_last_seals_age_is_told_and_how_many_days_have_entries(journals: TamperedJournals) -> None:
    seal(journals)
    report = verify(journals)
    assert (report.days, report.seals, report.last_seal, report.last_seal_at) == (5, 1, DAY, NOON)


def test_it_tells_how_far_it_has_come(journals: TamperedJournals) -> None:
    told: list[tuple[int, int]] = []
    Verification(journals.database).run(lambda done, total: told.append((done, total)))
    assert told[-1] == (9, 9)


def test_a_table_that_nothing_guards_is_named(journals: TamperedJournals) -> None:
    with journals.database.writing() as session:
        drop_append_only_trigger(session.connection(), "journal")
    assert verify(journals).unguarded == ["journal"]


# --- one entry that was changed, and nothing else

CHANGES: dict[str, Callable[[Entry], dict[str, Any]]] = {
    "amount": lambda entry: {"facts": {**entry.facts, "amount": 12_346}},
    "a fact removed": lambda entry: {"facts": {name: fact for name, fact in entry.facts.items() if name != "nobody"}},
    "a number made a text": lambda entry: {"facts": {**entry.facts, "amount": "12345"}},
    "a number made a broken one": lambda entry: {"facts": {**entry.facts, "amount": 12_345.0}},
    "actor": lambda entry: {"actor": "eve"},
    "kind": lambda entry: {"kind": EntryKind.PAYMENT_RECEIVED.value},
    "account": lambda entry: {"account_id": "A-2"},
    "invoice": lambda entry: {"invoice_id": "I-9"},
    "business time": lambda entry: {"business_at": entry.business_at + LATER},
    "recorded time, by a microsecond": lambda entry: {"recorded_at": entry.recorded_at + timedelta(microseconds=1)},
    "the hash before": lambda entry: {"previous": "e" * 64},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_entry_is_named_and_no_other(journals: TamperedJournals, change: str) -> None:
    seal(journals)
    entry = journals.entries["dispute:I-1:1"][2]
    journals.change(entry, **CHANGES[change](entry))
    assert found(journals) == {("journal", entry_key(entry))}


@pytest.mark.parametrize("number", [1, 2, 5])
def test_an_entry_rewritten_with_a_fitting_hash_is_named(journals: TamperedJournals, number: int) -> None:
    forged = journals.forge(journals.entries["dispute:I-1:1"][number - 1], actor="eve")
    assert found(journals) == {("journal", entry_key(forged))}


def test_an_entry_whose_hash_was_changed_is_named(journals: TamperedJournals) -> None:
    entry = journals.entries["dispute:I-1:1"][2]
    journals.change(entry, hash="e" * 64)
    assert found(journals) == {("journal", f"dispute:I-1:1/3/{'e' * 64}")}


# --- entries that are gone, that were put in, or moved


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_deleted_entry_is_named(journals: TamperedJournals, number: int) -> None:
    journals.delete(journals.entries["dispute:I-1:1"][number - 1])
    assert found(journals) == {("journal", f"dispute:I-1:1/{number}")}


def test_every_one_of_several_deleted_entries_is_named(journals: TamperedJournals) -> None:
    written = journals.entries["dispute:I-1:1"]
    journals.delete(written[1], written[2])
    assert found(journals) == {("journal", "dispute:I-1:1/2"), ("journal", "dispute:I-1:1/3")}


def test_a_case_whose_entries_are_all_deleted_is_named_by_each(journals: TamperedJournals) -> None:
    journals.delete(*journals.entries["plan:A-1:1"])
    assert found(journals) == {("journal", f"plan:A-1:1/{number}") for number in (1, 2, 3)}


def test_the_last_entries_cut_off_with_the_head_are_missed_by_the_seal(journals: TamperedJournals) -> None:
    seal(journals)
    written = journals.entries["dispute:I-1:1"]
    journals.delete(*written[3:])
    journals.set_case("dispute:I-1:1", seq=3, head=written[2].hash)
    assert found(journals) == {("journal", "dispute:I-1:1/5")}


def test_a_case_that_vanished_whole_is_missed_by_the_seal(journals: TamperedJournals) -> None:
    seal(journals)
    journals.delete(*journals.entries["plan:A-1:1"])
    with journals.database.writing() as session:
        session.execute(delete(Case).where(col(Case.case_id) == "plan:A-1:1"))
    assert found(journals) == {("cases", "plan:A-1:1")}
    seal(journals, DAY + timedelta(days=1))
    assert found(journals) == {("cases", "plan:A-1:1")}


def test_a_case_that_lost_its_row_is_named(journals: TamperedJournals) -> None:
    with journals.database.writing() as session:
        session.execute(delete(Case).where(col(Case.case_id) == "plan:A-1:1"))
    assert found(journals) == {("cases", "plan:A-1:1")}


def test_an_entry_put_in_under_a_wrong_hash_is_named(journals: TamperedJournals) -> None:
    third = journals.entries["dispute:I-1:1"][2]
    with journals.tampering() as session:
        session.connection().exec_driver_sql(
            "INSERT INTO journal (case_id, seq, hash, previous, kind, business_at, recorded_at, account_id, actor, facts) "
            f"SELECT case_id, seq, '{'e' * 64}', previous, kind, business_at, recorded_at, account_id, 'eve', facts "
            f"FROM journal WHERE hash = '{third.hash}'"
        )
    assert found(journals) == {("journal", f"dispute:I-1:1/3/{'e' * 64}")}


def test_an_entry_put_in_that_follows_nothing_is_named(journals: TamperedJournals) -> None:
    third = journals.entries["dispute:I-1:1"][2]
    forged = journals.insert(third.model_copy(update={"actor": "eve", "previous": "e" * 64}))
    assert found(journals) == {("journal", entry_key(forged))}


def test_an_entry_added_after_the_head_is_named(journals: TamperedJournals) -> None:
    last = journals.entries["dispute:I-1:1"][-1]
    forged = journals.insert(last.model_copy(update={"seq": 6, "previous": last.hash, "actor": "eve"}))
    assert found(journals) == {("journal", entry_key(forged))}


def test_an_entry_put_in_beside_a_sealed_chain_is_named(journals: TamperedJournals) -> None:
    seal(journals)
    third = journals.entries["dispute:I-1:1"][2]
    forged = journals.insert(third.model_copy(update={"actor": "eve"}))
    assert found(journals) == {("journal", entry_key(forged))}


def test_an_orphan_deleted_after_it_was_sealed_is_missed(journals: TamperedJournals) -> None:
    orphan = journals.repeat("dispute:I-1:1", "e")
    seal(journals)
    journals.delete(orphan)
    assert found(journals) == {("journal", "dispute:I-1:1")}


def test_two_swapped_entries_are_both_named(journals: TamperedJournals) -> None:
    _, second, third, *_ = journals.entries["dispute:I-1:1"]
    journals.change(second, seq=99)
    journals.change(third, seq=2)
    journals.change(second.model_copy(update={"seq": 99}), seq=3)
    assert found(journals) == {("journal", f"dispute:I-1:1/3/{second.hash}"), ("journal", f"dispute:I-1:1/2/{third.hash}")}


def test_two_entries_that_swapped_their_contents_are_both_named(journals: TamperedJournals) -> None:
    _, second, third, *_ = journals.entries["dispute:I-1:1"]
    journals.change(second, facts=third.facts)
    journals.change(third, facts=second.facts)
    assert found(journals) == {("journal", entry_key(second)), ("journal", entry_key(third))}


def test_an_entry_moved_to_another_case_is_missed_there_and_named_here(journals: TamperedJournals) -> None:
    alone, last = journals.entries["suspension:A-1"][0], journals.entries["dispute:I-1:1"][4]
    journals.change(last, case_id=alone.case_id)
    assert found(journals) == {("journal", "dispute:I-1:1/5"), ("journal", f"suspension:A-1/5/{last.hash}")}


# --- a chain written anew


def test_a_chain_rewritten_from_an_entry_on_does_not_reach_its_cases_head(journals: TamperedJournals) -> None:
    written = journals.rewrite("dispute:I-1:1", since=3, head=False, actor="eve")
    assert found(journals) == {("journal", entry_key(written[4]))}


def test_a_chain_rewritten_with_its_head_is_not_the_one_that_was_sealed(journals: TamperedJournals) -> None:
    seal(journals)
    journals.write("dispute:I-1:1", "f")
    written = journals.rewrite("dispute:I-1:1", since=3, actor="eve")
    assert found(journals) == {("journal", entry_key(written[4]))}


def test_the_seals_say_between_which_entries_a_chain_was_written_anew(journals: TamperedJournals) -> None:
    journals.write("dispute:I-2:1", "a", "b")
    seal(journals)
    journals.write("dispute:I-2:1", "c", "d")
    seal(journals, DAY + timedelta(days=1))
    written = journals.rewrite("dispute:I-2:1", since=4, actor="eve")

    (fault,) = verify(journals).faults

    assert fault.key == entry_key(written[3])
    assert "what follows the entry 2 was written anew" in fault.what


def test_a_rewritten_chain_stays_found_when_the_next_day_is_sealed(journals: TamperedJournals) -> None:
    seal(journals)
    written = journals.rewrite("dispute:I-1:1", since=3, actor="eve")
    seal(journals, DAY + timedelta(days=1))
    assert found(journals) == {("journal", entry_key(written[4]))}


def test_a_wrong_count_in_a_cases_row_is_named(journals: TamperedJournals) -> None:
    journals.set_case("dispute:I-1:1", seq=7)
    assert found(journals) == {("cases", "dispute:I-1:1")}


def test_a_head_set_back_leaves_entries_after_it(journals: TamperedJournals) -> None:
    written = journals.entries["dispute:I-1:1"]
    journals.set_case("dispute:I-1:1", seq=3, head=written[2].hash)
    assert found(journals) == {("journal", entry_key(written[3])), ("journal", entry_key(written[4]))}


# --- the seals themselves


@pytest.mark.parametrize("change", [{"root": "e" * 64}, {"entries": 8}, {"cases": 2}, {"hash": "e" * 64}, {"leaves": b"nothing"}])
def test_a_changed_seal_is_named(journals: TamperedJournals, change: dict[str, Any]) -> None:
    seal(journals)
    journals.change_seal(**change)
    assert found(journals) == {("seals", "2013-03-20")}


def test_a_missing_seal_is_missed_by_the_next_one(journals: TamperedJournals) -> None:
    for day in range(3):
        seal(journals, DAY + timedelta(days=day))
    with journals.tampering() as session:
        session.execute(delete(SealRow).where(col(SealRow.day) == DAY + timedelta(days=1)))
    assert found(journals) == {("seals", "2013-03-22")}


def test_the_last_seal_is_missed_by_the_journal_when_it_is_gone_or_another(journals: TamperedJournals) -> None:
    made = SealStore(journals.database).make_seal(DAY, NOON)
    case = Journal(case_id="seal", account_id="")
    entry = case.write(EntryKind.SEAL_MADE, NOON, NOON, on=DAY.isoformat(), hash=made.digest())
    journals.insert(entry)
    with journals.database.writing() as session:
        session.add(
            Case(case_id="seal", run_id="r", kind="seal", account_id="", stage="s", waiting_for="", seq=1, head=entry.hash, updated_at=NOON)
        )
    assert found(journals) == set()
    with journals.tampering() as session:
        session.execute(update(SealRow).values(hash="e" * 64))
    assert {fault.what.partition(":")[0] for fault in verify(journals).faults} >= {"is not the one that was made"}
    with journals.tampering() as session:
        session.execute(delete(SealRow))
    assert found(journals) == {("seals", "2013-03-20")}


# --- the hash that is made fast is the hash

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FACTS = st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(-(2**63), 2**64 - 1), st.booleans(), st.none()), max_size=6)
TIMES = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]), min_value=datetime(1900, 1, 2))


@given(TEXTS, st.sampled_from(EntryKind), TEXTS, st.none() | TEXTS, FACTS, TIMES)
def test_the_hash_made_from_stored_texts_is_the_entrys_own(
    case_id: str, kind: EntryKind, actor: str, invoice_id: str | None, facts: dict[str, Any], at: datetime
) -> None:
    entry = Entry(
        case_id=case_id,
        seq=7,
        kind=kind,
        business_at=at,
        recorded_at=BEGIN,
        account_id=actor,
        invoice_id=invoice_id,
        actor=actor,
        facts=facts,
        previous="0" * 64,
    )
    business, recorded = (moment.astimezone(UTC).isoformat(timespec="microseconds") for moment in (at, BEGIN))
    stored = orjson.dumps(facts).decode()
    made = compute_digest(case_id, 7, kind.value, business, recorded, actor, invoice_id, actor, stored, "0" * 64)
    assert made == entry.digest()


@pytest.mark.parametrize("facts", ["", "{", "[1", '{"a": NaN}', '{"a": "\\ud800"}', "\x00"])
def test_facts_that_are_no_json_have_no_hash(facts: str) -> None:
    assert compute_digest("c", 1, "k", "t", "t", "a", None, "x", facts, "0" * 64) == ""
