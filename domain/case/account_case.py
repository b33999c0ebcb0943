"""What every case of an account has: its journal, the ids it has seen, and an outbox of what its workflow is to carry out."""

from hashlib import sha256

from pydantic import BaseModel, Field, PrivateAttr

from domain.case.effects import Effect, RequestApproval, ReviseApproval
from domain.clock import Moment
from domain.correspondence.letter_outcome import LETTER_ENTRY_KINDS, LetterOutcome
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM, Journal
from domain.policy.collection_policy import PolicySnapshot


class EarlierRun(BaseModel):
    """What a case of the same id goes on with after an earlier one ended: its chain, and the numbers that are used up."""

    seq: int
    head: str
    seen: list[str] = Field(default_factory=list)
    numbers: dict[str, int] = Field(default_factory=dict)


FEW_IDS = 200
"""So many are looked through as fast as they are looked up; and most cases hear of no more."""


LONGEST_KEPT_ID = 40
"""Characters of an id that is kept as it came (a UUID has 36); of a longer one its hash is kept."""

MOST_KEPT_IDS = 10_000
"""So many ids a case knows at most, the latest ones: what it knows is part of what it hands to its next run, which the Temporal server
takes up to 2 MB. Whatever is sent again comes soon, and the house has its own tables of acts and events besides."""

_FORGOTTEN_AT_ONCE = 1_000


def _shorten_id(known_id: str) -> str:
    """Return what is kept of an id: itself, or of a long one `#` and 32 hexadecimal digits of its SHA-256."""
    is_short = len(known_id) <= LONGEST_KEPT_ID
    return known_id if is_short else f"#{sha256(known_id.encode(errors='surrogatepass')).hexdigest()[:32]}"


class _KnownIds:
    """The ids of a list as a set, for lists of thousands. It is made again where the list is another, or has changed by itself."""

    def __init__(self) -> None:
        self._of: list[str] | None = None
        self._ids, self._count = set[str](), 0

    def __eq__(self, other: object) -> bool:
        """It is no part of a case's state: two cases that have the same list are the same."""
        return other is None or isinstance(other, _KnownIds)

    __hash__ = None  # type: ignore[assignment]

    def has(self, known_id: str, ids: list[str]) -> bool:
        """Return whether an id is in the list."""
        if self._of is not ids or self._count != len(ids):
            self._of, self._ids, self._count = ids, set(ids), len(ids)
        return known_id in self._ids

    def add(self, known_id: str) -> None:
        """Add an id that is appended to the list next."""
        self._ids.add(known_id)
        self._count += 1


class AccountCase(BaseModel):
    """Serialisable whole, so that a long life can be handed on to a new run."""

    journal: Journal
    seen: list[str] = Field(default_factory=list)
    outbox: list[Effect] = Field(default_factory=list)
    numbers: dict[str, int] = Field(default_factory=dict)
    _known: _KnownIds | None = PrivateAttr(default=None)
    binds_facts: bool = False
    """Whether it revises its approvals in place, as its workflow's input says (`CaseInput.binds_facts`)."""

    @property
    def pinned_policy(self) -> PolicySnapshot:
        """The policy that the case follows. Raises TypeError for a kind of case that follows none."""
        snapshot = getattr(self, "snapshot", None)
        if not isinstance(snapshot, PolicySnapshot):
            raise TypeError(f"{self.journal.case_id} follows no policy")
        return snapshot

    def write_entry(self, kind: EntryKind, at: Moment, actor: str = SYSTEM, **facts: FactValue) -> int:
        """Write an entry; its sequence number."""
        return self.journal.write(kind, at.business, at.real, actor, **facts).seq

    def add_effect(self, effect: Effect) -> None:
        self.outbox.append(effect)

    def add_revision(self, revision: ReviseApproval) -> None:
        """Leave the effect; one that waits for the same approval is out of date where approvals are revised in place."""
        if self.binds_facts:
            self.outbox = [kept for kept in self.outbox if not (isinstance(kept, ReviseApproval) and kept.number == revision.number)]
        self.add_effect(revision)

    def take_effects(self) -> list[Effect]:
        """What is to be carried out, in order; each is handed out once."""
        effects, self.outbox = self.outbox, []
        return effects

    def mark_seen(self, known_id: str) -> bool:
        """True the first time."""
        if self.has_seen(known_id):
            return False
        if len(self.seen) >= MOST_KEPT_IDS:
            del self.seen[: len(self.seen) - MOST_KEPT_IDS + _FORGOTTEN_AT_ONCE]
        kept = _shorten_id(known_id)
        if self._known is not None:
            self._known.add(kept)
        self.seen.append(kept)
        return True

    def has_seen(self, known_id: str) -> bool:
        """Return whether an id was marked before, by this run of the case or an earlier one; an earlier version kept long ids whole."""
        return self._keeps(_shorten_id(known_id)) or (len(known_id) > LONGEST_KEPT_ID and self._keeps(known_id))

    def _keeps(self, known_id: str) -> bool:
        if len(self.seen) < FEW_IDS:
            return known_id in self.seen
        self._known = self._known or _KnownIds()
        return self._known.has(known_id, self.seen)

    def apply_letter_outcome(self, outcome: LetterOutcome, at: Moment) -> bool:
        """What became of a letter that the case wrote goes into its journal once. True the first time."""
        if not self.mark_seen(f"letter:{outcome.message_id}:{outcome.fate}"):
            return False
        self.write_entry(
            LETTER_ENTRY_KINDS[outcome.fate],
            at,
            letter=outcome.step,
            number=outcome.attempt or None,
            message_id=outcome.message_id,
            letter_at=outcome.at.isoformat(),
            reason=outcome.reason,
            **outcome.proof,
        )
        return True

    def next_number(self, what: str) -> int:
        """Counts from 1, on through all cases of the same id."""
        self.numbers[what] = self.last_number(what) + 1
        return self.numbers[what]

    def last_number(self, what: str) -> int:
        """The last one given; 0 before the first."""
        return self.numbers.get(what, 0)

    def continue_from(self, earlier: EarlierRun) -> None:
        """Follow on an earlier case of this id. To be asked before anything else is, for numbers that were given are given."""
        pending = self.journal.pending
        self.journal = self.journal.model_copy(update={"seq": earlier.seq, "head": earlier.head, "pending": []})
        for entry in pending:
            self.journal.write(entry.kind, entry.business_at, entry.recorded_at, entry.actor, **entry.facts)
        self.seen, self.numbers = [*earlier.seen, *self.seen], dict(earlier.numbers)
        self.outbox = [self._renumber_effect(effect) for effect in self.outbox]

    def _renumber_effect(self, effect: Effect) -> Effect:
        """An approval that was asked for under a number which an earlier case has given."""
        return effect.model_copy(update={"number": self.next_number("approval")}) if isinstance(effect, RequestApproval) else effect

    def build_earlier_run(self) -> EarlierRun:
        return EarlierRun(seq=self.journal.seq, head=self.journal.head, seen=self.seen, numbers=self.numbers)


__all__ = ["AccountCase", "EarlierRun"]
