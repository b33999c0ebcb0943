"""An account's letters and their outcomes, as each case's journal records them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.projection.invoice_state import LETTER_RESULT_BY_KIND, letter_ended_at
from domain.projection.state_models import LetterFate, LetterState

REQUESTED, WITHDRAWN = EntryKind.LETTER_REQUESTED.value, EntryKind.LETTER_WITHDRAWN.value
SKIPPED_ENTRY = EntryKind.LETTER_SKIPPED.value


@dataclass
class _LetterProgress:
    """What is known of a letter so far. A letter that this journal has no request of is known by its outcome alone."""

    case_id: str
    invoice_id: str | None
    name: str
    requested_at: datetime | None
    fate: str = LetterFate.UNDER_WAY
    at: datetime | None = None
    reason: str = ""
    message_id: str | None = None


def list_letter_states(entries: Sequence[AccountEntry], end: datetime) -> list[LetterState]:
    """Return the letters of one case, in the order of its entries, as of `end`, a moment of business time (UTC).

    An outcome counts from when it came about: `entries` may go on beyond `end`, for a case records outcomes only at its next journal write.
    """
    letters: list[_LetterProgress] = []
    for entry in entries:
        if entry.kind == REQUESTED and entry.at < end:
            letters.append(_LetterProgress(entry.case_id, entry.invoice_id, entry.get_text("step"), requested_at=entry.at))
        elif entry.kind == WITHDRAWN and entry.at < end:
            _end_letter(letters, entry, LetterFate.WITHDRAWN, entry.at)
        elif entry.kind == SKIPPED_ENTRY and entry.at < end:
            _withdraw_waiting_letter(letters, entry)
        elif entry.kind in LETTER_RESULT_BY_KIND and (at := letter_ended_at(entry)) < end:
            _end_letter(letters, entry, LETTER_RESULT_BY_KIND[entry.kind], at)
    return [LetterState(**vars(letter)) for letter in letters]


def _withdraw_waiting_letter(letters: list[_LetterProgress], entry: AccountEntry) -> None:
    """A letter that people went on without goes no more; one that was refused or is in doubt stays what it is."""
    letter = _find_last_letter(letters, entry.get_text("step"), None)
    if letter is not None and letter.fate == LetterFate.UNDER_WAY:
        letter.fate, letter.at = LetterFate.WITHDRAWN, entry.at


def _end_letter(letters: list[_LetterProgress], entry: AccountEntry, result: str, at: datetime) -> None:
    """Note the outcome with its letter. Of two letters of one name, it is that of the last."""
    name, message_id = entry.get_text("step") or entry.get_text("letter"), entry.get_text("message_id") or None
    letter = _find_last_letter(letters, name, message_id)
    if letter is None:
        letter = _LetterProgress(entry.case_id, entry.invoice_id, name, requested_at=None)
        letters.append(letter)
    letter.fate, letter.at, letter.reason, letter.message_id = result, at, entry.get_text("reason"), message_id


def _find_last_letter(letters: list[_LetterProgress], name: str, message_id: str | None) -> _LetterProgress | None:
    """Find the last letter of that name that was requested, or that is known by an earlier outcome with this Message-ID."""
    named = (letter for letter in reversed(letters) if letter.name == name)
    return next((letter for letter in named if letter.requested_at is not None or letter.message_id == message_id), None)
