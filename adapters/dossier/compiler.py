"""Compiles an account's dossier from what the database holds of it, as the account stood at a moment of business time."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from adapters.config.company import Company
from adapters.database.engine import Database
from adapters.database.row_states import MessageState
from adapters.database.tables import Account, Case, Contact, Message, MessageLine, Note, User
from adapters.dossier.balances import OwedInvoices, build_balances, sum_unapplied_credit
from adapters.journal.account_entries import AccountEntries, AccountNotFoundError, load_account_entries
from adapters.letters.demand_words import list_imprint
from domain.dossier import (
    AccountFacts,
    CollectorContact,
    CreditorFacts,
    Dossier,
    DossierContact,
    DossierNote,
    DossierPurpose,
    JournalFingerprint,
)
from domain.identifiers import CaseKind
from domain.journal.account_entries import AccountEntry, filter_by_kind
from domain.journal.entry_kinds import EntryKind
from domain.projection.case_facts import DisputeFacts, LetterFacts
from domain.projection.case_history import list_approvals, list_calls, list_disputes, list_escalations, list_plans, list_promises
from domain.projection.recovery_history import build_write_off_facts, list_referrals, list_suspensions, list_verdicts
from domain.projection.state_models import LetterFate

"""States of a letter in which nothing was ever meant to go any more."""


def compile_dossier(database: Database, company: Company, account_id: str, purpose: DossierPurpose, at: datetime) -> Dossier:
    """Compile the dossier of an account as it stood at `at` (business time, UTC). Raises AccountNotFoundError."""
    with database.reading() as session:
        account = session.get(Account, account_id)
        if account is None:
            raise AccountNotFoundError(f"there is no account {account_id!r}")
        on = at.date()
        chain, owed = load_account_entries(session, account_id, at), OwedInvoices(session, account_id, on)
        entries, currencies = chain.entries, owed.currencies
        disputes, write_off = list_disputes(entries, currencies), build_write_off_facts(entries, currencies)
        lines = owed.build_lines(
            _sum_contested_amounts(disputes),
            _load_stages(session, account_id, entries, at),
            {booking.invoice for booking in write_off.booked},
        )
        approvals = list_approvals(entries)
        return Dossier(
            purpose=purpose,
            as_of=on,
            compiled_at=at,
            creditor=_build_creditor(company),
            desk=_load_collector_contact(session, account, company),
            account=_load_account_facts(session, account, on),
            balances=build_balances(lines, sum_unapplied_credit(session, account_id, on), write_off),
            invoices=lines,
            settled=owed.sum_settled({line.id for line in lines}),
            numbers=owed.numbers,
            letters=_load_letters(session, account_id, at),
            calls=list_calls(entries),
            escalations=list_escalations(entries),
            notes=_load_notes(session, account_id, at) if purpose is DossierPurpose.WRITE_OFF else [],
            promises=list_promises(entries, currencies),
            disputes=disputes,
            plans=list_plans(entries, currencies),
            referrals=list_referrals(entries),
            verdicts=list_verdicts(entries),
            suspensions=list_suspensions(entries, {approval.case_id: approval for approval in approvals}),
            approvals=approvals,
            write_off=write_off,
            journal=_build_journal_fingerprint(chain),
        )


def _build_creditor(company: Company) -> CreditorFacts:
    return CreditorFacts(
        name=company.name, address=list_imprint(company, "en"), iban=company.printed_iban, bic=company.bic, bank=company.bank
    )


def _load_collector_contact(session: Session, account: Account, company: Company) -> CollectorContact:
    user = session.get(User, account.collector) if account.collector else None
    if user is None or not user.active or not user.email:
        return CollectorContact(name=company.collector.name, email=company.collector.email, phone=company.collector.phone)
    return CollectorContact(name=user.full_name or user.name, email=user.email, phone=user.phone)


def _load_account_facts(session: Session, account: Account, on: date) -> AccountFacts:
    rows = session.execute(select(Contact).where(col(Contact.account_id) == account.id).order_by(col(Contact.id))).scalars()
    contacts = [
        DossierContact(
            role=row.role,
            name=row.name,
            email=row.email,
            phone=row.phone,
            undeliverable_since=row.undeliverable_since.date()
            if row.undeliverable_since and row.undeliverable_since.date() <= on
            else None,
        )
        for row in rows
    ]
    return AccountFacts(
        id=account.id, name=account.name, country=account.country, language=account.language, segment=account.segment, contacts=contacts
    )


def _sum_contested_amounts(disputes: Sequence[DisputeFacts]) -> dict[str, int]:
    """Sum what the open disputes of each invoice contest, in minor units."""
    totals: Counter[str] = Counter()
    for dispute in disputes:
        if dispute.resolution is None:
            totals[dispute.invoice] += dispute.amount
    return dict(totals)


def _load_stages(session: Session, account_id: str, entries: Sequence[AccountEntry], at: datetime) -> dict[str, str]:
    """Load the stage of each invoice from the read model, or the last step taken by then where the read model is newer than `at`."""
    stages = {entry.invoice_id: entry.get_text("step") for entry in filter_by_kind(entries, EntryKind.STEP_TAKEN) if entry.invoice_id}
    rows = select(col(Case.invoice_id), col(Case.stage)).where(
        col(Case.account_id) == account_id, col(Case.kind) == CaseKind.INVOICE, col(Case.updated_at) <= at
    )
    return stages | {row.invoice_id: row.stage for row in session.execute(rows) if row.invoice_id}


def _load_letters(session: Session, account_id: str, at: datetime) -> list[LetterFacts]:
    when = func.coalesce(col(Message.sent_at), col(Message.slot))
    in_dossier = (col(Message.account_id) == account_id, col(Message.state) != MessageState.VOID, or_(when <= at, col(Message.slot) <= at))
    columns: tuple[Any, ...] = (
        Message.id,
        Message.sent_at,
        Message.slot,
        Message.letter,
        Message.recipient,
        Message.language,
        Message.subject,
        Message.state,
        Message.reply,
        Message.attempts,
        Message.decided_by,
    )
    rows = session.execute(select(*columns).where(*in_dossier).order_by(when, col(Message.id))).all()
    named = (
        select(col(MessageLine.message_id), col(MessageLine.invoice_id))
        .join(Message, col(Message.id) == col(MessageLine.message_id))
        .where(*in_dossier)
        .order_by(col(MessageLine.id))
    )
    invoices: dict[int, list[str]] = {}
    for message, invoice in session.execute(named):
        invoices.setdefault(message, []).append(invoice)
    return [
        LetterFacts(
            on=(row.sent_at if row.sent_at and row.sent_at <= at else row.slot).date(),
            template=row.letter,
            recipient=row.recipient,
            language=row.language,
            subject=row.subject,
            state=LetterFate.UNDER_WAY if row.sent_at and row.sent_at > at else row.state,
            reply=row.reply,
            attempts=row.attempts,
            decided_by=row.decided_by,
            invoices=invoices.get(row.id, []),
        )
        for row in rows
    ]


def _load_notes(session: Session, account_id: str, at: datetime) -> list[DossierNote]:
    written = select(Note).where(col(Note.account_id) == account_id, col(Note.written_at) <= at, col(Note.text) != "")
    notes = session.scalars(written.order_by(col(Note.written_at), col(Note.id)))
    return [DossierNote(on=note.written_at.date(), by=note.author, invoice=note.invoice_id or "", text=note.text) for note in notes]


def _build_journal_fingerprint(chain: AccountEntries) -> JournalFingerprint:
    heads: Mapping[str, str] = chain.heads
    lines = "\n".join(f"{case_id} {heads[case_id]}" for case_id in sorted(heads))
    return JournalFingerprint(cases=len(heads), entries=len(chain.entries), sha256=sha256(lines.encode()).hexdigest())
