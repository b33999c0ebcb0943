"""Mail a day's seal to a recipient outside: whoever keeps the message can prove what the journal contained, whatever happens to the
database."""

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import User
from adapters.i18n.languages import choose_language
from adapters.mail.message_builder import Envelope, Mailbox, build_message, derive_message_id
from adapters.mail.smtp_client import DeliveryOutcome, Mailer
from adapters.notifications.staff_notices import NoticeDeferredError, render_notice
from domain.audit.seal import Seal
from domain.journal.entry import FactValue

TEMPLATE = "seal_made"


class SealMail:
    """Mails seals. `recipient` is None when they are not mailed; `console` is the URL of the console."""

    def __init__(self, database: Database, mailer: Mailer, sender: str, domain: str, console: str, recipient: str | None) -> None:
        self._database, self._mailer, self._sender, self._domain = database, mailer, sender, domain
        self._console, self._recipient = console.rstrip("/"), recipient

    async def send(self, seal: Seal) -> bool:
        """Send a seal; true when it was sent. The same seal has the same Message-ID.

        Raises NoticeDeferredError when the mail server does not take it for now.
        """
        if self._recipient is None:
            return False
        language = self._find_language(self._recipient)
        facts: dict[str, FactValue] = {"on": seal.day.isoformat(), "cases": seal.cases, "entries": seal.entries}
        hashes: dict[str, FactValue] = {"hash": seal.digest(), "root": seal.root, "previous": seal.previous}
        envelope = Envelope(
            sender=Mailbox(name="Duecourse", address=self._sender),
            recipients=(Mailbox(address=self._recipient),),
            date=datetime.now(UTC),
            message_id=derive_message_id(f"seal:{seal.digest()}", self._domain),
            language=language,
        )
        content = build_message(envelope, render_notice(TEMPLATE, {**facts, **hashes}, self._console, language))
        delivery = await self._mailer.send(content, self._sender, [self._recipient])
        if delivery.outcome is DeliveryOutcome.DEFERRED:
            raise NoticeDeferredError(f"the mail server does not take the seal of {seal.day} for now")
        return delivery.outcome is DeliveryOutcome.SENT

    def _find_language(self, address: str) -> str:
        """Find the language of the user who has the address; the first language where none has it."""
        with self._database.reading() as session:
            found = session.execute(select(col(User.language)).where(func.lower(col(User.email)) == address.lower())).scalars().first()
        return choose_language(found)
