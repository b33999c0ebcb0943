"""A rendered letter as an e-mail.

Written by hand rather than with `EmailMessage`, whose header parser costs four times the rest of a letter. Composing is a pure function:
the same envelope and letter make the same bytes, so that what was sent can be shown again and hashed.
"""

import binascii
import hashlib
import re
from base64 import encodebytes
from collections.abc import Sequence
from email.header import Header
from email.utils import format_datetime, formataddr
from typing import Annotated, NamedTuple
from urllib.parse import quote

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from adapters.letters.letter_templates import RenderedMessage
from adapters.mail.mail_addresses import MailAddressError, normalise_address

CRLF = "\r\n"
_control = re.compile(r"[\x00-\x1f\x7f]")
_line_end = re.compile(r"\r\n|\r|\n")


def _check_one_line(text: str) -> str:
    """A line break in a header would let a customer's name add headers, or another letter."""
    if _control.search(text):
        raise ValueError(f"{text!r} holds a line break or control character, which no e-mail header may")
    return text


def _normalise_address(address: str) -> str:
    """The address with its domain in ASCII, as the envelope has it."""
    try:
        return normalise_address(address)
    except MailAddressError as error:
        raise ValueError(f"{address!r} {error}") from error


HeaderText = Annotated[str, AfterValidator(_check_one_line)]
MessageId = Annotated[str, Field(pattern=r"^<[!-;=?-~]+@[!-;=?-~]+>$")]


class Mailbox(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: HeaderText = ""
    address: Annotated[str, AfterValidator(_normalise_address)]

    @property
    def header(self) -> str:
        if self.name.isascii():
            return formataddr((self.name, self.address))
        return f"{Header(self.name, 'utf-8').encode(linesep=CRLF)} <{self.address}>"


class Envelope(BaseModel):
    """Who writes to whom, when, and in which thread."""

    model_config = ConfigDict(frozen=True)

    sender: Mailbox
    recipients: tuple[Mailbox, ...] = Field(min_length=1)
    reply_to: Mailbox | None = None
    date: AwareDatetime
    message_id: MessageId
    in_reply_to: MessageId | None = None
    references: tuple[MessageId, ...] = ()
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]


def derive_message_id(key: str, domain: str) -> str:
    """The same key makes the same Message-ID, so that a letter sent twice by mistake would still be recognised as one."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


class Attachment(NamedTuple):
    """A file that goes along. `media_type` has no parameters, and `filename` no quotation marks or controls."""

    filename: str
    media_type: str
    content: bytes


def build_message(envelope: Envelope, rendered: RenderedMessage, attachments: Sequence[Attachment] = ()) -> bytes:
    """Raises ValueError when the subject is not one line."""
    # "=_" cannot occur in quoted-printable text or base64, so that no letter can hold its own boundary
    boundary = f"=_{hashlib.sha256(envelope.message_id.encode()).hexdigest()[:32]}"
    headers = [
        ("From", envelope.sender.header),
        ("To", f",{CRLF} ".join(mailbox.header for mailbox in envelope.recipients)),
        ("Reply-To", envelope.reply_to.header if envelope.reply_to else ""),
        ("Subject", Header(_check_one_line(rendered.subject), header_name="Subject").encode(linesep=CRLF)),
        ("Date", format_datetime(envelope.date)),
        ("Message-ID", envelope.message_id),
        ("In-Reply-To", envelope.in_reply_to or ""),
        ("References", f"{CRLF} ".join(envelope.references)),
        ("Content-Language", envelope.language),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ]
    alternatives = [
        f'Content-Type: multipart/alternative; boundary="{boundary}"'.encode("ascii"),
        b"",
        *_encode_part(boundary, "plain", rendered.text),
        *_encode_part(boundary, "html", rendered.html),
        f"--{boundary}--{CRLF}".encode("ascii"),
    ]
    # an address beyond ASCII stands in its header as it is (RFC 6532); all else is encoded already
    top = [f"{name}: {value}".encode() for name, value in headers if value]
    return b"\r\n".join([*top, *(_attach(alternatives, attachments, boundary) if attachments else alternatives)])


def _attach(alternatives: Sequence[bytes], attachments: Sequence[Attachment], inner: str) -> list[bytes]:
    """The letter with the files that go along behind it."""
    boundary = f"{inner}_f"
    parts = [f'Content-Type: multipart/mixed; boundary="{boundary}"'.encode("ascii"), b"", f"--{boundary}".encode("ascii"), *alternatives]
    for each in attachments:
        parts += [
            f"--{boundary}".encode("ascii"),
            f"Content-Type: {each.media_type}".encode("ascii"),
            b"Content-Transfer-Encoding: base64",
            f"Content-Disposition: attachment; filename*=UTF-8''{quote(each.filename, safe='')}".encode("ascii"),
            b"",
            _fold_base64(each.content),
        ]
    return [*parts, f"--{boundary}--{CRLF}".encode("ascii")]


def _fold_base64(content: bytes) -> bytes:
    return encodebytes(content).rstrip(b"\n").replace(b"\n", CRLF.encode("ascii"))


def _encode_part(boundary: str, subtype: str, content: str) -> list[bytes]:
    return [
        f"--{boundary}".encode("ascii"),
        f"Content-Type: text/{subtype}; charset=utf-8".encode("ascii"),
        b"Content-Transfer-Encoding: quoted-printable",
        b"",
        binascii.b2a_qp(_line_end.sub(CRLF, content).encode(), istext=True),
    ]
