"""Check that every letter is the one that was written, that its row says what it says, and that it is the one the journal records."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import func, or_, select
from sqlmodel import Session, col

from adapters.audit.verification.erasure_check import ErasedRecords
from adapters.audit.verification.journal_evidence import JournalEvidence, build_finding, load_evidence, split_batches
from adapters.audit.verification.letter_text import LetterText, list_unstated_lines, parse_letter
from adapters.database.row_states import ContactRequestState, MessageState
from adapters.database.tables import ContactRequest, Invoice, Message, MessageLine
from domain.audit.verification_report import VerificationFinding
from domain.correspondence.naming import ASKED_FOR
from domain.journal.entry_kinds import EntryKind

LETTERS_PER_BATCH = 50
"""Letters whose content is in memory at a time."""

ARRIVED_KINDS = frozenset({EntryKind.LETTER_SENT.value, EntryKind.LETTER_LISTED.value})
FAILED_KINDS = frozenset({EntryKind.LETTER_REFUSED.value, EntryKind.LETTER_UNKNOWN.value})
_UNDER_WAY = (MessageState.INTENDED, MessageState.TRANSMITTING)
_ROW_COLUMNS = (
    col(Message.id),
    col(Message.account_id),
    col(Message.message_id),
    col(Message.sha256),
    col(Message.content),
    col(Message.recipient),
    col(Message.subject),
    col(Message.in_reply_to),
    col(Message.currency),
    col(Message.sent_at),
    col(Message.case_id),
    col(Message.asked_for),
    col(Message.credit),
)


class _Line(NamedTuple):
    """An invoice in a letter, with its amount in minor units; `is_asked_for`: the letter asks for it."""

    amount: int
    number: str
    is_asked_for: bool


class LetterCheck:
    """Compares each letter with the SHA-256 beside it, its row with what it says, and both with the entries that record its sending."""

    table, kinds = "messages", ARRIVED_KINDS | FAILED_KINDS

    def __init__(self, session: Session) -> None:
        self._session = session
        self._entries: list[JournalEvidence] = []
        self._reported_letters: set[str] = set()
        self._erased: dict[str, ErasedRecords] = {}

    def add_evidence(self, entry: JournalEvidence) -> None:
        if entry.kind in self.kinds and entry.get_text("message_id"):
            self._entries.append(entry)

    def check_evidence(self) -> Iterator[VerificationFinding]:
        entries, self._entries = self._entries, []
        columns = (col(Message.sha256), col(Message.account_id), col(Message.state), col(Message.sent_at), col(Message.decided_by))
        for batch in split_batches(entries):
            message_ids = {entry.get_text("message_id") for entry in batch}
            rows = self._session.execute(select(col(Message.message_id), *columns).where(col(Message.message_id).in_(message_ids)))
            stored = {row.message_id: row for row in rows}
            for entry in batch:
                letter = entry.get_text("message_id")
                if letter not in self._reported_letters and (what := _compare_with_entry(stored.get(letter), entry)):
                    self._reported_letters.add(letter)
                    yield entry.build_finding(self.table, letter, what)

    def finish(self) -> Iterator[VerificationFinding]:
        yield from self.check_evidence()
        yield from self._find_impossible_rows()
        written = or_(func.length(col(Message.content)) > 0, col(Message.sha256) != "")
        last = 0
        while batch := self._session.execute(
            select(*_ROW_COLUMNS).where(written, col(Message.id) > last).order_by(col(Message.id)).limit(LETTERS_PER_BATCH)
        ).all():
            last = batch[-1].id
            lines = self._load_lines([row.id for row in batch if row.case_id is None])
            for row in batch:
                if row.message_id not in self._reported_letters and (what := self._check_letter(row, lines[row.id])):
                    yield self._build_finding(row.account_id, row.message_id, what)

    def _check_letter(self, row: Any, lines: Sequence[_Line]) -> str | None:
        """Say what is wrong with a letter that was written; None when nothing is."""
        content = bytes(row.content)
        if sha256(content).hexdigest() != row.sha256:
            if content:
                return "its content is not what was written: it was changed"
            erased = self._erased.setdefault(row.account_id, ErasedRecords(self._session, row.account_id))
            return None if erased.letters.get(row.message_id) == row.sha256 else "its content is gone, and no erasure took it"
        letter = parse_letter(content)
        return letter.find_difference(row.recipient, row.subject, row.message_id, row.in_reply_to) or _compare_text(row, lines, letter)

    def _find_impossible_rows(self) -> Iterator[VerificationFinding]:
        """Find the letters whose states contradict each other: a letter that went has its time, and its requests went with it."""
        columns = (col(Message.account_id), col(Message.message_id))
        went, has_time = col(Message.state) == MessageState.SENT, col(Message.sent_at).is_not(None)
        for row in self._session.execute(select(*columns).where(went != has_time)):
            yield from self._report(row, "has a time of sending and did not go, or went and has none")
        requested = select(*columns).join(ContactRequest, col(ContactRequest.message_id) == col(Message.id))
        for row in self._session.execute(requested.where(col(ContactRequest.state) == ContactRequestState.SENT, ~went).distinct()):
            yield from self._report(row, "did not go, and what an invoice asked of it did")

    def _report(self, row: Any, what: str) -> Iterator[VerificationFinding]:
        if row.message_id not in self._reported_letters:
            self._reported_letters.add(row.message_id)
            yield self._build_finding(row.account_id, row.message_id, what)

    def _load_lines(self, letters: Sequence[int]) -> dict[int, list[_Line]]:
        """Load the amounts of reminders' lines with the numbers of their invoices, by letter."""
        lines = defaultdict[int, list[_Line]](list)
        columns = (col(MessageLine.message_id), col(MessageLine.open_balance), col(Invoice.number), col(MessageLine.named_as))
        statement = select(*columns).join(Invoice, col(Invoice.id) == col(MessageLine.invoice_id), isouter=True)
        for letter, amount, number, named_as in self._session.execute(statement.where(col(MessageLine.message_id).in_(letters))):
            lines[letter].append(_Line(amount, number or "", named_as in ASKED_FOR))
        return lines

    def _build_finding(self, account_id: str, letter: str, what: str) -> VerificationFinding:
        sent_entries = load_evidence(self._session, EntryKind.LETTER_SENT, account_id=account_id)
        proof = next((entry for entry in sent_entries if entry.get_text("message_id") == letter), None)
        return build_finding(proof, self.table, letter, what)


