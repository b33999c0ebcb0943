"""What people do to connections: they add one, give one another secret, switch one off. A secret is tried before it is kept."""

from collections.abc import Mapping
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.billing.external_key import SystemKey
from adapters.billing.external_records import ConnectionStep
from adapters.config.settings import Settings
from adapters.connections.connection_description import ConnectionDescription, OpenSecrets
from adapters.connections.connection_registry import UNSENDABLE, ConnectionRegistry
from adapters.connections.connection_states import name_system
from adapters.connections.connection_store import (
    WEBHOOK_OVERLAP,
    ConnectionKnownError,
    ConnectionStore,
    KeptConnection,
    SecretRefusedError,
    require_secrets,
)
from adapters.connections.rests.system_rests import SystemRests
from adapters.connections.secret_box import (
    SecretBox,
    SecretsKeyError,
    begin_first_key,
    begin_new_key,
    has_secrets_key,
    holding_key_file,
    is_key_in_environment,
    load_secret_box,
)
from adapters.database.engine import Database
from adapters.identity.identity_events import ChangeAuthor
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain.errors import UserError


class ConnectionTrialError(UserError):
    """The system does not let Duecourse in with what was given; nothing was kept, and what was kept before still is."""

    title = "The billing system does not let Duecourse in"
    status = 409
    problem_type = "connection-trial"


class ConnectionAdmin:
    """Safe to share between threads."""

    def __init__(self, database: Database, settings: Settings, systems: ConnectionRegistry) -> None:
        self._settings, self._systems, self._store = settings, systems, ConnectionStore(database)
        self._set_aside, self._rests = SetAsideStore(database), SystemRests(database)

    def add(
        self, connection: ConnectionDescription, secrets: Mapping[str, str], by: ChangeAuthor, *, is_tried: bool = True
    ) -> tuple[ConnectionStep, ...]:
        """Return what its test found; nothing where it is kept without one. Raises ConnectionKnownError, SecretRefusedError,
        ConnectionTrialError, SecretsKeyError."""
        require_secrets(connection, secrets)
        if self._systems.find(connection.name):
            raise ConnectionKnownError(f"there is a connection {connection.name!r}; give this one another name")
        steps = _try(connection, OpenSecrets({name: value.strip() for name, value in secrets.items()})) if is_tried else ()
        self._store.add(connection, secrets, self._open_box(), by)
        self._systems.look_again()
        return steps

    def change_secret(self, name: str, secret: str, value: str, by: ChangeAuthor, *, is_tried: bool = True) -> tuple[ConnectionStep, ...]:
        """The secret before is used until the new one has proven good, and dropped then. Not tried where another secret that it needs is
        lost, too. Raises UnknownConnectionError, SecretRefusedError, ConnectionTrialError, SecretsKeyError."""
        kept = self._store.get(name)
        connection, box = kept.read(self._settings.data_dir), self._open_box()
        if fault := connection.find_secret_fault(secret, value):
            raise SecretRefusedError(fault)
        steps: tuple[ConnectionStep, ...] = ()
        if is_tried:
            others = {each: sealed for each, sealed in kept.secrets.items() if each != secret}
            with suppress(SecretsKeyError):
                unlocked = kept._replace(secrets=others).unlock(box, datetime.now(UTC))
                steps = _try(connection, unlocked._replace(values={**unlocked.values, secret: value.strip()}))
        self._store.change_secret(name, secret, value, box, by, self._settings.data_dir)
        self._take_up(kept, by)
        return steps

    def change_webhook_secret(self, name: str, value: str, by: ChangeAuthor, overlap: timedelta = WEBHOOK_OVERLAP) -> datetime | None:
        """Return until when the one before stays good; None where there was none. Raises UnknownConnectionError, SecretRefusedError,
        SecretsKeyError."""
        until = self._store.change_webhook_secret(name, value, self._open_box(), by, datetime.now(UTC), overlap)
        self._systems.look_again()
        return until

    def switch(self, name: str, *, off: bool, by: ChangeAuthor) -> None:
        """Raises UnknownConnectionError."""
        self._store.switch(name, off=off, by=by, now=datetime.now(UTC))
        self._take_up(self._store.get(name), by)

    def begin_new_key(self, by: ChangeAuthor) -> tuple[Path | None, list[str], dict[str, str]]:
        """Encrypt all secrets under a new key: one that is made, or the first that the environment has. Return the key's file, which
        connections were encrypted anew, and why others could not be. Raises SecretsKeyError."""
        is_in_file = not is_key_in_environment(self._settings)
        with holding_key_file(self._settings) if is_in_file else nullcontext():
            file = begin_new_key(self._settings) if is_in_file else None
            done, failed = self._store.encrypt_anew(load_secret_box(self._settings), by)
        self._systems.look_again()
        return file, done, failed

    def _take_up(self, kept: KeptConnection, by: ChangeAuthor) -> None:
        """What it was set aside for may be over, and what it asked for may have been asked of another key: the next reading tries it."""
        self._systems.look_again()
        key = SystemKey(kept.name, kept.company)
        self._rests.end_rest(key)
        waiting = self._set_aside.list_waiting(SetAsideStage.BILLING_SYSTEM).get(name_system(key))
        if waiting is not None:
            self._set_aside.ask_retry(waiting.id, by.user)

    def _open_box(self) -> SecretBox:
        """With a first key, where nothing was ever encrypted; one that is lost is not replaced in silence."""
        if not has_secrets_key(self._settings) and not self._store.list_kept():
            begin_first_key(self._settings)
        return load_secret_box(self._settings)


def _try(connection: ConnectionDescription, secrets: OpenSecrets) -> tuple[ConnectionStep, ...]:
    """Raises ConnectionTrialError where already the first step does not work."""
    try:
        steps = connection.with_secrets(secrets).open().try_connection()
    except ValueError as error:  # its words may repeat the secret
        raise ConnectionTrialError(f"{UNSENDABLE}; nothing was kept") from error
    if steps and not steps[0].works:
        raise ConnectionTrialError(f"{describe_step(steps[0])}; nothing was kept")
    return steps


def describe_step(step: ConnectionStep) -> str:
    """In a line for people, and for the record of what was tried."""
    return f"{step.name}: {step.found}" + ("" if step.works else f"; ask for {step.ask_for}")
