"""The sources of the worklist, which is the page Today, and the scales by which its money is weighed. Amounts in minor units."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, exists, func, or_, select, text, union_all
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from adapters.cases.notes import load_escalation_remarks
from adapters.database.row_states import TaskState
from adapters.database.tables import BROKEN_PROMISES, Account, Case, Invoice, JournalEntry, Task
from adapters.database.written_values import write_value
from adapters.read_model.account_debts import load_balances_by_account, load_balances_by_letter
from adapters.read_model.awaited_cases import awaits_role_or_person
from adapters.read_model.called_invoices import CalledBalance, load_called_balances
from adapters.read_model.unreached_roles import UnreachedPerson, UnreachedRole, load_unreached_people, load_unreached_roles
from domain.approval.delegation import Delegation
from domain.approval.four_eyes import SigningAuthority
from domain.approval.summary import ApprovalSummary, choose_authority_over
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import TaskKind
from domain.case_summary import CaseSummary, list_stated_amounts, parse_case_summary
from domain.clock import start_of_day
from domain.credit_review.summary import CreditReviewSummary
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.invoice.escalation import find_answerable_escalation
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.money import Money
from domain.payment_plan.summary import PaymentPlanSummary
from domain.portfolio.worklist_ranking import (
    BROKEN_PROMISE_LISTED_DAYS,
    OpenCase,
    WorkKind,
    classify_case,
    classify_task,
    last_timely_day,
)
from domain.roles import Actor, Role

MAX_NAMED_CASES = 3
"""How many of the cases that wait for a role its item names."""

_IS_BROKEN_PROMISE = text(BROKEN_PROMISES.replace("kind", "journal.kind"))
ANSWERING_KINDS = (EntryKind.CALL_LOGGED.value, EntryKind.PROMISE_MADE.value)
"""By what a collector has seen to a broken promise."""

_Answer = aliased(JournalEntry)
_IS_ANSWERED = exists().where(
    col(_Answer.case_id) == col(JournalEntry.case_id), col(_Answer.seq) > col(JournalEntry.seq), col(_Answer.kind).in_(ANSWERING_KINDS)
)

_ACCOUNT_COLUMNS = (col(Account.name), col(Account.collector), col(Account.suspended_on))
_INVOICE_COLUMNS = (col(Invoice.number), col(Invoice.open_balance), col(Invoice.currency))
# columns, not objects: a list of thousands is read for every page
_SELECT_TASKS = (
    select(
        col(Task.id),
        col(Task.key),
        col(Task.kind),
        col(Task.account_id),
        col(Task.invoice_id),
        col(Task.message_id),
        col(Task.role),
        col(Task.assignee),
        col(Task.due_on),
        *_ACCOUNT_COLUMNS,
        *_INVOICE_COLUMNS,
    )
    .join(Account, col(Account.id) == col(Task.account_id))
    .outerjoin(Invoice, col(Invoice.id) == col(Task.invoice_id))
)
_SELECT_CALLS = (
    select(col(Task.id)).join(Account, col(Account.id) == col(Task.account_id)).where(col(Task.kind) == write_value(TaskKind.CALL))
)
_SELECT_CASES = (
    select(
        col(Case.case_id),
        col(Case.kind),
        col(Case.account_id),
        col(Case.invoice_id),
        col(Case.waiting_for),
        col(Case.next_step),
        col(Case.next_on),
        col(Case.awaiting_role),
        col(Case.promised_by),
        col(Case.promised_amount),
        col(Case.summary),
        *_ACCOUNT_COLUMNS,
        *_INVOICE_COLUMNS,
    )
    .outerjoin(Account, col(Account.id) == col(Case.account_id))  # of no account: the approval of a policy's adoption
    .outerjoin(Invoice, col(Invoice.id) == col(Case.invoice_id))
)
_SELECT_ENTRIES = (
    select(
        col(JournalEntry.case_id),
        col(JournalEntry.seq),
        col(JournalEntry.business_at),
        col(JournalEntry.account_id),
        col(JournalEntry.invoice_id),
        col(JournalEntry.facts),
        *_ACCOUNT_COLUMNS,
        *_INVOICE_COLUMNS,
    )
    .join(Account, col(Account.id) == col(JournalEntry.account_id))
    .join(Invoice, col(Invoice.id) == col(JournalEntry.invoice_id))
)

_CALLED_ABOUT_NOTHING = CalledBalance(0, ())
_COLLECTOR = func.coalesce(col(Account.collector), "")
"""Whose account a row is about, by no index: such rows are few. SQLite, which knows of no numbers, would begin with the index on collectors
and go through all that their accounts ever had."""


class WorkItem(NamedTuple):
    """One thing that waits, before it is ranked. `facts` are what its sentence speaks of, amounts among them in `currency`.

    `in_place_of`: by whose delegation the reader may decide it. `suspended_on`: since when the account's service is off.
    `escalation`: the id under which it is answered.
    """

    id: str
    work: WorkKind
    account_id: str
    account_name: str
    collector: str | None
    facts: dict[str, FactValue]
    invoice_id: str | None = None
    invoice_number: str | None = None
    case_id: str | None = None
    task_id: int | None = None
    letter_id: int | None = None
    role: str | None = None
    assignee: str | None = None
    in_place_of: str | None = None
    escalated: bool = False
    due_on: date | None = None
    at_risk: tuple[Money, ...] = ()
    currency: str | None = None
    suspended_on: date | None = None
    escalation: str | None = None


def list_task_items(
    session: Session, people: Sequence[str], roles: Sequence[Role], today: date, account_id: str | None = None
) -> list[WorkItem]:
    """Open tasks that are due: those given to these people, and those given to nobody that are theirs by account or by role.

    Here and below, with an `account_id`: of this account alone."""
    given, is_free = col(Task.assignee).in_(people), col(Task.assignee).is_(None)
    of_accounts = and_(is_free, col(Task.role) == write_value(Role.COLLECTOR), col(Account.collector).in_(people))
    of_roles = and_(is_free, col(Task.role).in_([role.value for role in roles]))
    theirs = [*([given, of_accounts] if people else []), *([of_roles] if roles else [])]
    due = (col(Task.state) == write_value(TaskState.OPEN), col(Task.due_on) <= today, *_of_account(col(Task.account_id), account_id))
    rows = _find_rows(session, _SELECT_TASKS.where(*due), theirs)
    letters = load_balances_by_letter(session, {row.message_id for row in rows if row.message_id and not row.currency})
    calls = union_all(*(_SELECT_CALLS.where(*due, alternative) for alternative in theirs))
    called = load_called_balances(session, calls) if any(row.kind == TaskKind.CALL for row in rows) else {}
    unknown = {row.account_id for row in rows if not row.message_id and not row.currency and row.id not in called}
    balances = load_balances_by_account(session, unknown)
    remarks = load_escalation_remarks(session, [row.key for row in rows if row.kind == TaskKind.ESCALATION])
    items = []
    for row in rows:
        call = called.get(row.id, _CALLED_ABOUT_NOTHING)
        at_risk = _build_open_balance(row) or letters.get(row.message_id, ()) or call.amounts or balances.get(row.account_id, ())
        items.append(_build_task_item(row, call.invoices, at_risk, remarks.get(row.key, {})))
    return items


def _build_task_item(row: Any, called: int, at_risk: tuple[Money, ...], remark: dict[str, FactValue]) -> WorkItem:
    """`called`: about how many invoices a call is; `remark`: what an escalation was said to be for."""
    return WorkItem(
        id=f"task:{row.id}",
        work=classify_task(row.kind),
        account_id=row.account_id,
        account_name=row.name,
        collector=row.collector,
        suspended_on=row.suspended_on,
        invoice_id=row.invoice_id,
        invoice_number=row.number,
        task_id=row.id,
        letter_id=row.message_id,
        role=row.role,
        assignee=row.assignee,
        due_on=row.due_on,
        facts={"role": row.role, "invoices": called or None, **remark},
        at_risk=at_risk,
        escalation=find_answerable_escalation(row.key) if row.kind == TaskKind.ESCALATION else None,
    )


def list_unreached_items(session: Session, delegations: Sequence[Delegation]) -> list[WorkItem]:
    """One item for each role in which nobody can be told of what waits for it, and for each user without an address of whom something
    waits to be told; however much that is."""
    roles, people = load_unreached_roles(session, delegations), load_unreached_people(session)
    return [
        *(_build_unreached_item(f"role:{each.role}", WorkKind.UNREACHED_ROLE, each, role=each.role, name=each.role) for each in roles),
        *(
            _build_unreached_item(f"person:{each.person}", WorkKind.UNREACHED_PERSON, each, person=each.person, notices=each.notices)
            for each in people
        ),
    ]


def _build_unreached_item(item_id: str, work: WorkKind, unreached: UnreachedRole | UnreachedPerson, **facts: Any) -> WorkItem:
    named = "\n".join(f"{case.case_id}\t{case.account_name}" for case in unreached.cases[:MAX_NAMED_CASES])
    facts |= {"cases": len(unreached.cases), "which": named, "more": max(len(unreached.cases) - MAX_NAMED_CASES, 0) or None}
    role = facts.get("role", Role.ADMIN).value
    return WorkItem(
        id=item_id,
        work=work,
        account_id="",
        account_name="",
        collector=None,
        role=role,
        due_on=unreached.since,
        facts={name: value.value if isinstance(value, Role) else value for name, value in facts.items()},
    )


class _ListedCase(NamedTuple):
    """A row of `_SELECT_CASES`, what its summary says, and how the reader may sign it, if it is an approval that they may."""

    row: Any
    summary: CaseSummary
    authority: SigningAuthority | None

    @property
    def stated_amounts(self) -> tuple[Money, ...]:
        return list_stated_amounts(self.summary)


def list_case_items(
    session: Session,
    reader: Actor,
    people: Sequence[str],
    roles: Sequence[Role],
    delegations: Sequence[Delegation],
    today: date,
    account_id: str | None = None,
) -> list[WorkItem]:
    """Open cases that wait for these people: as the account's collector, as the one who asked, or in one of the roles.

    An approval is the reader's only if they may sign it, in their own role or under one of their delegations.
    """
    opened = _SELECT_CASES.where(col(Case.outcome).is_(None), *_of_account(col(Case.account_id), account_id))
    theirs = [*([_waits_for_collector(people, today)] if people else []), awaits_role_or_person(roles, people)]
    rows = {row.case_id: row for row in _find_rows(session, opened, theirs)}
    parsed = (_parse_case(row, reader, delegations) for row in rows.values())
    cases = [case for case in parsed if _is_for_reader(case, people)]
    unstated = {case.row.account_id for case in cases if not case.row.currency and not case.stated_amounts}
    balances = load_balances_by_account(session, unstated)
    items = (_build_case_item(case, balances, today) for case in cases)
    return [item for item in items if item is not None]


def _waits_for_collector(people: Sequence[str], today: date) -> Any:
    """Each alternative has an index of its own; only an invoice's case has a promise."""
    kind, waiting_for = col(Case.kind), col(Case.waiting_for)
    return and_(
        _COLLECTOR.in_(people),
        or_(
            and_(kind.in_(list(map(write_value, CaseKind))), col(Case.awaiting_role) == write_value(Role.COLLECTOR)),
            col(Case.promised_by) <= today,
            and_(kind == write_value(CaseKind.PAYMENT_PLAN), or_(waiting_for == "author", col(Case.next_step) == "grace_ends")),
            and_(kind == write_value(CaseKind.SUSPENSION), waiting_for.in_(("requester", "address"))),
        ),
    )


