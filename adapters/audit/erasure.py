"""Erase the personal data of an account's records, in one transaction, and keep a report of what was erased and what was kept.

The journal, the seals and the archived histories are never changed: they name the account by its id, and nothing in them may change.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import Text, and_, case, cast, delete, func, null, or_, select, update
from sqlmodel import Session, col

from adapters.audit.connected_records import build_call_filter, build_refused_note_filter
from adapters.database.dispute_evidence import list_evidence
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState, WaitingNoticeState
from adapters.database.tables import (
    Account,
    AccountCall,
    Case,
    Contact,
    ContactRequest,
    CreditNote,
    Document,
    DossierRow,
    ErasureRow,
    ExternalAccountRow,
    ExternalNoteRow,
    ImportRow,
    Invoice,
    JournalEntry,
    Message,
    Note,
    Payment,
    PolicyVersion,
    SetAsideRow,
    Task,
    ViewRow,
    WaitingNoticeRow,
    WebhookCallRow,
    WriteOffBooking,
)
from adapters.journal.account_entries import AccountNotFoundError
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.case.account_case import EarlierRun
from domain.clock import Clock
from domain.correspondence.letter_outcome import DropReason
from domain.erasure.commands import EraseAccount
from domain.erasure.report import (
    ERASED_CATEGORIES,
    OUT_OF_REACH_REMARKS,
    QUOTED_ADDRESSES_REMARK,
    RETAINED_CATEGORIES,
    ErasureLine,
    ErasureReport,
    compute_retention_end,
    list_erasure_obstacles,
)
from domain.erasure.workflow_input import ErasureInput
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind

UNDER_WAY_STATES = (MessageState.INTENDED, MessageState.TRANSMITTING)
ERASED_ROW_REASON = "erased"
"""The reason of a rejected row whose cells named the customer, once they are erased."""


class AccountEraser:
    """Erases accounts. `retention_years` count from the end of the year of the account's last record. Safe to share between threads."""

    def __init__(self, database: Database, retention_years: int) -> None:
        self._database, self._retention_years = database, retention_years

    def plan_erasure(self, account_id: str, asked_by: str, now: datetime) -> ErasureReport:
        """Report what would be erased and kept at business time `now`; nothing is changed. Raises AccountNotFoundError."""
        with self._database.reading() as session:
            return self._build_report(session, EraseAccount(act_id="", actor=asked_by, account_id=account_id), now, dry_run=True)

    def erase_account(self, command: EraseAccount, now: datetime) -> ErasureReport:
        """Erase an account once by the command's id. When the report names an obstacle, nothing is erased and the report is not stored.

        Raises AccountNotFoundError.
        """
        with self._database.writing() as session:
            earlier = session.get(ErasureRow, command.act_id)
            if earlier is not None:
                return ErasureReport.model_validate(earlier.report)
            session.get(Account, command.account_id, with_for_update=True)
            report = self._build_report(session, command, now, dry_run=False)
            if not report.blocked:
                _erase_records(session, command.account_id, report.documents)
                content = report.model_dump(mode="json")
                session.add(
                    ErasureRow(
                        key=command.act_id,
                        account_id=command.account_id,
                        asked_by=command.actor,
                        at=now,
                        recorded_at=datetime.now(UTC),
                        report=content,
                    )
                )
            return report

    def list_reports(self, account_id: str | None = None) -> list[ErasureReport]:
        """List the reports, the latest first; of every account when none is given."""
        rows = select(col(ErasureRow.report)).order_by(col(ErasureRow.recorded_at).desc(), col(ErasureRow.key))
        if account_id is not None:
            rows = rows.where(col(ErasureRow.account_id) == account_id)
        with self._database.reading() as session:
            return [ErasureReport.model_validate(report) for report in session.scalars(rows)]

    def build_workflow_input(self, account_id: str, clock: Clock) -> ErasureInput:
        """Build the input of the account's erasure workflow."""
        with self._database.reading() as session:
            last = session.get(Case, ids.erasure_case_id(account_id))
            earlier = EarlierRun.model_validate(last.carried, extra="ignore") if last else None
            return ErasureInput(account_id=account_id, clock=clock, separates_tasks=True, earlier=earlier)

    def _build_report(self, session: Session, command: EraseAccount, now: datetime, dry_run: bool) -> ErasureReport:
        account_id = command.account_id
        if session.get(Account, account_id) is None:
            raise AccountNotFoundError(f"there is no account {account_id!r}")
        last_record_on = _find_last_record_day(session, account_id)
        kept_until = compute_retention_end(last_record_on, self._retention_years) if last_record_on else None
        documents = _find_erasable_documents(session, account_id)
        counts = {name: _count_rows(session, table, where) for name, table, where in _list_erasable_rows(session, account_id)}
        kept = {name: _count_rows(session, table, where) for name, table, where in _list_retained_rows(account_id)}
        quoting = sum(map(_quotes_an_address, session.scalars(_select_facts_with_at_sign(account_id))))
        return ErasureReport(
            key=command.act_id,
            account_id=account_id,
            asked_by=command.actor,
            at=now,
            dry_run=dry_run,
            retention_years=self._retention_years,
            last_record_on=last_record_on,
            kept_until=kept_until,
            blocked=_find_obstacles(session, account_id, kept_until, now.date()),
            erased=[ErasureLine(what=what, count=counts.get(what, len(documents)), why=why) for what, why in ERASED_CATEGORIES.items()],
            kept=[ErasureLine(what=what, count=kept[what], why=why) for what, why in RETAINED_CATEGORIES.items()],
            remarks=[*([f"{quoting} {QUOTED_ADDRESSES_REMARK}"] if quoting else []), *OUT_OF_REACH_REMARKS],
            letters=_hash_letters(session, account_id),
            documents=documents,
        )


