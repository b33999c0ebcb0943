"""The reminders that went in a play, as `tests/letters_report.py` measures them."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Account, Message
from adapters.mail.local_inbox import Inbox
from tests.letters_report import ReportedLetter


def list_sent_letters(database: Database, inbox: Inbox) -> list[ReportedLetter]:
    """The letters of timelines that went, with the text that arrived."""
    texts = {mail.message_id: mail.text for mail in inbox.list(limit=10_000)}
    with database.reading() as session:
        zones = dict(session.execute(select(col(Account.id), col(Account.time_zone))).all())
        return [
            ReportedLetter(
                letter.message_id,
                letter.account_id,
                letter.sent_at.astimezone(ZoneInfo(zones[letter.account_id])).date(),
                letter.letter,
                letter.language,
                letter.currency,
                None if letter.asked_for is None else Decimal(letter.asked_for) / 100,
                texts[letter.message_id],
            )
            for letter in session.scalars(select(Message).where(col(Message.state) == "sent", col(Message.case_id).is_(None)))
            if letter.sent_at
        ]
