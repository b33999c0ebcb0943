"""Keeps the connections that people add: what describes each, its secrets encrypted, and the record of who changed what.

A secret is encrypted for its place, `name/secret`, and is never given back but to build a connector. Two secrets of a webhook may be good
at once: the one before stays so until a day.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.connections.connection_description import WEBHOOK_SECRET, ConnectionDescription, OpenSecrets
from adapters.connections.connection_file import read_connection
from adapters.connections.secret_box import SecretBox, SecretsKeyError
from adapters.database.engine import Database
from adapters.database.row_states import ConnectionEventKind
from adapters.database.tables import BillingConnectionRow, ConnectionEventRow
from adapters.identity.identity_events import ChangeAuthor
from domain.errors import UserError

WEBHOOK_OVERLAP = timedelta(days=7)
"""For so long a webhook's secret stays good after another came, unless somebody says otherwise."""
LONGEST_WEBHOOK_OVERLAP = timedelta(days=90)


class ConnectionKnownError(UserError):
    """A connection of this name is there."""

    title = "There is such a connection"
    status = 409
    problem_type = "refused"


class UnknownConnectionError(UserError):
    """No such connection, or none that can be changed."""

    title = "There is no such connection"
    status = 404
    problem_type = "not-found"


class SecretRefusedError(UserError):
    """A secret that the connection does not have, or that is empty."""

    title = "This secret cannot be kept"
    status = 422
    problem_type = "invalid"


class KeptConnection(NamedTuple):
    """A connection as it is kept: `secrets` and `webhook_secrets` are encrypted, the latter with the end of each."""

    name: str
    company: str
    kind: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str]
    webhook_secrets: Sequence[tuple[str, datetime | None]]
    switched_off_at: datetime | None
    version: int

    def __repr__(self) -> str:
        return f"KeptConnection({self.name!r})"

    def read(self, data_dir: Path | None = None) -> ConnectionDescription:
        """`data_dir`: below which its files lie. Raises InvalidConnectionError for one that another version of Duecourse kept, and this one
        cannot use."""
        return read_connection({**self.options, "name": self.name, "kind": self.kind}, data_dir)

    def list_good_webhook_secrets(self, now: datetime) -> list[str]:
        return [secret for secret, until in self.webhook_secrets if until is None or until > now]

    def unlock(self, box: SecretBox, now: datetime) -> OpenSecrets:
        """A webhook's secret that cannot be read is left out: what it signs is refused, and the rest goes on. Raises SecretsKeyError."""
        values = {secret: box.decrypt(kept, _name_place(self.name, secret)) for secret, kept in self.secrets.items()}
        place = _name_place(self.name, WEBHOOK_SECRET)
        good = [kept for kept in self.list_good_webhook_secrets(now) if _is_readable(box, kept, place)]
        return OpenSecrets(values, tuple(box.decrypt(kept, place) for kept in good))


class ConnectionEvent(NamedTuple):
    """What happened to a connection, and who did it. `recorded_at` is real time, UTC."""

    kind: ConnectionEventKind
    name: str
    made_by: str
    detail: str
    recorded_at: datetime


