"""The journal as a person reads it: the entries that count, in order.

A worker that died between writing and answering leaves entries beside the chain. A case's head, followed back, says which ones count.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import func, or_, select, text, tuple_, union_all
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import ACTS_OF_PEOPLE, Account, AccountNoteRecord, Case, Invoice, JournalEntry, Note
from adapters.read_model.cursors import decode_cursor, encode_cursor, paginate_rows
from domain.identifiers import CaseKind
from domain.journal.chain_check import follow_chain_back
from domain.journal.entry_kinds import EntryKind

_IS_LISTED = text("cases.kind != 'invoice'")
_IS_OF_A_PERSON = text(ACTS_OF_PEOPLE.replace("actor", "journal.actor"))
"""As the indexes say it, on the cases that lists have and on what people did, so that they are used."""

UNTOLD_KINDS = (EntryKind.CLOCK_SET.value,)
"""What every case's journal keeps and no case's story tells: the chain, the audit and the exports have it."""


class JournalLine(BaseModel):
    """An entry with what is needed to say it in words. `text` is what a person wrote, if the entry points at a note;
    `named_invoice` the number of the invoice among its facts.

    A note that no case's journal names, about the account or about a settled invoice, is a line without a case and without a hash."""

    case_id: str
    seq: int
    kind: str
    business_at: datetime
    recorded_at: datetime
    account_id: str
    invoice_id: str | None
    invoice_number: str | None
    currency: str | None
    actor: str
    facts: dict[str, Any]
    hash: str
    text: str | None = None
    named_invoice: str | None = None

    @property
    def told_facts(self) -> dict[str, Any]:
        """The facts as a sentence tells them: an invoice by its number."""
        return {**self.facts, "invoice": self.named_invoice} if self.named_invoice else self.facts


def list_case_story(database: Database, case_id: str) -> list[JournalLine]:
    """What happened to one case, the first entry first: its chain without what only concerns the clock that all cases share."""
    return [line for line in list_case_history(database, case_id) if line.kind not in UNTOLD_KINDS]


def list_case_history(database: Database, case_id: str) -> list[JournalLine]:
    """The whole chain of one case, the first entry first."""
    with database.reading() as session:
        entries = session.execute(_select_entries().where(col(JournalEntry.case_id) == case_id).order_by(col(JournalEntry.seq))).all()
        counting = _load_chain_hashes(session, [case_id])
        return _build_journal_lines(session, [row for row in entries if row[0].hash in counting])


def list_entries_of_cases(database: Database, case_ids: Collection[str], kinds: Collection[EntryKind]) -> dict[str, list[JournalLine]]:
    """What happened of some kinds in a few cases, by case, the first entry first; a case without any has none."""
    wanted = col(JournalEntry.case_id).in_(case_ids), col(JournalEntry.kind).in_([kind.value for kind in kinds])
    statement = _select_entries().where(*wanted).order_by(col(JournalEntry.case_id), col(JournalEntry.seq))
    found: dict[str, list[JournalLine]] = {}
    with database.reading() as session:
        counting = _load_chain_hashes(session, case_ids)
        for line in _build_journal_lines(session, [row for row in session.execute(statement) if row[0].hash in counting]):
            found.setdefault(line.case_id, []).append(line)
    return found


def find_entry_of_act(database: Database, case_id: str, act_id: str) -> int | None:
    """The number of the first entry by which a case did an act; None where it has not done it, or refused it."""
    history = list_case_history(database, case_id)
    return next((line.seq for line in history if line.facts.get("act") == act_id and line.kind != EntryKind.ACT_REFUSED), None)


def list_account_history(
    database: Database, account_id: str, until: datetime | None, limit: int, cursor: str | None, kinds: Collection[EntryKind] | None = None
) -> tuple[list[JournalLine], str | None]:
    """What happened to an account's cases, and what was written about it beside them, the latest first, as known before `until` (business
    time). Of one moment, the cases' entries come before the notes. `kinds`: only these."""
    place = decode_cursor(cursor, datetime, str, int, str)
    with database.reading() as session:
        entries = _list_account_entries(session, account_id, until, limit + 1, place, kinds)
        told = kinds is None or EntryKind.NOTE_ADDED in kinds
        notes = _list_account_notes(session, account_id, until, limit + 1, place) if told else []
        # equals stay in the order of the database, whose collation the next page goes by
        latest = sorted([*entries, *notes], key=lambda line: (line.business_at, line.case_id != ""), reverse=True)
        shown, following = paginate_rows(latest[: limit + 1], limit, _build_account_position)
        forked = {line.case_id for line in shown} & _find_forked_cases(session, account_id)
        counting = _load_chain_hashes(session, forked)
        return [line for line in shown if line.case_id not in forked or line.hash in counting], following


