"""Browsers' sessions: opened by signing in, listed, and ended by their user, by an administrator, or by themselves when nobody uses them.
Real time, UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select, update
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import IdentityEventKind, SignInMethod, TokenKind
from adapters.database.tables import Token, User
from adapters.identity.identity_events import ChangeAuthor, record_identity_event
from adapters.identity.token_secrets import hash_secret, make_token_secret
from domain.errors import UserError
from domain.roles import Role, is_same_person

ID_LENGTH = 24
MAX_BROWSER_LENGTH = 200
USE_NOTED_AFTER = timedelta(minutes=5)
"""Use is written down no more often than this."""


class UnknownSessionError(UserError):
    """No such session, or none of the user's."""

    title = "There is no such session"
    status = 404
    problem_type = "not-found"


class SessionRules(NamedTuple):
    """A session ends when it has not been used for `idle`, and `longest` after it was opened."""

    idle: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(days=7)


class SessionOrigin(NamedTuple):
    """How a session is opened and from where. `opened_by`: the token that was shown, with which the session ends; `provider_token`: the
    OpenID provider's."""

    method: SignInMethod
    by: ChangeAuthor
    browser: str = ""
    opened_by: str | None = None
    provider_token: str | None = None


class KnownSession(NamedTuple):
    """A session as a list shows it. `id` is no secret. Times are real."""

    id: str
    user: str
    role: Role
    method: SignInMethod
    address: str
    browser: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime


def is_token_good(row: Token, now: datetime, rules: SessionRules) -> bool:
    """Whether neither its time is over nor somebody ended it."""
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return False
    return row.kind != TokenKind.SESSION or (row.last_used_at or row.created_at) + rules.idle > now


