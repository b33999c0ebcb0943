"""The local inbox: a real SMTP server on this machine only, which keeps every letter as a file instead of sending it on.

It lets `duecourse up` run the whole way to the letterbox without a mail account. A letter is on the disk before the server says 250, and
each one that arrives is kept, so that a letter sent twice would be seen twice.
"""

import heapq
import itertools
import os
import re
import socket
import time
from asyncio import Server
from datetime import datetime
from email import policy
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.parser import BytesParser
from functools import lru_cache
from pathlib import Path
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import BaseModel, ConfigDict

from adapters.loopback import LOOPBACK_ADDRESS
from domain.errors import OperatingError

_message_name = re.compile(r"[0-9]{20}-[0-9]{6}")
_arrivals = itertools.count()
_reading_policy = policy.EmailPolicy(header_factory=lru_cache(maxsize=256)(HeaderRegistry()))
"""The default's, but that it parses a header once: the parser asks a part for its type a dozen times, and every letter's parts have the
same types."""

KEPT_READY = 1_000
"""How many letters that were read lately an inbox has at hand: their files never change."""


class InboxMessage(BaseModel):
    """A letter as its reader sees it. `id` sorts by arrival."""

    model_config = ConfigDict(frozen=True)

    id: str
    sender: str
    recipients: tuple[str, ...]
    reply_to: str
    subject: str
    date: datetime | None
    message_id: str
    text: str
    html: str


class InboxPortInUseError(OperatingError):
    """Another program listens on the inbox's port."""


class Inbox:
    """The letters in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._load_message = lru_cache(maxsize=KEPT_READY)(self._parse_message)
        folder.mkdir(parents=True, exist_ok=True)

    def store(self, content: bytes) -> str:
        """Durable when it returns: the file's content and its name are both on the disk."""
        name = f"{time.time_ns():020d}-{next(_arrivals) % 1_000_000:06d}"
        part = self._folder / f"{name}.part"
        try:
            with part.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self._get_message_path(name))
        except OSError:
            part.unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return name

    def list(self, limit: int = 50, before: str | None = None) -> tuple[InboxMessage, ...]:
        """The newest first; `before` is the id that the last page ended with."""
        names = (path.stem for path in self._folder.glob("*.eml"))
        return tuple(
            self._load_message(name) for name in heapq.nlargest(limit, (name for name in names if before is None or name < before))
        )

    def get(self, entry_id: str) -> InboxMessage | None:
        if not _message_name.fullmatch(entry_id) or not self._get_message_path(entry_id).exists():
            return None
        return self._load_message(entry_id)

    def _get_message_path(self, name: str) -> Path:
        return self._folder / f"{name}.eml"

    def _parse_message(self, name: str) -> InboxMessage:
        return read_mail(self._get_message_path(name).read_bytes(), name)


def read_mail(content: bytes, name: str = "") -> InboxMessage:
    """Read a mail as it goes over the wire; `name` becomes its id."""
    message = BytesParser(EmailMessage, policy=_reading_policy).parsebytes(content)
    dated = message["Date"]
    return InboxMessage(
        id=name,
        sender=str(message["From"] or ""),
        recipients=tuple(str(address) for address in _list_addresses(message["To"])),
        reply_to=str(message["Reply-To"] or ""),
        subject=str(message["Subject"] or ""),
        date=dated.datetime if dated else None,
        message_id=str(message["Message-ID"] or ""),
        text=_extract_body(message, "plain"),
        html=_extract_body(message, "html"),
    )


def _list_addresses(header: object) -> tuple[Address, ...]:
    return tuple(getattr(header, "addresses", ()))


def _extract_body(message: EmailMessage, subtype: str) -> str:
    body = message.get_body(preferencelist=(subtype,))
    return str(body.get_content()).replace("\r\n", "\n") if body is not None else ""


class _InboxHandler:
    """aiosmtpd's handler: what it returns is the server's reply."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        try:
            name = self._inbox.store(envelope.original_content or b"")
        except OSError as error:
            return f"451 The local inbox could not keep the letter: {error.strerror}"
        return f"250 Kept as {name}"


class _LoopbackController(Controller):
    def _trigger_server(self) -> None:
        """Port 0 lets the system choose; aiosmtpd's self-test would then look for port 0 itself."""
        if isinstance(self.server, Server):
            self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class InboxServer:
    """Receives for an inbox in a thread of its own. `start` and `stop` block for some milliseconds; `port` 0 lets the system choose."""

    def __init__(self, inbox: Inbox, port: int) -> None:
        self._controller = _LoopbackController(
            _InboxHandler(inbox), hostname=LOOPBACK_ADDRESS, port=port, server_hostname="localhost", ident="Duecourse local inbox"
        )

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def start(self) -> None:
        try:
            # aiosmtpd itself takes five seconds to notice that a port is taken
            socket.create_server((LOOPBACK_ADDRESS, self.port)).close()
            self._controller.start()
        except OSError as error:
            self._controller.loop.close()
            raise InboxPortInUseError(
                f"The local inbox cannot listen on {LOOPBACK_ADDRESS}:{self.port} ({error.strerror}). "
                "Another program, perhaps another Duecourse, uses this port: stop it, or give the inbox another port."
            ) from error

    def stop(self) -> None:
        self._controller.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
