"""Cases other than the invoices' own, as lists show them, read from the read model."""

from collections.abc import Callable, Iterable
from datetime import date
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, tuple_
from sqlmodel import col

from adapters.billing.external_key import show_account
from adapters.database.engine import Database
from adapters.database.tables import Account, Case
from adapters.read_model.awaited_cases import awaits_role
from adapters.read_model.cursors import CursorPosition, decode_cursor, paginate_rows
from domain.case_summary import CaseSummary, parse_case_summary
from domain.identifiers import CaseKind
from domain.roles import Role

SummaryModel = TypeVar("SummaryModel", bound=BaseModel)


class CaseRow(BaseModel):
    """One case that is not an invoice's. `summary` says what is peculiar to its kind; amounts in minor units."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    kind: str
    account_id: str
    account_name: str
    account_number: str = ""
    invoice_id: str | None
    stage: str
    waiting_for: str
    awaiting_role: str | None
    next_step: str | None
    next_on: date | None
    outcome: str | None
    summary: CaseSummary

    def summary_of(self, model: type[SummaryModel]) -> SummaryModel:
        """Raises TypeError when the case is of another kind."""
        if not isinstance(self.summary, model):
            raise TypeError(f"the case {self.case_id} has no {model.__name__}: it is of the kind {self.kind}")
        return self.summary


_CASE_FIELDS = tuple(name for name in CaseRow.model_fields if name in Case.model_fields)
_CASE_COLUMNS = tuple(getattr(Case, name) for name in _CASE_FIELDS)


class CaseFilter(BaseModel):
    """What is None narrows nothing. `roles`: one of them may act now."""

    kind: CaseKind
    open: bool | None = None
    invoice: str | None = None
    account: str | None = None
    roles: list[Role] | None = None


def list_cases(
    database: Database, case_filter: CaseFilter, limit: int, cursor: str | None, is_wanted: Callable[[CaseRow], bool] | None = None
) -> tuple[list[CaseRow], str | None]:
    """The nearest deadline first; what is over comes last. `is_wanted` decides about a row by rules that no query knows: then
    they are read until there are enough of them."""
    due = func.coalesce(col(Case.next_on), date.max)
    statement = _filter_cases(_select_cases().where(col(Case.kind) == case_filter.kind), case_filter).order_by(due, col(Case.case_id))
    statement = statement.execution_options(yield_per=limit + 1) if is_wanted else statement.limit(limit + 1)
    if place := decode_cursor(cursor, date, str):
        statement = statement.where(tuple_(due, col(Case.case_id)) > tuple_(*place))
    with database.reading() as session:
        wanted_rows = filter(is_wanted, map(_build_case_row, session.execute(statement)))
        rows, following = paginate_rows(list(islice(wanted_rows, limit + 1)), limit, _cursor_position)
        return list(rows), following


def list_account_cases(database: Database, account_id: str, kinds: Iterable[CaseKind], limit: int) -> list[CaseRow]:
    """An account's, in the order of the kinds, of each at most `limit`, the nearest deadline first."""
    found: dict[str, list[CaseRow]] = {kind.value: [] for kind in kinds}
    opened = _select_cases().where(col(Case.account_id) == account_id, col(Case.kind).in_(found), col(Case.outcome).is_(None))
    with database.reading() as session:
        for row in session.execute(opened.order_by(func.coalesce(col(Case.next_on), date.max), col(Case.case_id))):
            if len(of_kind := found[row.kind]) < limit:
                of_kind.append(_build_case_row(row))
    return [case for of_kind in found.values() for case in of_kind]


def find_case(database: Database, kind: CaseKind, case_id: str) -> CaseRow | None:
    with database.reading() as session:
        row = session.execute(_select_cases().where(col(Case.kind) == kind, col(Case.case_id) == case_id)).first()
        return _build_case_row(row) if row else None


def _select_cases() -> Any:
    """Every case, also those of no account, such as the adoption of a policy and its approval: their account's name is empty."""
    return select(*_CASE_COLUMNS, col(Account.name), col(Account.number)).outerjoin(Account, col(Account.id) == Case.account_id)


def _filter_cases(statement: Any, case_filter: CaseFilter) -> Any:
    if case_filter.open is not None:
        statement = statement.where(col(Case.outcome).is_(None) if case_filter.open else col(Case.outcome).is_not(None))
    if case_filter.invoice is not None:
        statement = statement.where(col(Case.invoice_id) == case_filter.invoice)
    if case_filter.account is not None:
        statement = statement.where(col(Case.account_id) == case_filter.account)
    if case_filter.roles is not None:
        statement = statement.where(awaits_role(case_filter.roles))
    return statement


def _build_case_row(row: Any) -> CaseRow:
    """Without validating what the database has just said."""
    *plain, account_name, number = row
    known: dict[str, Any] = dict(zip(_CASE_FIELDS, plain, strict=True))
    known |= {"summary": parse_case_summary(row.kind, row.summary)}
    known |= {"account_name": account_name or "", "account_number": show_account(row.account_id, number)}
    return CaseRow.model_construct(**known)


def _cursor_position(row: CaseRow) -> CursorPosition:
    return (row.next_on or date.max).isoformat(), row.case_id