class PersonalAct(NamedTuple):
    """What somebody did, without all that it takes to tell it: to be counted."""

    account_id: str
    kind: str
    facts: dict[str, Any]


def list_acts_since(database: Database, user: str, collectors: Collection[str], since: datetime) -> list[JournalLine]:
    """What a user has done since a moment (business time) to the accounts of these collectors, to the cases that have moved since that
    day, and to the approvals that are open; the latest first. No history is read but that."""
    entries = _select_entries().where(*_is_act_of(user, collectors, since)).order_by(col(JournalEntry.case_id), col(JournalEntry.seq))
    with database.reading() as session:
        found = {(row[0].case_id, row[0].seq): row for row in session.execute(entries)}
        notes = _build_note_lines(session, _select_notes().where(*_is_note_of(user, collectors, since)))
        lines = [*_build_journal_lines(session, list(found.values())), *notes]
    return sorted(lines, key=lambda line: line.business_at, reverse=True)


def list_countable_acts(database: Database, user: str, collectors: Collection[str], since: datetime) -> list[PersonalAct]:
    """What `list_acts_since` tells, in no order."""
    columns = (col(JournalEntry.account_id), col(JournalEntry.kind), col(JournalEntry.facts))
    entries = select(*columns).where(*_is_act_of(user, collectors, since))
    notes = select(col(AccountNoteRecord.account_id)).where(*_is_note_of(user, collectors, since))
    with database.reading() as session:
        acts = [PersonalAct(*row) for row in session.execute(entries)]
        return [*acts, *(PersonalAct(account_id, EntryKind.NOTE_ADDED, {}) for account_id in session.scalars(notes))]


def _is_act_of(user: str, collectors: Collection[str], since: datetime) -> tuple[Any, ...]:
    moved = select(col(Case.case_id)).where(_IS_LISTED, col(Case.stage_since) >= since.date())
    waiting = select(col(Case.case_id)).where(col(Case.kind) == CaseKind.APPROVAL, col(Case.outcome).is_(None))
    is_theirs = col(JournalEntry.account_id).in_(_select_accounts(collectors))
    return (
        _IS_OF_A_PERSON,
        col(JournalEntry.actor) == user,
        col(JournalEntry.business_at) >= since,
        col(JournalEntry.kind).not_in(UNTOLD_KINDS),
        or_(is_theirs, col(JournalEntry.case_id).in_(union_all(moved, waiting))),
        _is_within_chain(),
    )


def _is_note_of(user: str, collectors: Collection[str], since: datetime) -> tuple[Any, ...]:
    is_theirs = col(AccountNoteRecord.account_id).in_(_select_accounts(collectors))
    return is_theirs, col(AccountNoteRecord.author) == user, col(AccountNoteRecord.written_at) >= since


def _select_accounts(collectors: Collection[str]) -> Any:
    return select(col(Account.id)).where(col(Account.collector).in_(collectors))


def build_cursor_after(moment: datetime) -> str:
    """Build the cursor of an account's history from a day after a moment (business time) backwards: what a person sent at the moment may
    have been done a little later."""
    return encode_cursor(((moment + timedelta(days=1)).isoformat(), "", 0, ""))


def _build_account_position(line: JournalLine) -> tuple[str | int, ...]:
    return line.business_at.isoformat(), line.case_id, line.seq, "" if line.case_id else str(line.facts["note"])


def _list_account_entries(
    session: Session,
    account_id: str,
    until: datetime | None,
    limit: int,
    place: tuple[Any, ...] | None,
    kinds: Collection[EntryKind] | None,
) -> list[JournalLine]:
    order = (JournalEntry.business_at, JournalEntry.case_id, JournalEntry.seq)
    statement = _select_entries().where(
        col(JournalEntry.account_id) == account_id, col(JournalEntry.kind).not_in(UNTOLD_KINDS), _is_within_chain()
    )
    if kinds is not None:
        statement = statement.where(col(JournalEntry.kind).in_([kind.value for kind in kinds]))
    statement = statement.order_by(*(col(column).desc() for column in order)).limit(limit)
    if until is not None:
        statement = statement.where(col(JournalEntry.business_at) < until)
    if place:
        statement = statement.where(tuple_(*(col(column) for column in order)) < tuple_(*place[:3]))
    return _build_journal_lines(session, session.execute(statement).all())


