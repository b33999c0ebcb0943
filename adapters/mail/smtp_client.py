"""Sending over SMTP, so that of every letter we know whether it was taken, turned away, or neither.

The one moment that matters is the end of the letter's content. Before it nothing can have been delivered, and the letter may be sent
again; after it only the server's reply tells, and without that reply the letter is never sent again blindly (RFC 5321, 4.2.5 and 6.1).
aiosmtplib's own `data()` hides that moment, so the DATA command and its content are driven apart here.
"""

import asyncio
import re
import ssl
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPStatus,
    SMTPTimeoutError,
)
from aiosmtplib.protocol import normalize_message_line_endings
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.loopback import LOOPBACK_HOSTS
from adapters.mail.mail_addresses import MailAddressError, needs_smtputf8, normalise_address

AUTHENTICATION_REQUIRED_CODES = frozenset({530, 534, 535, 538})
"""What a server answers to MAIL when it wants a login or TLS first (RFC 4954, 6): our configuration, not the letter's fault."""

MAX_REPLY_LENGTH = 1000
_policy_refusal = re.compile(r"5\.7\.[0-9]")
_leading_dot = re.compile(rb"(?m)^\.")


class DeliveryOutcome(StrEnum):
    SENT = "sent"
    REFUSED = "refused"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"


class DeliveryResult(NamedTuple):
    """What became of a letter. `reply_code` is the server's, or None when it did not answer. `address_refused`: it is the address that the
    server refuses for good, and neither this letter nor its sender."""

    outcome: DeliveryOutcome
    reply_code: int | None
    reply_text: str
    address_refused: bool = False


class Mailer(Protocol):
    async def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> DeliveryResult: ...

    async def close(self) -> None: ...


class SmtpSecurity(StrEnum):
    PLAIN = "plain"
    STARTTLS = "starttls"
    TLS = "tls"


class SmtpSettings(BaseModel):
    """`ca_file` is for a server whose certificate a public authority did not sign. `hello_name` defaults to this machine's own."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int
    security: SmtpSecurity = SmtpSecurity.STARTTLS
    username: str = ""
    password: SecretStr = SecretStr("")
    ca_file: Path | None = None
    hello_name: str | None = None
    connections: int = Field(default=4, ge=1)
    letters_per_connection: int = Field(default=100, ge=1)
    timeout_seconds: float = Field(default=60, gt=0)
    final_reply_seconds: float = Field(default=600, gt=0, description="RFC 5321, 4.5.3.2.6: a server may need ten minutes to accept")

    @model_validator(mode="after")
    def _check_login_encrypted(self) -> Self:
        if self.username and self.security is SmtpSecurity.PLAIN and self.host not in LOOPBACK_HOSTS:
            raise ValueError(f"a login at {self.host} over an unencrypted connection would give the password away: use starttls or tls")
        return self


class SmtpMailer:
    """A pool of connections, each opened when first needed and used for many letters."""

    def __init__(self, settings: SmtpSettings) -> None:
        trust = _load_trust(settings)
        self._size = settings.connections
        self._free_connections: asyncio.LifoQueue[_SmtpConnection] = asyncio.LifoQueue()
        for _ in range(self._size):
            self._free_connections.put_nowait(_SmtpConnection(settings, trust))

    async def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> DeliveryResult:
        """Never raises for what the server or the network does. When cancelled, the letter's outcome is unknown."""
        if not recipients:
            raise ValueError("a letter needs a recipient")
        try:
            sender, recipients = normalise_address(sender), [normalise_address(address) for address in recipients]
        except MailAddressError as error:
            return DeliveryResult(
                DeliveryOutcome.REFUSED, None, f"{(sender, *recipients)!r} cannot be written in an SMTP envelope: {error}"
            )
        connection = await self._free_connections.get()
        try:
            return await connection.deliver(message, sender, recipients)
        finally:
            self._free_connections.put_nowait(connection)

    async def close(self) -> None:
        """Waits for the letters under way, then ends every connection. A later letter opens one again."""
        connections = [await self._free_connections.get() for _ in range(self._size)]
        for connection in connections:
            await connection.close()
            self._free_connections.put_nowait(connection)


