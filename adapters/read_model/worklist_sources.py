"""The three sources of the worklist, and the scales by which its money is weighed. Amounts in minor units."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import and_, exists, false, func, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from adapters.database.tables import Account, Case, Invoice, JournalEntry, MessageLine, Task
from domain.clock import start_of_day
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Fact
from domain.money import Money
from domain.portfolio.worklist_ranking import BROKEN_DAYS, OpenCase, Scales, Work, last_day, task_work, work_of
from domain.roles import Role, same_person

QUANTILES = 100
AT_ONCE = 500
CASE_KINDS = ("invoice", "dispute", "approval", "payment_plan", "suspension", "credit_review", "write_off")
BROKEN = (EntryKind.PROMISE_BROKEN.value, EntryKind.PROMISE_PARTLY_KEPT.value)
ANSWERS = (EntryKind.CALL_LOGGED.value, EntryKind.PROMISE_MADE.value)
"""By what a collector has seen to a broken promise."""


_ACCOUNT = (col(Account.name), col(Account.collector))
_INVOICE = (col(Invoice.number), col(Invoice.open_balance), col(Invoice.currency))
# columns, not objects: a list of thousands is read for every page
_TASKS = select(
    col(Task.id), col(Task.kind), col(Task.account_id), col(Task.invoice_id), col(Task.message_id), col(Task.role), col(Task.assignee),
    col(Task.due_on), *_ACCOUNT, *_INVOICE,
).join(Account, col(Account.id) == col(Task.account_id)).outerjoin(Invoice, col(Invoice.id) == col(Task.invoice_id))  # fmt: skip
_CASES = select(
    col(Case.case_id), col(Case.kind), col(Case.account_id), col(Case.invoice_id), col(Case.waiting_for), col(Case.next_step),
    col(Case.next_on), col(Case.awaiting_role), col(Case.promised_by), col(Case.promised_amount), col(Case.summary), *_ACCOUNT, *_INVOICE,
).join(Account, col(Account.id) == col(Case.account_id)).outerjoin(Invoice, col(Invoice.id) == col(Case.invoice_id))  # fmt: skip
_ENTRIES = select(
    col(JournalEntry.case_id), col(JournalEntry.seq), col(JournalEntry.business_at), col(JournalEntry.account_id),
    col(JournalEntry.invoice_id), col(JournalEntry.facts), *_ACCOUNT, *_INVOICE,
).join(Account, col(Account.id) == col(JournalEntry.account_id)).join(Invoice, col(Invoice.id) == col(JournalEntry.invoice_id))  # fmt: skip


class WorkItem(BaseModel):
    """One thing that waits, before it is ranked. `facts` are what its sentence speaks of, amounts among them in `currency`."""

    model_config = ConfigDict(frozen=True)

    id: str
    work: Work
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
    escalated: bool = False
    due_on: date | None = None
    at_risk: tuple[Money, ...] = ()
    facts: dict[str, Fact] = Field(default_factory=dict)
    currency: str | None = None


def read_scales(session: Session, collectors: Sequence[str] | None) -> Scales:
    """Of the open invoices of these collectors' accounts; None: of all. A hundred quantiles of each currency at most."""
    tile = func.ntile(QUANTILES).over(partition_by=col(Invoice.currency), order_by=col(Invoice.open_balance)).label("tile")
    opened = select(col(Invoice.currency).label("currency"), col(Invoice.open_balance).label("balance"), tile)
    opened = opened.where(col(Invoice.status) == "open")
    if collectors is not None:
        opened = opened.join(Account, col(Account.id) == col(Invoice.account_id)).where(col(Account.collector).in_(collectors))
    each = opened.subquery()
    largest = (
        select(each.c.currency, func.max(each.c.balance)).group_by(each.c.currency, each.c.tile).order_by(each.c.currency, each.c.tile)
    )
    balances: dict[str, list[int]] = {}
    for currency, balance in session.execute(largest):
        balances.setdefault(currency, []).append(int(balance))
    return Scales(balances=balances)


