"""A real SMTP server on loopback that a test can make fail at any point of the conversation, and a mailer that writes to it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from adapters.mail.smtp_client import DeliveryResult, Mailer, SmtpMailer, SmtpSecurity, SmtpSettings
from tests.patience import PATIENCE

LETTER = b"Subject: Reminder\r\n\r\nPlease pay.\r\n"


class SmtpHandler:
    """Takes every letter. A test's subclass turns some away, falls silent or hangs up."""

    def __init__(self) -> None:
        self.accepted: list[bytes] = []
        self.conversations: list[Session] = []
        self.recipients: list[str] = []

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if session not in self.conversations:
            self.conversations.append(session)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        envelope.rcpt_tos.append(address)
        self.recipients.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.accepted.append(envelope.original_content or b"")
        return "250 Taken"


class SaysAtRecipient(SmtpHandler):
    def __init__(self, **replies: str) -> None:
        super().__init__()
        self.replies = replies

    def __repr__(self) -> str:
        """By which the tests that it is a parameter of are told apart, the same in every process."""
        return f"SaysAtRecipient({self.replies})"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if reply := self.replies.get(address.partition("@")[0]):
            return reply
        return await super().handle_RCPT(server, session, envelope, address, options)


def abort_connection(server: SMTP) -> None:
    """The connection is cut: the client sees a reset, not a goodbye."""
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()


class RefusesContent(SMTP):
    async def smtp_DATA(self, arg: str) -> None:
        await self.push("554 No letters today")


class HangsUpInTheMiddleOfContent(SMTP):
    async def smtp_DATA(self, arg: str) -> None:
        await self.push("354 Go ahead")
        await self._reader.readline()
        abort_connection(self)


class FaultySmtpServer(NamedTuple):
    clerk: SmtpHandler
    port: int


Authenticator = Callable[[SMTP, Session, Envelope, str, LoginPassword], AuthResult]


@asynccontextmanager
async def start_smtp_server(
    clerk: SmtpHandler | None = None,
    protocol: type[SMTP] = SMTP,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    authenticator: Authenticator | None = None,
) -> AsyncIterator[FaultySmtpServer]:
    """`tls` encrypts from the first byte, `starttls` on request, but before any letter."""
    clerk = clerk or SmtpHandler()
    loop = asyncio.get_running_loop()

    def conversation() -> SMTP:
        return protocol(
            clerk,
            hostname="localhost",
            loop=loop,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=authenticator,
            auth_required=authenticator is not None,
            auth_require_tls=False,
        )

    server = await loop.create_server(conversation, "127.0.0.1", 0, ssl=tls)
    try:
        yield FaultySmtpServer(clerk, server.sockets[0].getsockname()[1])
    finally:
        server.close()


@asynccontextmanager
async def start_rejecting_server(banner: str) -> AsyncIterator[int]:
    """A server that turns every caller away at the door."""

    async def turn_away(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{banner}\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(turn_away, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def open_mailer(port: int, **settings: object) -> AsyncIterator[Mailer]:
    chosen = {"security": SmtpSecurity.PLAIN, "hello_name": "localhost", "timeout_seconds": PATIENCE, "final_reply_seconds": PATIENCE}
    mailer = SmtpMailer(SmtpSettings.model_validate({"host": "127.0.0.1", "port": port, **chosen, **settings}))
    try:
        yield mailer
    finally:
        await mailer.close()


async def deliver_letter(mailer: Mailer, *recipients: str) -> DeliveryResult:
    return await mailer.send(LETTER, "ar@creditor.example", recipients or ("kim@customer.example",))


async def deliver_once(smtp_server: FaultySmtpServer, **settings: object) -> DeliveryResult:
    async with open_mailer(smtp_server.port, **settings) as mailer:
        return await deliver_letter(mailer)
