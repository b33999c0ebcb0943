"""What the database says of a case, held against what its histories tell."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.audit.replay_comparison import DatabaseEntry, JournalWrite, ReplayComparison, compare_replay
from domain.audit.replay_report import EntryVerdict
from domain.journal.entry import Entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal

START = datetime(2013, 1, 7, 9, tzinfo=UTC)
KINDS = (EntryKind.CASE_OPENED, EntryKind.STEP_TAKEN, EntryKind.LETTER_SENT, EntryKind.PAYMENT_RECEIVED, EntryKind.CASE_CLOSED)
CASE = "invoice:I1"


def entries(late: timedelta = timedelta(0), actor: str = "duecourse", previous: Entry | None = None) -> list[Entry]:
    journal = Journal(case_id=CASE, account_id="A", invoice_id="I1")
    if previous:
        journal = journal.model_copy(update={"seq": previous.seq, "head": previous.hash})
    for number, kind in enumerate(KINDS):
        at = START + timedelta(days=number) + late
        journal.write(kind, at, at, actor, amount=number)
    return journal.pending


def row(entry: Entry) -> DatabaseEntry:
    content = entry.model_dump(exclude={"case_id", "seq", "hash", "previous"}) | {"kind": entry.kind.value}
    return DatabaseEntry(CASE, entry.seq, entry.hash, entry.previous, content)


def rows(told: list[Entry]) -> list[DatabaseEntry]:
    return [row(entry) for entry in told]


def one_by_one(told: list[Entry]) -> list[JournalWrite]:
    return [JournalWrite([entry], entry.hash) for entry in told]


def said(number: int, written: list[DatabaseEntry], **content: Any) -> list[DatabaseEntry]:
    """With what one entry says changed, and its hash left as it was."""
    return [replace(each, content=each.content | content) if each.seq == number else each for each in written]


def named(found: ReplayComparison) -> list[tuple[int, EntryVerdict]]:
    return [(finding.seq, finding.verdict) for finding in found.findings]


def held(told: list[Entry], written: list[DatabaseEntry], head: str | None = None, **more: Any) -> ReplayComparison:
    return compare_replay(CASE, one_by_one(told), written, head or told[-1].hash, **more)


def test_what_the_history_tells_is_matched_entry_by_entry() -> None:
    told = entries()
    assert held(told, rows(told)) == ReplayComparison({EntryVerdict.MATCHED: 5}, [], 0)


def test_a_changed_entry_is_named_with_what_was_changed() -> None:
    told = entries()
    found = held(told, said(3, rows(told), actor="eve"))
    assert named(found) == [(3, EntryVerdict.CHANGED)]
    (change,) = found.findings[0].changes
    assert (change.field, change.database, change.history) == ("actor", "eve", "duecourse")


def test_a_kind_that_no_code_of_ours_writes_is_named() -> None:
    told = entries()
    assert named(held(told, said(2, rows(told), kind="never.heard_of"))) == [(2, EntryVerdict.CHANGED)]


def test_a_deleted_entry_is_missing_and_those_before_it_are_matched_all_the_same() -> None:
    told = entries()
    found = held(told, [each for each in rows(told) if each.seq != 3])
    assert named(found) == [(3, EntryVerdict.MISSING)]
    assert found.counts[EntryVerdict.MATCHED] == 4


def test_entries_cut_off_at_the_end_are_missing_though_the_head_was_set_back() -> None:
    told = entries()
    assert named(held(told, rows(told[:3]), head=told[2].hash)) == [(4, EntryVerdict.MISSING), (5, EntryVerdict.MISSING)]


def test_an_entry_that_is_appended_with_a_good_hash_is_added() -> None:
    told = entries()
    more = entries(previous=told[-1])[:1]
    assert named(held(told, rows([*told, *more]), head=more[0].hash)) == [(6, EntryVerdict.ADDED)]


def test_an_entry_that_follows_from_none_is_added() -> None:
    told = entries()
    stranger = entries(actor="eve")[3]
    assert named(held(told, rows([*told, stranger]))) == [(4, EntryVerdict.ADDED)]


def test_two_swapped_entries_are_both_named() -> None:
    told = entries()
    swapped = [replace(each, seq={2: 3, 3: 2}.get(each.seq, each.seq)) for each in rows(told)]
    assert {seq for seq, _ in named(held(told, swapped))} == {2, 3}


def test_a_chain_that_was_rewritten_with_fresh_hashes_is_named_from_its_first_changed_entry() -> None:
    told = entries()
    journal = Journal(case_id=CASE, account_id="A", invoice_id="I1", seq=2, head=told[1].hash)
    for entry in told[2:]:
        journal.write(entry.kind, entry.business_at, entry.recorded_at, "eve" if entry.seq == 3 else entry.actor, **entry.facts)
    found = held(told, rows([*told[:2], *journal.pending]), head=journal.head)
    assert named(found) == [(seq, EntryVerdict.CHANGED) for seq in (3, 4, 5)]
    assert [[change.field for change in finding.changes] for finding in found.findings] == [["actor"], ["hash"], ["hash"]]


def test_an_entry_that_a_repeated_task_wrote_anew_counts_for_nothing() -> None:
    told = entries()
    orphan = entries(late=timedelta(seconds=-3))[0]
    found = held(told, rows([orphan, *told]))
    assert (found.findings, found.beside) == ([], 1)


def test_a_task_that_was_cut_short_is_matched_by_the_head_that_the_history_kept() -> None:
    written, told = entries(), entries(late=timedelta(seconds=3))
    found = compare_replay(CASE, [JournalWrite(told, written[-1].hash)], rows(written), written[-1].hash)
    assert (found.counts, found.findings) == ({EntryVerdict.TIMED_BY_TASK: 5}, [])


def test_within_a_task_that_was_cut_short_a_changed_time_is_named() -> None:
    written, told = entries(), entries(late=timedelta(seconds=3))
    changed = said(2, rows(written), business_at=START + timedelta(days=9))
    assert (2, EntryVerdict.CHANGED) in named(compare_replay(CASE, [JournalWrite(told, written[-1].hash)], changed, written[-1].hash))


def test_code_that_makes_another_entry_of_the_same_history_is_named() -> None:
    written, told = entries(), entries(actor="another code")
    found = compare_replay(CASE, [JournalWrite(told, written[-1].hash)], rows(written), written[-1].hash)
    assert {finding.why for finding in found.findings} == {"today's code makes another entry of the same history"}


def test_what_the_database_has_of_a_task_that_has_not_ended_is_under_way() -> None:
    told = entries()
    wakes = [*one_by_one(told[:4]), JournalWrite(told[4:], None)]
    assert compare_replay(CASE, wakes, rows(told), told[-1].hash).counts == {EntryVerdict.MATCHED: 4, EntryVerdict.UNDER_WAY: 1}


def test_a_run_that_cannot_be_replayed_still_binds_its_entries_by_its_heads() -> None:
    told = entries()
    wakes = [JournalWrite(None, entry.hash) for entry in told]
    assert compare_replay(CASE, wakes, rows(told), told[-1].hash).counts == {EntryVerdict.HELD_BY_HEAD: 5}
    assert named(compare_replay(CASE, wakes, said(2, rows(told), actor="eve"), told[-1].hash)) == [(2, EntryVerdict.CHANGED)]


def test_a_lost_run_is_bound_by_the_run_that_went_on_from_it() -> None:
    told = entries()
    found = compare_replay(CASE, one_by_one(told[2:]), rows(told), told[-1].hash, has_lost_run=True)
    assert found.counts == {EntryVerdict.MATCHED: 3, EntryVerdict.HELD_BY_HEAD: 2}
    changed = said(1, rows(told), actor="eve")
    assert named(compare_replay(CASE, one_by_one(told[2:]), changed, told[-1].hash, has_lost_run=True)) == [(1, EntryVerdict.ADDED)]


def test_what_only_a_lost_run_could_tell_of_is_said_to_be_untold() -> None:
    told = entries()
    assert compare_replay(CASE, one_by_one(told[:3]), rows(told), told[-1].hash, has_lost_run=True).counts == {
        EntryVerdict.MATCHED: 3,
        EntryVerdict.UNTOLD: 2,
    }


def test_without_a_row_in_the_read_model_the_entries_are_found_by_their_hashes() -> None:
    told = entries()
    assert compare_replay(CASE, one_by_one(told), rows(told), None).counts == {EntryVerdict.MATCHED: 5}


def test_a_run_that_was_reset_tells_its_later_entries_anew() -> None:
    told, anew = entries(), entries(actor="mia", previous=entries()[1])[:2]
    wakes = [*one_by_one(told), *one_by_one([*told[:2], *anew])]
    found = compare_replay(CASE, wakes, rows([*told, *anew]), anew[-1].hash)
    assert (found.counts, found.beside) == ({EntryVerdict.MATCHED: 4}, 3)
