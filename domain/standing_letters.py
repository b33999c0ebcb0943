"""An account's letters and their fates, as each case's journal tells of them."""

from collections.abc import Sequence
from datetime import datetime

from domain.journal import EntryKind
from domain.standing_facts import LetterStanding
from domain.standing_invoice import ENDED_LETTERS, letter_at
from domain.told import Told

UNDER_WAY = "under_way"
REQUESTED, WITHDRAWN = EntryKind.LETTER_REQUESTED.value, EntryKind.LETTER_WITHDRAWN.value


def letters(entries: Sequence[Told], end: datetime) -> list[LetterStanding]:
    """Of one case, in the order of its entries. What became of a letter counts from when it came about: `entries` may go on beyond `end`,
    for a case hears of its letters when it next wakes."""
    found: list[LetterStanding] = []
    for entry in entries:
        if entry.kind == REQUESTED and entry.at < end:
            found.append(
                LetterStanding(
                    case_id=entry.case_id, invoice_id=entry.invoice_id, name=entry.text("step"), requested_at=entry.at, fate=UNDER_WAY,
                    at=None, reason="", message_id=None,
                )
            )  # fmt: skip
        elif entry.kind == WITHDRAWN and entry.at < end:
            _end(found, entry, "withdrawn", entry.at)
        elif entry.kind in ENDED_LETTERS and letter_at(entry) < end:
            _end(found, entry, ENDED_LETTERS[entry.kind], letter_at(entry))
    return found


def _end(found: list[LetterStanding], entry: Told, fate: str, at: datetime) -> None:
    """Of two letters of one name, news is of the last; a letter that was never asked for in this journal is known by its end alone."""
    name, message_id = entry.text("step") or entry.text("letter"), entry.text("message_id") or None
    news = {"fate": fate, "at": at, "reason": entry.text("reason"), "message_id": message_id}
    for place in range(len(found) - 1, -1, -1):
        known = found[place]
        if known.name == name and (known.requested_at is not None or known.message_id == message_id):
            found[place] = known.model_copy(update=news)
            return
    found.append(
        LetterStanding(
            case_id=entry.case_id, invoice_id=entry.invoice_id, name=name, requested_at=None, fate=fate, at=at, reason=entry.text("reason"),
            message_id=message_id,
        )
    )  # fmt: skip
