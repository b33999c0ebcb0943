"""The list of cases: what is in dispute, promised, planned, to be approved, and the tasks that wait for people."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, String, cast, exists, func, literal, or_, select, text
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import AwaitedPart, TaskState
from adapters.database.tables import Account, Case, CaseAwaited, Invoice, Task
from adapters.read_model.lists.account_list import match_account, match_name
from adapters.read_model.lists.case_rows import PROMISE, PROMISE_PREFIX, TASK_PREFIX, ListedCase, load_listed_cases
from adapters.read_model.lists.keyset_pages import ListOrder, SortColumn, SortedSource, load_merged_page
from adapters.read_model.lists.list_totals import MAX_COUNTED, CurrencyTotal, ListTotals, count_rows, load_totals
from adapters.read_model.overview.waiting_figures import DISPUTE_AGE_LIMITS
from domain.case_summary import list_stated_amounts, parse_case_summary
from domain.identifiers import CaseKind, invoice_case_id
from domain.money import sum_by_currency
from domain.roles import Role

LISTED_KINDS = (
    CaseKind.DISPUTE,
    CaseKind.PAYMENT_PLAN,
    CaseKind.SUSPENSION,
    CaseKind.CREDIT_REVIEW,
    CaseKind.WRITE_OFF,
    CaseKind.CREDIT_REQUEST,
    CaseKind.APPROVAL,
    CaseKind.POLICY_ADOPTION,
)
MAX_SUMMED = 1_000
"""Of how many cases a list says what they come to: each tells it in its own way."""

_IS_LISTED = text("cases.kind != 'invoice'")
"""As the index of this list has it: no other statement says so in its text."""

_kind = func.coalesce(col(Case.kind), "")
"""In words that no index on kinds has: those find all cases of a kind, one by one, and leave them to be sorted."""


class CaseListFilter(BaseModel):
    """What is None narrows nothing. `kind`: one of LISTED_KINDS, `invoice` (those about which a person decides), PROMISE or a TaskKind;
    `stage`: a kind of case and its stage, parted by a dot. `role`, `person`: for whom it waits; a collector's task for its assignee or
    the account's collector. `is_late`: its day is over. `department` and `dispute_age` (as DISPUTE_AGE_LIMITS has it) are of disputes.
    `q`: a part of an account's name or number, or an invoice's whole number."""

    model_config = ConfigDict(frozen=True)

    q: str | None = None
    kind: str | None = None
    stage: str | None = None
    role: str | None = None
    person: str | None = None
    is_open: bool | None = True
    is_late: bool | None = None
    collector: str | None = None
    account: str | None = None
    department: str | None = None
    dispute_age: int | None = None

    @property
    def wants_cases(self) -> bool:
        return self.kind is None or self.kind in LISTED_KINDS

    @property
    def wants_invoices(self) -> bool:
        return self.kind in (None, CaseKind.INVOICE) and self.is_open is not False and not self._is_of_cases

    @property
    def wants_promises(self) -> bool:
        """Those that were kept or broken are told by the journal alone."""
        is_asked = self.kind in (None, PROMISE) and self.is_open is not False
        return is_asked and self.role is None and self.person is None and not self._is_of_cases

    @property
    def wants_tasks(self) -> bool:
        return self.kind not in (PROMISE, CaseKind.INVOICE, *LISTED_KINDS) and not self._is_of_cases

    @property
    def _is_of_cases(self) -> bool:
        """Something is asked for that promises, tasks and invoices do not have."""
        return self.stage is not None or self.department is not None or self.dispute_age is not None


class _Source(NamedTuple):
    """One table's share of the list: what tells its rows apart, and what the list is filtered and sorted by, in its own columns. `currency`
    and `amount`: of the list's row, as the table or its invoice has them."""

    name: str
    table: Any
    key: Any
    account_id: Any
    invoice_id: Any
    since: Any
    due: Any
    currency: Any = col(Invoice.currency)
    amount: Any = col(Invoice.open_balance)


_CASES = _Source(
    "cases",
    Case,
    col(Case.case_id),
    col(Case.account_id),
    col(Case.invoice_id),
    col(Case.stage_since),
    col(Case.next_on),
    col(Case.stated_currency),
    col(Case.stated_amount),
)
_INVOICES = _CASES._replace(name="invoices", currency=col(Invoice.currency), amount=col(Invoice.open_balance))
_PROMISES = _INVOICES._replace(
    name="promises",
    key=literal(PROMISE_PREFIX, String) + col(Case.case_id),
    since=func.coalesce(col(Case.promised_on), date.max),
    due=col(Case.promised_by),
    amount=col(Case.promised_amount),
)
_TASKS = _Source(
    "tasks",
    Task,
    literal(TASK_PREFIX, String) + cast(col(Task.id), String),
    col(Task.account_id),
    col(Task.invoice_id),
    col(Task.due_on),
    col(Task.due_on),
)


