"""Connections are reused from letter to letter, encrypted where they should be, and a stale one costs no letter."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult, SmtpSecurity
from tests.adapters.mail.faulty_smtp_server import (
    SaysAtRecipient,
    SmtpHandler,
    abort_connection,
    deliver_letter,
    deliver_once,
    open_mailer,
    start_smtp_server,
)


async def test_letters_share_a_connection_up_to_its_limit() -> None:
    async with start_smtp_server() as smtp_server, open_mailer(smtp_server.port, connections=1, letters_per_connection=2) as mailer:
        outcomes = [(await deliver_letter(mailer)).outcome for _ in range(5)]
        assert outcomes == [DeliveryOutcome.SENT] * 5
        assert len(smtp_server.clerk.conversations) == 3


async def test_no_more_connections_than_the_pool_has() -> None:
    async with start_smtp_server() as smtp_server, open_mailer(smtp_server.port, connections=3) as mailer:
        await asyncio.gather(*(deliver_letter(mailer) for _ in range(20)))
        assert len(smtp_server.clerk.accepted) == 20
        assert len(smtp_server.clerk.conversations) <= 3


async def test_a_closed_mailer_opens_again_for_a_later_letter() -> None:
    async with start_smtp_server() as smtp_server, open_mailer(smtp_server.port) as mailer:
        await deliver_letter(mailer)
        await mailer.close()
        assert (await deliver_letter(mailer)).outcome is DeliveryOutcome.SENT
        assert len(smtp_server.clerk.conversations) == 2


class EndsAtSecondLetter(SmtpHandler):
    """By 421, or by hanging up when no goodbye is given."""

    def __init__(self, goodbye: str | None) -> None:
        super().__init__()
        self.goodbye = goodbye

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if session in self.conversations:
            if self.goodbye is None:
                abort_connection(server)
            return self.goodbye or "250 OK"
        return await super().handle_MAIL(server, session, envelope, address, options)


@pytest.mark.parametrize("goodbye", ["421 Idle too long", None])
async def test_a_connection_that_went_stale_costs_no_letter(goodbye: str | None) -> None:
    async with start_smtp_server(EndsAtSecondLetter(goodbye)) as smtp_server, open_mailer(smtp_server.port, connections=1) as mailer:
        outcomes = [(await deliver_letter(mailer)).outcome for _ in range(3)]
        assert outcomes == [DeliveryOutcome.SENT] * 3
        assert len(smtp_server.clerk.accepted) == len(smtp_server.clerk.conversations) == 3


class HangsUpAtMail(SmtpHandler):
    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        abort_connection(server)
        return await super().handle_MAIL(server, session, envelope, address, options)


async def test_a_new_connection_that_fails_is_not_tried_again() -> None:
    async with start_smtp_server(HangsUpAtMail()) as smtp_server:
        assert (await deliver_once(smtp_server)).outcome is DeliveryOutcome.DEFERRED
        assert len(smtp_server.clerk.conversations) == 1


async def test_a_refused_letter_leaves_nothing_behind_for_the_next() -> None:
    async with (
        start_smtp_server(SaysAtRecipient(gone="550 No such user")) as smtp_server,
        open_mailer(smtp_server.port, connections=1) as mailer,
    ):
        assert (await deliver_letter(mailer, "gone@customer.example")).outcome is DeliveryOutcome.REFUSED
        assert (await deliver_letter(mailer)).outcome is DeliveryOutcome.SENT
        assert len(smtp_server.clerk.conversations) == 1


async def test_one_refused_recipient_is_named_while_the_others_get_the_letter() -> None:
    async with start_smtp_server(SaysAtRecipient(gone="550 No such user")) as smtp_server, open_mailer(smtp_server.port) as mailer:
        delivery = await deliver_letter(mailer, "kim@customer.example", "gone@customer.example")
    assert delivery == DeliveryResult(DeliveryOutcome.SENT, 250, "Taken; gone@customer.example was not accepted: 550 No such user")


async def test_a_letter_that_one_recipient_may_still_accept_is_deferred() -> None:
    async with (
        start_smtp_server(SaysAtRecipient(gone="550 No such user", busy="450 Greylisted")) as smtp_server,
        open_mailer(smtp_server.port) as mailer,
    ):
        delivery = await deliver_letter(mailer, "gone@customer.example", "busy@customer.example")
    assert (delivery.outcome, delivery.reply_code) == (DeliveryOutcome.DEFERRED, 450)


@pytest.mark.parametrize("address", ["zoë@-customer.example", "kim@customer.example\r\nRCPT TO:<eve@evil.example>"])
async def test_an_address_that_smtp_cannot_carry_is_refused_without_a_connection(address: str) -> None:
    async with start_smtp_server() as smtp_server, open_mailer(smtp_server.port) as mailer:
        assert (await deliver_letter(mailer, address)).outcome is DeliveryOutcome.REFUSED
        assert smtp_server.clerk.conversations == []


class TakesAddressesBeyondAscii(SMTP):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, enable_SMTPUTF8=True, **options)


async def test_an_address_beyond_ascii_goes_to_a_server_that_takes_it() -> None:
    async with start_smtp_server(protocol=TakesAddressesBeyondAscii) as smtp_server, open_mailer(smtp_server.port) as mailer:
        outcomes = [(await deliver_letter(mailer, address)).outcome for address in ("josé@bücher.example", "kim@straße.example")]
        sessions = smtp_server.clerk.conversations
    assert (outcomes, len(sessions)) == ([DeliveryOutcome.SENT] * 2, 1)
    assert smtp_server.clerk.recipients == ["josé@xn--bcher-kva.example", "kim@xn--strae-oqa.example"]


async def test_an_address_beyond_ascii_is_refused_where_the_server_takes_none_and_the_next_letter_goes() -> None:
    async with start_smtp_server() as smtp_server, open_mailer(smtp_server.port, connections=1) as mailer:
        refused = await deliver_letter(mailer, "josé@x.example")
        assert (refused.outcome, refused.address_refused, "SMTPUTF8" in refused.reply_text) == (DeliveryOutcome.REFUSED, True, True)
        assert (await deliver_letter(mailer)).outcome is DeliveryOutcome.SENT
    assert smtp_server.clerk.recipients == ["kim@customer.example"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("making a certificate needs openssl")
    pem = tmp_path_factory.mktemp("tls") / "server.pem"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(pem)]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(pem.with_suffix(".crt"))]
    subprocess.run([openssl, "req", "-x509", *key, *subject], check=True, capture_output=True)
    return pem


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_suffix(".crt"), certificate)
    return context


async def test_starttls_encrypts_before_the_letter(certificate: Path) -> None:
    async with start_smtp_server(starttls=server_side(certificate)) as smtp_server:
        assert (await deliver_once(smtp_server)).reply_code == 530
        trusted = await deliver_once(smtp_server, security=SmtpSecurity.STARTTLS, ca_file=certificate.with_suffix(".crt"))
        assert trusted.outcome is DeliveryOutcome.SENT


async def test_tls_encrypts_from_the_first_byte(certificate: Path) -> None:
    async with start_smtp_server(tls=server_side(certificate)) as smtp_server:
        delivery = await deliver_once(smtp_server, security=SmtpSecurity.TLS, ca_file=certificate.with_suffix(".crt"))
    assert delivery.outcome is DeliveryOutcome.SENT


@pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
async def test_a_certificate_that_nobody_vouches_for_defers(certificate: Path, security: SmtpSecurity) -> None:
    context = server_side(certificate)
    from_the_start = security is SmtpSecurity.TLS
    async with start_smtp_server(tls=context if from_the_start else None, starttls=None if from_the_start else context) as smtp_server:
        delivery = await deliver_once(smtp_server, security=security)
    assert delivery.outcome is DeliveryOutcome.DEFERRED
    assert "certificate" in delivery.reply_text


async def test_a_server_without_starttls_gets_no_letter() -> None:
    async with start_smtp_server() as smtp_server:
        assert (await deliver_once(smtp_server, security=SmtpSecurity.STARTTLS)).outcome is DeliveryOutcome.DEFERRED
        assert smtp_server.clerk.accepted == []