def _parse_case(row: Any, reader: Actor, delegations: Sequence[Delegation]) -> _ListedCase:
    summary = parse_case_summary(row.kind, row.summary)
    authority = choose_authority_over(summary, reader, delegations) if isinstance(summary, ApprovalSummary) else None
    return _ListedCase(row, summary, authority)


def _is_for_reader(case: _ListedCase, people: Sequence[str]) -> bool:
    """Nobody answers a dispute that a colleague was given and is in time for."""
    match case.summary:
        case ApprovalSummary():
            return case.authority is not None
        case DisputeSummary(assignee=str(assignee), escalated=False) if assignee:
            return assignee in people
    return True


def _build_case_item(case: _ListedCase, balances: dict[str, tuple[Money, ...]], today: date) -> WorkItem | None:
    row, summary, stated = case.row, case.summary, case.stated_amounts
    shown = OpenCase(
        kind=row.kind,
        waiting_for=row.waiting_for,
        next_step=row.next_step,
        next_on=row.next_on,
        awaiting_role=row.awaiting_role,
        promised_by=row.promised_by,
        lapses_on=summary.lapses_on if isinstance(summary, PaymentPlanSummary) else None,
    )
    work = classify_case(shown, today)
    if work is None:
        return None
    review_on = summary.next_review_on if isinstance(summary, CreditReviewSummary) else None
    return WorkItem(
        id=row.case_id,
        work=work,
        account_id=row.account_id,
        account_name=row.name or "",
        collector=row.collector,
        suspended_on=row.suspended_on,
        invoice_id=row.invoice_id,
        invoice_number=row.number,
        case_id=row.case_id,
        role=row.awaiting_role,
        assignee=summary.assignee if isinstance(summary, DisputeSummary) else None,
        in_place_of=case.authority.on_behalf_of if case.authority else None,
        escalated=isinstance(summary, ApprovalSummary | DisputeSummary) and summary.escalated,
        due_on=last_timely_day(shown, work) or review_on,
        at_risk=stated or _build_open_balance(row) or balances.get(row.account_id, ()),
        facts=_build_case_facts(row, summary, work),
        currency=stated[0].currency if len(stated) == 1 else row.currency,
    )