def read_tasks(session: Session, people: Sequence[str], roles: Sequence[Role], today: date) -> list[WorkItem]:
    """Open tasks that are due: those given to these people, and those given to nobody that are theirs by account or by role."""
    collectors = and_(col(Task.role) == Role.COLLECTOR.value, col(Account.collector).in_(people))
    unassigned = or_(collectors, col(Task.role).in_([role.value for role in roles]))
    theirs = or_(col(Task.assignee).in_(people), and_(col(Task.assignee).is_(None), unassigned))
    rows = session.execute(_TASKS.where(col(Task.state) == "open", col(Task.due_on) <= today, theirs)).all()
    letters = _owed_in_letters(session, {row.message_id for row in rows if row.message_id and not row.currency})
    balances = _owed_by_account(session, {row.account_id for row in rows if not row.message_id and not row.currency})
    return [
        WorkItem(
            id=f"task:{row.id}", work=task_work(row.kind), account_id=row.account_id, account_name=row.name, collector=row.collector,
            invoice_id=row.invoice_id, invoice_number=row.number, task_id=row.id, letter_id=row.message_id, role=row.role,
            assignee=row.assignee, due_on=row.due_on, facts={"role": row.role},
            at_risk=_owed(row) or letters.get(row.message_id, ()) or balances.get(row.account_id, ()),
        )
        for row in rows
    ]  # fmt: skip


def read_cases(session: Session, user: str, people: Sequence[str], roles: Sequence[Role], today: date) -> list[WorkItem]:
    """Open cases that wait for these people: as the account's collector, as the one who asked, or in one of the roles."""
    opened = _CASES.where(col(Case.outcome).is_(None))
    found: dict[str, Any] = {}
    for waits in (_for_collector(people, today), _for_askers_and_roles(people, roles)):
        found |= {row.case_id: row for row in session.execute(opened.where(waits))}
    rows = [row for row in found.values() if _is_for(row, user, people)]
    balances = _owed_by_account(session, {row.account_id for row in rows if not row.currency and not _stated(row.summary)})
    items = (_case_item(row, balances, today) for row in rows)
    return [item for item in items if item is not None]


def _for_collector(people: Sequence[str], today: date) -> Any:
    kind, waiting_for = col(Case.kind), col(Case.waiting_for)
    return and_(
        col(Account.collector).in_(people),
        or_(
            col(Case.awaiting_role) == Role.COLLECTOR.value,
            and_(kind == "invoice", col(Case.promised_by) <= today),
            and_(kind == "payment_plan", or_(waiting_for == "author", col(Case.next_step) == "grace_ends")),
            and_(kind == "suspension", waiting_for.in_(("requester", "address"))),
        ),
    )


def _for_askers_and_roles(people: Sequence[str], roles: Sequence[Role]) -> Any:
    """What came back to those who asked for it, and what waits for a role. An approval whose deadline was missed waits for two, which its
    summary names."""
    return or_(
        and_(col(Case.kind) == "payment_plan", col(Case.waiting_for) == "author", Case.summary["by"].as_string().in_(people)),
        and_(col(Case.kind) == "suspension", col(Case.waiting_for) == "requester", _names("askers", people)),
        and_(col(Case.kind).in_(CASE_KINDS), col(Case.awaiting_role).in_([role.value for role in roles])),
        and_(col(Case.kind) == "approval", _names("roles", [role.value for role in roles])),
    )


def _names(fact: str, wanted: Sequence[str]) -> Any:
    """A fact that lists words, parted by spaces, has one of these."""
    listed = " " + func.coalesce(Case.summary[fact].as_string(), "") + " "
    return or_(false(), *(listed.contains(f" {word} ", autoescape=True) for word in wanted))


def _is_for(case: Any, user: str, people: Sequence[str]) -> bool:
    """Nobody decides what they asked for or have signed, nor answers a dispute that a colleague was given and is in time for."""
    said = case.summary
    if case.kind == "approval":
        had_a_say = [str(said.get("requester") or ""), *str(said.get("signed_by") or "").split()]
        return not any(same_person(user, person) for person in had_a_say)
    if case.kind == "dispute" and said.get("assignee"):
        return bool(said.get("escalated")) or said["assignee"] in people
    return True