class ConnectionStore:
    """Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_kept(self) -> list[KeptConnection]:
        """In the order of their names."""
        with self._database.reading() as session:
            rows = session.scalars(select(BillingConnectionRow).order_by(col(BillingConnectionRow.name)))
            return [_read_row(row) for row in rows]

    def read_versions(self) -> dict[str, int]:
        """The version of each: it is counted on by every change."""
        with self._database.reading() as session:
            rows = session.execute(select(col(BillingConnectionRow.name), col(BillingConnectionRow.version)))
            return {name: version for name, version in rows}  # noqa: C416

    def get(self, name: str) -> KeptConnection:
        """Raises UnknownConnectionError."""
        with self._database.reading() as session:
            return _read_row(_require_row(session, name))

    def add(self, connection: ConnectionDescription, secrets: Mapping[str, str], box: SecretBox, by: ChangeAuthor) -> None:
        """`secrets` in the clear, by name. Raises ConnectionKnownError, SecretRefusedError."""
        require_secrets(connection, secrets)
        options = connection.model_dump(mode="json", exclude={"name", "kind", "api_key_file"}, exclude_none=True)
        with self._database.writing() as session:
            if session.get(BillingConnectionRow, connection.name) is not None:
                raise ConnectionKnownError(f"there is a connection {connection.name!r}; give this one another name")
            kept = {name: box.encrypt(secret.strip(), _name_place(connection.name, name)) for name, secret in secrets.items()}
            session.add(
                BillingConnectionRow(
                    name=connection.name, company=connection.key.company, kind=connection.kind, options=options, secrets=kept
                )
            )
            _record(session, ConnectionEventKind.ADDED, connection.name, by, connection.kind)

    def change_secret(self, name: str, secret: str, value: str, box: SecretBox, by: ChangeAuthor, data_dir: Path | None = None) -> None:
        """The secret before is dropped. `data_dir`: below which the connection's files lie. Raises UnknownConnectionError,
        SecretRefusedError."""
        with self._database.writing() as session:
            row = _require_row(session, name)
            if fault := _read_row(row).read(data_dir).find_secret_fault(secret, value):
                raise SecretRefusedError(fault)
            row.secrets = {**row.secrets, secret: box.encrypt(value.strip(), _name_place(name, secret))}
            _change(session, row, ConnectionEventKind.SECRET_CHANGED, by, secret)

    def change_webhook_secret(
        self, name: str, value: str, box: SecretBox, by: ChangeAuthor, now: datetime, overlap: timedelta = WEBHOOK_OVERLAP
    ) -> datetime | None:
        """The newest one; that before stays good for so long, which is returned as a moment; None where there was none. One that was to end
        sooner still does. Real time. Raises UnknownConnectionError, SecretRefusedError."""
        until = now + overlap
        if not value.strip():
            raise SecretRefusedError("the secret is empty; enter the one that the billing system shows")
        with self._database.writing() as session:
            row = _require_row(session, name)
            place = _name_place(name, WEBHOOK_SECRET)
            known = [each for each in _read_row(row).webhook_secrets if _is_readable(box, each[0], place)]
            before = [(kept, min(end or until, until)) for kept, end in known if end is None or end > now]
            newest = (box.encrypt(value.strip(), place), None)
            row.webhook_secrets = [[kept, end.isoformat() if end else None] for kept, end in (newest, *before)]
            _change(session, row, ConnectionEventKind.WEBHOOK_SECRET_CHANGED, by, "")
        return until if before else None

    def switch(self, name: str, *, off: bool, by: ChangeAuthor, now: datetime) -> None:
        """A second time changes nothing. `now`: real time. Raises UnknownConnectionError."""
        with self._database.writing() as session:
            row = _require_row(session, name)
            if (row.switched_off_at is not None) != off:
                row.switched_off_at = now if off else None
                _change(session, row, ConnectionEventKind.SWITCHED_OFF if off else ConnectionEventKind.SWITCHED_ON, by, "")

    def encrypt_anew(self, box: SecretBox, by: ChangeAuthor) -> tuple[list[str], dict[str, str]]:
        """Encrypt under the newest key what is under an older one. Return which connections were, and why others could not be."""
        done, failed = list[str](), dict[str, str]()
        for kept in self.list_kept():
            name = kept.name
            with self._database.writing() as session:
                row = _require_row(session, name)
                try:
                    if _encrypt_row_anew(row, box):
                        _change(session, row, ConnectionEventKind.ENCRYPTED_ANEW, by, "")
                        done.append(name)
                except UserError as error:
                    failed[name] = str(error)
        return done, failed

    def record_event(self, kind: ConnectionEventKind, name: str, by: ChangeAuthor, detail: str) -> None:
        """Also of a connection of the file."""
        with self._database.writing() as session:
            _record(session, kind, name, by, detail)

    def list_events(self, limit: int, name: str | None = None) -> list[ConnectionEvent]:
        """The newest first."""
        statement = select(ConnectionEventRow).order_by(col(ConnectionEventRow.id).desc()).limit(limit)
        if name is not None:
            statement = statement.where(col(ConnectionEventRow.name) == name)
        with self._database.reading() as session:
            return [
                ConnectionEvent(ConnectionEventKind(row.kind), row.name, row.made_by, row.detail, row.recorded_at)
                for row in session.scalars(statement)
            ]


def require_secrets(connection: ConnectionDescription, secrets: Mapping[str, str]) -> None:
    """All that it needs, and nothing else. Raises SecretRefusedError, which repeats no value."""
    for name in dict.fromkeys([*connection.secret_names, *secrets]):
        if fault := connection.find_secret_fault(name, secrets.get(name, "")):
            raise SecretRefusedError(fault)


def _encrypt_row_anew(row: BillingConnectionRow, box: SecretBox) -> bool:
    """Whether anything was. Raises SecretsKeyError."""

    def again(kept: str, place: str) -> str:
        return kept if box.is_newest(kept) else box.encrypt(box.decrypt(kept, place), place)

    secrets = {name: again(kept, _name_place(row.name, name)) for name, kept in row.secrets.items()}
    webhook = [[again(kept, _name_place(row.name, WEBHOOK_SECRET)), until] for kept, until in row.webhook_secrets]
    changed = (secrets, webhook) != (row.secrets, row.webhook_secrets)
    row.secrets, row.webhook_secrets = secrets, webhook
    return changed


def _read_row(row: BillingConnectionRow) -> KeptConnection:
    webhook = [(kept, datetime.fromisoformat(until) if until else None) for kept, until in row.webhook_secrets]
    return KeptConnection(row.name, row.company, row.kind, row.options, row.secrets, webhook, row.switched_off_at, row.version)


def _require_row(session: Session, name: str) -> BillingConnectionRow:
    row = session.get(BillingConnectionRow, name, with_for_update=True)
    if row is None:
        raise UnknownConnectionError(
            f"no connection {name!r} is kept; `duecourse billing list` names all. One that stands in connections.yaml is changed there"
        )
    return row


def _change(session: Session, row: BillingConnectionRow, kind: ConnectionEventKind, by: ChangeAuthor, detail: str) -> None:
    row.version += 1
    session.add(row)
    _record(session, kind, row.name, by, detail)


def _record(session: Session, kind: ConnectionEventKind, name: str, by: ChangeAuthor, detail: str) -> None:
    session.add(
        ConnectionEventRow(
            kind=kind,
            name=name,
            made_by=by.user,
            channel=by.channel,
            address=by.address,
            detail=detail,
            recorded_at=datetime.now(UTC),
        )
    )


def _is_readable(box: SecretBox, kept: str, place: str) -> bool:
    try:
        box.decrypt(kept, place)
    except SecretsKeyError:
        return False
    return True


def _name_place(name: str, secret: str) -> str:
    """What a secret is encrypted for, as people read it in an error."""
    return f"{name}/{secret}"
