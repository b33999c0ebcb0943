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
from adapters.database.tables import Account, Case, Contact, Message, MessageLine, User
from adapters.dossier.balances import OwedInvoices, balances, unapplied_credit
from adapters.journal.account_entries import Chain, UnknownAccountError, read_chain
from domain.dossier import AccountFacts, ContactPerson, CreditorFacts, Desk, Dossier, DossierPurpose, JournalSeal
from domain.journal.account_entries import Told, of_kinds
from domain.journal.entry_kinds import EntryKind
from domain.projection.case_facts import DisputeFacts, LetterFacts
from domain.projection.case_history import approvals, calls, disputes, escalations, plans, promises
from domain.projection.recovery_history import referrals, suspensions, verdicts, write_off

NEVER_A_LETTER = ("void",)
"""States of a letter in which nothing was ever meant to go any more."""


def compile_dossier(database: Database, company: Company, account_id: str, purpose: DossierPurpose, at: datetime) -> Dossier:
    """Raises UnknownAccountError."""
    with database.reading() as session:
        account = session.get(Account, account_id)
        if account is None:
            raise UnknownAccountError(f"there is no account {account_id!r}")
        on = at.date()
        chain, owed = read_chain(session, account_id, at), OwedInvoices(session, account_id, on)
        told, currencies = chain.told, owed.currencies
        raised, story = disputes(told, currencies), write_off(told, currencies)
        lines = owed.lines(_contested(raised), _stages(session, account_id, told, at), {one.invoice for one in story.booked})
        asked = approvals(told)
        return Dossier(
            purpose=purpose, as_of=on, compiled_at=at, creditor=_creditor(company), desk=_desk(session, account, company),
            account=_account(session, account, on), balances=balances(lines, unapplied_credit(session, account_id, on), story),
            invoices=lines, settled=owed.settled({line.id for line in lines}), numbers=owed.numbers,
            letters=_letters(session, account_id, at), calls=calls(told), escalations=escalations(told),
            promises=promises(told, currencies), disputes=raised, plans=plans(told, currencies), referrals=referrals(told),
            verdicts=verdicts(told), suspensions=suspensions(told, {one.case_id: one for one in asked}), approvals=asked,
            write_off=story, journal=_seal(chain),
        )  # fmt: skip


def _creditor(company: Company) -> CreditorFacts:
    return CreditorFacts(
        name=company.name, address=list(company.address), iban=company.printed_iban, bic=company.bic, bank=company.bank
    )  # fmt: skip


def _desk(session: Session, account: Account, company: Company) -> Desk:
    user = session.get(User, account.collector) if account.collector else None
    if user is None or not user.active or not user.email:
        return Desk(name=company.collector.name, email=company.collector.email, phone=company.collector.phone)
    return Desk(name=user.full_name or user.name, email=user.email, phone=user.phone)


def _account(session: Session, account: Account, on: date) -> AccountFacts:
    rows = session.execute(select(Contact).where(col(Contact.account_id) == account.id).order_by(col(Contact.id))).scalars()
    people = [
        ContactPerson(
            role=row.role, name=row.name, email=row.email, phone=row.phone,
            undeliverable_since=row.undeliverable_since.date()
            if row.undeliverable_since and row.undeliverable_since.date() <= on
            else None,
        )
        for row in rows
    ]  # fmt: skip
    return AccountFacts(
        id=account.id, name=account.name, country=account.country, language=account.language, segment=account.segment, contacts=people
    )


def _contested(raised: Sequence[DisputeFacts]) -> dict[str, int]:
    """Of each invoice, what its open disputes contest."""
    totals: Counter[str] = Counter()
    for dispute in raised:
        if dispute.resolution is None:
            totals[dispute.invoice] += dispute.amount
    return dict(totals)


def _stages(session: Session, account_id: str, told: Sequence[Told], at: datetime) -> dict[str, str]:
    """The read model's, or the last step taken by then where the read model has gone on since."""
    stages = {entry.invoice_id: entry.text("step") for entry in of_kinds(told, EntryKind.STEP_TAKEN) if entry.invoice_id}
    rows = select(col(Case.invoice_id), col(Case.stage)).where(
        col(Case.account_id) == account_id, col(Case.kind) == "invoice", col(Case.updated_at) <= at
    )
    return stages | {row.invoice_id: row.stage for row in session.execute(rows) if row.invoice_id}


def _letters(session: Session, account_id: str, at: datetime) -> list[LetterFacts]:
    when = func.coalesce(col(Message.sent_at), col(Message.slot))
    wanted = (col(Message.account_id) == account_id, col(Message.state).not_in(NEVER_A_LETTER), or_(when <= at, col(Message.slot) <= at))
    columns: tuple[Any, ...] = (
        Message.id, Message.sent_at, Message.slot, Message.letter, Message.recipient, Message.language, Message.subject, Message.state,
        Message.reply, Message.attempts, Message.decided_by,
    )  # fmt: skip
    rows = session.execute(select(*columns).where(*wanted).order_by(when, col(Message.id))).all()
    named = (
        select(col(MessageLine.message_id), col(MessageLine.invoice_id))
        .join(Message, col(Message.id) == col(MessageLine.message_id))
        .where(*wanted)
        .order_by(col(MessageLine.id))
    )
    invoices: dict[int, list[str]] = {}
    for message, invoice in session.execute(named):
        invoices.setdefault(message, []).append(invoice)
    return [
        LetterFacts(
            on=(row.sent_at if row.sent_at and row.sent_at <= at else row.slot).date(), template=row.letter, recipient=row.recipient,
            language=row.language,
            subject=row.subject, state="under_way" if row.sent_at and row.sent_at > at else row.state, reply=row.reply,
            attempts=row.attempts, decided_by=row.decided_by, invoices=invoices.get(row.id, []),
        )
        for row in rows
    ]  # fmt: skip


def _seal(chain: Chain) -> JournalSeal:
    heads: Mapping[str, str] = chain.heads
    lines = "\n".join(f"{case_id} {heads[case_id]}" for case_id in sorted(heads))
    return JournalSeal(cases=len(heads), entries=len(chain.told), sha256=sha256(lines.encode()).hexdigest())