def _case_item(case: Any, balances: dict[str, tuple[Money, ...]], today: date) -> WorkItem | None:
    said = case.summary
    shown = OpenCase(
        kind=case.kind, waiting_for=case.waiting_for, next_step=case.next_step, next_on=case.next_on, awaiting_role=case.awaiting_role,
        promised_by=case.promised_by, lapses_on=said.get("lapses_on"),
    )  # fmt: skip
    work = work_of(shown, today)
    if work is None:
        return None
    facts: dict[str, Fact] = {"role": case.awaiting_role, "matter": said.get("matter")}
    if work is Work.PROMISE_DUE:
        facts |= {"amount": case.promised_amount, "by": str(case.promised_by)}
    if work is Work.DISPUTE:
        facts |= {"amount": said.get("contested", said.get("amount")), "dispute_reason": said.get("reason")}
    review_on = said.get("next_review_on") if work is Work.CREDIT_REVIEW else None
    return WorkItem(
        id=case.case_id, work=work, account_id=case.account_id, account_name=case.name, collector=case.collector,
        invoice_id=case.invoice_id, invoice_number=case.number, case_id=case.case_id, role=case.awaiting_role,
        assignee=said.get("assignee"), escalated=bool(said.get("escalated")),
        due_on=last_day(shown, work) or (date.fromisoformat(str(review_on)) if review_on else None),
        at_risk=_stated(said) or _owed(case) or balances.get(case.account_id, ()), facts=facts,
        currency=said.get("currency") or case.currency,
    )  # fmt: skip


def read_broken_promises(session: Session, people: Sequence[str], today: date) -> list[WorkItem]:
    """Of the last days, on invoices that are still open, unless the customer was spoken to or promised anew since."""
    answer = aliased(JournalEntry)
    answered = exists().where(
        col(answer.case_id) == col(JournalEntry.case_id), col(answer.seq) > col(JournalEntry.seq), col(answer.kind).in_(ANSWERS)
    )
    lately = col(JournalEntry.business_at) >= start_of_day(today - timedelta(days=BROKEN_DAYS))
    still_open = and_(col(Account.collector).in_(people), col(Invoice.status) == "open")
    statement = _ENTRIES.where(still_open, lately, col(JournalEntry.kind).in_(BROKEN), ~answered)
    return [_broken(row) for row in session.execute(statement)]


def _broken(entry: Any) -> WorkItem:
    broken_on = entry.business_at.date()
    said: dict[str, Fact] = {
        "amount": entry.facts.get("amount"), "on": broken_on.isoformat(), "received": entry.facts.get("received") or None
    }  # fmt: skip
    return WorkItem(
        id=f"broken:{entry.case_id}:{entry.seq}", work=Work.PROMISE_BROKEN, account_id=entry.account_id,
        account_name=entry.name, collector=entry.collector, invoice_id=entry.invoice_id, invoice_number=entry.number,
        case_id=entry.case_id, due_on=broken_on, at_risk=_owed(entry), facts=said, currency=entry.currency,
    )  # fmt: skip


def _stated(said: dict[str, Any]) -> tuple[Money, ...]:
    """The money that a case itself says it is about: what a dispute contests now, an approval or a plan is over, or an account owes by
    facts such as owed_EUR."""
    amount, currency = next((said[name] for name in ("contested", "amount", "debt") if name in said), None), said.get("currency")
    if isinstance(amount, int) and currency:
        return (Money(minor=amount, currency=currency),)
    owed = ((name.removeprefix("owed_"), minor) for name, minor in sorted(said.items()) if name.startswith("owed_"))
    return tuple(Money(minor=int(minor), currency=code) for code, minor in owed)


def _owed(row: Any) -> tuple[Money, ...]:
    """Of the invoice that a row is about, if it is about one."""
    return (Money(minor=row.open_balance, currency=row.currency),) if row.currency else ()


def _owed_by_account(session: Session, accounts: Collection[str]) -> dict[str, tuple[Money, ...]]:
    owed = select(col(Invoice.account_id), col(Invoice.currency), func.sum(col(Invoice.open_balance))).where(col(Invoice.status) == "open")
    return _sums(session, owed, col(Invoice.account_id), accounts)


def _owed_in_letters(session: Session, letters: Collection[int]) -> dict[int, tuple[Money, ...]]:
    """What is open now of the invoices in each letter."""
    lines = select(col(MessageLine.message_id), col(Invoice.currency), func.sum(col(Invoice.open_balance)))
    lines = lines.join(Invoice, col(Invoice.id) == col(MessageLine.invoice_id))
    return _sums(session, lines, col(MessageLine.message_id), letters)


def _sums(session: Session, statement: Any, key: Any, keys: Collection[Any]) -> dict[Any, tuple[Money, ...]]:
    found: dict[Any, tuple[Money, ...]] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), AT_ONCE):
        some = statement.where(key.in_(wanted[start : start + AT_ONCE])).group_by(key, col(Invoice.currency))
        for owner, currency, minor in session.execute(some):
            found[owner] = (*found.get(owner, ()), Money(minor=int(minor), currency=currency))
    return found
