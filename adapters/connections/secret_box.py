"""Secrets as they are kept: encrypted under a key that is not in the database, each bound to the place that it is of.

The key is in the environment (DUECOURSE_SECRETS_KEY) or in a file of the data folder that its owner alone may read. Both hold one key or
several, the newest first: it encrypts, and all of them decrypt. What is kept names the key that it needs by that key's fingerprint.
"""

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.config.settings import ENV_PREFIX, Settings, SettingsError
from adapters.text_files import read_text_file
from domain.refusal import Refusal

FILE_NAME = "secrets.key"
LOCK_NAME = f".{FILE_NAME}.lock"
VARIABLE = f"{ENV_PREFIX}SECRETS_KEY"
OTHERS = 0o077
"""Whoever else than the owner could read or write a file of this mode."""
OWNER_ALONE = 0o600

_KEY_BYTES, _NONCE_BYTES, _FINGERPRINT_LENGTH = 32, 12, 8
_KEY = re.compile(rf"[0-9a-f]{{{2 * _KEY_BYTES}}}")
_VERSION = "v1"


class SecretsKeyError(SettingsError):
    """The key of secrets is missing, is another one, or may be read by others; says what to do."""


class SecretBox:
    """Encrypts under the first of its keys and decrypts under any of them. `source` is how people are told where the keys are."""

    def __init__(self, keys: Sequence[bytes], source: str) -> None:
        self._keys = {_fingerprint(key): AESGCM(key) for key in keys}
        self._newest, self._source = _fingerprint(keys[0]), source

    def __repr__(self) -> str:
        return f"SecretBox({', '.join(self._keys)})"

    def encrypt(self, secret: str, place: str) -> str:
        """`place` is whose secret it is: it is decrypted for no other."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keys[self._newest].encrypt(nonce, secret.encode(), place.encode())
        return f"{_VERSION}:{self._newest}:{(nonce + sealed).hex()}"

    def decrypt(self, kept: str, place: str) -> str:
        """Raises SecretsKeyError."""
        version, _, rest = kept.partition(":")
        fingerprint, _, sealed = rest.partition(":")
        known = self._keys.get(fingerprint)
        if version != _VERSION or known is None:
            raise SecretsKeyError(
                f"{place} was encrypted under the key {fingerprint}, which is not in {self._source}: put that key back there, "
                "or enter the secret again by `duecourse billing rotate`"
            )
        raw = bytes.fromhex(sealed)
        try:
            return known.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except InvalidTag as error:
            raise SecretsKeyError(
                f"{place} was changed in the database, or is another's; enter the secret again by `duecourse billing rotate`"
            ) from error

    def is_newest(self, kept: str) -> bool:
        """Whether it is encrypted under the key that encrypts now."""
        return kept.startswith(f"{_VERSION}:{self._newest}:")


def load_secret_box(settings: Settings) -> SecretBox:
    """Raises SecretsKeyError."""
    if (given := _read_variable(settings)) is not None:
        return SecretBox(_parse_keys(given.replace(",", "\n"), VARIABLE), VARIABLE)
    file = get_key_file(settings)
    if not file.is_file():
        raise SecretsKeyError(
            Refusal(
                "secrets_key.missing",
                "the key of the connections' secrets is missing: there is no {file}, and {variable} is not set. Put the file back from a "
                "backup; where it is lost, `duecourse billing new-key` begins another, and `duecourse billing rotate` takes each secret "
                "again",
                file=file,
                variable=VARIABLE,
            )
        )
    require_owner_alone(file, "the key of the connections' secrets")
    return SecretBox(_parse_keys(read_text_file(file, SecretsKeyError), str(file)), str(file))


def has_secrets_key(settings: Settings) -> bool:
    return _read_variable(settings) is not None or get_key_file(settings).exists()


def is_key_in_environment(settings: Settings) -> bool:
    return _read_variable(settings) is not None


def get_key_file(settings: Settings) -> Path:
    return settings.data_dir / FILE_NAME


@contextmanager
def holding_key_file(settings: Settings) -> Iterator[None]:
    """Nobody else puts a new key into the file, or encrypts anew under one, until it ends. Raises SecretsKeyError."""
    file = get_key_file(settings)
    try:
        descriptor = os.open(file.with_name(LOCK_NAME), os.O_RDWR | os.O_CREAT, OWNER_ALONE)
    except OSError as error:
        raise _build_unwritable_error(file, error) from error
    with os.fdopen(descriptor, "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def begin_first_key(settings: Settings) -> None:
    """Make the file with a key, where nothing has a key yet; of two who do at once, the first one's stays. Raises SecretsKeyError."""
    file = get_key_file(settings)
    with holding_key_file(settings):
        made = _write_key_file(file, "")
        with suppress(FileExistsError):
            os.link(made, file)
        made.unlink()
        _sync_folder(file)


def begin_new_key(settings: Settings) -> Path:
    """Put a new key before those in the file, which is made where there is none; the caller holds the file. Raises SecretsKeyError."""
    file = get_key_file(settings)
    known = ""
    if file.exists():
        require_owner_alone(file, "the key of the connections' secrets")
        known = read_text_file(file, SecretsKeyError)
        _parse_keys(known, str(file))
    _write_key_file(file, known).replace(file)
    _sync_folder(file)
    return file


def _write_key_file(file: Path, known: str) -> Path:
    """Return a file beside it with a new key before the known ones, which is on the disk. Raises SecretsKeyError."""
    made = file.with_name(f".{FILE_NAME}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ALONE)
        with os.fdopen(descriptor, "w") as writing:
            writing.write(f"{secrets.token_hex(_KEY_BYTES)}\n{known}")
            writing.flush()
            os.fsync(descriptor)
    except OSError as error:
        raise _build_unwritable_error(file, error) from error
    return made


def _sync_folder(file: Path) -> None:
    """What is encrypted under a key must not outlive the file's name on the disk. Some file systems have no such thing."""
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(folder)
    finally:
        os.close(folder)


def _build_unwritable_error(file: Path, error: OSError) -> SecretsKeyError:
    return SecretsKeyError(f"{file} cannot be written: {error.strerror}; let Duecourse write there, or set {VARIABLE}")


def require_owner_alone(file: Path, what: str) -> None:
    """Raises SecretsKeyError for a file that others may read."""
    if file.stat().st_mode & OTHERS:
        raise SecretsKeyError(f"others may read {file}, which has {what}: `chmod 600 {file}`")


def _read_variable(settings: Settings) -> str | None:
    return settings.secrets_key.get_secret_value() if settings.secrets_key else None


def _parse_keys(text: str, source: str) -> list[bytes]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not all(_KEY.fullmatch(line) for line in lines):
        raise SecretsKeyError(
            f"{source} is no key of secrets: it has {2 * _KEY_BYTES} hexadecimal digits, as `openssl rand -hex {_KEY_BYTES}` makes them; "
            "or several such, the newest first"
        )
    return [bytes.fromhex(line) for line in lines]


def _fingerprint(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:_FINGERPRINT_LENGTH]
