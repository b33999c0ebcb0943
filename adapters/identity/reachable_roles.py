"""In which roles somebody can be told something: whoever has one and an address, and for approvals whoever may sign in their place."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.tables import User
from domain.approval.delegation import Delegation
from domain.roles import Role


class ReachableRoles(NamedTuple):
    """`held`: somebody with an address has the role. `delegated`: somebody with an address may sign approvals in it by delegation."""

    held: frozenset[Role]
    delegated: frozenset[Role]

    @property
    def unheld(self) -> list[Role]:
        return [role for role in Role if role not in self.held]

    def reach(self, role: Role, for_approval: bool) -> bool:
        return role in self.held or (for_approval and role in self.delegated)


def load_reachable_roles(session: Session, delegations: Iterable[Delegation]) -> ReachableRoles:
    """`delegations` are those that are active."""
    users = session.execute(select(col(User.name), col(User.email), col(User.roles)).where(col(User.active))).all()
    roles = {user.name: {Role(role) for role in user.roles} for user in users}
    addressed = {user.name for user in users if user.email}
    held = frozenset(role for name in addressed for role in roles[name])
    delegated = frozenset(
        given.role for given in delegations if given.to_user in addressed and given.role in roles.get(given.from_user, set())
    )
    return ReachableRoles(held, delegated)