# --- obstacles


def _find_obstacles(session: Session, account_id: str, keep_until: date | None, today: date) -> list[str]:
    invoices = _count_rows(session, Invoice, and_(col(Invoice.account_id) == account_id, col(Invoice.status) == InvoiceStatus.OPEN))
    cases = and_(col(Case.account_id) == account_id, col(Case.outcome).is_(None), col(Case.kind) != CaseKind.ERASURE)
    letters = and_(col(Message.account_id) == account_id, col(Message.state).in_(UNDER_WAY_STATES))
    return list_erasure_obstacles(invoices, _count_rows(session, Case, cases), _count_rows(session, Message, letters), keep_until, today)


def _find_last_record_day(session: Session, account_id: str) -> date | None:
    """Find the day of the last record that was booked, written, sent or decided; erasures do not count."""
    moments: tuple[tuple[Any, Any], ...] = (
        (Invoice.issue_date, Invoice.account_id),
        (Invoice.settled_on, Invoice.account_id),
        (Payment.received_on, Payment.account_id),
        (Payment.reversed_on, Payment.account_id),
        (CreditNote.issued_on, CreditNote.account_id),
        (WriteOffBooking.written_off_on, WriteOffBooking.account_id),
        (Message.sent_at, Message.account_id),
        (Note.written_at, Note.account_id),
        (AccountCall.made_at, AccountCall.account_id),
    )
    latest = [session.execute(select(func.max(moment)).where(owner == account_id)).scalar_one() for moment, owner in moments]
    latest.append(session.execute(select(func.max(col(JournalEntry.business_at))).where(_build_entry_filter(account_id))).scalar_one())
    return max((moment.date() if isinstance(moment, datetime) else moment for moment in latest if moment is not None), default=None)


def _build_entry_filter(account_id: str) -> Any:
    return (col(JournalEntry.account_id) == account_id) & (col(JournalEntry.case_id) != ids.erasure_case_id(account_id))


def _select_facts_with_at_sign(account_id: str) -> Any:
    return select(col(JournalEntry.facts)).where(_build_entry_filter(account_id), cast(col(JournalEntry.facts), Text).contains("@"))


def _quotes_an_address(facts: dict[str, Any]) -> bool:
    """Return true when a fact quotes an e-mail address; a letter's Message-ID is none."""
    return any("@" in str(value) for name, value in facts.items() if name != "message_id")


# --- erased and kept rows


def _list_erasable_rows(session: Session, account_id: str) -> Iterator[tuple[str, Any, Any]]:
    yield "contacts", Contact, col(Contact.account_id) == account_id
    yield "letters", Message, _build_written_letter_filter(account_id)
    yield "notes", Note, (col(Note.account_id) == account_id) & (col(Note.text) != "")
    yield "calls", AccountCall, (col(AccountCall.account_id) == account_id) & (col(AccountCall.contact) != "")
    yield "tasks", Task, _build_worded_task_filter(account_id)
    yield "notices", WaitingNoticeRow, _build_waiting_notice_filter(account_id)
    yield "set_aside", SetAsideRow, _build_set_aside_filter(account_id)
    yield "import_rows", ImportRow, _build_rejected_row_filter(session, account_id)
    yield "billing_calls", WebhookCallRow, build_call_filter(session, account_id)
    yield "refused_notes", ExternalNoteRow, build_refused_note_filter(account_id)
    yield "name", Account, (col(Account.id) == account_id) & (col(Account.name) != account_id)


def _list_retained_rows(account_id: str) -> Iterator[tuple[str, Any, Any]]:
    yield "invoices", Invoice, col(Invoice.account_id) == account_id
    yield "payments", Payment, col(Payment.account_id) == account_id
    yield "credit_notes", CreditNote, col(CreditNote.account_id) == account_id
    yield "write_offs", WriteOffBooking, col(WriteOffBooking.account_id) == account_id
    yield "views", ViewRow, col(ViewRow.account_id) == account_id
    yield "journal", JournalEntry, col(JournalEntry.account_id) == account_id
    in_force = select(col(Case.policy), col(Case.policy_version)).where(col(Case.account_id) == account_id).subquery()
    used = (in_force.c.policy == col(PolicyVersion.name)) & (in_force.c.policy_version == col(PolicyVersion.version))
    yield "policies", PolicyVersion, select(in_force).where(used).exists()


def _count_rows(session: Session, table: Any, where: Any) -> int:
    return int(session.execute(select(func.count()).select_from(table).where(where)).scalar_one())


