"""Which cases wait for whom, asked of the table that says so."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, or_, select
from sqlmodel import col

from adapters.database.row_states import AwaitedPart
from adapters.database.tables import Case, CaseAwaited
from domain.roles import Role


def awaits_role(roles: Collection[Role]) -> ColumnElement[bool]:
    """People of one of these roles may act on the case now."""
    return _is_among(_has_name(AwaitedPart.ROLE, [role.value for role in roles]))


def awaits_role_or_person(roles: Collection[Role], people: Collection[str]) -> ColumnElement[bool]:
    """People of one of these roles, or one of these people themselves, may act on the case now."""
    return _is_among(or_(_has_name(AwaitedPart.ROLE, [role.value for role in roles]), _has_name(AwaitedPart.PERSON, people)))


def _has_name(part: AwaitedPart, names: Collection[str]) -> ColumnElement[bool]:
    return and_(col(CaseAwaited.part) == part.value, col(CaseAwaited.name).in_(list(names)))


def _is_among(rows: ColumnElement[bool]) -> ColumnElement[bool]:
    return col(Case.case_id).in_(select(col(CaseAwaited.case_id)).where(rows))