def _list_account_notes(
    session: Session, account_id: str, until: datetime | None, limit: int, place: tuple[Any, ...] | None
) -> list[JournalLine]:
    written_at, note_id = col(AccountNoteRecord.written_at), col(AccountNoteRecord.note_id)
    statement = _select_notes().where(col(AccountNoteRecord.account_id) == account_id)
    statement = statement.order_by(written_at.desc(), note_id.desc()).limit(limit)
    if until is not None:
        statement = statement.where(written_at < until)
    if place:
        at, case_id, _, last_note = place
        statement = statement.where(written_at <= at if case_id else tuple_(written_at, note_id) < tuple_(at, last_note))
    return _build_note_lines(session, statement)


def _select_notes() -> Any:
    """Those that no case's journal names, with their texts and the numbers of their invoices."""
    return (
        select(AccountNoteRecord, col(Note.text), col(Invoice.number))
        .outerjoin(Note, col(Note.id) == AccountNoteRecord.note_id)
        .outerjoin(Invoice, col(Invoice.id) == AccountNoteRecord.invoice_id)
    )


def _build_note_lines(session: Session, statement: Any) -> list[JournalLine]:
    return [
        JournalLine(
            case_id="",
            seq=0,
            kind=EntryKind.NOTE_ADDED,
            business_at=record.written_at,
            recorded_at=record.recorded_at,
            account_id=record.account_id,
            invoice_id=record.invoice_id,
            invoice_number=number,
            currency=None,
            actor=record.author,
            facts={"note": record.note_id},
            hash="",
            text=written,
        )
        for record, written, number in session.execute(statement)
    ]


def find_note_text(database: Database, note_id: str | None) -> str | None:
    """What a person wrote, by the id under which a case knows it."""
    with database.reading() as session:
        note = session.get(Note, note_id) if note_id else None
        return note.text if note else None


def _select_entries() -> Any:
    return select(JournalEntry, col(Invoice.number), col(Invoice.currency)).outerjoin(Invoice, col(Invoice.id) == JournalEntry.invoice_id)


def _is_within_chain() -> Any:
    """Entries past a case's head are not part of it (any more, or yet)."""
    head = select(col(Case.seq)).where(col(Case.case_id) == JournalEntry.case_id).scalar_subquery()
    return col(JournalEntry.seq) <= head


def _find_forked_cases(session: Session, account_id: str) -> set[str]:
    """The cases that have two entries of one number."""
    twice = (
        select(col(JournalEntry.case_id))
        .where(col(JournalEntry.account_id) == account_id)
        .group_by(col(JournalEntry.case_id), col(JournalEntry.seq))
        .having(func.count() > 1)
    )
    return set(session.execute(twice).scalars())


def _load_chain_hashes(session: Session, case_ids: Iterable[str]) -> set[str]:
    """The hashes from each case's head back to its first entry."""
    ids = list(case_ids)
    if not ids:
        return set()
    links = select(col(JournalEntry.hash), col(JournalEntry.previous), col(Case.head))
    links = links.join(Case, col(Case.case_id) == col(JournalEntry.case_id)).where(col(JournalEntry.case_id).in_(ids))
    rows_by_hash = {row.hash: row for row in session.execute(links)}
    heads = {row.head for row in rows_by_hash.values()}
    return {row.hash for head in heads for row in follow_chain_back(head, rows_by_hash)}


def _build_journal_lines(session: Session, rows: Sequence[Any]) -> list[JournalLine]:
    written = {row[0].facts.get("note") for row in rows} - {None}
    named = {row[0].facts.get("invoice") for row in rows} - {None}
    numbers = select(col(Invoice.id), col(Invoice.number)).where(col(Invoice.id).in_(named))
    invoice_numbers = {row.id: row.number for row in session.execute(numbers)} if named else {}
    texts = select(col(Note.id), col(Note.text)).where(col(Note.id).in_(written))
    notes = {row.id: row.text for row in session.execute(texts)} if written else {}
    return [
        JournalLine(
            **entry.model_dump(exclude={"previous"}),
            invoice_number=number,
            currency=currency,
            text=notes.get(str(entry.facts.get("note"))),
            named_invoice=invoice_numbers.get(str(entry.facts.get("invoice"))),
        )
        for entry, number, currency in rows
    ]
