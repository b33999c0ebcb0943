"""An invoice's journal in three depths: the story as one would tell it, all entries, and the proof that none was changed."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from adapters.read_model.journal import UNTOLD_KINDS, JournalLine
from adapters.read_model.proof_lines import EntryProof, EntryProofs
from api.presenters.phrases import Phrases
from domain.journal.entry import GENESIS
from domain.journal.entry_kinds import EntryKind

Depth = Literal["story", "all", "proof"]
DEPTHS: tuple[Depth, ...] = ("story", "all", "proof")

NOT_IN_THE_STORY = frozenset({EntryKind.CASE_OPENED, EntryKind.STEP_TAKEN, EntryKind.LETTER_REQUESTED, EntryKind.LETTER_LISTED})
"""What another entry says better. What failed is always told."""


class ToldEntry(NamedTuple):
    """`proof`: None where the depth tells none."""

    line: JournalLine
    sentence: str
    previous: str
    proof: EntryProof | None


class JournalView(NamedTuple):
    """The latest first. `length`: how many there are in all; `broken`: the number of the first that does not follow, None where all do."""

    entries: list[ToldEntry]
    length: int
    broken: int | None


def build_journal_view(chain: Sequence[JournalLine], depth: Depth, words: Phrases, proofs: EntryProofs) -> JournalView:
    """`chain`: all entries of the case, the first one first. `proofs`: of these entries, where the depth tells them."""
    told, previous, broken = list[ToldEntry](), GENESIS, None
    for line in chain:
        proof = proofs.get((line.case_id, line.seq))
        if proof is EntryProof.BROKEN and broken is None:
            broken = line.seq
        if depth != "story" or (line.kind not in NOT_IN_THE_STORY and line.kind not in UNTOLD_KINDS):
            told.append(ToldEntry(line, words.render_entry(line.kind, line.told_facts, line.currency), previous, proof))
        previous = line.hash
    return JournalView(told[::-1], len(chain), broken)
