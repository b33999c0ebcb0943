"""Every letter is the one that was written, and the one that the journal says was sent."""

from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from adapters.audit.verification.erasure_check import ErasedPapers
from adapters.audit.verification.journal_evidence import Testimony, entries_of, portions
from adapters.database.tables import Message
from domain.audit.verification_report import Fault
from domain.journal.entry_kinds import EntryKind

IN_MEMORY = 50
"""Letters whose content is in memory at a time."""


class LetterCheck:
    """The content against the SHA-256 beside it, and that against the entries that say that the letter went."""

    table, kinds = "messages", frozenset({EntryKind.LETTER_SENT.value})

    def __init__(self, session: Session) -> None:
        self._session = session
        self._told: list[Testimony] = []
        self._named: set[str] = set()

    def hear(self, entry: Testimony) -> None:
        if entry.kind in self.kinds and entry.text("message_id"):
            self._told.append(entry)

    def settle(self) -> Iterator[Fault]:
        told, self._told = self._told, []
        for some in portions(told):
            wanted = {entry.text("message_id") for entry in some}
            rows = self._session.execute(select(col(Message.message_id), col(Message.sha256)).where(col(Message.message_id).in_(wanted)))
            stored: dict[str, str] = {row.message_id: row.sha256 for row in rows}
            for entry in some:
                letter = entry.text("message_id")
                if letter in self._named or (letter in stored and entry.text("sha256") in ("", stored[letter])):
                    continue
                self._named.add(letter)
                yield entry.against(
                    self.table, letter, "is not the letter that was sent" if letter in stored else "is missing, and was sent"
                )

    def conclude(self) -> Iterator[Fault]:
        yield from self.settle()
        written = or_(func.length(col(Message.content)) > 0, col(Message.sha256) != "")
        columns = (col(Message.account_id), col(Message.message_id), col(Message.sha256), col(Message.content))
        letters = self._session.execute(
            select(*columns).where(written).order_by(col(Message.account_id)).execution_options(yield_per=IN_MEMORY)
        )  # fmt: skip
        for account_id, of_account in groupby(letters, key=attrgetter("account_id")):
            erased = ErasedPapers(self._session, account_id)
            for letter in of_account:
                content = bytes(letter.content)
                if letter.message_id in self._named or sha256(content).hexdigest() == letter.sha256:
                    continue
                if content:
                    yield self._fault(account_id, letter.message_id, "its content is not what was written: it was changed")
                elif erased.letters.get(letter.message_id) != letter.sha256:
                    yield self._fault(account_id, letter.message_id, "its content is gone, and no erasure took it")

    def _fault(self, account_id: str, letter: str, what: str) -> Fault:
        told = entries_of(self._session, EntryKind.LETTER_SENT, account_id=account_id)
        proof = next((entry for entry in told if entry.text("message_id") == letter), None)
        return proof.against(self.table, letter, what) if proof else Fault(table=self.table, key=letter, what=what)
