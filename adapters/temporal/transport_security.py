"""What protects the connection to a Temporal server of one's own, and proves to it who connects: certificates, or an API key."""

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from temporalio.service import TLSConfig

from adapters.config.settings import ENV_PREFIX, Settings, SettingsError

TLS = f"{ENV_PREFIX}TEMPORAL_TLS"
CA_FILE, CERT_FILE, KEY_FILE, SERVER_NAME = f"{TLS}_CA_FILE", f"{TLS}_CERT_FILE", f"{TLS}_KEY_FILE", f"{TLS}_SERVER_NAME"
API_KEY = f"{ENV_PREFIX}TEMPORAL_API_KEY"


@dataclass(frozen=True)
class TransportSecurity:
    """Files are PEM. Without `ca_file` the certificates that this machine trusts are trusted; `server_name` is the name in the server's
    certificate, where that is not the one at which it is reached."""

    uses_tls: bool = False
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> "TransportSecurity":
        key = settings.temporal_api_key
        return cls(
            settings.uses_temporal_tls,
            settings.temporal_tls_ca_file,
            settings.temporal_tls_cert_file,
            settings.temporal_tls_key_file,
            settings.temporal_tls_server_name,
            key.get_secret_value() if key else None,
        )

    @property
    def command_options(self) -> list[str]:
        """The options with which the `temporal` program connects in the same way. The API key is left to its own variable."""
        given = {
            "--tls-ca-path": self.ca_file,
            "--tls-cert-path": self.cert_file,
            "--tls-key-path": self.key_file,
            "--tls-server-name": self.server_name,
        }
        options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
        return ["--tls", *options] if self.uses_tls else []

    def load_tls(self) -> TLSConfig | bool:
        """Read the certificates, as the SDK takes them. Raises SettingsError for a file that cannot be used."""
        if not self.uses_tls:
            return False
        self.build_context()
        self._check_own_certificate()
        return TLSConfig(
            server_root_ca_cert=self.ca_file.read_bytes() if self.ca_file else None,
            domain=self.server_name,
            client_cert=self.cert_file.read_bytes() if self.cert_file else None,
            client_private_key=self.key_file.read_bytes() if self.key_file else None,
        )

    def build_context(self) -> ssl.SSLContext:
        """Build a context of Python's own that trusts and proves the same. Raises SettingsError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["h2"])
        try:
            if self.ca_file is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(self.ca_file)
        except OSError as error:
            raise SettingsError(_describe_file_fault(CA_FILE, self.ca_file, "certificates", error)) from error
        if self.cert_file is None or self.key_file is None:
            return context
        for variable, file, what in ((CERT_FILE, self.cert_file, "a certificate"), (KEY_FILE, self.key_file, "a private key")):
            if b"-----BEGIN " not in _read_file(variable, file, what):
                raise SettingsError(f"{variable} cannot be used: {file} has no PEM text, from -----BEGIN on; name a PEM file with {what}")
        try:
            context.load_cert_chain(self.cert_file, self.key_file, password=self._refuse_password)
        except ssl.SSLError as error:
            raise SettingsError(
                f"{CERT_FILE} and {KEY_FILE} cannot be used: {self.cert_file} has no certificate for the key in {self.key_file} "
                f"({error.reason or error}); name two files that were issued together"
            ) from error
        return context

    def _check_own_certificate(self) -> None:
        if self.cert_file is None:
            return
        ends = x509.load_pem_x509_certificate(self.cert_file.read_bytes()).not_valid_after_utc
        if ends < datetime.now(UTC):
            when = f"{ends:%Y-%m-%d %H:%M} UTC"
            raise SettingsError(f"the certificate in {self.cert_file} ({CERT_FILE}) expired on {when}; have a new one issued")

    def _refuse_password(self) -> str:
        raise SettingsError(
            f"{KEY_FILE} cannot be used: the key in {self.key_file} has a password, which nobody is there to type; keep one without in a "
            f"file that only Duecourse may read: openssl pkey -in {self.key_file} -out FILE"
        )


def _read_file(variable: str, file: Path, what: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(_describe_file_fault(variable, file, what, error)) from error


def _describe_file_fault(variable: str, file: Path | None, what: str, error: OSError) -> str:
    reason = "has none in PEM" if isinstance(error, ssl.SSLError) else f"cannot be read ({error.strerror or error})"
    return f"{variable} cannot be used: {file} {reason}; name a PEM file with {what}"
