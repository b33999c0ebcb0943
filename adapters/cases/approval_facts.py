"""Reads the facts on which an approval is decided: its invoices, the account's disputes and promises, and how it was contacted so far."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.cases.unapproved_credits import load_unapproved_credit
from adapters.database.engine import Database
from adapters.database.row_states import MessageState
from adapters.database.tables import Case, Invoice, JournalEntry, Message
from domain import identifiers as ids
from domain.approval.facts import ApprovalDispute, ApprovalInvoice, ContactsSoFar, DecisionFacts
from domain.case.asked_invoice import AskedInvoice, list_invoice_ids
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind


class ApprovalFactsLoader:
    """What is asked for is as the case that asks knows it; all else is as the database has it now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def load(
        self, account_id: str, amounts: Mapping[str, int], invoices: Sequence[AskedInvoice], reason: str = "", note_id: str | None = None
    ) -> DecisionFacts:
        """`amounts` by currency, in minor units."""
        with self._database.reading() as session:
            return DecisionFacts(
                amounts=dict(sorted(amounts.items())),
                invoices=_load_invoices(session, invoices),
                disputes=_load_disputes(session, account_id),
                contacts=_load_contacts(session, account_id),
                reason=reason,
                note_id=note_id,
            )

    def sum_unapproved_credit(self, invoice_id: str, person: str) -> int:
        """Add up what the person has had credited of the invoice without anybody's agreement, in minor units of its currency."""
        return load_unapproved_credit(self._database, invoice_id, person).total

    def load_balances(self, invoices: Sequence[AskedInvoice]) -> dict[str, int]:
        """What is open of each in billing, in minor units."""
        statement = select(col(Invoice.id), col(Invoice.open_balance)).where(col(Invoice.id).in_(list_invoice_ids(invoices)))
        with self._database.reading() as session:
            return {invoice_id: balance for invoice_id, balance in session.execute(statement)}  # noqa: C416 - a Row is no pair to mypy


def _load_invoices(session: Session, asked: Sequence[AskedInvoice]) -> list[ApprovalInvoice]:
    """The oldest first."""
    names = list_invoice_ids(asked)
    details = select(col(Invoice.id), col(Invoice.number), col(Invoice.due_date)).where(col(Invoice.id).in_(names))
    known = {row.id: row for row in session.execute(details)}
    promises = select(col(Case.invoice_id), col(Case.promised_by), col(Case.promised_amount))
    promises = promises.where(col(Case.case_id).in_([ids.invoice_case_id(name) for name in names]), col(Case.promised_by).is_not(None))
    promised = {row.invoice_id: row for row in session.execute(promises)}
    loaded = [_build_invoice(invoice, known.get(invoice.invoice_id), promised.get(invoice.invoice_id)) for invoice in asked]
    return sorted(loaded, key=lambda invoice: (invoice.due_on is None, invoice.due_on, invoice.invoice_id))


def _build_invoice(asked: AskedInvoice, known: Any, promise: Any) -> ApprovalInvoice:
    return ApprovalInvoice(
        **asked.model_dump(),
        number=known.number if known else asked.invoice_id,
        due_on=known.due_date if known else None,
        promised_by=promise.promised_by if promise else None,
        promised_amount=promise.promised_amount if promise else None,
    )


def _load_disputes(session: Session, account_id: str) -> list[ApprovalDispute]:
    statement = select(col(Case.case_id), col(Case.invoice_id), col(Case.summary)).order_by(col(Case.case_id))
    statement = statement.where(col(Case.account_id) == account_id, col(Case.kind) == CaseKind.DISPUTE, col(Case.outcome).is_(None))
    disputes = ((row, DisputeSummary.model_validate(row.summary)) for row in session.execute(statement))
    return [
        ApprovalDispute(
            case_id=row.case_id,
            invoice_id=row.invoice_id,
            amount=summary.contested,
            currency=summary.currency,
            reason=summary.reason.value,
            raised_on=summary.raised_on,
        )
        for row, summary in disputes
    ]


def _load_contacts(session: Session, account_id: str) -> ContactsSoFar:
    sent = (col(Message.account_id) == account_id, col(Message.state) == MessageState.SENT)
    letters: int = session.execute(select(func.count()).select_from(Message).where(*sent)).scalar_one()
    latest = (col(Message.sent_at).desc(), col(Message.id).desc())
    letter = session.execute(select(col(Message.letter), col(Message.sent_at)).where(*sent).order_by(*latest).limit(1)).first()
    calls = select(col(JournalEntry.case_id), col(JournalEntry.seq), col(JournalEntry.business_at), col(JournalEntry.facts))
    calls = calls.where(col(JournalEntry.account_id) == account_id, col(JournalEntry.kind) == EntryKind.CALL_LOGGED.value)
    logged = {row.facts.get("call") or (row.case_id, row.seq): row for row in session.execute(calls)}  # each of its invoices has an entry
    call = max(logged.values(), key=lambda row: (row.business_at, row.case_id, row.seq), default=None)
    return ContactsSoFar(
        letters=letters,
        last_letter=letter.letter if letter else None,
        last_letter_on=letter.sent_at.date() if letter and letter.sent_at else None,
        calls=len(logged),
        last_call=str(call.facts.get("outcome", "")) if call else None,
        last_call_on=call.business_at.date() if call else None,
    )
