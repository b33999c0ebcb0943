"""The three sources of the worklist, and the scales by which its money is weighed. Amounts in minor units."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, exists, false, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from adapters.database.row_states import TaskState
from adapters.database.tables import Account, Case, Invoice, JournalEntry, MessageLine, Task
from domain.approval.delegation import Delegation
from domain.approval.four_eyes import SigningAuthority
from domain.approval.view import choose_authority_over
from domain.billing.billing_events import InvoiceStatus
from domain.clock import start_of_day
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import FactValue
from domain.money import Money
from domain.portfolio.worklist_ranking import (
    BROKEN_PROMISE_LISTED_DAYS,
    BalanceDistribution,
    OpenCase,
    WorkKind,
    classify_case,
    classify_task,
    last_timely_day,
)
from domain.roles import Actor, Role

QUANTILES = 100
BATCH_SIZE = 500
CASE_KINDS = (
    CaseKind.INVOICE,
    CaseKind.DISPUTE,
    CaseKind.APPROVAL,
    CaseKind.PAYMENT_PLAN,
    CaseKind.SUSPENSION,
    CaseKind.CREDIT_REVIEW,
    CaseKind.WRITE_OFF,
)
BROKEN_PROMISE_KINDS = (EntryKind.PROMISE_BROKEN.value, EntryKind.PROMISE_PARTLY_KEPT.value)
ANSWERING_KINDS = (EntryKind.CALL_LOGGED.value, EntryKind.PROMISE_MADE.value)
"""By what a collector has seen to a broken promise."""


_ACCOUNT_COLUMNS = (col(Account.name), col(Account.collector))
_INVOICE_COLUMNS = (col(Invoice.number), col(Invoice.open_balance), col(Invoice.currency))
# columns, not objects: a list of thousands is read for every page
_SELECT_TASKS = (
    select(
        col(Task.id),
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
    .join(Account, col(Account.id) == col(Case.account_id))
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


class WorkItem(BaseModel):
    """One thing that waits, before it is ranked. `facts` are what its sentence speaks of, amounts among them in `currency`.

    `in_place_of`: by whose delegation the reader may decide it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    work: WorkKind
    account_id: str
    account_name: str
    collector: str | None
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
    facts: dict[str, FactValue] = Field(default_factory=dict)
    currency: str | None = None


def load_scales(session: Session, collectors: Sequence[str] | None) -> BalanceDistribution:
    """Of the open invoices of these collectors' accounts; None: of all. A hundred quantiles of each currency at most."""
    tile = func.ntile(QUANTILES).over(partition_by=col(Invoice.currency), order_by=col(Invoice.open_balance)).label("tile")
    opened = select(col(Invoice.currency).label("currency"), col(Invoice.open_balance).label("balance"), tile)
    opened = opened.where(col(Invoice.status) == InvoiceStatus.OPEN)
    if collectors is not None:
        opened = opened.join(Account, col(Account.id) == col(Invoice.account_id)).where(col(Account.collector).in_(collectors))
    each = opened.subquery()
    largest = (
        select(each.c.currency, func.max(each.c.balance)).group_by(each.c.currency, each.c.tile).order_by(each.c.currency, each.c.tile)
    )
    balances: dict[str, list[int]] = {}
    for currency, balance in session.execute(largest):
        balances.setdefault(currency, []).append(int(balance))
    return BalanceDistribution(balances=balances)


def list_task_items(session: Session, people: Sequence[str], roles: Sequence[Role], today: date) -> list[WorkItem]:
    """Open tasks that are due: those given to these people, and those given to nobody that are theirs by account or by role."""
    collectors = and_(col(Task.role) == Role.COLLECTOR.value, col(Account.collector).in_(people))
    unassigned = or_(collectors, col(Task.role).in_([role.value for role in roles]))
    theirs = or_(col(Task.assignee).in_(people), and_(col(Task.assignee).is_(None), unassigned))
    rows = session.execute(_SELECT_TASKS.where(col(Task.state) == TaskState.OPEN, col(Task.due_on) <= today, theirs)).all()
    letters = _load_balances_by_letter(session, {row.message_id for row in rows if row.message_id and not row.currency})
    balances = _load_balances_by_account(session, {row.account_id for row in rows if not row.message_id and not row.currency})
    return [
        WorkItem(
            id=f"task:{row.id}",
            work=classify_task(row.kind),
            account_id=row.account_id,
            account_name=row.name,
            collector=row.collector,
            invoice_id=row.invoice_id,
            invoice_number=row.number,
            task_id=row.id,
            letter_id=row.message_id,
            role=row.role,
            assignee=row.assignee,
            due_on=row.due_on,
            facts={"role": row.role},
            at_risk=_build_open_balance(row) or letters.get(row.message_id, ()) or balances.get(row.account_id, ()),
        )
        for row in rows
    ]


