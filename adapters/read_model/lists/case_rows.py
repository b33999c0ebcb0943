"""The rows of the list of cases: cases, promises and tasks, each with whom it waits for, and who opened it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import and_, false, func, or_, select
from sqlmodel import Session, col

from adapters.billing.external_key import show_account
from adapters.database.row_states import AwaitedPart, TaskState
from adapters.database.tables import Account, Case, CaseAwaited, Invoice, JournalEntry, Task
from domain import identifiers as ids
from domain.approval.summary import ApprovalSummary
from domain.case.beginnings import list_opening_entries
from domain.case.case_view import TaskKind
from domain.case_summary import list_stated_amounts, parse_case_summary
from domain.digits import parse_digits
from domain.identifiers import CaseKind
from domain.invoice.escalation import find_answerable_escalation
from domain.journal.entry_kinds import EntryKind
from domain.money import Money

TASK_PREFIX, PROMISE_PREFIX = "task:", "promise:"
"""With which the keys of tasks and promises begin; those of cases are their ids."""

PROMISE = "promise"
"""A promise that an invoice waits for, among the kinds of cases and tasks."""


class ListedCase(BaseModel):
    """A case, a promise or a task. `kind`: a CaseKind, `promise` or a TaskKind; `stage` is a case's, or a task's state. `since`: since when
    it stands there, of a promise since it was first made; `due_on`: by when, or when something happens next. `opened_by` is None where the
    record does not name anybody. `amounts` in minor units."""

    model_config = ConfigDict(frozen=True)

    key: str
    kind: str
    account_id: str
    account_name: str
    account_number: str
    collector: str | None
    invoice_id: str | None
    invoice_number: str | None
    is_task: bool = False
    stage: str = ""
    is_open: bool
    roles: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    since: date | None
    due_on: date | None
    amounts: tuple[Money, ...] = ()
    opened_by: str | None = None
    opened_on: date | None = None


class _Opening(NamedTuple):
    by: str
    on: date
    act: str


_SUBJECT: tuple[Any, ...] = (
    col(Account.name).label("account_name"),
    col(Account.number).label("account_number"),
    col(Account.collector),
    col(Invoice.number),
    col(Invoice.currency),
    col(Invoice.open_balance),
)


def load_listed_cases(session: Session, keys: Sequence[str]) -> list[ListedCase]:
    """Load the rows of these keys, in their order."""
    tasks = [number for key in keys if key.startswith(TASK_PREFIX) and (number := parse_digits(key.removeprefix(TASK_PREFIX)))]
    cases = [key for key in keys if not key.startswith(TASK_PREFIX)]
    found = {row.key: row for row in (*_load_cases(session, cases), *_load_tasks(session, tasks))}
    return [found[key] for key in keys if key in found]


def _load_cases(session: Session, keys: Sequence[str]) -> list[ListedCase]:
    case_ids = {key.removeprefix(PROMISE_PREFIX) for key in keys}
    statement = (
        select(Case, *_SUBJECT)
        .outerjoin(Account, col(Account.id) == col(Case.account_id))
        .outerjoin(Invoice, col(Invoice.id) == col(Case.invoice_id))
        .where(col(Case.case_id).in_(case_ids))
    )
    known = {row.Case.case_id: row for row in session.execute(statement)}
    openings, awaited = _load_openings(session, known.values()), _load_awaited(session, case_ids)
    return [
        _build_promise(row, openings.get(case_id)) if key != case_id else _build_case(row, openings.get(case_id), awaited)
        for key in keys
        for case_id in [key.removeprefix(PROMISE_PREFIX)]
        if (row := known.get(case_id)) is not None
    ]


def _build_subject(row: Any) -> dict[str, Any]:
    about = row.Case
    return {
        "account_id": about.account_id,
        "account_name": row.account_name or "",
        "account_number": show_account(about.account_id, row.account_number),
        "collector": row.collector,
        "invoice_id": about.invoice_id,
        "invoice_number": row.number,
    }


def _build_promise(row: Any, made: _Opening | None) -> ListedCase:
    case = row.Case
    return ListedCase(
        **_build_subject(row),
        key=f"{PROMISE_PREFIX}{case.case_id}",
        kind=PROMISE,
        is_open=True,
        since=case.promised_on,
        due_on=case.promised_by,
        amounts=(Money(minor=case.promised_amount or 0, currency=row.currency),) if row.currency else (),
        opened_by=made.by if made else None,
        opened_on=made.on if made else None,
    )


def _build_case(row: Any, opening: _Opening | None, awaited: dict[tuple[str, str], list[str]]) -> ListedCase:
    """Who opened an approval is who asked for it. What an invoice comes to is what is open of it."""
    case = row.Case
    summary = parse_case_summary(case.kind, case.summary)
    is_invoice = case.kind == CaseKind.INVOICE
    if is_invoice:
        opening = None
    requester = summary.requester if isinstance(summary, ApprovalSummary) else ""
    open_balance = (Money(minor=row.open_balance, currency=row.currency),) if row.currency else ()
    return ListedCase(
        **_build_subject(row),
        key=case.case_id,
        kind=case.kind,
        stage=case.stage,
        is_open=case.outcome is None,
        roles=tuple(awaited[case.case_id, AwaitedPart.ROLE.value]),
        people=tuple(awaited[case.case_id, AwaitedPart.PERSON.value]),
        since=case.stage_since,
        due_on=case.next_on,
        amounts=open_balance if is_invoice else list_stated_amounts(summary),
        opened_by=requester or (opening.by if opening else None),
        opened_on=opening.on if opening else None,
    )


def _load_tasks(session: Session, task_ids: Sequence[int]) -> list[ListedCase]:
    statement = (
        select(Task, *_SUBJECT)
        .join(Account, col(Account.id) == col(Task.account_id))
        .outerjoin(Invoice, col(Invoice.id) == col(Task.invoice_id))
        .where(col(Task.id).in_(task_ids))
    )
    rows = session.execute(statement).all()
    raised = _load_escalations(session, {row.Task.invoice_id for row in rows if row.Task.kind == TaskKind.ESCALATION})
    return [_build_task(row, raised) for row in rows]


def _build_task(row: Any, raised: dict[str, _Opening]) -> ListedCase:
    task = row.Task
    opening = raised.get(find_answerable_escalation(task.key) or "") if task.kind == TaskKind.ESCALATION else None
    return ListedCase(
        key=f"{TASK_PREFIX}{task.id}",
        kind=task.kind,
        account_id=task.account_id,
        account_name=row.account_name,
        account_number=show_account(task.account_id, row.account_number),
        collector=row.collector,
        invoice_id=task.invoice_id,
        invoice_number=row.number,
        is_task=True,
        stage=task.state,
        is_open=task.state == TaskState.OPEN,
        roles=(task.role,) if task.state == TaskState.OPEN else (),
        people=(task.assignee,) if task.assignee and task.state == TaskState.OPEN else (),
        since=task.due_on,
        due_on=task.due_on,
        amounts=(Money(minor=row.open_balance, currency=row.currency),) if row.currency else (),
        opened_by=opening.by if opening else None,
        opened_on=opening.on if opening else None,
    )


def _load_awaited(session: Session, case_ids: Collection[str]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    statement = select(CaseAwaited).where(col(CaseAwaited.case_id).in_(case_ids)).order_by(col(CaseAwaited.name))
    for row in session.scalars(statement):
        found[row.case_id, row.part].append(row.name)
    return found


def _load_openings(session: Session, rows: Iterable[Any]) -> dict[str, _Opening]:
    """The entry by which each was opened, the last time; of an invoice's case, by which its promise was made."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_kind[row.Case.kind].append(row.Case.case_id)
    opening = [
        and_(col(JournalEntry.case_id).in_(case_ids), col(JournalEntry.kind).in_(_list_opening_kinds(kind)))
        for kind, case_ids in by_kind.items()
    ]
    latest = (
        select(col(JournalEntry.case_id), func.max(col(JournalEntry.seq)).label("seq"))
        .where(or_(false(), *opening))
        .group_by(col(JournalEntry.case_id))
        .subquery()
    )
    statement = select(JournalEntry).join(latest, (col(JournalEntry.case_id) == latest.c.case_id) & (col(JournalEntry.seq) == latest.c.seq))
    return {entry.case_id: _build_opening(entry) for entry in session.scalars(statement)}


def _list_opening_kinds(kind: str) -> list[str]:
    entry_kinds = {EntryKind.PROMISE_MADE} if kind == CaseKind.INVOICE else list_opening_entries(CaseKind(kind))
    return sorted(entry_kind.value for entry_kind in entry_kinds)


def _load_escalations(session: Session, invoice_ids: Collection[str | None]) -> dict[str, _Opening]:
    """Those that people made by hand of these invoices, by the id under which they are answered."""
    case_ids = [ids.invoice_case_id(each) for each in invoice_ids if each]
    statement = select(JournalEntry).where(col(JournalEntry.case_id).in_(case_ids), col(JournalEntry.kind) == EntryKind.ESCALATED.value)
    found = map(_build_opening, session.scalars(statement))
    return {opening.act: opening for opening in found if opening.act}


def _build_opening(entry: JournalEntry) -> _Opening:
    return _Opening(entry.actor, entry.business_at.date(), str(entry.facts.get("act") or ""))
