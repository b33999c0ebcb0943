"""Each way in which sending a letter can go wrong, against a real server, and what we then say became of the letter."""

import asyncio
import socket

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import ValidationError

from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult, SmtpSecurity, SmtpSettings
from tests.adapters.mail.faulty_smtp_server import (
    LETTER,
    HangsUpInTheMiddleOfContent,
    RefusesContent,
    SaysAtRecipient,
    SmtpHandler,
    abort_connection,
    deliver_letter,
    deliver_once,
    open_mailer,
    start_rejecting_server,
    start_smtp_server,
)

BRIEF = 0.3


async def test_a_letter_that_the_server_takes_is_sent() -> None:
    async with start_smtp_server() as smtp_server:
        assert await deliver_once(smtp_server) == DeliveryResult(DeliveryOutcome.SENT, 250, "Taken")
        assert smtp_server.clerk.accepted == [LETTER]


async def test_a_line_that_starts_with_a_dot_arrives_whole() -> None:
    letter = b"Subject: dots\r\n\r\n.\r\n..two\r\n.hidden\r\n"
    async with start_smtp_server() as smtp_server, open_mailer(smtp_server.port) as mailer:
        await mailer.send(letter, "a@creditor.example", ["b@customer.example"])
        assert smtp_server.clerk.accepted == [letter]


class SaysAtMail(SmtpHandler):
    def __init__(self, reply: str) -> None:
        super().__init__()
        self.reply = reply

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        await super().handle_MAIL(server, session, envelope, address, options)
        return self.reply


class SaysAfterContent(SmtpHandler):
    def __init__(self, reply: str) -> None:
        super().__init__()
        self.reply = reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.reply


@pytest.mark.parametrize(
    ("clerk", "code", "outcome"),
    [
        (SaysAtMail("553 Who are you?"), 553, DeliveryOutcome.REFUSED),
        (SaysAtMail("451 Busy"), 451, DeliveryOutcome.DEFERRED),
        (SaysAtMail("421 Closing"), 421, DeliveryOutcome.DEFERRED),
        (SaysAtMail("530 Authentication required"), 530, DeliveryOutcome.DEFERRED),
        (SaysAtRecipient(kim="550 No such user"), 550, DeliveryOutcome.REFUSED),
        (SaysAtRecipient(kim="450 Greylisted"), 450, DeliveryOutcome.DEFERRED),
        (SaysAtRecipient(kim="421 Closing"), 421, DeliveryOutcome.DEFERRED),
        (SaysAfterContent("554 Looks like spam"), 554, DeliveryOutcome.REFUSED),
        (SaysAfterContent("451 Disk full"), 451, DeliveryOutcome.DEFERRED),
        (SaysAfterContent("421 Closing"), 421, DeliveryOutcome.DEFERRED),
    ],
    ids=lambda value: str(getattr(value, "reply", value)),
)
async def test_what_the_server_says_of_a_letter_decides(clerk: SmtpHandler, code: int, outcome: DeliveryOutcome) -> None:
    async with start_smtp_server(clerk) as smtp_server:
        delivery = await deliver_once(smtp_server)
    assert (delivery.outcome, delivery.reply_code, clerk.accepted) == (outcome, code, [])


@pytest.mark.parametrize(
    ("clerk", "refused"),
    [
        (SaysAtRecipient(kim="550 No such user"), True),
        (SaysAtRecipient(kim="550 5.1.1 No such user"), True),
        (SaysAtRecipient(kim="552 5.2.2 Mailbox full"), True),
        (SaysAtRecipient(kim="550 5.7.1 Your server is on a block list"), False),
        (SaysAtRecipient(kim="450 Greylisted"), False),
        (SaysAtMail("553 Who are you?"), False),
        (SaysAfterContent("554 Looks like spam"), False),
        (SaysAfterContent("250 Taken"), False),
    ],
    ids=lambda value: str(getattr(value, "reply", value)),
)
async def test_an_address_is_refused_by_its_servers_last_word_on_the_recipient_alone(clerk: SmtpHandler, refused: bool) -> None:
    async with start_smtp_server(clerk) as smtp_server:
        assert (await deliver_once(smtp_server)).address_refused is refused


async def test_content_refused_before_it_is_sent_is_refused() -> None:
    async with start_smtp_server(protocol=RefusesContent) as smtp_server:
        assert await deliver_once(smtp_server) == DeliveryResult(DeliveryOutcome.REFUSED, 554, "No letters today")


class SpeaksLatin1(SmtpHandler):
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if isinstance(server.transport, asyncio.Transport):
            server.transport.write("550-Empfänger lehnt ab\r\n550 und bleibt dabei\r\n".encode("latin-1"))
            server.transport.close()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


class HangsUpAfterTaking(SmtpHandler):
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        reply = await super().handle_DATA(server, session, envelope)
        abort_connection(server)
        return reply


class FallsSilentAfterTaking(SmtpHandler):
    def __init__(self) -> None:
        super().__init__()
        self.silent = asyncio.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await super().handle_DATA(server, session, envelope)
        self.silent.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


