"""What can be set from outside, as environment variables that begin with `DUECOURSE_`. Settings are passed on, never imported.

There is no default for a secret. A value that cannot be used is refused with the variable's name and what to write.
"""

from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.loopback import LOOPBACK_HOSTS
from adapters.mail.smtp_client import SmtpSecurity, SmtpSettings
from adapters.shipped_files import PROJECT
from domain.erasure.report import DEFAULT_RETENTION_YEARS
from domain.errors import OperatingError

ENV_PREFIX = "DUECOURSE_"
_ALL_ADDRESSES = frozenset({"0.0.0.0", "::", ""})
ADDRESS_PATTERN = r"^[^@\s<>]+@[^@\s<>]+$"


_TEMPORAL_TLS = ("temporal_tls_ca_file", "temporal_tls_cert_file", "temporal_tls_key_file", "temporal_tls_server_name")


class SettingsError(OperatingError):
    """Settings that cannot be used: one sentence per variable, with what to write instead."""


def _parse_security(value: object) -> object:
    return SmtpSecurity.PLAIN if value == "none" else value


class Settings(BaseSettings):
    """`temporal_address` and `smtp_host` are None for the embedded server and the local inbox."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    data_dir: Path = Field(Path(".duecourse"), description="a folder")
    database_url: str | None = Field(
        None, pattern=r"^(sqlite:///|postgresql\+psycopg://)", description="sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME"
    )

    temporal_address: str | None = Field(None, pattern=r"^[^\s:/]+:[0-9]+$", description="HOST:PORT of a Temporal server")
    temporal_namespace: str = Field("duecourse", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="a Temporal namespace")
    temporal_port: int | None = Field(None, ge=1, le=65535, description="a port for the embedded server; unset: any free one")
    worker_takeover_seconds: int = Field(
        120, ge=5, le=600, description="after how many seconds other workers take over what a worker that died had in its cache, 5 to 600"
    )
    worker_host: str = Field("127.0.0.1", description="the address on which `duecourse worker` listens for probes")
    worker_port: int | None = Field(
        None, ge=1, le=65535, description="a port of `duecourse worker` for /healthz, /readyz and /metrics, such as 8081; unset: none"
    )
    temporal_tls: bool | None = Field(
        None, description="true or false: whether your Temporal server is reached over TLS; unset: where a certificate or key for it is set"
    )
    temporal_tls_ca_file: Path | None = Field(None, description="the certificates to trust of a Temporal server, as a PEM file")
    temporal_tls_cert_file: Path | None = Field(None, description="the certificate to show a Temporal server, as a PEM file")
    temporal_tls_key_file: Path | None = Field(None, description="that certificate's private key, as a PEM file without a password")
    temporal_tls_server_name: str | None = Field(
        None, pattern=r"^[A-Za-z0-9._:-]+$", description="the name in the Temporal server's certificate, such as temporal.your-company.com"
    )
    temporal_api_key: SecretStr | None = Field(None, description="the API key of a Temporal server that asks for one")
    temporal_ui_port: int | None = Field(None, ge=1, le=65535, description="a port for Temporal's own pages; unset: none")

    smtp_host: str | None = Field(None, description="a mail server's name; unset: letters stay in the local inbox")
    smtp_port: int = Field(587, ge=1, le=65535, description="a port number such as 587")
    smtp_security: Annotated[SmtpSecurity, BeforeValidator(_parse_security)] = Field(
        SmtpSecurity.STARTTLS, description="starttls, tls or none"
    )
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_connections: int = Field(8, ge=1, le=100, description="how many connections at once, 1 to 100")
    smtp_ca_file: Path | None = Field(None, description="the certificates to trust, as a PEM file")

    sender: str = Field(
        "receivables@lindenhof.example", pattern=ADDRESS_PATTERN, description="an address such as receivables@your-company.com"
    )
    reply_domain: str = Field(
        "lindenhof.example", pattern=r"^[A-Za-z0-9.-]+$", description="the domain in the letters' Message-ID, such as your-company.com"
    )
    audit_mail: str | None = Field(
        None, pattern=ADDRESS_PATTERN, description="an address such as audit@your-company.com, to which the daily seals go; unset: none"
    )
    digest_hour: int = Field(
        7, ge=0, le=23, description="the hour from which people get their daily mail of approvals, 0 to 23, in the company's time zone"
    )
    archive_url: str | None = Field(
        None, pattern=r"^s3://[^\s/]+(/[^\s]*)?$", description="s3://BUCKET/PREFIX for archived histories; unset: in the database"
    )
    audit_key: SecretStr | None = Field(None, description="64 hexadecimal digits, as `openssl rand -hex 32` makes them")
    secrets_key: SecretStr | None = Field(
        None, description="what the secrets of connections are encrypted with: 64 hexadecimal digits; several with commas, the newest first"
    )
    letters_dir: Path | None = Field(None, description="a folder with letter templates of your own")
    policies_dir: Path = Field(PROJECT / "policies", description="a folder with policies as YAML")
    company_file: Path | None = Field(None, description="a YAML file like company.example.yaml")

    api_host: str = Field("127.0.0.1", description="the address to listen on")
    api_port: int = Field(8080, ge=1, le=65535, description="a port number such as 8080")
    console_url: str | None = Field(
        None, pattern=r"^https?://[^\s]+$", description="the address at which people reach the console; unset: that of this machine"
    )

    secure_cookies: bool | None = Field(
        None, description="true or false: whether the session's cookie goes over HTTPS alone; unset: where DUECOURSE_CONSOLE_URL has https"
    )
    trusted_proxies: str | None = Field(
        None, description="the addresses of the proxies whose X-Forwarded-Proto is believed, such as 10.0.0.5,10.1.0.0/16; unset: none"
    )
    allowed_hosts: str | None = Field(
        None, description="by which names the server may be called, such as duecourse.your-company.com,10.0.0.7; * for any; unset: see docs"
    )

    oidc_issuer: str | None = Field(
        None, pattern=r"^https?://[^\s]+$", description="the address of your OpenID provider, as it calls itself; unset: none"
    )
    oidc_client_id: str | None = Field(None, description="what the OpenID provider calls this application")
    oidc_client_secret: SecretStr | None = Field(None, description="what the OpenID provider knows this application by")
    oidc_roles: str | None = Field(None, description="which group gives which role, as GROUP=ROLE; GROUP=ROLE")
    oidc_groups_claim: str = Field("groups", min_length=1, description="the claim with a person's groups")
    oidc_user_claim: str = Field("preferred_username", min_length=1, description="the claim with a person's user name")
    oidc_scopes: str = Field("openid profile email", pattern=r"(^| )openid( |$)", description="the scopes to ask for, openid among them")

    session_idle_hours: int = Field(
        12, ge=1, le=168, description="after how many hours without use a session at the console ends, 1 to 168"
    )
    session_days: int = Field(7, ge=1, le=90, description="after how many days a session at the console ends at the latest, 1 to 90")

    letters_wait_hours: int = Field(
        4,
        ge=1,
        le=168,
        description="after how many hours in which a connected billing system was not read to the end the letters to its customers wait, "
        "1 to 168",
    )

    retention_years: int = Field(
        DEFAULT_RETENTION_YEARS,
        ge=1,
        le=100,
        description="for how many years after its last record an account's personal details are kept, 1 to 100",
    )

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
        if self.sends_external_mail and self.sender.endswith(".example"):
            raise ValueError(
                f"{ENV_PREFIX}SENDER must be your own address when {ENV_PREFIX}SMTP_HOST is set; "
                "write for example receivables@your-company.com"
            )
        if self.smtp_username and self.smtp_host and not self.smtp_password.get_secret_value():
            raise ValueError(f"{ENV_PREFIX}SMTP_PASSWORD is missing: {ENV_PREFIX}SMTP_USERNAME signs in nowhere without it")
        return self

    @model_validator(mode="after")
    def _check_temporal_security(self) -> Self:
        prefix = f"{ENV_PREFIX}TEMPORAL"
        given = [f"{ENV_PREFIX}{name.upper()}" for name in (*_TEMPORAL_TLS, "temporal_api_key") if getattr(self, name) is not None]
        if not given and not self.temporal_tls:
            return self
        host = (self.temporal_address or "").rpartition(":")[0]
        if not host:
            raise ValueError(f"{(given or [f'{prefix}_TLS'])[0]} is for a server of your own: set {prefix}_ADDRESS too")
        if (self.temporal_tls_cert_file is None) != (self.temporal_tls_key_file is None):
            missing, other = ("KEY", "CERT") if self.temporal_tls_key_file is None else ("CERT", "KEY")
            raise ValueError(f"{prefix}_TLS_{missing}_FILE is missing: {prefix}_TLS_{other}_FILE proves nothing without it")
        if self.temporal_tls is False and (files := [name for name in given if "_TLS_" in name]):
            raise ValueError(f"{prefix}_TLS is false, and {files[0]} is set: unset one of them")
        if self.temporal_tls is False and host not in LOOPBACK_HOSTS:
            raise ValueError(f"{prefix}_API_KEY over an unencrypted connection to {host} would be given away: unset {prefix}_TLS")
        return self

    @classmethod
    def load(cls, **given: Any) -> "Settings":
        """From the environment; what is `given` and not None wins over it. Raises SettingsError."""
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            raise SettingsError("\n".join(_describe_fault(dict(fault)) for fault in error.errors())) from error

    @property
    def resolved_database_url(self) -> str:
        """The database's URL: SQLite in the data folder when none was given."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'duecourse.db'}"

    @property
    def database_file(self) -> Path | None:
        """The file of the database; None where a server keeps it."""
        url = self.resolved_database_url
        return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None

    @property
    def uses_temporal_tls(self) -> bool:
        if self.temporal_tls is not None:
            return self.temporal_tls
        return any(getattr(self, name) is not None for name in (*_TEMPORAL_TLS, "temporal_api_key"))

    @property
    def console_address(self) -> str:
        """The URL at which people reach the console: the configured one, else this machine's."""
        return self.console_url or f"http://{self.api_host}:{self.api_port}"

    @property
    def sends_secure_cookies(self) -> bool:
        return self.secure_cookies if self.secure_cookies is not None else self.console_address.startswith("https://")

    @property
    def host_names(self) -> frozenset[str] | None:
        """The names by which requests may call the server, without ports: those that are set, else those of this machine itself and of the
        console's address. None for any: where it listens on all addresses, and nobody said by which name it is reached."""
        if self.allowed_hosts is not None:
            names = {name.strip().lower() for name in self.allowed_hosts.split(",") if name.strip()}
            return None if "*" in names else frozenset(names)
        if self.console_url is None and self.api_host in _ALL_ADDRESSES:
            return None
        own = urlsplit(self.console_url).hostname if self.console_url else None
        return frozenset({*LOOPBACK_HOSTS, "[::1]", self.api_host.lower(), f"[{self.api_host.lower()}]", *([own] if own else [])})

    @property
    def sends_external_mail(self) -> bool:
        """Letters leave this machine."""
        return self.smtp_host is not None and self.smtp_host not in LOOPBACK_HOSTS

    def build_smtp_settings(self) -> SmtpSettings | None:
        """None when letters go to the local inbox. Raises SettingsError."""
        if self.smtp_host is None:
            return None
        try:
            return SmtpSettings(
                host=self.smtp_host,
                port=self.smtp_port,
                security=self.smtp_security,
                username=self.smtp_username,
                password=self.smtp_password,
                ca_file=self.smtp_ca_file,
                connections=self.smtp_connections,
            )
        except ValidationError as error:
            raise SettingsError("\n".join(str(fault["ctx"]["error"]) for fault in error.errors() if "ctx" in fault)) from error


def _describe_fault(fault: dict[str, Any]) -> str:
    if not fault["loc"]:
        return str(fault["ctx"]["error"])
    name = str(fault["loc"][0])
    wanted = Settings.model_fields[name].description or "a text"
    shown = "" if any(part in name for part in ("password", "key", "url", "secret")) else f" (found {str(fault['input'])!r})"
    return f"{ENV_PREFIX}{name.upper()} cannot be used{shown}: write {wanted}"


__all__ = ["PROJECT", "Settings", "SettingsError", "SmtpSecurity"]
