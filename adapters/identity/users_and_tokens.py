"""Users, and the bearer tokens by which machines and browsers say who they are. A token is known by its SHA-256 only."""

import secrets
import threading
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import NamedTuple

from sqlalchemy import and_, func, or_, select, update
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.kept_rows import find_kept_row
from adapters.database.row_states import IdentityChannel, IdentityEventKind, SignInMethod, StartPage, TokenKind
from adapters.database.tables import Setting, Token, User
from adapters.identity.identity_events import NOBODY_NAMED, ChangeAuthor, record_identity_event
from adapters.identity.sessions import SessionOrigin, SessionRules, SessionStore, is_token_good
from adapters.identity.token_secrets import hash_secret, make_token_secret
from domain.errors import UserError
from domain.roles import Actor, Role

CACHE_SECONDS = 5.0
"""For so long another process may not hear of a revoked token. In this process it is forgotten at once."""
SIGN_IN_CODE_LIFETIME = timedelta(minutes=10)
LINK_ORIGIN = SessionOrigin(SignInMethod.LINK, ChangeAuthor("", IdentityChannel.CONSOLE))


class UnknownUserError(UserError):
    """No such user."""

    title = "There is no such user"
    status = 404
    problem_type = "not-found"


class KnownUser(NamedTuple):
    """A user as a list shows one. `tokens`: how many of them are good now."""

    name: str
    full_name: str
    email: str
    roles: tuple[Role, ...]
    active: bool
    tokens: int


class Preferences(NamedTuple):
    """What a person has chosen for the console. `language` None: none was; `time_zone`: an IANA name, empty for UTC; `start_page` None: the
    first one of their role's day; `single_keys`: whether single keys act."""

    language: str | None = None
    time_zone: str = ""
    start_page: StartPage | None = None
    single_keys: bool = True