async def test_a_connection_lost_after_the_content_leaves_the_outcome_unknown_and_one_copy() -> None:
    async with start_smtp_server(HangsUpAfterTaking()) as smtp_server:
        delivery = await deliver_once(smtp_server)
        assert (delivery.outcome, delivery.reply_code) == (DeliveryOutcome.UNKNOWN, None)
        assert smtp_server.clerk.accepted == [LETTER]


async def test_silence_after_the_content_leaves_the_outcome_unknown_and_one_copy() -> None:
    clerk = FallsSilentAfterTaking()
    async with start_smtp_server(clerk) as smtp_server:
        assert (await deliver_once(smtp_server, final_reply_seconds=BRIEF)).outcome is DeliveryOutcome.UNKNOWN
        await clerk.silent.wait()
        assert smtp_server.clerk.accepted == [LETTER]


async def test_a_connection_lost_within_the_content_leaves_the_outcome_unknown() -> None:
    async with start_smtp_server(protocol=HangsUpInTheMiddleOfContent) as smtp_server:
        assert (await deliver_once(smtp_server)).outcome is DeliveryOutcome.UNKNOWN


async def test_a_reply_is_kept_as_one_line_of_proper_text() -> None:
    async with start_smtp_server(SpeaksLatin1()) as smtp_server:
        delivery = await deliver_once(smtp_server)
    assert delivery == DeliveryResult(DeliveryOutcome.REFUSED, 550, "Empf\N{REPLACEMENT CHARACTER}nger lehnt ab und bleibt dabei")


@pytest.mark.parametrize("reply", ["banana", "354 Go ahead"])
async def test_an_answer_to_the_content_that_means_nothing_leaves_the_outcome_unknown(reply: str) -> None:
    async with start_smtp_server(SaysAfterContent(reply)) as smtp_server:
        assert (await deliver_once(smtp_server)).outcome is DeliveryOutcome.UNKNOWN


async def test_after_an_unknown_letter_the_next_one_goes_over_a_new_connection() -> None:
    clerk = FallsSilentAfterTaking()
    async with start_smtp_server(clerk) as smtp_server, open_mailer(smtp_server.port, connections=1, final_reply_seconds=BRIEF) as mailer:
        await deliver_letter(mailer)
        await deliver_letter(mailer)
        assert len(clerk.conversations) == 2


async def test_a_cancelled_letter_frees_its_place_in_the_pool() -> None:
    clerk = FallsSilentAfterTaking()
    async with start_smtp_server(clerk) as smtp_server, open_mailer(smtp_server.port, connections=1) as mailer:
        sending = asyncio.create_task(deliver_letter(mailer))
        await clerk.silent.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        clerk.silent.clear()
        again = asyncio.create_task(deliver_letter(mailer))
        await clerk.silent.wait()
        again.cancel()
        assert len(clerk.conversations) == 2


class FallsSilentAtRecipient(SmtpHandler):
    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


async def test_silence_before_the_content_defers() -> None:
    async with start_smtp_server(FallsSilentAtRecipient()) as smtp_server:
        delivery = await deliver_once(smtp_server, timeout_seconds=BRIEF)
    assert (delivery.outcome, delivery.reply_code) == (DeliveryOutcome.DEFERRED, None)


async def test_a_server_that_is_down_defers() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        async with open_mailer(unheard.getsockname()[1]) as mailer:
            assert (await deliver_letter(mailer)).outcome is DeliveryOutcome.DEFERRED


@pytest.mark.parametrize("banner", ["554 Go away", "421 Try later", "HTTP/1.1 400 Bad Request"])
async def test_a_server_that_turns_us_away_at_the_door_defers_even_for_good(banner: str) -> None:
    async with start_rejecting_server(banner) as port, open_mailer(port) as mailer:
        delivery = await deliver_letter(mailer)
    assert delivery.outcome is DeliveryOutcome.DEFERRED
    assert "mail server" in delivery.reply_text


class TakesALogin:
    def __init__(self, password: bytes) -> None:
        self.password = password

    def __call__(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword) -> AuthResult:
        return AuthResult(success=given == LoginPassword(b"duecourse", self.password), handled=False)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize(("password", "outcome"), [("right", DeliveryOutcome.SENT), ("wrong", DeliveryOutcome.DEFERRED)])
async def test_a_login_that_fails_is_our_fault_and_not_the_letters(password: str, outcome: DeliveryOutcome) -> None:
    async with start_smtp_server(authenticator=TakesALogin(b"right")) as smtp_server:
        delivery = await deliver_once(smtp_server, username="duecourse", password=password)
    assert delivery.outcome is outcome
    assert (delivery.reply_code == 535) is (outcome is DeliveryOutcome.DEFERRED)


def test_a_password_never_travels_in_the_clear() -> None:
    with pytest.raises(ValidationError, match="give the password away"):
        SmtpSettings(host="mail.example.com", port=25, security=SmtpSecurity.PLAIN, username="duecourse")
