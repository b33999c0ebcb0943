"""An account's letters and their fates, as each case's journal tells of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.projection.invoice_state import LETTER_RESULT_BY_KIND, letter_ended_at
from domain.projection.state_models import LetterState

UNDER_WAY = "under_way"
REQUESTED, WITHDRAWN = EntryKind.LETTER_REQUESTED.value, EntryKind.LETTER_WITHDRAWN.value


@dataclass
class _LetterProgress:
    """What is known of a letter so far. A letter that was never asked for in this journal is known by its end alone."""

    case_id: str
    invoice_id: str | None
    name: str
    requested_at: datetime | None
    fate: str = UNDER_WAY
    at: datetime | None = None
    reason: str = ""
    message_id: str | None = None


def list_letter_states(entries: Sequence[AccountEntry], end: datetime) -> list[LetterState]:
    """Of one case, in the order of its entries. What became of a letter counts from when it came about: `entries` may go on beyond `end`,
    for a case hears of its letters when it next wakes."""
    found: list[_LetterProgress] = []
    for entry in entries:
        if entry.kind == REQUESTED and entry.at < end:
            found.append(_LetterProgress(entry.case_id, entry.invoice_id, entry.get_text("step"), requested_at=entry.at))
        elif entry.kind == WITHDRAWN and entry.at < end:
            _end_letter(found, entry, "withdrawn", entry.at)
        elif entry.kind in LETTER_RESULT_BY_KIND and (at := letter_ended_at(entry)) < end:
            _end_letter(found, entry, LETTER_RESULT_BY_KIND[entry.kind], at)
    return [LetterState(**vars(one)) for one in found]


def _end_letter(found: list[_LetterProgress], entry: AccountEntry, fate: str, at: datetime) -> None:
    """Of two letters of one name, news is of the last."""
    name, message_id = entry.get_text("step") or entry.get_text("letter"), entry.get_text("message_id") or None
    for known in reversed(found):
        if known.name == name and (known.requested_at is not None or known.message_id == message_id):
            letter = known
            break
    else:
        letter = _LetterProgress(entry.case_id, entry.invoice_id, name, requested_at=None)
        found.append(letter)
    letter.fate, letter.at, letter.reason, letter.message_id = fate, at, entry.get_text("reason"), message_id