def list_case_items(
    session: Session, reader: Actor, people: Sequence[str], roles: Sequence[Role], delegations: Sequence[Delegation], today: date
) -> list[WorkItem]:
    """Open cases that wait for these people: as the account's collector, as the one who asked, or in one of the roles.

    An approval is the reader's only if they may sign it, in their own role or under one of their delegations.
    """
    opened = _SELECT_CASES.where(col(Case.outcome).is_(None))
    found: dict[str, Any] = {}
    for waits in (_waits_for_collector(people, today), _waits_for_askers_or_roles(people, roles)):
        found |= {row.case_id: row for row in session.execute(opened.where(waits))}
    authorities = {row.case_id: choose_authority_over(row.summary, reader, delegations) for row in found.values() if _is_approval(row)}
    rows = [row for row in found.values() if (authorities[row.case_id] if _is_approval(row) else _is_for_colleagues(row, people))]
    balances = _load_balances_by_account(
        session, {row.account_id for row in rows if not row.currency and not _parse_stated_amounts(row.summary)}
    )
    items = (_build_case_item(row, balances, today, authorities.get(row.case_id)) for row in rows)
    return [item for item in items if item is not None]


def _waits_for_collector(people: Sequence[str], today: date) -> Any:
    kind, waiting_for = col(Case.kind), col(Case.waiting_for)
    return and_(
        col(Account.collector).in_(people),
        or_(
            col(Case.awaiting_role) == Role.COLLECTOR.value,
            and_(kind == CaseKind.INVOICE, col(Case.promised_by) <= today),
            and_(kind == CaseKind.PAYMENT_PLAN, or_(waiting_for == "author", col(Case.next_step) == "grace_ends")),
            and_(kind == CaseKind.SUSPENSION, waiting_for.in_(("requester", "address"))),
        ),
    )


def _waits_for_askers_or_roles(people: Sequence[str], roles: Sequence[Role]) -> Any:
    """What came back to those who asked for it, and what waits for a role. An approval whose deadline was missed waits for two, which its
    summary names."""
    return or_(
        and_(col(Case.kind) == CaseKind.PAYMENT_PLAN, col(Case.waiting_for) == "author", Case.summary["by"].as_string().in_(people)),
        and_(col(Case.kind) == CaseKind.SUSPENSION, col(Case.waiting_for) == "requester", _lists_any_word("askers", people)),
        and_(col(Case.kind).in_(CASE_KINDS), col(Case.awaiting_role).in_([role.value for role in roles])),
        and_(col(Case.kind) == CaseKind.APPROVAL, _lists_any_word("roles", [role.value for role in roles])),
    )


def _lists_any_word(summary_key: str, wanted: Sequence[str]) -> Any:
    """A fact that lists words, parted by spaces, has one of these."""
    listed = " " + func.coalesce(Case.summary[summary_key].as_string(), "") + " "
    return or_(false(), *(listed.contains(f" {word} ", autoescape=True) for word in wanted))


def _is_approval(case: Any) -> bool:
    return bool(case.kind == CaseKind.APPROVAL)


def _is_for_colleagues(case: Any, people: Sequence[str]) -> bool:
    """Nobody answers a dispute that a colleague was given and is in time for."""
    said = case.summary
    if case.kind == CaseKind.DISPUTE and said.get("assignee"):
        return bool(said.get("escalated")) or said["assignee"] in people
    return True


