"""A journal of several cases, written as workflows write it, and hands that change it behind their backs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, update
from sqlmodel import Session, col

from adapters.cases.case_store import CaseStore
from adapters.database.append_only import create_append_only_trigger, drop_append_only_trigger, list_protected_tables
from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry, SealRow
from domain.case.case_view import CaseView
from domain.case_write import CaseWrite
from domain.identifiers import find_case_kind
from domain.invoice.carried_state import CarriedState
from domain.journal.entry import Entry, FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal

BEGIN = datetime(2013, 3, 1, 9, tzinfo=UTC)
RUN = "run-1"


def build_view(journal: Journal) -> CaseView:
    return CaseView(
        case_id=journal.case_id,
        run_id=RUN,
        kind=find_case_kind(journal.case_id) or "",
        account_id=journal.account_id,
        invoice_id=None,
        stage="open",
        next_step=None,
        next_on=None,
        waiting_for="nothing",
    )


class TamperedJournals:
    """Cases of a database, each with its own writing end. A business day and a real one pass with every entry."""

    def __init__(self, database: Database) -> None:
        self.database, self._book = database, CaseStore(database)
        self.entries: dict[str, list[Entry]] = {}

    def write(self, case_id: str, *notes: str, actor: str = "mia", **facts: FactValue) -> Journal:
        """Add an entry for each note to the case, in one record."""
        written = self.entries.setdefault(case_id, [])
        journal = Journal(case_id=case_id, account_id="A-1", seq=len(written), head=written[-1].hash if written else "0" * 64)
        for note in notes:
            at = BEGIN + timedelta(days=journal.seq, microseconds=journal.seq)
            written.append(journal.write(EntryKind.NOTE_ADDED, at, at, actor, note=note, **facts))
        self._record(journal)
        return journal

    def repeat(self, case_id: str, note: str, after: timedelta = timedelta(minutes=1)) -> Entry:
        """The last workflow task again, at another time: its worker had died. What it wrote the first time stays beside the chain."""
        first = self.entries[case_id].pop()
        journal = Journal(case_id=case_id, account_id="A-1", seq=first.seq - 1, head=first.previous)
        later = first.recorded_at + after
        self.entries[case_id].append(journal.write(first.kind, later, later, first.actor, note=note))
        self._record(journal)
        return first

    def _record(self, journal: Journal) -> None:
        carried = CarriedState(seq=journal.seq, head=journal.head)
        self._book.write([CaseWrite(now=BEGIN, entries=journal.pending, case=build_view(journal), carried=carried)])

    @contextmanager
    def tampering(self) -> Iterator[Session]:
        """Somebody who may alter the schema, and covers their traces."""
        with self.database.writing() as session:
            tables = list_protected_tables(session.connection())
            for table in tables:
                drop_append_only_trigger(session.connection(), table)
            yield session
            for table in tables:
                create_append_only_trigger(session.connection(), table)

    def change(self, entry: Entry, **values: Any) -> None:
        """Of the stored entry, and nothing else."""
        with self.tampering() as session:
            session.execute(update(JournalEntry).where(*_is(entry)).values(**values))

    def forge(self, entry: Entry, **values: Any) -> Entry:
        """The stored entry, with a hash that fits."""
        forged = entry.model_copy(update=values)
        forged = forged.model_copy(update={"hash": forged.digest()})
        self.change(entry, **values, hash=forged.hash)
        return forged

    def delete(self, *entries: Entry) -> None:
        with self.tampering() as session:
            for entry in entries:
                session.execute(delete(JournalEntry).where(*_is(entry)))

    def insert(self, entry: Entry) -> Entry:
        """With a hash that fits; no trigger stands against it."""
        fitting = entry.model_copy(update={"hash": entry.digest()})
        with self.database.writing() as session:
            session.execute(insert(JournalEntry), [fitting.model_dump()])
        return fitting

    def rewrite(self, case_id: str, since: int, head: bool = True, **values: Any) -> list[Entry]:
        """The chain from an entry on, each hash fitting the one before; and the case's head with it, unless told otherwise."""
        written, previous = self.entries[case_id], self.entries[case_id][since - 1].previous
        for entry in written[since - 1 :]:
            forged = self.forge(entry, **(values if entry.seq == since else {}), previous=previous)
            previous = forged.hash
            written[entry.seq - 1] = forged
        if head:
            self.set_case(case_id, head=previous)
        return written

    def set_case(self, case_id: str, **values: Any) -> None:
        with self.database.writing() as session:
            session.execute(update(Case).where(col(Case.case_id) == case_id).values(**values))

    def change_seal(self, **values: Any) -> None:
        """Of every seal there is."""
        with self.tampering() as session:
            session.execute(update(SealRow).values(**values))


def _is(entry: Entry) -> tuple[Any, ...]:
    return (col(JournalEntry.case_id) == entry.case_id, col(JournalEntry.seq) == entry.seq, col(JournalEntry.hash) == entry.hash)


def entry_key(entry: Entry) -> str:
    return f"{entry.case_id}/{entry.seq}/{entry.hash}"