async def find_mail_server_problem(settings: SmtpSettings) -> str | None:
    """Connect, as for a letter, and leave again: why that does not work; None when it does."""
    try:
        client = _build_client(settings, _load_trust(settings))
        await client.connect()
        await client.quit()
    except (SMTPException, OSError) as error:
        return _clean_reply(str(error)) or type(error).__name__
    return None


def _load_trust(settings: SmtpSettings) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=settings.ca_file) if settings.security is not SmtpSecurity.PLAIN else None


def _build_client(settings: SmtpSettings, trust: ssl.SSLContext | None) -> SMTP:
    return SMTP(
        hostname=settings.host,
        port=settings.port,
        username=settings.username or None,
        password=settings.password.get_secret_value() if settings.username else None,
        local_hostname=settings.hello_name,
        timeout=settings.timeout_seconds,
        use_tls=settings.security is SmtpSecurity.TLS,
        start_tls=settings.security is SmtpSecurity.STARTTLS,
        tls_context=trust,
    )


class _AddressBeyondAsciiError(Exception):
    """The server does not offer SMTPUTF8 (RFC 6531)."""


class _SmtpConnection:
    def __init__(self, settings: SmtpSettings, trust: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._letters_sent = 0
        self._client = _build_client(settings, trust)

    async def deliver(self, message: bytes, sender: str, recipients: Sequence[str]) -> DeliveryResult:
        try:
            beyond_ascii = any(needs_smtputf8(address) for address in (sender, *recipients))
            await self._start_mail(sender, beyond_ascii)
            refusals = await self._send_recipients(recipients)
            delivery = (
                _build_refused_delivery(refusals) if len(refusals) == len(recipients) else await self._transmit_content(message, refusals)
            )
        except (SMTPSenderRefused, SMTPDataError) as refusal:
            delivery = DeliveryResult(_judge_reply_before_content(refusal.code), refusal.code, refusal.message)
        except _AddressBeyondAsciiError:
            text = "The mail server takes no address with letters beyond ASCII before the @ (it does not offer SMTPUTF8)"
            delivery = DeliveryResult(DeliveryOutcome.REFUSED, None, text, address_refused=True)
        except SMTPResponseException as reply:
            self._client.close()
            delivery = DeliveryResult(
                DeliveryOutcome.DEFERRED, reply.code, f"The mail server turned us away before the letter: {reply.message}"
            )
        except (SMTPException, OSError) as error:
            self._client.close()
            delivery = DeliveryResult(DeliveryOutcome.DEFERRED, None, f"No connection to the mail server: {error}")
        except BaseException:
            self._client.close()
            raise
        await self._reset_session(delivery.outcome)
        return delivery._replace(reply_text=_clean_reply(delivery.reply_text))

    async def close(self) -> None:
        if self._client.is_connected:
            try:
                await self._client.quit()
            except (SMTPException, OSError):
                self._client.close()

    async def _start_mail(self, sender: str, beyond_ascii: bool) -> None:
        """MAIL FROM. A server may have closed the connection since the last letter: that is no failure of this one."""
        if self._client.is_connected and self._letters_sent < self._settings.letters_per_connection:
            try:
                await self._send_mail_from(sender, beyond_ascii)
                return
            except (SMTPServerDisconnected, SMTPTimeoutError):
                pass
            except SMTPSenderRefused as refusal:
                if refusal.code != SMTPStatus.domain_unavailable:
                    raise
        await self.close()
        await self._client.connect()
        self._letters_sent = 0
        await self._send_mail_from(sender, beyond_ascii)

    async def _send_mail_from(self, sender: str, beyond_ascii: bool) -> None:
        if beyond_ascii:
            if self._client.is_ehlo_or_helo_needed:
                await self._client.ehlo()
            if not self._client.supports_extension("smtputf8"):
                raise _AddressBeyondAsciiError
        await self._client.mail(sender, options=["SMTPUTF8"] if beyond_ascii else [], encoding="utf-8")
        self._letters_sent += 1

    async def _send_recipients(self, recipients: Sequence[str]) -> list[SMTPRecipientRefused]:
        refusals = []
        for recipient in recipients:
            try:
                await self._client.rcpt(recipient, encoding="utf-8")
            except SMTPRecipientRefused as refusal:
                refusals.append(refusal)
        return refusals

    async def _transmit_content(self, message: bytes, refusals: list[SMTPRecipientRefused]) -> DeliveryResult:
        permission = await self._client.execute_command(b"DATA")
        if permission.code != SMTPStatus.start_input:
            raise SMTPDataError(permission.code, permission.message)
        if self._client.protocol is None:
            raise SMTPServerDisconnected("Connection lost before the letter's content")
        self._client.protocol.write(_leading_dot.sub(b"..", normalize_message_line_endings(message)) + b".\r\n")
        try:
            code, text = await self._client.protocol.read_response(timeout=self._settings.final_reply_seconds)
        except (SMTPException, OSError) as error:
            return DeliveryResult(DeliveryOutcome.UNKNOWN, None, f"The whole letter was handed over, but no reply to it came: {error}")
        return DeliveryResult(_judge_reply_after_content(code), code, "; ".join([text, *map(_format_refusal, refusals)]))

    async def _reset_session(self, outcome: DeliveryOutcome) -> None:
        """Leaves nothing of this letter for the next one: no envelope at the server, no late reply on its way to us."""
        if outcome is DeliveryOutcome.UNKNOWN:
            self._client.close()
        elif outcome is not DeliveryOutcome.SENT and self._client.is_connected:
            try:
                await self._client.rset()
            except (SMTPException, OSError):
                self._client.close()


def _judge_reply_before_content(code: int) -> DeliveryOutcome:
    return DeliveryOutcome.REFUSED if 500 <= code <= 599 and code not in AUTHENTICATION_REQUIRED_CODES else DeliveryOutcome.DEFERRED


def _judge_reply_after_content(code: int) -> DeliveryOutcome:
    """A reply that is none of SMTP's final ones tells nothing."""
    return {2: DeliveryOutcome.SENT, 4: DeliveryOutcome.DEFERRED, 5: DeliveryOutcome.REFUSED}.get(code // 100, DeliveryOutcome.UNKNOWN)


def _build_refused_delivery(refusals: list[SMTPRecipientRefused]) -> DeliveryResult:
    """While one recipient may still be accepted later, the letter is worth sending again."""
    verdicts = {_judge_reply_before_content(refusal.code): refusal for refusal in refusals}
    outcome = DeliveryOutcome.DEFERRED if DeliveryOutcome.DEFERRED in verdicts else DeliveryOutcome.REFUSED
    address_refused = outcome is DeliveryOutcome.REFUSED and all(_is_address_refused(refusal) for refusal in refusals)
    return DeliveryResult(outcome, verdicts[outcome].code, "; ".join(map(_format_refusal, refusals)), address_refused)


def _is_address_refused(refusal: SMTPRecipientRefused) -> bool:
    """A refusal by policy (RFC 3463, X.7.X), such as a block list's, is about the sender: another letter may be taken."""
    return 500 <= refusal.code <= 599 and not _policy_refusal.match(refusal.message)


def _format_refusal(refusal: SMTPRecipientRefused) -> str:
    return f"{refusal.recipient} was not accepted: {refusal.code} {refusal.message}"


def _clean_reply(reply: str) -> str:
    """A server may answer in any encoding and at any length; the journal keeps one line of proper text."""
    text = reply.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())[:MAX_REPLY_LENGTH]
