"""A real SMTP server on loopback whose mood a test changes while letters arrive, and which remembers all it was handed."""

import asyncio
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import StrEnum
from typing import NamedTuple

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.adapters.mail.faulty_smtp_server import abort_connection


class SmtpBehaviour(StrEnum):
    TAKES = "takes"
    DEFERS = "defers"
    REFUSES = "refuses"
    TAKES_AND_HANGS_UP = "takes and hangs up"
    LOSES_AND_HANGS_UP = "loses and hangs up"


TAKING = (SmtpBehaviour.TAKES, SmtpBehaviour.TAKES_AND_HANGS_UP)
FINAL = frozenset(SmtpBehaviour) - {SmtpBehaviour.DEFERS}
"""After any of these the letter must not come again, unless a person says so."""


class ReceivedLetter(NamedTuple):
    """One letter's content, as it was handed over, and what the office did with it."""

    message_id: str
    mood: SmtpBehaviour
    letter: EmailMessage

    @property
    def text(self) -> str:
        body = self.letter.get_body(("plain",))
        return str(body.get_content()) if body else ""


class ScriptedSmtpServer:
    """It takes every letter, unless its `mood` is another or the `script` says so: so many letters in each mood, then the next.

    An answer takes a few milliseconds, so that a sender can die before it.
    """

    def __init__(self, seed: int = 0) -> None:
        self.mood = SmtpBehaviour.TAKES
        self.script: list[tuple[SmtpBehaviour, int]] = []
        self.handed: list[ReceivedLetter] = []
        self.port = 0
        self.arrival = asyncio.Event()
        self.rests_after: int | None = None
        """After so many letters it keeps every sender waiting, until it `goes_on`."""
        self.goes_on = asyncio.Event()
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        self._conversations: list[SMTP] = []

    @property
    def taken(self) -> list[ReceivedLetter]:
        return [letter for letter in self.handed if letter.mood in TAKING]

    @property
    def times_taken(self) -> Counter[str]:
        """How often each Message-ID was taken."""
        return Counter(letter.message_id for letter in self.taken)

    @property
    def moods(self) -> Counter[SmtpBehaviour]:
        return Counter(letter.mood for letter in self.handed)

    async def open(self) -> None:
        """On the port it had before, if it had one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._conversation, "127.0.0.1", self.port, reuse_address=True, reuse_port=True)
        self._reserve(self._server.sockets[0].getsockname()[1])

    def _reserve(self, port: int) -> None:
        """Keep the port from everybody else's connections for as long as nobody listens there."""
        if self._reserved is None:
            self._reserved = socket.socket()
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._reserved.bind(("127.0.0.1", port))
            self.port = port

    def give_up(self) -> None:
        """Close for good."""
        self.close()
        if self._reserved:
            self._reserved.close()

    def close(self) -> None:
        """Nobody answers any more, and who was in the middle of a sentence is cut off."""
        if self._server:
            self._server.close()
        for conversation in self._conversations:
            abort_connection(conversation)
        self._conversations.clear()

    def _conversation(self) -> SMTP:
        conversation = SMTP(self, hostname="localhost", loop=asyncio.get_running_loop())
        self._conversations.append(conversation)
        return conversation

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.arrival.set()
        if self.rests_after is not None and len(self.handed) >= self.rests_after:
            await self.goes_on.wait()
        await self._take_a_moment()
        letter = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        mood = self._mood_for_this_one()
        self.handed.append(ReceivedLetter(str(letter["Message-ID"]), mood, letter))
        await self._take_a_moment()
        match mood:
            case SmtpBehaviour.TAKES:
                return "250 Taken"
            case SmtpBehaviour.DEFERS:
                return "451 Not now"
            case SmtpBehaviour.REFUSES:
                return "554 Not from you"
            case SmtpBehaviour.TAKES_AND_HANGS_UP | SmtpBehaviour.LOSES_AND_HANGS_UP:
                abort_connection(server)
                return "421 Nobody hears this"

    async def _take_a_moment(self) -> None:
        await asyncio.sleep(self._random.uniform(0, 0.01))

    def _mood_for_this_one(self) -> SmtpBehaviour:
        if not self.script:
            return self.mood
        mood, left = self.script[0]
        self.script[:1] = [(mood, left - 1)] if left > 1 else []
        return mood


@asynccontextmanager
async def start_scripted_smtp_server(seed: int = 0) -> AsyncIterator[ScriptedSmtpServer]:
    smtp_server = ScriptedSmtpServer(seed)
    await smtp_server.open()
    try:
        yield smtp_server
    finally:
        smtp_server.give_up()