class IdentityStore:
    """Safe to share between threads. All times here are real time, UTC."""

    def __init__(self, database: Database, rules: SessionRules | None = None) -> None:
        self._database = database
        self.sessions = SessionStore(database, rules or SessionRules(), self._clear_cache)
        self._cached_actors: dict[str, tuple[float, Actor]] = {}
        self._lock = threading.Lock()

    def add_user(
        self,
        name: str,
        role: Role,
        email: str = "",
        full_name: str = "",
        phone: str = "",
        language: str = "",
        by: ChangeAuthor = NOBODY_NAMED,
    ) -> None:
        """A new user, or one more role for a known one, who becomes active again; what is given replaces what was known."""
        facts = {"email": email, "full_name": full_name, "phone": phone, "language": language}
        given = {key: value for key, value in facts.items() if value}
        with self._database.writing() as session:
            self._database.take_turns(session, User.__tablename__, name)
            user = session.get(User, name) or User(name=name, active=False)
            if role.value not in user.roles or not user.active:
                record_identity_event(session, IdentityEventKind.ROLE_GIVEN, name, by, role)
            user.roles = sorted({*user.roles, role.value})
            user.active = True
            for key, value in given.items():
                setattr(user, key, value)
            session.add(user)

    def get_roles(self, name: str) -> set[Role]:
        """None for a user who is unknown or inactive."""
        with self._database.reading() as session:
            user = find_kept_row(session, User, name)
            return {Role(role) for role in user.roles} if user and user.active else set()

    def find_language(self, name: str) -> str | None:
        """The language in which messages to a user are written; None where none is known."""
        with self._database.reading() as session:
            user = find_kept_row(session, User, name)
            return user.language if user else None

    def find_preferences(self, name: str) -> Preferences:
        with self._database.reading() as session:
            user = find_kept_row(session, User, name)
            if user is None:
                return Preferences()
            return Preferences(user.language, user.time_zone, StartPage(user.start_page) if user.start_page else None, user.single_keys)

    def is_from_provider(self, name: str) -> bool:
        """Whether an OpenID provider says who the user is."""
        with self._database.reading() as session:
            user = find_kept_row(session, User, name)
            return user is not None and user.provider_subject is not None

    def change_preferences(self, name: str, preferences: Preferences, by: ChangeAuthor) -> None:
        """Raises UnknownUserError."""
        with self._database.writing() as session:
            user = require_user(session, name)
            user.language, user.time_zone = preferences.language, preferences.time_zone
            user.start_page, user.single_keys = preferences.start_page or "", preferences.single_keys
            session.add(user)
            record_identity_event(session, IdentityEventKind.USER_CHANGED, name, by)

    def record_event(self, kind: IdentityEventKind, user: str, by: ChangeAuthor, detail: str = "") -> None:
        """Write down what happened to a user; of a name that is no user's only that it happened, for it may be a password."""
        with self._database.writing() as session:
            known = session.get(User, user.strip())
            record_identity_event(session, kind, known.name if known else "", by, detail=detail)

    def is_machine(self, name: str) -> bool:
        """Whether nobody stands behind the user: it has neither a person's name nor an address."""
        with self._database.reading() as session:
            user = find_kept_row(session, User, name)
            return user is not None and not user.email and not user.full_name

    def list_users(self) -> list[KnownUser]:
        """Return every user, active or not, by name."""
        now = datetime.now(UTC)
        unexpired = or_(col(Token.expires_at).is_(None), col(Token.expires_at) > now)
        good = and_(col(Token.kind) == TokenKind.TOKEN, col(Token.revoked_at).is_(None), unexpired)
        tokens = select(col(Token.user), func.count()).where(good).group_by(col(Token.user))
        with self._database.reading() as session:
            counts: dict[str, int] = dict(session.execute(tokens).all())
            users = session.scalars(select(User).order_by(col(User.name)))
            return [
                KnownUser(
                    name=user.name,
                    full_name=user.full_name,
                    email=user.email,
                    roles=tuple(Role(role) for role in user.roles),
                    active=user.active,
                    tokens=counts.get(user.name, 0),
                )
                for user in users
            ]

    def deactivate_user(self, name: str, by: ChangeAuthor = NOBODY_NAMED) -> None:
        """Let the user sign in no more: the tokens end at once, elsewhere within seconds. `add_user` makes it active again.

        Raises UnknownUserError.
        """
        with self._database.writing() as session:
            user = require_user(session, name)
            if user.active:
                record_identity_event(session, IdentityEventKind.USER_DEACTIVATED, name, by)
            user.active = False
            session.add(user)
            self._revoke_tokens_of(name, session)
        self._clear_cache()

    def remove_role(self, name: str, role: Role, by: ChangeAuthor = NOBODY_NAMED) -> tuple[Role, ...]:
        """Take a role from a user, and end the tokens that act in it. Return the roles that are left. Raises UnknownUserError."""
        with self._database.writing() as session:
            user = session.get(User, name)
            if user is None or role.value not in user.roles:
                raise UnknownUserError(f"there is no user {name!r} who is {role.value}; `duecourse user list` shows them all")
            user.roles = [each for each in user.roles if each != role.value]
            session.add(user)
            record_identity_event(session, IdentityEventKind.ROLE_TAKEN, name, by, role)
            self._revoke_tokens_of(name, session, role)
            left = tuple(Role(each) for each in user.roles)
        self._clear_cache()
        return left

    def issue_token(self, user: str, role: Role, days: float | None = None, by: ChangeAuthor = NOBODY_NAMED) -> str:
        """A new token, shown this once; without `days` it does not expire. The user is made, or gets the role, where needed."""
        self.add_user(user, role, by=by)
        token = make_token_secret()
        now = datetime.now(UTC)
        expires = now + timedelta(days=days) if days is not None else None
        with self._database.writing() as session:
            session.add(Token(sha256=hash_secret(token), user=user, role=role.value, created_at=now, expires_at=expires))
            record_identity_event(session, IdentityEventKind.TOKEN_MADE, user, by, role)
        return token

    def authenticate(self, token: str, is_used: bool = True) -> Actor | None:
        """Who holds this token; None when it is unknown, expired or revoked, or its user inactive. `is_used`: a person is at it, so that a
        session goes on; false for what a page asks for by itself."""
        key = hash_secret(token)
        remembered = self._cached_actors.get(key)
        if remembered and monotonic() < remembered[0]:
            return remembered[1]
        now = datetime.now(UTC)
        with self._database.reading() as session:
            row = session.get(Token, key)
            user = session.get(User, row.user) if row else None
            if row is None or not is_token_good(row, now, self.sessions.rules) or user is None:
                return None
            if not user.active or row.role not in user.roles:
                return None
            session.expunge(row)
        actor = Actor(user=row.user, role=Role(row.role))
        left = (row.expires_at - now).total_seconds() if row.expires_at else CACHE_SECONDS
        if is_used:
            self.sessions.note_use(row, now)
        with self._lock:
            if len(self._cached_actors) > 10_000:
                self._cached_actors.clear()
            self._cached_actors[key] = (monotonic() + min(left, CACHE_SECONDS), actor)
        return actor

    def open_session_with_token(self, token: str, origin: SessionOrigin) -> str | None:
        """A session that acts as the token does and ends with it; None for what is no good token, or is a session's."""
        actor = self.authenticate(token)
        with self._database.reading() as session:
            row = session.get(Token, hash_secret(token))
            if actor is None or row is None or row.kind != TokenKind.TOKEN:
                return None
        return self.sessions.open_session(actor.user, actor.role, origin._replace(opened_by=token))

    def open_session_in_last_role(self, user: str, origin: SessionOrigin) -> str | None:
        """A session of the user in the role in which they acted last, else the first by name; None for a user without one."""
        role = self.sessions.find_last_role(user, self.get_roles(user))
        return self.sessions.open_session(user, role, origin) if role else None

    def revoke_token(self, token: str, by: ChangeAuthor = NOBODY_NAMED) -> bool:
        """False when there is no such token, or it was revoked already. The sessions that it opened end with it."""
        return self.revoke_known_token(hash_secret(token), by)

    def revoke_known_token(self, sha256: str, by: ChangeAuthor) -> bool:
        """As `revoke_token`, for one that is known by its hash."""
        with self._database.writing() as session:
            row = session.get(Token, sha256)
            known = row is not None and row.revoked_at is None
            if row is not None and known:
                self._revoke_row(session, row, by)
        self._clear_cache()
        return known

    def _revoke_row(self, session: Session, row: Token, by: ChangeAuthor) -> None:
        now = datetime.now(UTC)
        row.revoked_at = now
        session.add(row)
        session.execute(update(Token).where(col(Token.opened_by) == row.sha256, col(Token.revoked_at).is_(None)).values(revoked_at=now))
        record_identity_event(session, IdentityEventKind.TOKEN_REVOKED, row.user, by, Role(row.role))

    def revoke_user_tokens(self, name: str, by: ChangeAuthor = NOBODY_NAMED) -> int:
        """Every token and session of a user; how many there were."""
        with self._database.writing() as session:
            count = self._revoke_tokens_of(name, session)
            if count:
                record_identity_event(session, IdentityEventKind.TOKEN_REVOKED, name, by)
        self._clear_cache()
        return count

    def issue_sign_in_code(self, user: str, role: Role) -> str:
        """What a sign-in link carries: good once, and for ten minutes."""
        self.add_user(user, role)
        code = secrets.token_urlsafe(24)
        expires = datetime.now(UTC) + SIGN_IN_CODE_LIFETIME
        value = {"user": user, "role": role.value, "expires_at": expires.isoformat()}
        with self._database.writing() as session:
            session.add(Setting(name=_build_code_setting_name(code), value=value))
        return code

    def exchange_sign_in_code(self, code: str, origin: SessionOrigin = LINK_ORIGIN) -> str | None:
        """The session's token for a sign-in code; None for a code that is unknown, too old or used, or a user who may so no more."""
        with self._database.writing() as session:
            row = session.get(Setting, _build_code_setting_name(code))
            if row is None:
                return None
            given = dict(row.value)
            session.delete(row)
        role = Role(given["role"])
        if datetime.fromisoformat(given["expires_at"]) <= datetime.now(UTC) or role not in self.get_roles(given["user"]):
            return None
        return self.sessions.open_session(given["user"], role, origin)

    def _revoke_tokens_of(self, user: str, session: Session, role: Role | None = None) -> int:
        live = update(Token).where(col(Token.user) == user, col(Token.revoked_at).is_(None))
        live = live.values(revoked_at=datetime.now(UTC), provider_token=None)
        return session.exec(live if role is None else live.where(col(Token.role) == role.value)).rowcount

    def _clear_cache(self) -> None:
        with self._lock:
            self._cached_actors.clear()


def require_user(session: Session, name: str) -> User:
    """Raises UnknownUserError."""
    user = session.get(User, name)
    if user is None:
        raise UnknownUserError(f"there is no user {name!r}; `duecourse user list` shows them all")
    return user


def _build_code_setting_name(code: str) -> str:
    return f"sign_in:{hash_secret(code)}"


__all__ = ["Actor", "IdentityStore", "KnownUser", "Role", "UnknownUserError", "require_user"]