def list_case_page(
    database: Database, case_filter: CaseListFilter, sort: str, is_descending: bool, today: date, limit: int, cursor: str | None
) -> tuple[list[ListedCase], str | None]:
    """Sorted by `since`, `due`, `account`, or `amount` within its currency. What is due on no day comes last."""
    sources = [
        SortedSource(_join_for(sort, statement, source), ListOrder(sort, _sort_by(source, sort), is_descending))
        for source, statement in _build_sources(case_filter, today)
    ]
    if not sources:
        return [], None
    with database.reading() as session:
        keys, following = load_merged_page(session, sources, limit, cursor)
        return load_listed_cases(session, keys), following


def load_case_totals(database: Database, case_filter: CaseListFilter, today: date) -> ListTotals:
    """How many match; and where one kind is asked for, what they come to: sums of several would count the same money twice."""
    with database.reading() as session:
        sources = _build_sources(case_filter, today)
        count = sum(count_rows(session, statement) for _, statement in sources)
        if count > MAX_COUNTED:
            return ListTotals(count=MAX_COUNTED, is_more=True)
        if case_filter.kind is None or count == 0:
            return ListTotals(count=count)
        [(source, statement)] = sources
        if source.name == _CASES.name:
            return _sum_cases(session, statement, count)
        summed = load_totals(session, _select_amounts(source, statement), is_limited=True)
        return ListTotals(count=count, sums=summed.sums)


def _sum_cases(session: Session, matching: Select[Any], count: int) -> ListTotals:
    if count > MAX_SUMMED:
        return ListTotals(count=count)
    rows = session.execute(select(col(Case.kind), col(Case.summary)).where(col(Case.case_id).in_(matching)))
    summed = sum_by_currency(money for kind, summary in rows for money in list_stated_amounts(parse_case_summary(kind, summary)))
    return ListTotals(count=count, sums=tuple(CurrencyTotal(currency=each.currency, amount=each.minor) for each in summed))


def _select_amounts(source: _Source, matching: Select[Any]) -> Select[Any]:
    """What was promised; of others, what is open of the invoices that they are about."""
    shown: Any = matching.with_only_columns(source.currency, source.amount.label("amount"), literal(0).label("due"))
    joined: Select[Any] = shown.select_from(source.table).join(Invoice, col(Invoice.id) == source.invoice_id)
    return joined


def _build_sources(case_filter: CaseListFilter, today: date) -> list[tuple[_Source, Select[Any]]]:
    """Of each table that has a share in what is asked for, a statement that selects the keys of its rows that match."""
    found: list[tuple[_Source, Select[Any]]] = []
    if case_filter.wants_cases:
        found.append((_CASES, _filter_cases(case_filter, today)))
    if case_filter.wants_invoices:
        undecided = select(_INVOICES.key).where(_kind == CaseKind.INVOICE.value, col(Case.outcome).is_(None))
        found.append((_INVOICES, _await(undecided, case_filter, is_awaiting=True)))
    if case_filter.wants_promises:
        promised = select(_PROMISES.key).where(col(Case.promised_by).is_not(None), col(Case.outcome).is_(None))
        found.append((_PROMISES, promised))
    if case_filter.wants_tasks:
        found.append((_TASKS, _filter_tasks(case_filter)))
    return [(source, _narrow(statement, source, case_filter, today)) for source, statement in found]


def _filter_cases(case_filter: CaseListFilter, today: date) -> Select[Any]:
    statement = select(_CASES.key).where(_IS_LISTED)
    kinds = [case_filter.kind] if case_filter.kind else [kind.value for kind in LISTED_KINDS]
    if case_filter.department is not None or case_filter.dispute_age is not None:
        kinds = [CaseKind.DISPUTE.value]
    statement = statement.where(_kind.in_(kinds))
    if case_filter.is_open is not None:
        statement = statement.where(col(Case.outcome).is_(None) if case_filter.is_open else col(Case.outcome).is_not(None))
    if case_filter.stage is not None:
        kind, _, stage = case_filter.stage.partition(".")
        statement = statement.where(_kind == kind, func.coalesce(col(Case.stage), "") == stage)
    statement = _await(statement, case_filter)
    if case_filter.department is not None:
        statement = statement.where(Case.summary["department"].as_string() == case_filter.department)
    if case_filter.dispute_age is not None:
        statement = statement.where(*_bound_age(case_filter.dispute_age, today))
    return statement