class SessionStore:
    """Safe to share between threads. `forget`: lets this process look tokens up again at once."""

    def __init__(self, database: Database, rules: SessionRules, forget: Callable[[], None]) -> None:
        self._database, self.rules, self._forget = database, rules, forget

    def open_session(self, user: str, role: Role, origin: SessionOrigin) -> str:
        """Return the secret of a new session, which the browser keeps."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            opener = session.get(Token, hash_secret(origin.opened_by)) if origin.opened_by else None
            ends = [now + self.rules.longest, *([opener.expires_at] if opener and opener.expires_at else [])]
            row = Token(
                sha256="",
                user=user,
                role=role.value,
                created_at=now,
                expires_at=min(ends),
                kind=TokenKind.SESSION,
                method=origin.method,
                last_used_at=now,
                opened_by=opener.sha256 if opener else None,
                address=origin.by.address,
                browser=origin.browser[:MAX_BROWSER_LENGTH],
                provider_token=origin.provider_token,
            )
            record_identity_event(session, IdentityEventKind.SIGNED_IN, user, origin.by, role, origin.method.value)
            return _add_with_new_secret(session, row)

    def change_role(self, secret: str, role: Role, by: ChangeAuthor) -> str:
        """Go on in another role of the session's user: return the secret of the session that takes its place, and ends when it would have.
        Raises UnknownSessionError, also for a role that the user does not have."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = session.get(Token, hash_secret(secret))
            user = session.get(User, row.user) if row else None
            if row is None or user is None or row.kind != TokenKind.SESSION or role.value not in user.roles:
                raise UnknownSessionError("choose one of your own roles, signed in at the console")
            if not is_token_good(row, now, self.rules):
                raise UnknownSessionError("the session is over; sign in again")
            kept = row.model_dump(include={"user", "created_at", "expires_at", "kind", "method", "opened_by", "address", "browser"})
            fresh = Token(**kept, sha256="", role=role.value, last_used_at=now, provider_token=row.provider_token)
            _end_row(session, row, now)
            record_identity_event(session, IdentityEventKind.ROLE_CHOSEN, row.user, by, role)
            renewed = _add_with_new_secret(session, fresh)
        self._forget()
        return renewed

    def note_use(self, row: Token, now: datetime) -> None:
        """So that it does not end as one that nobody uses."""
        if row.kind == TokenKind.SESSION and (row.last_used_at or row.created_at) + min(USE_NOTED_AFTER, self.rules.idle / 4) <= now:
            with self._database.writing() as session:
                session.execute(update(Token).where(col(Token.sha256) == row.sha256).values(last_used_at=now))

    def end_session(self, secret: str, by: ChangeAuthor) -> KnownSession | None:
        """Sign out. None when there is no such session; a token that is none stays good."""
        with self._database.writing() as session:
            row = session.get(Token, hash_secret(secret))
            if row is None or row.kind != TokenKind.SESSION or row.revoked_at is not None:
                return None
            known = _describe(row)
            _end_row(session, row, datetime.now(UTC))
            record_identity_event(session, IdentityEventKind.SIGNED_OUT, row.user, by, Role(row.role))
        self._forget()
        return known

    def find_provider_token(self, secret: str) -> str | None:
        """The OpenID provider's token of a session that was opened there."""
        with self._database.reading() as session:
            row = session.get(Token, hash_secret(secret))
            return row.provider_token if row else None

    def revoke_session(self, session_id: str, by: ChangeAuthor, owner: str | None = None) -> KnownSession:
        """End a session from a list; with `owner`, only one of theirs. One that is over stays so. Raises UnknownSessionError."""
        with self._database.writing() as session:
            row = find_by_id(session, session_id, TokenKind.SESSION)
            if row is None or (owner is not None and not is_same_person(row.user, owner)):
                raise UnknownSessionError(f"there is no session {session_id!r} that is yours to end; the list of sessions has those")
            if row.revoked_at is None:
                _end_row(session, row, datetime.now(UTC))
                record_identity_event(session, IdentityEventKind.SESSION_ENDED, row.user, by, Role(row.role))
            known = _describe(row)
        self._forget()
        return known

    def end_sessions_of(self, user: str, by: ChangeAuthor) -> int:
        """All of them; how many there were."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            live = select(Token).where(col(Token.user) == user, col(Token.kind) == TokenKind.SESSION, col(Token.revoked_at).is_(None))
            rows = session.scalars(live).all()
            for row in rows:
                _end_row(session, row, now)
            if rows:
                record_identity_event(session, IdentityEventKind.SESSION_ENDED, user, by)
        self._forget()
        return len(rows)

    def list_sessions(self, user: str | None = None) -> list[KnownSession]:
        """Those that are open now, the last used first; with `user`, only theirs."""
        now = datetime.now(UTC)
        statement = select(Token).where(
            col(Token.kind) == TokenKind.SESSION, col(Token.revoked_at).is_(None), col(Token.last_used_at) > now - self.rules.idle
        )
        if user is not None:
            statement = statement.where(col(Token.user) == user)
        with self._database.reading() as session:
            rows = session.scalars(statement.order_by(col(Token.last_used_at).desc()).limit(1_000))
            return [_describe(row) for row in rows if is_token_good(row, now, self.rules)]

    def find_last_role(self, user: str, roles: set[Role]) -> Role | None:
        """The one of the roles in which the user acted last, else the first by name; None for none."""
        used = select(col(Token.role)).where(col(Token.user) == user, col(Token.kind) == TokenKind.SESSION)
        with self._database.reading() as session:
            for name in session.scalars(used.order_by(col(Token.last_used_at).desc()).limit(20)):
                if Role(name) in roles:
                    return Role(name)
        return min(roles, default=None)


def build_session_id(secret: str) -> str:
    return hash_secret(secret)[:ID_LENGTH]


def _add_with_new_secret(session: Session, row: Token) -> str:
    secret = make_token_secret()
    row.sha256 = hash_secret(secret)
    session.add(row)
    return secret


def _end_row(session: Session, row: Token, now: datetime) -> None:
    row.revoked_at, row.provider_token = now, None
    session.add(row)


def find_by_id(session: Session, token_id: str, kind: TokenKind) -> Token | None:
    """Return the token or session that lists show under this id."""
    if len(token_id) != ID_LENGTH:
        return None
    matching = select(Token).where(col(Token.sha256).startswith(token_id, autoescape=True), col(Token.kind) == kind)
    return session.scalars(matching).one_or_none()


def _describe(row: Token) -> KnownSession:
    return KnownSession(
        id=row.sha256[:ID_LENGTH],
        user=row.user,
        role=Role(row.role),
        method=SignInMethod(row.method),
        address=row.address,
        browser=row.browser,
        created_at=row.created_at,
        last_used_at=row.last_used_at or row.created_at,
        expires_at=row.expires_at or row.created_at,
    )
