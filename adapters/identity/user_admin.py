"""What an administrator does to users and tokens, and what the lists of them show. Real time, UTC."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.row_states import IdentityEventKind, TaskState, TokenKind
from adapters.database.tables import Account, Task, Token, User
from adapters.identity.identity_events import ChangeAuthor, record_identity_event
from adapters.identity.sessions import ID_LENGTH, find_by_id
from adapters.identity.users_and_tokens import IdentityStore, UnknownUserError, require_user
from domain.errors import UserError
from domain.roles import Role, is_same_person

MAX_TOKENS = 1_000


class UserKnownError(UserError):
    """A new user whose name is somebody's."""

    title = "There is such a user"
    status = 409
    problem_type = "refused"


class UserChangeRefusedError(UserError):
    """A change of users that would leave nobody to change them, or that people must not make for themselves."""

    title = "This change of users is refused"
    status = 409
    problem_type = "refused"


class UnknownTokenError(UserError):
    """No such token."""

    title = "There is no such token"
    status = 404
    problem_type = "not-found"


class UserDetails(NamedTuple):
    """How a user is called and reached. Customers answer to a collector's address and number."""

    full_name: str = ""
    email: str = ""
    phone: str = ""
    language: str | None = None
    time_zone: str = ""


class UserWork(NamedTuple):
    """What is a user's: accounts, and open tasks that are given to them by name or through their accounts."""

    accounts: int
    open_tasks: int


class KnownToken(NamedTuple):
    """A token that is good, as a list shows it. `id` is no secret; `expires_at` None: it does not expire."""

    id: str
    user: str
    role: Role
    created_at: datetime
    expires_at: datetime | None


class UserAdmin:
    """Safe to share between threads."""

    def __init__(self, database: Database, identity: IdentityStore) -> None:
        self._database, self._identity = database, identity

    def add_user(self, name: str, role: Role, details: UserDetails, by: ChangeAuthor) -> None:
        """Raises UserKnownError: names that differ in their case alone are one person's."""
        with self._database.reading() as session:
            taken = next((known for known in session.scalars(select(col(User.name))) if is_same_person(known, name)), None)
        if taken is not None:
            raise UserKnownError(f"{taken!r} is a user; change that one, or choose another name")
        self._identity.add_user(name, role, by=by)
        self.change_details(name, details, by)

    def find_details(self, name: str) -> UserDetails:
        """Raises UnknownUserError."""
        with self._database.reading() as session:
            user = require_user(session, name)
            return UserDetails(user.full_name, user.email, user.phone, user.language, user.time_zone)

    def change_details(self, name: str, details: UserDetails, by: ChangeAuthor) -> None:
        """Raises UnknownUserError."""
        with self._database.writing() as session:
            user = require_user(session, name)
            for field, value in details._asdict().items():
                setattr(user, field, value)
            session.add(user)
            record_identity_event(session, IdentityEventKind.USER_CHANGED, name, by)

    def give_role(self, name: str, role: Role, by: ChangeAuthor) -> None:
        """One more role, and a user who was deactivated is active again. Raises UnknownUserError, UserChangeRefusedError."""
        if is_same_person(name, by.user):
            raise UserChangeRefusedError("nobody gives themselves a role; ask another administrator")
        self.find_details(name)
        self._identity.add_user(name, role, by=by)

    def take_role(self, name: str, role: Role, by: ChangeAuthor) -> None:
        """Raises UnknownUserError, UserChangeRefusedError."""
        if role == Role.ADMIN:
            self._require_other_administrator(name)
        self._identity.remove_role(name, role, by)

    def deactivate(self, name: str, by: ChangeAuthor) -> UserWork:
        """Return what stays theirs until somebody reassigns it. Raises UnknownUserError, UserChangeRefusedError."""
        self.find_details(name)
        self._require_other_administrator(name)
        self._identity.deactivate_user(name, by)
        return self.count_work(name)

    def count_work(self, name: str) -> UserWork:
        mine = or_(col(Task.assignee) == name, col(Task.assignee).is_(None) & (col(Account.collector) == name))
        tasks = select(func.count()).select_from(Task).join(Account, col(Account.id) == col(Task.account_id))
        with self._database.reading() as session:
            accounts = session.scalar(select(func.count()).select_from(Account).where(col(Account.collector) == name))
            return UserWork(accounts or 0, session.scalar(tasks.where(mine, col(Task.state) == TaskState.OPEN)) or 0)

    def _require_other_administrator(self, name: str) -> None:
        if not any(user.active and Role.ADMIN in user.roles and user.name != name for user in self._identity.list_users()):
            raise UserChangeRefusedError(f"{name} is the last administrator; make another one first")

    def issue_token(self, user: str, role: Role, days: float, by: ChangeAuthor) -> str:
        """A token for a user in a role that they have; shown this once. Raises UnknownUserError."""
        if role not in self._identity.get_roles(user):
            raise UnknownUserError(f"there is no active user {user!r} who is {role.value}; add the user, or give them the role, first")
        return self._identity.issue_token(user, role, days, by)

    def list_tokens(self, user: str | None = None) -> list[KnownToken]:
        """Those that are good, the newest first."""
        now = datetime.now(UTC)
        good = select(Token).where(col(Token.kind) == TokenKind.TOKEN, col(Token.revoked_at).is_(None))
        good = good.where(or_(col(Token.expires_at).is_(None), col(Token.expires_at) > now))
        if user is not None:
            good = good.where(col(Token.user) == user)
        with self._database.reading() as session:
            return [_describe_token(row) for row in session.scalars(good.order_by(col(Token.created_at).desc()).limit(MAX_TOKENS))]

    def revoke_token(self, token_id: str, by: ChangeAuthor) -> KnownToken:
        """End a token from the list, and the sessions that it opened; a second time changes nothing. Raises UnknownTokenError."""
        with self._database.reading() as session:
            row = find_by_id(session, token_id, TokenKind.TOKEN)
            if row is None:
                raise UnknownTokenError(f"there is no token {token_id!r}; GET /v1/tokens lists those that are good")
            known, sha256 = _describe_token(row), row.sha256
        self._identity.revoke_known_token(sha256, by)
        return known


def _describe_token(row: Token) -> KnownToken:
    return KnownToken(row.sha256[:ID_LENGTH], row.user, Role(row.role), row.created_at, row.expires_at)
