"""The key by which an export for auditors is known to come from this house: Ed25519, of RFC 8032.

It is set in DUECOURSE_AUDIT_KEY, or made once and kept in the data folder. Whoever gets an export compares its public key with the one that
the house told them by another way; `duecourse audit key` shows it.
"""

import os
import re
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.config.settings import Settings, SettingsError

KEY_FILE = "audit.key"
_SECRET_PATTERN = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


class AuditKeyError(SettingsError):
    """A key that cannot be used; says where it stands and what to do."""


class AuditKey:
    """Signs; the secret leaves it in no other way."""

    def __init__(self, secret: bytes) -> None:
        """`secret`: the 32 bytes that RFC 8032 calls the private key."""
        self._key = Ed25519PrivateKey.from_private_bytes(secret)

    @property
    def public_hex(self) -> str:
        """64 hexadecimal digits."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> bytes:
        """64 bytes, always the same ones for the same content."""
        return self._key.sign(content)


def load_audit_key(settings: Settings) -> AuditKey:
    """The key that was set, or else that of the data folder, which is made when there is none. Raises AuditKeyError."""
    if settings.audit_key is not None:
        return _parse_key(settings.audit_key.get_secret_value(), "DUECOURSE_AUDIT_KEY")
    file = settings.data_dir / KEY_FILE
    if not file.exists():
        _create_key_file(file)
    try:
        return _parse_key(file.read_text(encoding="ascii"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise AuditKeyError(f"{file} cannot be read ({error}); put the key there that was in use, or set DUECOURSE_AUDIT_KEY") from error


def _parse_key(text: str, source: str) -> AuditKey:
    if not _SECRET_PATTERN.fullmatch(text.strip()):
        raise AuditKeyError(f"{source} is no key: write 64 hexadecimal digits, as `openssl rand -hex 32` makes them")
    return AuditKey(bytes.fromhex(text.strip()))


def _create_key_file(file: Path) -> None:
    """For nobody else to read. Of two processes that make one at the same time, the first one's stays, whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{KEY_FILE}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            return
    except OSError as error:
        raise AuditKeyError(f"{file} cannot be written ({error.strerror}); set DUECOURSE_AUDIT_KEY") from error
    finally:
        draft.unlink(missing_ok=True)


__all__ = ["AuditKey", "AuditKeyError", "load_audit_key"]
