"""Cases other than the invoices' own, as lists show them, read from the read model."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, or_, select, tuple_
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Account, Case
from adapters.read_model.cursors import Place, paged, place_of
from domain.roles import Role


class CaseRow(BaseModel):
    """One case that is not an invoice's. `summary` says what is peculiar to its kind; amounts in minor units."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    kind: str
    account_id: str
    account_name: str
    invoice_id: str | None
    stage: str
    waiting_for: str
    awaiting_role: str | None
    next_step: str | None
    next_on: date | None
    outcome: str | None
    summary: dict[str, Any]


class CaseFilter(BaseModel):
    """What is None narrows nothing. `roles`: one of them may act now; `not_by`: this person neither asked nor signed."""

    kind: str
    open: bool | None = None
    invoice: str | None = None
    account: str | None = None
    roles: list[Role] | None = None
    not_by: str | None = None


def list_cases(database: Database, wanted: CaseFilter, limit: int, cursor: str | None) -> tuple[list[CaseRow], str | None]:
    """The nearest deadline first; what is over comes last."""
    due = func.coalesce(col(Case.next_on), date.max)
    statement = _filtered(_all().where(col(Case.kind) == wanted.kind), wanted).order_by(due, col(Case.case_id)).limit(limit + 1)
    if place := place_of(cursor, str, str):
        statement = statement.where(tuple_(due, col(Case.case_id)) > tuple_(date.fromisoformat(str(place[0])), str(place[1])))
    with database.reading() as session:
        rows, following = paged([_row(row) for row in session.execute(statement)], limit, _place)
        return list(rows), following


def read_case(database: Database, kind: str, case_id: str) -> CaseRow | None:
    with database.reading() as session:
        row = session.execute(_all().where(col(Case.kind) == kind, col(Case.case_id) == case_id)).first()
        return _row(row) if row else None


def _all() -> Any:
    return select(Case, col(Account.name)).join(Account, col(Account.id) == Case.account_id)


def _filtered(statement: Any, wanted: CaseFilter) -> Any:
    if wanted.open is not None:
        statement = statement.where(col(Case.outcome).is_(None) if wanted.open else col(Case.outcome).is_not(None))
    if wanted.invoice is not None:
        statement = statement.where(col(Case.invoice_id) == wanted.invoice)
    if wanted.account is not None:
        statement = statement.where(col(Case.account_id) == wanted.account)
    if wanted.roles is not None:
        named = " " + func.coalesce(_said("roles"), "") + " "
        statement = statement.where(
            or_(col(Case.awaiting_role).in_(wanted.roles), *(named.contains(f" {role} ", autoescape=True) for role in wanted.roles))
        )
    if wanted.not_by is not None:
        had_a_say = " " + func.coalesce(_said("signed_by"), "") + " "
        statement = statement.where(_said("requester") != wanted.not_by, ~had_a_say.contains(f" {wanted.not_by} ", autoescape=True))
    return statement


def _said(name: str) -> Any:
    return Case.summary[name].as_string()


def _row(row: Any) -> CaseRow:
    case, account_name = row
    return CaseRow(**case.model_dump(include=set(CaseRow.model_fields)), account_name=account_name)


def _place(row: CaseRow) -> Place:
    return (row.next_on or date.max).isoformat(), row.case_id