def _build_case_facts(row: Any, summary: CaseSummary, work: WorkKind) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {"role": row.awaiting_role, "matter": summary.matter if isinstance(summary, ApprovalSummary) else None}
    if work is WorkKind.PROMISE_DUE:
        facts |= {"amount": row.promised_amount, "by": str(row.promised_by)}
    if isinstance(summary, DisputeSummary):
        facts |= {"amount": summary.contested, "dispute_reason": summary.reason}
    return facts


def list_broken_promise_items(session: Session, people: Sequence[str], today: date, account_id: str | None = None) -> list[WorkItem]:
    """Of the last days, on invoices that are still open, unless the customer was spoken to or promised anew since."""
    if not people:
        return []
    lately = col(JournalEntry.business_at) >= start_of_day(today - timedelta(days=BROKEN_PROMISE_LISTED_DAYS))
    theirs = (_COLLECTOR.in_(people), *_of_account(col(JournalEntry.account_id), account_id))
    still_open = and_(*theirs, col(Invoice.status) == InvoiceStatus.OPEN)
    statement = _SELECT_ENTRIES.where(still_open, lately, _IS_BROKEN_PROMISE, ~_IS_ANSWERED)
    return [_build_broken_promise_item(row) for row in session.execute(statement)]


def _build_broken_promise_item(entry: Any) -> WorkItem:
    broken_on = entry.business_at.date()
    facts: dict[str, FactValue] = {
        "amount": entry.facts.get("amount"),
        "on": broken_on.isoformat(),
        "received": entry.facts.get("received") or None,
    }
    return WorkItem(
        id=f"broken:{entry.case_id}:{entry.seq}",
        work=WorkKind.PROMISE_BROKEN,
        account_id=entry.account_id,
        account_name=entry.name,
        collector=entry.collector,
        suspended_on=entry.suspended_on,
        invoice_id=entry.invoice_id,
        invoice_number=entry.number,
        case_id=entry.case_id,
        due_on=broken_on,
        at_risk=_build_open_balance(entry),
        facts=facts,
        currency=entry.currency,
    )


def _find_rows(session: Session, statement: Any, alternatives: Iterable[Any]) -> list[Any]:
    """Those of which one of these is true. Each is asked for by itself: all in one, PostgreSQL looks for them among everything, or starts
    processes for it."""
    return [row for alternative in alternatives for row in session.execute(statement.where(alternative))]


def _of_account(column: Any, account_id: str | None) -> tuple[Any, ...]:
    return () if account_id is None else (column == account_id,)


def _build_open_balance(row: Any) -> tuple[Money, ...]:
    """Of the invoice that a row is about, if it is about one."""
    return (Money(minor=row.open_balance, currency=row.currency),) if row.currency else ()
