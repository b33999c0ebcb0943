"""An invoice's journal in three depths: the story as one would tell it, all entries, and the proof that none was changed."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from adapters.read_model.journal import UNTOLD_KINDS, JournalLine
from api.presenters.phrases import Phrases
from domain.journal.entry import GENESIS, Entry
from domain.journal.entry_kinds import EntryKind

Depth = Literal["story", "all", "proof"]
DEPTHS: tuple[Depth, ...] = ("story", "all", "proof")

NOT_IN_THE_STORY = frozenset({EntryKind.CASE_OPENED, EntryKind.STEP_TAKEN, EntryKind.LETTER_REQUESTED, EntryKind.LETTER_LISTED})
"""What another entry says better. What failed is always told."""


class ToldEntry(NamedTuple):
    """`is_proven`: its hash is that of its content, and it names the entry before it."""

    line: JournalLine
    sentence: str
    previous: str
    is_proven: bool


class JournalView(NamedTuple):
    """The latest first. `length`: how many there are in all; `broken`: the number of the first that does not follow, None where all do."""

    entries: list[ToldEntry]
    length: int
    broken: int | None


def build_journal_view(chain: Sequence[JournalLine], depth: Depth, words: Phrases) -> JournalView:
    """`chain`: all entries of the case, the first one first."""
    told, previous, broken = list[ToldEntry](), GENESIS, None
    for line in chain:
        is_proven = depth != "proof" or _is_proven(line, previous)
        if not is_proven and broken is None:
            broken = line.seq
        if depth != "story" or (line.kind not in NOT_IN_THE_STORY and line.kind not in UNTOLD_KINDS):
            told.append(ToldEntry(line, words.render_entry(line.kind, line.told_facts, line.currency), previous, is_proven))
        previous = line.hash
    return JournalView(told[::-1], len(chain), broken)


def _is_proven(line: JournalLine, previous: str) -> bool:
    return Entry.model_validate({**line.model_dump(include=set(Entry.model_fields)), "previous": previous}).digest() == line.hash