def _build_waiting_notice_filter(account_id: str) -> Any:
    return and_(col(WaitingNoticeRow.account_id) == account_id, col(WaitingNoticeRow.state) == WaitingNoticeState.WAITING)


def _build_set_aside_filter(account_id: str) -> Any:
    return and_(col(SetAsideRow.account_id) == account_id, or_(col(SetAsideRow.detail) != "", col(SetAsideRow.settled_at).is_(None)))


def _build_written_letter_filter(account_id: str) -> Any:
    says = or_(col(Message.recipient) != "", col(Message.subject) != "", func.length(col(Message.content)) > 0, col(Message.reply) != "")
    return (col(Message.account_id) == account_id) & says


def _build_worded_task_filter(account_id: str) -> Any:
    words_of_ours = ("", *(reason.value for reason in DropReason))
    return (col(Task.account_id) == account_id) & col(Task.outcome).not_in(words_of_ours)


def _build_rejected_row_filter(session: Session, account_id: str) -> Any:
    """Rejected rows of imports, whose cells stand as they came: those in which the account's id, name or an address of it is a cell."""
    names = {account_id, session.get_one(Account, account_id).name}
    names |= set(session.scalars(select(col(Contact.email)).where(col(Contact.account_id) == account_id, col(Contact.email) != "")))
    cells = cast(col(ImportRow.cells), Text)
    return or_(*(cells.contains(orjson.dumps(name).decode(), autoescape=True) for name in sorted(names)))


def _hash_letters(session: Session, account_id: str) -> dict[str, str]:
    letters = select(col(Message.message_id), col(Message.content)).where(
        _build_written_letter_filter(account_id), func.length(col(Message.content)) > 0
    )
    return {row.message_id: hashlib.sha256(row.content).hexdigest() for row in session.execute(letters.order_by(col(Message.id)))}


def _find_erasable_documents(session: Session, account_id: str) -> list[str]:
    """The files of the account's disputes and dossiers that are stored, and that no other account's rest on."""
    mine = _find_file_digests(session, col(Case.account_id) == account_id, col(DossierRow.account_id) == account_id)
    attached = select(col(JournalEntry.facts)).where(
        col(JournalEntry.account_id) == account_id, col(JournalEntry.kind) == EntryKind.DISPUTE_EVIDENCE_ATTACHED.value
    )
    mine |= {digest for facts in session.scalars(attached) for digest in str(facts.get("evidence") or "").split()}
    if not mine:
        return []
    others = _find_file_digests(session, col(Case.account_id) != account_id, col(DossierRow.account_id) != account_id)
    stored = select(col(Document.sha256)).where(col(Document.sha256).in_(mine - others))
    return sorted(session.scalars(stored))


def _find_file_digests(session: Session, whose_case: Any, whose_dossier: Any) -> set[str]:
    summaries = session.scalars(select(col(Case.summary)).where(whose_case, col(Case.kind) == CaseKind.DISPUTE))
    found = {digest for summary in summaries for digest in list_evidence(CaseKind.DISPUTE, summary)}
    for row in session.execute(select(col(DossierRow.json_sha256), col(DossierRow.pdf_sha256)).where(whose_dossier)):
        found |= set(row)
    return found


def _erase_records(session: Session, account_id: str, documents: Sequence[str]) -> None:
    rejected = _build_rejected_row_filter(session, account_id)
    refused = case((col(Message.state) == MessageState.REFUSED, ""), else_=col(Message.reason))
    blank = {"recipient": "", "subject": "", "content": b"", "reply": "", "details": {}, "reason": refused}
    refused_requests = and_(col(ContactRequest.account_id) == account_id, col(ContactRequest.state) == ContactRequestState.REFUSED)
    for statement in (
        update(ImportRow).where(rejected).values(cells=null(), reason=ERASED_ROW_REASON),
        delete(Contact).where(col(Contact.account_id) == account_id),
        delete(ExternalAccountRow).where(col(ExternalAccountRow.account_id) == account_id),
        update(WebhookCallRow).where(build_call_filter(session, account_id)).values(body=b""),
        delete(ExternalNoteRow).where(build_refused_note_filter(account_id)),
        update(Message).where(col(Message.account_id) == account_id).values(**blank),
        update(ContactRequest).where(refused_requests).values(reason=""),
        update(Note).where(col(Note.account_id) == account_id).values(text=""),
        update(AccountCall).where(col(AccountCall.account_id) == account_id).values(contact=""),
        update(Task).where(_build_worded_task_filter(account_id)).values(outcome=""),
        update(WaitingNoticeRow).where(_build_waiting_notice_filter(account_id)).values(details={}, state=WaitingNoticeState.OVERTAKEN),
        update(SetAsideRow).where(_build_set_aside_filter(account_id)).values(detail="", payload=null(), settled_at=datetime.now(UTC)),
        delete(Document).where(col(Document.sha256).in_(documents)),
        update(Account).where(col(Account.id) == account_id).values(name=account_id, number=""),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})


__all__ = ["AccountEraser", "AccountNotFoundError"]
