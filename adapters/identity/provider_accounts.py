"""Who an OpenID provider says somebody is, as a user of ours: known by the provider's own name for them, with the roles of their groups."""

from collections.abc import Collection

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import User
from adapters.identity.identity_events import ChangeAuthor
from adapters.identity.openid_provider import ProviderRefusedError, ProviderUser
from adapters.identity.users_and_tokens import IdentityStore
from domain.roles import Role, is_same_person


class NoRoleError(ProviderRefusedError):
    """The provider knows the person, and none of their groups gives a role."""


class ProviderAccounts:
    """Safe to share between threads. `mapped_roles`: those that groups give; the provider says who has them. Others are kept by hand."""

    def __init__(self, database: Database, identity: IdentityStore, mapped_roles: Collection[Role]) -> None:
        self._database, self._identity, self._mapped_roles = database, identity, frozenset(mapped_roles)

    def admit(self, person: ProviderUser, by: ChangeAuthor) -> str:
        """Return the user's name, with the roles of their groups and no longer those of groups that they left. Raises NoRoleError, and
        ProviderRefusedError for one who is deactivated or whose name is another one's."""
        with self._database.reading() as session:
            user = _find_user(session, person)
            known = (user.name, user.active, {Role(role) for role in user.roles}) if user else None
        if known is not None and not known[1]:
            raise ProviderRefusedError(f"{known[0]!r} is deactivated")
        name, held = (known[0], known[2]) if known else (person.name, set[Role]())
        for role in sorted((held & self._mapped_roles) - person.roles):
            self._identity.remove_role(name, role, by)
        if not person.roles and not held - self._mapped_roles:
            raise NoRoleError(f"{name!r} is in no group that gives a role")
        for role in sorted(person.roles - held):
            self._identity.add_user(name, role, by=by)
        self._bind(name, person)
        return name

    def _bind(self, name: str, person: ProviderUser) -> None:
        """From now on only this person of the provider is the user; what was not known of them is filled in."""
        with self._database.writing() as session:
            user = session.get_one(User, name)
            user.provider_subject = person.subject
            user.full_name, user.email = user.full_name or person.full_name, user.email or person.email
            session.add(user)


def _find_user(session: Session, person: ProviderUser) -> User | None:
    """By the provider's subject, else by name. Raises ProviderRefusedError for a name that belongs to another subject."""
    bound = session.scalars(select(User).where(col(User.provider_subject) == person.subject)).first()
    if bound is not None:
        return bound
    named = next((user for user in session.scalars(select(User)) if is_same_person(user.name, person.name)), None)
    if named is not None and named.provider_subject is not None:
        raise ProviderRefusedError(f"{named.name!r} is another person of the provider")
    return named