def _build_case_item(case: Any, balances: dict[str, tuple[Money, ...]], today: date, authority: SigningAuthority | None) -> WorkItem | None:
    said = case.summary
    shown = OpenCase(
        kind=case.kind,
        waiting_for=case.waiting_for,
        next_step=case.next_step,
        next_on=case.next_on,
        awaiting_role=case.awaiting_role,
        promised_by=case.promised_by,
        lapses_on=said.get("lapses_on"),
    )
    work = classify_case(shown, today)
    if work is None:
        return None
    facts: dict[str, FactValue] = {"role": case.awaiting_role, "matter": said.get("matter")}
    if work is WorkKind.PROMISE_DUE:
        facts |= {"amount": case.promised_amount, "by": str(case.promised_by)}
    if work is WorkKind.DISPUTE:
        facts |= {"amount": said.get("contested", said.get("amount")), "dispute_reason": said.get("reason")}
    review_on = said.get("next_review_on") if work is WorkKind.CREDIT_REVIEW else None
    return WorkItem(
        id=case.case_id,
        work=work,
        account_id=case.account_id,
        account_name=case.name,
        collector=case.collector,
        invoice_id=case.invoice_id,
        invoice_number=case.number,
        case_id=case.case_id,
        role=case.awaiting_role,
        assignee=said.get("assignee"),
        in_place_of=authority.on_behalf_of if authority else None,
        escalated=bool(said.get("escalated")),
        due_on=last_timely_day(shown, work) or (date.fromisoformat(str(review_on)) if review_on else None),
        at_risk=_parse_stated_amounts(said) or _build_open_balance(case) or balances.get(case.account_id, ()),
        facts=facts,
        currency=said.get("currency") or case.currency,
    )


def list_broken_promise_items(session: Session, people: Sequence[str], today: date) -> list[WorkItem]:
    """Of the last days, on invoices that are still open, unless the customer was spoken to or promised anew since."""
    answer = aliased(JournalEntry)
    answered = exists().where(
        col(answer.case_id) == col(JournalEntry.case_id), col(answer.seq) > col(JournalEntry.seq), col(answer.kind).in_(ANSWERING_KINDS)
    )
    lately = col(JournalEntry.business_at) >= start_of_day(today - timedelta(days=BROKEN_PROMISE_LISTED_DAYS))
    still_open = and_(col(Account.collector).in_(people), col(Invoice.status) == InvoiceStatus.OPEN)
    statement = _SELECT_ENTRIES.where(still_open, lately, col(JournalEntry.kind).in_(BROKEN_PROMISE_KINDS), ~answered)
    return [_build_broken_promise_item(row) for row in session.execute(statement)]


def _build_broken_promise_item(entry: Any) -> WorkItem:
    broken_on = entry.business_at.date()
    said: dict[str, FactValue] = {
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
        invoice_id=entry.invoice_id,
        invoice_number=entry.number,
        case_id=entry.case_id,
        due_on=broken_on,
        at_risk=_build_open_balance(entry),
        facts=said,
        currency=entry.currency,
    )


def _parse_stated_amounts(summary: dict[str, Any]) -> tuple[Money, ...]:
    """The money that a case itself says it is about: what a dispute contests now, an approval or a plan is over, or an account owes by
    facts such as owed_EUR."""
    amount, currency = next((summary[name] for name in ("contested", "amount", "debt") if name in summary), None), summary.get("currency")
    if isinstance(amount, int) and currency:
        return (Money(minor=amount, currency=currency),)
    owed = ((name.removeprefix("owed_"), minor) for name, minor in sorted(summary.items()) if name.startswith("owed_"))
    return tuple(Money(minor=int(minor), currency=code) for code, minor in owed)


def _build_open_balance(row: Any) -> tuple[Money, ...]:
    """Of the invoice that a row is about, if it is about one."""
    return (Money(minor=row.open_balance, currency=row.currency),) if row.currency else ()


def _load_balances_by_account(session: Session, accounts: Collection[str]) -> dict[str, tuple[Money, ...]]:
    owed = select(col(Invoice.account_id), col(Invoice.currency), func.sum(col(Invoice.open_balance))).where(
        col(Invoice.status) == InvoiceStatus.OPEN
    )
    return _sum_open_balances(session, owed, col(Invoice.account_id), accounts)


def _load_balances_by_letter(session: Session, letters: Collection[int]) -> dict[int, tuple[Money, ...]]:
    """What is open now of the invoices in each letter."""
    lines = select(col(MessageLine.message_id), col(Invoice.currency), func.sum(col(Invoice.open_balance)))
    lines = lines.join(Invoice, col(Invoice.id) == col(MessageLine.invoice_id))
    return _sum_open_balances(session, lines, col(MessageLine.message_id), letters)


def _sum_open_balances(session: Session, statement: Any, key: Any, keys: Collection[Any]) -> dict[Any, tuple[Money, ...]]:
    found: dict[Any, tuple[Money, ...]] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), BATCH_SIZE):
        some = statement.where(key.in_(wanted[start : start + BATCH_SIZE])).group_by(key, col(Invoice.currency))
        for owner, currency, minor in session.execute(some):
            found[owner] = (*found.get(owner, ()), Money(minor=int(minor), currency=currency))
    return found
