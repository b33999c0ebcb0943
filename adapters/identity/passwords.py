"""Passwords: kept as Argon2id has them, set by their user or through a link that an administrator made. Real time, UTC."""

import secrets
import threading
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import IdentityEventKind
from adapters.database.tables import PasswordRow, Setting, User
from adapters.identity.identity_events import ChangeAuthor, record_identity_event
from adapters.identity.token_secrets import hash_secret
from adapters.identity.users_and_tokens import UnknownUserError, require_user
from domain.errors import UserError

MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH = 12, 200
LINK_LIFETIME = timedelta(days=1)
_MAX_AT_ONCE = threading.BoundedSemaphore(2)
"""Each check takes 64 MB and tens of milliseconds of all cores on purpose: many at once must not take the machine."""
_LINK_PREFIX = "password_link:"


class PasswordRefusedError(UserError):
    """A password that is too short or too long to be kept."""

    title = "This password cannot be kept"
    status = 422
    problem_type = "invalid"


def check_new_password(password: str) -> None:
    """Raises PasswordRefusedError. Its length is the only rule."""
    if not MIN_PASSWORD_LENGTH <= len(_normalise(password)) <= MAX_PASSWORD_LENGTH:
        raise PasswordRefusedError(f"choose a password of {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters; any will do")


def _normalise(password: str) -> str:
    """However a keyboard composes an accent, it is the same password."""
    return unicodedata.normalize("NFKC", password)


class PasswordStore:
    """Safe to share between threads."""

    def __init__(self, database: Database, hasher: PasswordHasher | None = None) -> None:
        self._database, self._hasher = database, hasher or PasswordHasher()

    @cached_property
    def _nobodys_hash(self) -> str:
        """Checked where there is no such user, so that this takes as long."""
        return self._hasher.hash(secrets.token_urlsafe(16))

    def find_user(self, typed_name: str, password: str) -> str | None:
        """Return the user whose name and password these are; None for anything else, after the same time."""
        name = typed_name.strip()
        with self._database.reading() as session:
            user = session.get(User, name) or _find_by_lower_name(session, name)
            row = session.get(PasswordRow, user.name) if user else None
            found, kept = (user.name, row.hash) if user and user.active and row else (None, self._nobodys_hash)
        is_right = self._is_right(kept, password)
        if found is None or not is_right:
            return None
        if self._hasher.check_needs_rehash(kept):
            self._replace_hash(found, kept, password)
        return found

    def is_password_of(self, user: str, password: str) -> bool:
        with self._database.reading() as session:
            row = session.get(PasswordRow, user)
            kept = row.hash if row else None
        return kept is not None and self._is_right(kept, password)

    def has_password(self, user: str) -> bool:
        with self._database.reading() as session:
            return session.get(PasswordRow, user) is not None

    def set_password(self, user: str, password: str, by: ChangeAuthor) -> None:
        """Keep a user's password, in place of an earlier one. Raises PasswordRefusedError, UnknownUserError."""
        check_new_password(password)
        kept = self._hash(password)
        with self._database.writing() as session:
            self._store_hash(session, user, kept, by)

    def make_link_code(self, user: str, by: ChangeAuthor) -> str:
        """What a link carries by which a user sets a password: good once, for a day; an earlier link of the user is good no more. Raises
        UnknownUserError."""
        code = secrets.token_urlsafe(24)
        expires = datetime.now(UTC) + LINK_LIFETIME
        with self._database.writing() as session:
            known = session.get(User, user)
            if known is None or not known.active:
                raise UnknownUserError(f"there is no active user {user!r}; `duecourse user list` shows them all")
            for row in session.scalars(select(Setting).where(col(Setting.name).startswith(_LINK_PREFIX, autoescape=True))):
                if row.value["user"] == user:
                    session.delete(row)
            session.add(Setting(name=_LINK_PREFIX + hash_secret(code), value={"user": user, "expires_at": expires.isoformat()}))
            record_identity_event(session, IdentityEventKind.LINK_MADE, user, by)
        return code

    def find_link_user(self, code: str) -> str | None:
        """Whose link it is; None when it is unknown, used or too old, or its user may sign in no more."""
        with self._database.reading() as session:
            return _find_link_user(session, session.get(Setting, _LINK_PREFIX + hash_secret(code)))

    def use_link(self, code: str, password: str, by: ChangeAuthor) -> str | None:
        """Set the password of the link's user, whom it returns, and let the link be good no more; None when it already is. Raises
        PasswordRefusedError, and leaves the link good."""
        check_new_password(password)
        kept = self._hash(password)
        with self._database.writing() as session:
            row = session.get(Setting, _LINK_PREFIX + hash_secret(code), with_for_update=True)
            user = _find_link_user(session, row)
            if row is not None:
                session.delete(row)
            if user is not None:
                self._store_hash(session, user, kept, ChangeAuthor(user, by.channel, by.address))
        return user

    def _store_hash(self, session: Session, user: str, kept: str, by: ChangeAuthor) -> None:
        require_user(session, user)
        self._database.take_turns(session, PasswordRow.__tablename__, user)
        session.execute(delete(PasswordRow).where(col(PasswordRow.user) == user))
        session.add(PasswordRow(user=user, hash=kept, changed_at=datetime.now(UTC)))
        record_identity_event(session, IdentityEventKind.PASSWORD_SET, user, by)

    def _replace_hash(self, user: str, known: str, password: str) -> None:
        """As strong as hashes are made today, unless the password was changed meanwhile."""
        stronger = self._hash(password)
        with self._database.writing() as session:
            row = session.get(PasswordRow, user)
            if row is not None and row.hash == known:
                row.hash = stronger
                session.add(row)

    def _hash(self, password: str) -> str:
        with _MAX_AT_ONCE:
            return self._hasher.hash(_normalise(password))

    def _is_right(self, kept: str, password: str) -> bool:
        if len(password) > MAX_PASSWORD_LENGTH:
            password = ""
        with _MAX_AT_ONCE:
            try:
                return self._hasher.verify(kept, _normalise(password))
            except (VerificationError, InvalidHashError):
                return False


def _find_by_lower_name(session: Session, name: str) -> User | None:
    """The one user who is called so but for the case; None where several are."""
    found = session.scalars(select(User).where(func.lower(col(User.name)) == name.lower()).limit(2)).all()
    return found[0] if len(found) == 1 else None


def _find_link_user(session: Session, row: Setting | None) -> str | None:
    if row is None or datetime.fromisoformat(row.value["expires_at"]) <= datetime.now(UTC):
        return None
    user = session.get(User, row.value["user"])
    return user.name if user and user.active else None
