"""Notes in connected systems of what Duecourse did there with whom: each letter that went, each call, each promise, each dispute.

They are read from the journal, where they stand once they have happened, and are left once each: a letter about several invoices is one
letter. What the system refuses is kept with its reason, holds up no other, and is tried again when somebody asks for it. No text that
people wrote goes along, nor any address.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, exists, select, text
from sqlmodel import Session, col

from adapters.billing.connector import BillingConnector, ConnectorCapability
from adapters.billing.errors import BillingError, ConnectionRefusedByBillingError
from adapters.billing.external_key import MARK, SystemKey, parse_external_key
from adapters.billing.external_records import NoteKind
from adapters.connections.notes.refused_notes import note_entry
from adapters.database.engine import Database
from adapters.database.tables import NOTED_KINDS, BillingCursorRow, Case, ExternalNoteRow, Invoice, JournalEntry
from adapters.i18n.languages import choose_language
from domain.journal.entry_kinds import EntryKind

OVERLAP = timedelta(minutes=10)
"""How long a transaction may take from the moment at which its entries are recorded until they can be seen."""
MOST_NOTES = 200
"""In one run."""
NOTE_KINDS = {
    EntryKind.LETTER_SENT.value: NoteKind.LETTER,
    EntryKind.CALL_LOGGED.value: NoteKind.CALL,
    EntryKind.PROMISE_MADE.value: NoteKind.NOTE,
    EntryKind.DISPUTE_RAISED.value: NoteKind.DISPUTE,
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        EntryKind.LETTER_SENT.value: "Letter sent: {what}, invoice {number}",
        EntryKind.CALL_LOGGED.value: "Call: {what}, invoice {number}",
        EntryKind.PROMISE_MADE.value: "Payment promised by {what}, invoice {number}",
        EntryKind.DISPUTE_RAISED.value: "Dispute: {what}, invoice {number}",
    },
    "de": {
        EntryKind.LETTER_SENT.value: "Schreiben versandt: {what}, Rechnung {number}",
        EntryKind.CALL_LOGGED.value: "Anruf: {what}, Rechnung {number}",
        EntryKind.PROMISE_MADE.value: "Zahlung zugesagt bis {what}, Rechnung {number}",
        EntryKind.DISPUTE_RAISED.value: "Reklamation: {what}, Rechnung {number}",
    },
    "fr": {
        EntryKind.LETTER_SENT.value: "Courrier envoyé : {what}, facture {number}",
        EntryKind.CALL_LOGGED.value: "Appel : {what}, facture {number}",
        EntryKind.PROMISE_MADE.value: "Paiement promis pour le {what}, facture {number}",
        EntryKind.DISPUTE_RAISED.value: "Litige : {what}, facture {number}",
    },
    "es": {
        EntryKind.LETTER_SENT.value: "Carta enviada: {what}, factura {number}",
        EntryKind.CALL_LOGGED.value: "Llamada: {what}, factura {number}",
        EntryKind.PROMISE_MADE.value: "Pago prometido para el {what}, factura {number}",
        EntryKind.DISPUTE_RAISED.value: "Disputa: {what}, factura {number}",
    },
}
_WHAT = {
    EntryKind.LETTER_SENT.value: ("step", "letter"),
    EntryKind.CALL_LOGGED.value: ("outcome",),
    EntryKind.PROMISE_MADE.value: ("by",),
    EntryKind.DISPUTE_RAISED.value: ("reason",),
}
"""By which fact an entry says what it is about."""


def leave_notes(
    database: Database, connector: BillingConnector, language: str, now: datetime, until: Callable[[], bool] = lambda: False
) -> int:
    """How many were left or refused; `now` is real time. `until` says after each whether the rest is left to the next run. Raises
    BillingAwayError, and ConnectionRefusedByBillingError where nothing is allowed: what was left stays, and the next run goes on."""
    if ConnectorCapability.RECORD_NOTE not in connector.capabilities:
        return 0
    system = connector.key
    with database.reading() as session:
        cursor = session.get(BillingCursorRow, tuple(system))
        since = cursor.noted_to - OVERLAP if cursor and cursor.noted_to else None
        fresh = _load_entries(session, system, since)
        entries = [*_load_due(session, system), *fresh]
        numbers = _load_numbers(session, entries)
    forbidden: list[tuple[Row[Any], ConnectionRefusedByBillingError]] = []
    done = 0
    for entry in entries:
        if done and until():
            break
        done, refusal = done + 1, ""
        try:
            _leave_note(connector, entry, numbers.get(entry.invoice_id or ""), language)
        except BillingError as error:
            refusal = str(error)
        except ConnectionRefusedByBillingError as error:
            forbidden.append((entry, error))
            continue
        note_entry(database, system, entry.hash, entry.recorded_at, refusal)
    if done and len(forbidden) == done:
        raise forbidden[0][1]
    for entry, why in forbidden:  # of one kind alone, such as disputes: the others are allowed
        note_entry(database, system, entry.hash, entry.recorded_at, str(why))
    if done == len(entries) and len(fresh) < MOST_NOTES:
        _move_on(database, system, now)
    return done


def _load_entries(session: Session, system: SystemKey, since: datetime | None) -> Sequence[Row[Any]]:
    """Those of the system's customers that were not noted yet, the earliest first; none that a worker wrote which died before it answered,
    and whose successor says something else."""
    query = _select_entries(system).where(~exists().where(*_is_noted(system)))
    return session.execute(query if since is None else query.where(col(JournalEntry.recorded_at) >= since)).all()


def _load_due(session: Session, system: SystemKey) -> Sequence[Row[Any]]:
    """Those that were refused, and that somebody wants tried again."""
    return session.execute(_select_entries(system).where(exists().where(*_is_noted(system), col(ExternalNoteRow.is_due)))).all()


def _is_noted(system: SystemKey) -> tuple[Any, ...]:
    return (
        col(ExternalNoteRow.system) == system.system,
        col(ExternalNoteRow.company) == system.company,
        col(ExternalNoteRow.entry) == col(JournalEntry.hash),
    )


def _select_entries(system: SystemKey) -> Any:
    return (
        select(
            col(JournalEntry.hash),
            col(JournalEntry.kind),
            col(JournalEntry.account_id),
            col(JournalEntry.invoice_id),
            col(JournalEntry.facts),
            col(JournalEntry.business_at),
            col(JournalEntry.recorded_at),
        )
        .join(Case, col(Case.case_id) == col(JournalEntry.case_id))
        .where(text(NOTED_KINDS.replace("kind", "journal.kind")), col(JournalEntry.seq) <= col(Case.seq))
        .where(col(JournalEntry.account_id).startswith(f"{MARK}{system.system}:{system.company}:", autoescape=True))
        .order_by(col(JournalEntry.recorded_at), col(JournalEntry.hash))
        .limit(MOST_NOTES)
    )


def _load_numbers(session: Session, entries: Sequence[Row[Any]]) -> dict[str, str]:
    ids = {entry.invoice_id for entry in entries if entry.invoice_id}
    query = select(col(Invoice.id), col(Invoice.number)).where(col(Invoice.id).in_(ids))
    return {row[0]: row[1] for row in session.execute(query)} if ids else {}


def _leave_note(connector: BillingConnector, entry: Row[Any], number: str | None, language: str) -> None:
    account = parse_external_key(entry.account_id)
    if account is None:
        return
    what = next((str(entry.facts[name]) for name in _WHAT[entry.kind] if entry.facts.get(name)), "").replace("_", " ")
    words = _WORDS[choose_language(language)][entry.kind].format(what=what, number=number or "")
    once = entry.facts.get("message_id") or entry.facts.get("act") or entry.hash
    told = f"{words}\n{entry.business_at:%Y-%m-%d}, Duecourse"
    connector.record_note(f"{entry.kind}:{once}", account.external_id, told, NOTE_KINDS[entry.kind])


def _move_on(database: Database, system: SystemKey, now: datetime) -> None:
    """All that was recorded by now is noted, but for what cannot be seen yet."""
    with database.writing() as session:
        row = session.get(BillingCursorRow, tuple(system))
        if row is not None:
            row.noted_to = now
        old = col(ExternalNoteRow.recorded_at) < now - 2 * OVERLAP
        of_system = (col(ExternalNoteRow.system) == system.system, col(ExternalNoteRow.company) == system.company)
        session.execute(delete(ExternalNoteRow).where(*of_system, old, col(ExternalNoteRow.refusal) == ""))
