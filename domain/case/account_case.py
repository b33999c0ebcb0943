"""What every case of an account has: its journal, the ids it has seen, and an outbox of what its workflow is to carry out."""

from pydantic import BaseModel, Field

from domain.case.effects import AskApproval, Effect
from domain.clock import Moment
from domain.correspondence.letter_outcome import LETTER_FATES, LetterNews
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM, Fact, Journal
from domain.policy.collection_policy import PolicySnapshot


class EarlierRun(BaseModel):
    """What a case of the same id goes on with after an earlier one ended: its chain, and the numbers that are used up."""

    seq: int
    head: str
    seen: list[str] = Field(default_factory=list)
    numbers: dict[str, int] = Field(default_factory=dict)


class AccountCase(BaseModel):
    """Serialisable whole, so that a long life can be handed on to a new run."""

    journal: Journal
    seen: list[str] = Field(default_factory=list)
    outbox: list[Effect] = Field(default_factory=list)
    numbers: dict[str, int] = Field(default_factory=dict)

    @property
    def pinned(self) -> PolicySnapshot:
        """The policy that the case follows. Raises TypeError for a kind of case that follows none."""
        snapshot = getattr(self, "snapshot", None)
        if not isinstance(snapshot, PolicySnapshot):
            raise TypeError(f"{self.journal.case_id} follows no policy")
        return snapshot

    def note(self, kind: EntryKind, at: Moment, actor: str = SYSTEM, **facts: Fact) -> int:
        """Write an entry; its sequence number."""
        return self.journal.write(kind, at.business, at.real, actor, **facts).seq

    def ask_for(self, effect: Effect) -> None:
        self.outbox.append(effect)

    def take_effects(self) -> list[Effect]:
        """What is to be carried out, in order; each is handed out once."""
        effects, self.outbox = self.outbox, []
        return effects

    def sees(self, known_id: str) -> bool:
        """True the first time."""
        if known_id in self.seen:
            return False
        self.seen.append(known_id)
        return True

    def hear_of_letter(self, news: LetterNews, at: Moment) -> bool:
        """What became of a letter that the case wrote goes into its journal once. True the first time."""
        if not self.sees(f"letter:{news.message_id}:{news.fate}"):
            return False
        self.note(
            LETTER_FATES[news.fate], at, letter=news.step, number=news.attempt or None, message_id=news.message_id,
            letter_at=news.at.isoformat(), reason=news.reason, **news.proof,
        )  # fmt: skip
        return True

    def next_number(self, what: str) -> int:
        """Counts from 1, on through all cases of the same id."""
        self.numbers[what] = self.number(what) + 1
        return self.numbers[what]

    def number(self, what: str) -> int:
        """The last one given; 0 before the first."""
        return self.numbers.get(what, 0)

    def take_up(self, earlier: EarlierRun) -> None:
        """Follow on an earlier case of this id. To be asked before anything else is, for numbers that were given are given."""
        pending = self.journal.pending
        self.journal = self.journal.model_copy(update={"seq": earlier.seq, "head": earlier.head, "pending": []})
        for entry in pending:
            self.journal.write(entry.kind, entry.business_at, entry.recorded_at, entry.actor, **entry.facts)
        self.seen, self.numbers = [*earlier.seen, *self.seen], dict(earlier.numbers)
        self.outbox = [self._renumbered(effect) for effect in self.outbox]

    def _renumbered(self, effect: Effect) -> Effect:
        """An approval that was asked for under a number which an earlier case has given."""
        return effect.model_copy(update={"number": self.next_number("approval")}) if isinstance(effect, AskApproval) else effect

    def leaves(self) -> EarlierRun:
        return EarlierRun(seq=self.journal.seq, head=self.journal.head, seen=self.seen, numbers=self.numbers)


__all__ = ["AccountCase", "EarlierRun"]
