"""What somebody who owns the database may do to it behind Duecourse's back, and who names it; docs/audit.md has a table of these."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, update
from sqlmodel import Session, SQLModel, col

from adapters.database.tables import Case, JournalEntry, SealRow
from domain.journal.entry import Entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from tests.adapters.audit.audited_database import AuditedDatabase

Where = ColumnElement[bool]
Done = Callable[[Session, AuditedDatabase], object]
Proof = tuple[str, EntryKind] | None
"""The case and the kind of its last entry that says otherwise; None where none speaks of the row."""


class Tampering(NamedTuple):
    """`finds`: table, row and proof of all that `verify` names. `replay`: the histories name it. `mail`: so does the mail of the seals."""

    table: str
    what: str
    done: Done
    finds: tuple[tuple[str, str, Proof], ...] = ()
    replay: bool = False
    mail: bool = False

    @property
    def name(self) -> str:
        return f"{self.table}: {self.what}"


def named(table: str, what: str, done: Done, key: str, proof: Proof = None, in_table: str | None = None) -> Tampering:
    """One that `verify` names by one row, of the same table unless told otherwise."""
    return Tampering(table, what, done, ((in_table or table, key, proof),))


def change(where: Any, **values: Any) -> Done:
    return lambda session, _: session.execute(update(where.left.table).where(where).values(**values))


def remove(*wheres: Any) -> Done:
    return lambda session, _: [session.execute(delete(where.left.table).where(where)) for where in wheres]


def add(build: Callable[[], SQLModel]) -> Done:
    return lambda session, _: session.add(build())


def all_of(*done: Done) -> Done:
    return lambda session, books: [each(session, books) for each in done]


def change_entry(case_id: str, entry_kind: EntryKind, /, **values: Any) -> Done:
    """The case's last entry of the kind, and nothing else."""
    return lambda session, books: _update_entry(session, books.last_entry(case_id, entry_kind), values)


def remove_entry(case_id: str, kind: EntryKind) -> Done:
    def done(session: Session, books: AuditedDatabase) -> None:
        session.execute(delete(JournalEntry).where(col(JournalEntry.hash) == books.last_entry(case_id, kind).hash))

    return done


def put_in(case_id: str, seq: int, previous: int) -> Done:
    """A forged entry with a hash that fits, which follows the entry with the number `previous`."""

    def done(session: Session, books: AuditedDatabase) -> None:
        written = books.entries[case_id]
        forged = written[0].model_copy(update={"seq": seq, "previous": written[previous - 1].hash, "actor": "eve", "hash": ""})
        session.add(JournalEntry(**{**forged.model_dump(), "hash": forged.digest()}))

    return done


def rewrite(case_id: str, seq: int, **values: Any) -> Done:
    """The chain from an entry on, with hashes that fit, and the case's head with it."""

    def done(session: Session, books: AuditedDatabase) -> None:
        previous, head = books.entries[case_id][seq - 1].previous, ""
        for entry in books.entries[case_id][seq - 1 :]:
            changed = entry.model_copy(update={**(values if entry.seq == seq else {}), "previous": previous, "hash": ""})
            previous = head = changed.digest()
            _update_entry(session, entry, {**(values if entry.seq == seq else {}), "previous": changed.previous, "hash": head})
        session.execute(update(Case).where(col(Case.case_id) == case_id).values(head=head))

    return done


def make_seals_again(session: Session, books: AuditedDatabase) -> None:
    """Over what is there now, as if it had been sealed so, with the seals' own entry."""
    session.execute(delete(SealRow))
    session.expunge_all()
    session.execute(delete(JournalEntry).where(col(JournalEntry.case_id) == "seal"))
    session.execute(delete(Case).where(col(Case.case_id) == "seal"))
    made = books.make_seal_within(session, 1)
    journal = Journal(case_id="seal", account_id="")
    at = books.entries["seal"][0]
    journal.write(EntryKind.SEAL_MADE, at.business_at, at.recorded_at, on=made.day.isoformat(), hash=made.digest())
    session.add_all(books.rows(journal, "seal"))
    session.flush()
    books.make_seal_within(session, 2)


def _update_entry(session: Session, entry: Entry, values: dict[str, Any]) -> None:
    session.execute(update(JournalEntry).where(col(JournalEntry.hash) == entry.hash).values(**values))