def _compare_with_entry(row: Any, entry: JournalEvidence) -> str | None:
    """Say how a letter's row contradicts an entry that records its end; `row` is None where there is none."""
    has_arrived = entry.kind in ARRIVED_KINDS
    if row is None:
        return "is missing, and was sent" if has_arrived else "is missing, though its sending was tried"
    if row.account_id != entry.account_id:
        return f"is said to have gone to the account {row.account_id}, and was {entry.account_id}’s"
    if not has_arrived:
        has_moved = row.state == MessageState.SENT or row.state in _UNDER_WAY
        if entry.kind == EntryKind.LETTER_REFUSED.value and has_moved and not row.decided_by:
            return f"is said to be {row.state}, was refused, and nobody decided otherwise"
        return None
    if entry.get_text("sha256") not in ("", row.sha256):
        return "is not the letter that was sent"
    if row.state != MessageState.SENT:
        return f"is said to be {row.state}, and was sent"
    with suppress(ValueError):
        if row.sent_at != datetime.fromisoformat(entry.get_text("letter_at")):
            return f"is said to have gone at {row.sent_at}, and went at {entry.get_text('letter_at')}"
    return None


def _compare_text(row: Any, lines: Sequence[_Line], letter: LetterText) -> str | None:
    """Say which time or amount of its row a letter contradicts; None where it states them all."""
    if row.sent_at and letter.date and row.sent_at < letter.date - timedelta(seconds=1):
        return f"is said to have gone at {row.sent_at}, before it was written"
    if unstated := list_unstated_lines(letter, [(line.amount, line.number) for line in lines], row.currency):
        return f"does not name {unstated[0]} with the amount that its row has"
    asked = sum(line.amount for line in lines if line.is_asked_for)
    if row.case_id is None and row.asked_for is not None and row.asked_for + row.credit != asked:
        return f"asks for {row.asked_for} by its row, and for {asked} less {row.credit} by its lines"
    if row.asked_for and not letter.states_amount(row.asked_for, row.currency):
        return "does not ask for the amount that its row has"
    return None
