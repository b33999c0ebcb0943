"""Check that every letter is the one that was written, and the one that the journal records as sent."""

from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from adapters.audit.verification.erasure_check import ErasedRecords
from adapters.audit.verification.journal_evidence import JournalEvidence, build_finding, load_evidence, split_batches
from adapters.database.tables import Message
from domain.audit.verification_report import VerificationFinding
from domain.journal.entry_kinds import EntryKind

FETCH_SIZE = 50
"""Letters whose content is in memory at a time."""


class LetterCheck:
    """Compares each letter's content with the SHA-256 beside it, and that with the entries that record its sending."""

    table, kinds = "messages", frozenset({EntryKind.LETTER_SENT.value})

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sent_entries: list[JournalEvidence] = []
        self._reported_letters: set[str] = set()

    def add_evidence(self, entry: JournalEvidence) -> None:
        if entry.kind in self.kinds and entry.get_text("message_id"):
            self._sent_entries.append(entry)

    def check_evidence(self) -> Iterator[VerificationFinding]:
        sent_entries, self._sent_entries = self._sent_entries, []
        for batch in split_batches(sent_entries):
            message_ids = {entry.get_text("message_id") for entry in batch}
            rows = self._session.execute(
                select(col(Message.message_id), col(Message.sha256)).where(col(Message.message_id).in_(message_ids))
            )
            stored: dict[str, str] = {row.message_id: row.sha256 for row in rows}
            for entry in batch:
                letter = entry.get_text("message_id")
                if letter in self._reported_letters or (letter in stored and entry.get_text("sha256") in ("", stored[letter])):
                    continue
                self._reported_letters.add(letter)
                yield entry.build_finding(
                    self.table, letter, "is not the letter that was sent" if letter in stored else "is missing, and was sent"
                )

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()
        written = or_(func.length(col(Message.content)) > 0, col(Message.sha256) != "")
        columns = (col(Message.account_id), col(Message.message_id), col(Message.sha256), col(Message.content))
        letters = self._session.execute(
            select(*columns).where(written).order_by(col(Message.account_id)).execution_options(yield_per=FETCH_SIZE)
        )
        for account_id, account_letters in groupby(letters, key=attrgetter("account_id")):
            erased = ErasedRecords(self._session, account_id)
            for letter in account_letters:
                content = bytes(letter.content)
                if letter.message_id in self._reported_letters or sha256(content).hexdigest() == letter.sha256:
                    continue
                if content:
                    yield self._build_finding(account_id, letter.message_id, "its content is not what was written: it was changed")
                elif erased.letters.get(letter.message_id) != letter.sha256:
                    yield self._build_finding(account_id, letter.message_id, "its content is gone, and no erasure took it")

    def _build_finding(self, account_id: str, letter: str, what: str) -> VerificationFinding:
        sent_entries = load_evidence(self._session, EntryKind.LETTER_SENT, account_id=account_id)
        proof = next((entry for entry in sent_entries if entry.get_text("message_id") == letter), None)
        return build_finding(proof, self.table, letter, what)
