"""What the page of one case shows beside its row: whom it waits for, its invoices, the approvals that it asked for, and its files."""

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, LargeBinary, func, select
from sqlmodel import col

from adapters.database.dispute_evidence import list_evidence
from adapters.database.engine import Database
from adapters.database.row_states import AwaitedPart
from adapters.database.tables import Case, CaseAwaited, Document
from adapters.media_types import SIGNATURE_LENGTH, ShownType, find_shown_type
from adapters.read_model.cases import CaseRow, find_case
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, list_invoices, load_invoice_rows
from domain.billing.billing_events import InvoiceStatus
from domain.case_summary import CaseSummary, list_summarised_invoices
from domain.credit_request.summary import CreditRequestSummary
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind, approval_case_id, find_case_kind
from domain.payment_plan.summary import PaymentPlanSummary
from domain.policy_adoption.summary import AdoptionSummary
from domain.suspension.summary import SuspensionSummary
from domain.write_off.summary import WriteOffSummary

MAX_INVOICES = 100
"""So many of an account's open invoices a credit review shows."""


class AwaitedNames(NamedTuple):
    """Who may act on a case now: people of these roles, and these people."""

    roles: tuple[str, ...]
    people: tuple[str, ...]


class AttachedFile(NamedTuple):
    """A stored file without its content; `size` in bytes, `stored_at` business time. `shown_as`: what a browser shows of it, by its own
    bytes."""

    sha256: str
    name: str
    size: int
    stored_by: str
    stored_at: datetime
    shown_as: ShownType | None = None


def find_case_by_id(database: Database, case_id: str) -> CaseRow | None:
    """Return the case, whatever its kind, which its id says."""
    kind = find_case_kind(case_id)
    return find_case(database, kind, case_id) if kind else None


def load_awaited_names(database: Database, case_id: str) -> AwaitedNames:
    statement = select(col(CaseAwaited.part), col(CaseAwaited.name)).where(col(CaseAwaited.case_id) == case_id)
    with database.reading() as session:
        rows = session.execute(statement.order_by(col(CaseAwaited.name))).all()
    roles, people = (tuple(row.name for row in rows if row.part == part) for part in (AwaitedPart.ROLE, AwaitedPart.PERSON))
    return AwaitedNames(roles, people)


def list_case_invoices(database: Database, case: CaseRow, today: date) -> list[InvoiceRow]:
    """The invoice that it is about, and those that it names; of a credit review, which is about the account, those that are open."""
    if case.kind == CaseKind.CREDIT_REVIEW:
        opened = InvoiceFilter(account=case.account_id, status=InvoiceStatus.OPEN)
        return list_invoices(database, opened, today, MAX_INVOICES, None)[0]
    ids = list(dict.fromkeys([*([case.invoice_id] if case.invoice_id else []), *list_summarised_invoices(case.summary)]))
    with database.reading() as session:
        return load_invoice_rows(session, ids)


def list_approvals_of_case(database: Database, case: CaseRow) -> list[CaseRow]:
    """The approvals that the case asked for, the last one first."""
    asked = (approval_case_id(case.case_id, number) for number in range(_count_approvals(case.summary), 0, -1))
    found = (find_case(database, CaseKind.APPROVAL, approval_id) for approval_id in asked)
    return [row for row in found if row]


def list_attached_files(database: Database, digests: Collection[str]) -> list[AttachedFile]:
    """The files of these SHA-256, the first stored first."""
    columns = (Document.sha256, Document.name, Document.size, Document.stored_by, Document.stored_at)
    beginning = func.substr(col(Document.content), 1, SIGNATURE_LENGTH, type_=LargeBinary)
    statement = select(*map(col, columns), beginning).where(col(Document.sha256).in_(list(digests)))
    with database.reading() as session:
        rows = session.execute(statement.order_by(col(Document.stored_at), col(Document.name))).all()
    return [
        AttachedFile(sha256, name, size, stored_by, stored_at, find_shown_type(bytes(first_bytes)))
        for sha256, name, size, stored_by, stored_at, first_bytes in rows
    ]


def list_invoice_files(database: Database, invoice_id: str) -> list[AttachedFile]:
    """What was attached to the disputes of the invoice, whether they are over or not."""
    return _list_dispute_files(database, col(Case.invoice_id) == invoice_id)


def list_dispute_files(database: Database, case_ids: Collection[str]) -> list[AttachedFile]:
    """What was attached to those of the cases that are disputes."""
    return _list_dispute_files(database, col(Case.case_id).in_(list(case_ids))) if case_ids else []


def _list_dispute_files(database: Database, which: ColumnElement[bool]) -> list[AttachedFile]:
    statement = select(col(Case.kind), col(Case.summary)).where(which, col(Case.kind) == CaseKind.DISPUTE)
    with database.reading() as session:
        digests = {digest for kind, summary in session.execute(statement) for digest in list_evidence(kind, summary)}
    return list_attached_files(database, digests) if digests else []


def _count_approvals(summary: CaseSummary) -> int:
    """Each revision of a plan asks for one."""
    match summary:
        case PaymentPlanSummary():
            return summary.revision
        case AdoptionSummary() | CreditRequestSummary() | DisputeSummary() | SuspensionSummary() | WriteOffSummary():
            return summary.approvals
    return 0
