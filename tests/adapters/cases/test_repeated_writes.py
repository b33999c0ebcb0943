"""A task that was lost after its journal write is done again at another time: what it wrote stands in the journal once."""

from collections.abc import Sequence

from sqlalchemy import select

from adapters.database.tables import Case, JournalEntry, NextRunRow
from domain.case.workflow_input import dump_next_run
from domain.case_write import CaseWrite, CaseWriteResult
from domain.clock import Clock, Moment
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.journal.chain_check import find_broken_entry
from domain.journal.entry import Entry
from domain.journal.entry_kinds import EntryKind
from tests.adapters.correspondence.correspondence_setup import DAWN, DAY, NOON, CorrespondenceSetup

LATER = Moment(NOON + DAY, NOON + DAY)


def note(case: InvoiceCase, at: Moment, *names: str) -> None:
    for name in names:
        case.write_entry(EntryKind.NOTE_ADDED, at, "mia", note=name)


def attempts(correspondence: CorrespondenceSetup, first: Sequence[str], second: Sequence[str]) -> tuple[InvoiceCase, InvoiceCase]:
    """The same case twice, with the notes that it took in at either attempt; the first has written its beginning and them, apart."""
    correspondence.create_invoice()
    lost, again = correspondence.case(at=DAWN), correspondence.case(at=LATER.business)
    write(correspondence, lost)
    if first:
        note(lost, Moment(NOON, NOON), *first)
        write(correspondence, lost)
    note(again, LATER, *second)
    return lost, again


def build(correspondence: CorrespondenceSetup, case: InvoiceCase) -> CaseWrite:
    start = InvoiceCollectionInput(
        invoice_id="I1", account_id="A1", facts=case.facts, policy=case.snapshot, clock=Clock.real_time(), case=case
    )
    next_run = dump_next_run(start, start.clock, case, [])
    return correspondence.build_case_write(case, LATER.business).model_copy(update={"next_run": next_run})


def write(correspondence: CorrespondenceSetup, case: InvoiceCase, up_to: int | None = None) -> CaseWriteResult:
    """Write what is pending, as the case's session does; up to this number, where the case was at that when it wrote."""
    record = build(correspondence, case)
    if up_to is not None:
        kept = record.entries[:up_to]
        record = record.model_copy(
            update={"entries": kept, "carried": record.carried.model_copy(update={"seq": up_to, "head": kept[-1].hash})}
        )
    (answer,) = correspondence.casebook.write([record])
    case.journal.mark_written(record.entries[-1].seq, answer.head)
    return answer


def chain(correspondence: CorrespondenceSetup) -> tuple[list[str], int]:
    """What the notes of the case's chain say, and how many entries are beside it. All is whole, and at one head."""
    with correspondence.database.reading() as session:
        by_hash = {each.hash: Entry.model_validate(each.model_dump()) for each in session.scalars(select(JournalEntry))}
        row = session.scalars(select(Case)).one()
        next_run = session.scalars(select(NextRunRow)).one()
        assert next_run.next_run is not None
        assert next_run.head == next_run.next_run["case"]["journal"]["head"] == row.head == row.carried["head"]
        head, entries = row.head, list[Entry]()
        while head in by_hash:
            entries.insert(0, by_hash[head])
            head = entries[0].previous
    assert find_broken_entry(entries) is None
    assert row.seq == len(entries)
    return [str(entry.facts["note"]) for entry in entries if "note" in entry.facts], len(by_hash) - len(entries)


def test_what_both_attempts_say_is_written_once_and_what_came_since_follows_it(correspondence: CorrespondenceSetup) -> None:
    lost, again = attempts(correspondence, ["a", "b"], ["a", "b", "c", "c"])
    answer = write(correspondence, again)
    assert chain(correspondence) == (["a", "b", "c", "c"], 0)
    note(again, LATER, "d")
    assert again.journal.pending[0].previous == answer.head != lost.journal.head
    write(correspondence, again)
    assert chain(correspondence) == (["a", "b", "c", "c", "d"], 0)


def test_a_task_that_wrote_twice_and_is_done_again_leaves_the_row_where_it_is(correspondence: CorrespondenceSetup) -> None:
    """The row never goes back along its own chain: the second write of the same attempt finds its entries, too."""
    lost, again = attempts(correspondence, ["a", "b"], ["a", "b"])
    first = write(correspondence, again, up_to=2)
    assert first.head != lost.journal.head
    assert chain(correspondence) == (["a", "b"], 0)
    assert [entry.previous for entry in again.journal.pending] == [first.head]
    assert write(correspondence, again).head == lost.journal.head
    assert chain(correspondence) == (["a", "b"], 0)


def test_a_write_without_entries_that_comes_too_late_leaves_the_row_where_it_is(correspondence: CorrespondenceSetup) -> None:
    correspondence.create_invoice()
    case = correspondence.case()
    write(correspondence, case)
    late = build(correspondence, case)
    note(case, LATER, "a")
    write(correspondence, case)
    (answer,) = correspondence.casebook.write([late])
    assert answer.head == late.carried.head != case.journal.head
    assert chain(correspondence) == (["a"], 0)


def test_an_attempt_that_says_something_else_goes_its_own_way_and_the_lost_one_stays_beside(correspondence: CorrespondenceSetup) -> None:
    _, again = attempts(correspondence, ["a", "b", "c"], ["a", "x", "c"])
    assert write(correspondence, again).head == again.journal.head
    assert chain(correspondence) == (["a", "x", "c"], 2)


def test_an_entry_that_was_put_in_is_not_taken_for_the_first_attempts(correspondence: CorrespondenceSetup) -> None:
    """It says the same, and its hash is not that of what it says."""
    lost, again = attempts(correspondence, [], ["a"])
    forged = again.journal.pending[-1].model_copy(update={"previous": lost.journal.head, "hash": "f" * 64})
    with correspondence.database.writing() as session:
        session.add(JournalEntry(**forged.model_dump()))
    write(correspondence, again)
    assert chain(correspondence) == (["a"], 1)
