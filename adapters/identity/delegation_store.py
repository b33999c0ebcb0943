"""Who may sign in whose place: the delegations that people have made, none of which is ever removed. Times are business time."""

from datetime import date, datetime

from sqlalchemy import func, or_, select, update
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import DelegationRow, User
from domain.approval.delegation import Delegation
from domain.roles import is_same_person

_PEOPLE_COLUMNS = (DelegationRow.made_by, DelegationRow.from_user, DelegationRow.to_user)


class StoredDelegation(Delegation):
    """With its trail: who made it, and who took it back, if anybody did."""

    made_by: str
    revoked_by: str | None = None
    revoked_at: datetime | None = None


class DelegationStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, delegation: Delegation, made_by: str) -> None:
        """Once by its id."""
        with self._database.writing() as session:
            session.execute(self._database.build_insert_or_ignore(DelegationRow).values(**_build_row(delegation), made_by=made_by))

    def revoke(self, delegation_id: str, by: str, at: datetime) -> None:
        """From now on it does not count. Whoever revoked it first stays named."""
        with self._database.writing() as session:
            session.execute(
                update(DelegationRow)
                .where(col(DelegationRow.delegation_id) == delegation_id, col(DelegationRow.revoked_at).is_(None))
                .values(revoked_by=by, revoked_at=at)
            )

    def get(self, delegation_id: str) -> StoredDelegation | None:
        with self._database.reading() as session:
            row = session.get(DelegationRow, delegation_id)
            return StoredDelegation.model_validate(row.model_dump()) if row else None

    def list_delegations(self, person: str | None = None) -> list[StoredDelegation]:
        """Past and revoked ones too, the latest to begin first; `of`: only those that this person made, gave or received."""
        statement = select(DelegationRow).order_by(col(DelegationRow.first_day).desc(), col(DelegationRow.delegation_id))
        if person is not None:
            mine = [func.lower(col(column)) == person.strip().lower() for column in _PEOPLE_COLUMNS]
            statement = statement.where(or_(*mine))
        with self._database.reading() as session:
            return [StoredDelegation.model_validate(row.model_dump()) for row in session.scalars(statement)]

    def list_active_for(self, user: str, day: date) -> list[Delegation]:
        """Those under which `user` may act for others on a business date."""
        return [delegation for delegation in self.list_active(day) if is_same_person(delegation.to_user, user)]

    def is_in_force(self, delegation: Delegation, day: date) -> bool:
        """Whether it was made so, is not revoked or over, and whoever gave it still has the role."""
        if delegation not in self.list_active(day):
            return False
        with self._database.reading() as session:
            giver = session.get(User, delegation.from_user)
            return giver is not None and giver.active and delegation.role.value in giver.roles

    def list_active(self, day: date) -> list[Delegation]:
        """Everybody's that stand on a business date."""
        statement = select(DelegationRow).where(col(DelegationRow.first_day) <= day, col(DelegationRow.last_day) >= day)
        statement = statement.where(col(DelegationRow.revoked_at).is_(None))
        with self._database.reading() as session:
            rows = session.scalars(statement.order_by(col(DelegationRow.delegation_id))).all()
            return [Delegation.model_validate(row.model_dump(include=set(Delegation.model_fields))) for row in rows]


def _build_row(delegation: Delegation) -> dict[str, object]:
    return {**delegation.model_dump(), "role": delegation.role.value}
