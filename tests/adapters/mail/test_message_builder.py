"""A letter as the customer's mail program takes it apart."""

from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from pydantic import ValidationError

from adapters.letters.letter_templates import RenderedMessage
from adapters.mail.message_builder import Envelope, Mailbox, build_message, derive_message_id

FIRST, SECOND = derive_message_id("first", "creditor.example"), derive_message_id("second", "creditor.example")
LETTER = RenderedMessage(
    subject="Zahlungserinnerung: Rechnung 7 überfällig", text="Grüße\n\n.\nEnde\n", html="<p>Grüße =_ €</p>\n" + "x" * 2000
)


def envelope(**changes: object) -> Envelope:
    usual: dict[str, object] = {
        "sender": Mailbox(name="Müller & Söhne GmbH", address="ar@creditor.example"),
        "recipients": (Mailbox(name="Weber, Jörg", address="j@customer.example"),),
        "reply_to": Mailbox(name="Keller, Jonas", address="keller@creditor.example"),
        "date": datetime(2013, 3, 9, 10, tzinfo=UTC),
        "message_id": SECOND,
        "in_reply_to": FIRST,
        "references": (FIRST,),
        "language": "de",
    }
    return Envelope.model_validate(usual | changes)


def parsed(mail: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(mail)


def test_headers_say_who_writes_to_whom_and_in_which_thread() -> None:
    mail = parsed(build_message(envelope(), LETTER))
    assert dict(mail.items()) == {
        "From": "Müller & Söhne GmbH <ar@creditor.example>",
        "To": '"Weber, Jörg" <j@customer.example>',
        "Reply-To": '"Keller, Jonas" <keller@creditor.example>',
        "Subject": "Zahlungserinnerung: Rechnung 7 überfällig",
        "Date": "Sat, 09 Mar 2013 10:00:00 +0000",
        "Message-ID": SECOND,
        "In-Reply-To": FIRST,
        "References": FIRST,
        "Content-Language": "de",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": mail["Content-Type"],
    }


def test_what_is_not_given_is_no_header() -> None:
    mail = parsed(build_message(envelope(reply_to=None, in_reply_to=None, references=()), LETTER))
    assert not {"Reply-To", "In-Reply-To", "References"} & set(mail.keys())


def test_text_comes_first_and_html_is_the_richer_alternative() -> None:
    mail = parsed(build_message(envelope(), LETTER))
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert text.get_content().replace("\r\n", "\n") == LETTER.text
    assert html.get_content().replace("\r\n", "\n") == LETTER.html


def test_the_wire_form_is_ascii_in_short_lines_that_end_in_crlf() -> None:
    long_name = " ".join(["Gesellschaft für Überseehandel und Schifffahrt mit beschränkter Haftung"] * 3)
    references = tuple(derive_message_id(str(number), "creditor.example") for number in range(20))
    mail = build_message(envelope(recipients=(Mailbox(name=long_name, address="j@customer.example"),), references=references), LETTER)
    assert mail.isascii()
    assert mail.count(b"\n") == mail.count(b"\r\n") == mail.count(b"\r")
    assert max(map(len, mail.split(b"\r\n"))) <= 100
    encoded_name, _, _ = BytesParser().parsebytes(mail)["To"].partition(" <j@")
    assert str(make_header(decode_header(encoded_name))) == long_name


def test_several_recipients_share_a_letter() -> None:
    recipients = (Mailbox(address="a@customer.example"), Mailbox(name="Bé", address="b@customer.example"))
    assert [address.addr_spec for address in parsed(build_message(envelope(recipients=recipients), LETTER))["To"].addresses] == [
        "a@customer.example",
        "b@customer.example",
    ]


@pytest.mark.parametrize("name", ["Eve\r\nBcc: all@customer.example", "Eve\nX: y", "Eve\x00"])
def test_a_name_cannot_add_a_header(name: str) -> None:
    with pytest.raises(ValidationError, match="line break"):
        Mailbox(name=name, address="eve@customer.example")


def test_a_subject_cannot_add_a_header() -> None:
    with pytest.raises(ValueError, match="line break"):
        build_message(envelope(), LETTER.model_copy(update={"subject": "Reminder\r\nBcc: all@customer.example"}))


@pytest.mark.parametrize(
    "address",
    ["", "eve", "@c.example", "eve@", "a b@c.example", "eve@c.example>\r\nX: y", "a@b@c.example", "a@c.example, b@c.example"],
)
def test_only_one_plain_address_is_an_address(address: str) -> None:
    with pytest.raises(ValidationError):
        Mailbox(address=address)


@pytest.mark.parametrize("message_id", ["no-brackets@x.example", "<a@x>\r\nX: y", "<a b@x>", "<a>"])
def test_a_message_id_is_one_token(message_id: str) -> None:
    with pytest.raises(ValidationError):
        envelope(message_id=message_id)


def test_an_international_domain_travels_in_its_ascii_form() -> None:
    assert Mailbox(address="kim@bücher.example").address == "kim@xn--bcher-kva.example"
    assert Mailbox(address="kim@straße.example").address == "kim@xn--strae-oqa.example"


def test_letters_beyond_ascii_before_the_at_sign_stay() -> None:
    zoe = Mailbox(name="Zoë", address="zoë@bücher.example")
    assert zoe.address == "zoë@xn--bcher-kva.example"
    assert b" <zo\xc3\xab@xn--bcher-kva.example>\r\n" in build_message(envelope(recipients=(zoe,)), LETTER)


def test_the_same_letter_makes_the_same_bytes() -> None:
    assert build_message(envelope(), LETTER) == build_message(envelope(), LETTER)


def test_a_message_id_is_derived_from_its_key_and_tells_nothing_of_it() -> None:
    first = derive_message_id("invoice:42:reminder", "creditor.example")
    assert first == derive_message_id("invoice:42:reminder", "creditor.example")
    assert first != derive_message_id("invoice:43:reminder", "creditor.example")
    assert "invoice" not in first
    assert first.endswith("@creditor.example>")