def _await(statement: Select[Any], case_filter: CaseListFilter, is_awaiting: bool = False) -> Select[Any]:
    """Those that wait for whom is asked for; where `is_awaiting`, invoices' cases that wait for anybody at all: few do, and the database
    is to begin with those."""
    if is_awaiting and case_filter.role is None and case_filter.person is None:
        is_invoices = col(CaseAwaited.case_id).startswith(invoice_case_id(""), autoescape=True)
        return statement.where(col(Case.case_id).in_(select(col(CaseAwaited.case_id)).where(is_invoices)))
    for part, name in ((AwaitedPart.ROLE, case_filter.role), (AwaitedPart.PERSON, case_filter.person)):
        if name is not None:
            awaited = select(col(CaseAwaited.case_id)).where(col(CaseAwaited.part) == part.value, col(CaseAwaited.name) == name)
            statement = statement.where(col(Case.case_id).in_(awaited))
    return statement


def _bound_age(age: int, today: date) -> list[Any]:
    """Days are compared as they are written."""
    raised_on = Case.summary["raised_on"].as_string()
    bounds = []
    if age < len(DISPUTE_AGE_LIMITS):
        bounds.append(raised_on >= date.fromordinal(today.toordinal() - DISPUTE_AGE_LIMITS[age]).isoformat())
    if age:
        bounds.append(raised_on < date.fromordinal(today.toordinal() - DISPUTE_AGE_LIMITS[age - 1]).isoformat())
    return bounds


def _filter_tasks(case_filter: CaseListFilter) -> Select[Any]:
    statement = select(_TASKS.key)
    if case_filter.kind is not None:
        statement = statement.where(col(Task.kind) == case_filter.kind)
    if case_filter.is_open is not None:
        is_open = col(Task.state) == TaskState.OPEN.value
        statement = statement.where(is_open if case_filter.is_open else ~is_open)
    if case_filter.role is not None:
        statement = statement.where(col(Task.role) == case_filter.role)
    if case_filter.person is not None:
        collector = select(col(Account.collector)).where(col(Account.id) == col(Task.account_id)).scalar_subquery()
        person = func.coalesce(col(Task.assignee), collector)
        statement = statement.where(col(Task.role) == Role.COLLECTOR.value, match_name(person, case_filter.person))
    return statement


def _narrow(statement: Select[Any], source: _Source, case_filter: CaseListFilter, today: date) -> Select[Any]:
    """By what all of them have."""
    if case_filter.account is not None:
        statement = statement.where(source.account_id == case_filter.account)
    if case_filter.collector is not None:
        is_theirs = match_name(col(Account.collector), case_filter.collector)
        statement = statement.where(exists().where(col(Account.id) == source.account_id, is_theirs))
    if case_filter.is_late is not None:
        is_late = func.coalesce(source.due, date.max) < today
        statement = statement.where(is_late if case_filter.is_late else ~is_late)
    if case_filter.q:
        of_accounts = source.account_id.in_(select(col(Account.id)).where(match_account(case_filter.q)))
        of_invoices = source.invoice_id.in_(select(col(Invoice.id)).where(col(Invoice.number) == case_filter.q))
        statement = statement.where(or_(of_accounts, of_invoices))
    return statement


def _sort_by(source: _Source, sort: str) -> tuple[SortColumn, ...]:
    columns = {
        "since": (SortColumn(source.since, date),),
        "due": (SortColumn(func.coalesce(source.due, date.max), date),),
        "account": (SortColumn(func.coalesce(col(Account.name), ""), str),),
        "amount": (SortColumn(_or_else(source, source.currency, ""), str), SortColumn(_or_else(source, source.amount, 0), int)),
    }
    return *columns[sort], SortColumn(source.key, str)


def _or_else(source: _Source, column: Any, otherwise: str | int) -> Any:
    """A case always says what it states, and has an index on it; others may be about no invoice."""
    return column if source.name == _CASES.name else func.coalesce(column, otherwise)


def _join_for(sort: str, statement: Select[Any], source: _Source) -> Select[Any]:
    """With the table that has what the list is sorted by."""
    if sort == "account":
        return statement.select_from(source.table).outerjoin(Account, col(Account.id) == source.account_id)
    if sort == "amount" and source.name != _CASES.name:
        return statement.select_from(source.table).outerjoin(Invoice, col(Invoice.id) == source.invoice_id)
    return statement


def list_awaited_people(database: Database) -> Sequence[str]:
    """Those for whom any case waits."""
    with database.reading() as session:
        named = select(col(CaseAwaited.name)).where(col(CaseAwaited.part) == AwaitedPart.PERSON.value).distinct()
        return sorted(session.scalars(named))
