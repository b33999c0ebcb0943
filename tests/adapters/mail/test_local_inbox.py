"""The local inbox keeps every letter before it says so."""

import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.letters.letter_templates import RenderedMessage
from adapters.mail.local_inbox import Inbox, InboxMessage, InboxPortInUseError, InboxServer
from adapters.mail.message_builder import Envelope, Mailbox, build_message, derive_message_id
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult, SmtpMailer, SmtpSecurity, SmtpSettings


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox")


@pytest.fixture
def server(inbox: Inbox) -> Iterator[InboxServer]:
    with InboxServer(inbox, port=0) as server:
        yield server


def letter(subject: str = "Relance n° 1") -> bytes:
    envelope = Envelope(
        sender=Mailbox(name="Société Générique", address="ar@creditor.example"),
        recipients=(Mailbox(name="Zoë", address="zoe@customer.example"), Mailbox(address="kim@customer.example")),
        date=datetime(2013, 3, 9, 10, tzinfo=UTC),
        message_id=derive_message_id("key", "creditor.example"),
        language="fr",
    )
    return build_message(envelope, RenderedMessage(subject=subject, text="Payez 5 €.\n", html="<p>Payez 5 €.</p>"))


async def send(port: int, *mails: bytes) -> list[DeliveryResult]:
    mailer = SmtpMailer(SmtpSettings(host="127.0.0.1", port=port, security=SmtpSecurity.PLAIN, hello_name="localhost", connections=1))
    try:
        return [await mailer.send(mail, "ar@creditor.example", ["zoe@customer.example"]) for mail in mails]
    finally:
        await mailer.close()


async def test_a_letter_that_was_taken_can_be_read(inbox: Inbox, server: InboxServer) -> None:
    [delivery] = await send(server.port, letter())
    [kept] = inbox.list()
    assert delivery == DeliveryResult(DeliveryOutcome.SENT, 250, f"Kept as {kept.id}")
    assert kept == InboxMessage(
        id=kept.id,
        sender="Société Générique <ar@creditor.example>",
        recipients=("Zoë <zoe@customer.example>", "kim@customer.example"),
        reply_to="",
        subject="Relance n° 1",
        date=datetime(2013, 3, 9, 10, tzinfo=UTC),
        message_id=derive_message_id("key", "creditor.example"),
        text="Payez 5 €.\n",
        html="<p>Payez 5 €.</p>",
    )
    assert inbox.get(kept.id) == kept


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="tells a file from its handle through /proc")
async def test_a_letter_is_on_the_disk_when_the_server_says_so(
    inbox: Inbox, server: InboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().suffix)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    await send(server.port, letter())
    assert synced == [".part", ""]
    [file] = (tmp_path / "inbox").iterdir()
    assert file.read_bytes() == letter()


async def test_a_letter_that_cannot_be_kept_is_not_taken(inbox: Inbox, server: InboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: bytes) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(inbox, "store", full)
    [delivery] = await send(server.port, letter())
    assert (delivery.outcome, delivery.reply_code) == (DeliveryOutcome.DEFERRED, 451)
    assert inbox.list() == ()


async def test_a_letter_sent_twice_is_seen_twice(inbox: Inbox, server: InboxServer) -> None:
    await send(server.port, letter(), letter())
    assert len({message.id for message in inbox.list()}) == 2


def test_pages_go_from_the_newest_to_the_oldest(inbox: Inbox) -> None:
    ids = [inbox.store(letter(f"letter {number}")) for number in range(5)]
    assert ids == sorted(ids)
    newest = inbox.list(limit=2)
    assert [message.subject for message in newest] == ["letter 4", "letter 3"]
    assert [message.subject for message in inbox.list(limit=9, before=newest[-1].id)] == ["letter 2", "letter 1", "letter 0"]


@pytest.mark.parametrize("id", ["../secret", "", "00000000000000000000-000000"])
def test_only_a_letters_own_id_opens_a_letter(inbox: Inbox, tmp_path: Path, id: str) -> None:
    (tmp_path / "secret.eml").write_bytes(letter())
    assert inbox.get(id) is None


def test_a_file_that_is_no_proper_mail_is_still_shown(inbox: Inbox) -> None:
    name = inbox.store(b"\xff\xfe not a mail")
    assert inbox.get(name) is not None


def test_a_port_in_use_is_said_in_a_sentence(inbox: Inbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InboxPortInUseError, match=f"cannot listen on 127.0.0.1:{port} .* give the inbox another port"):
            InboxServer(inbox, port).start()


async def test_a_stopped_inbox_frees_its_port_and_defers_letters(inbox: Inbox) -> None:
    with InboxServer(inbox, port=0) as server:
        port = server.port
    [delivery] = await send(port, letter())
    assert delivery.outcome is DeliveryOutcome.DEFERRED
    with InboxServer(inbox, port):
        assert [delivery.outcome for delivery in await send(port, letter())] == [DeliveryOutcome.SENT]


async def test_stopping_does_not_wait_for_an_open_connection(inbox: Inbox) -> None:
    server = InboxServer(inbox, port=0)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)):
        server.stop()
