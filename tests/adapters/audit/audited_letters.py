"""Letters of audited books, as they are written: their MIME text, and their rows."""

from datetime import datetime

from adapters.database.tables import Message, MessageLine
from adapters.letters.letter_templates import RenderedMessage
from adapters.mail.message_builder import Envelope, Mailbox, build_message
from tests.domain.builders import moment

RECIPIENT, SUBJECT = "anna.lang@a1.test", "Zahlungserinnerung: 1 offene Rechnung für Anna"
OWED = 10_000
_TEXT = """\
Invoice    date        Due date    overdue  balance
---------------------------------------------------
I1         1 Mar 2013  1 May 2013        2  100,00 €
---------------------------------------------------
Total to pay                                100,00 €
"""


def write_letter(number: int, at: datetime | None = None) -> bytes:
    """The letter of that number, which asks for I1."""
    envelope = Envelope(
        sender=Mailbox(name="Ours", address="receivables@ours.test"),
        recipients=(Mailbox(name="Anna Lang", address=RECIPIENT),),
        date=at or moment(1).business,
        message_id=f"<{number}@ours.test>",
        in_reply_to="<0@ours.test>",
        language="de",
    )
    return build_message(envelope, RenderedMessage(subject=SUBJECT, text=_TEXT, html="<p>100,00 €</p>"))


def build_letter_row(account_id: str, number: int, content: bytes, digest: str, asked_for: int | None = None) -> Message:
    """The row of a letter that went; without its content, of one that was erased."""
    return Message(
        id=number,
        key=f"letter:{number}",
        account_id=account_id,
        language="de",
        currency="EUR",
        letter="reminder",
        slot=moment(1).business,
        message_id=f"<{number}@ours.test>",
        in_reply_to="<0@ours.test>",
        recipient=RECIPIENT if content else "",
        subject=SUBJECT if content else "",
        content=content,
        sha256=digest,
        state="sent",
        sent_at=moment(1).business,
        asked_for=asked_for,
    )


def build_line_row(number: int, invoice_id: str = "I1") -> MessageLine:
    return MessageLine(
        id=number,
        message_id=number,
        invoice_id=invoice_id,
        step="reminder",
        attempt=1,
        open_balance=OWED,
        days_past_due=2,
        invoice_version=1,
    )
