"""The journal: every command and event is an entry, and the entries of a case are chained by their hashes.

The workflow makes entry and hash, so replaying its history makes the same chain again. A hash is SHA-256 over the entry's
canonical JSON: keys sorted, no spaces, UTF-8, times in ISO 8601 with microseconds and UTC offset, the previous hash included.
"""

import hashlib
import json
from datetime import UTC, date, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.journal.entry_kinds import EntryKind

GENESIS = "0" * 64
"""The previous hash in the first entry of a case."""


SYSTEM = "duecourse"
"""The actor of entries that no person caused."""


FactValue = str | int | bool | None


def canonical_json(content: dict[str, object]) -> bytes:
    """Return the one JSON form of an entry's content, which is hashed (UTF-8). Raises TypeError for a value that has none."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_encode_time).encode()


class Entry(BaseModel):
    """One entry. Both times are UTC: business time is when it counts, recorded time is when the workflow received it."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    seq: int
    kind: EntryKind
    business_at: AwareDatetime
    recorded_at: AwareDatetime
    account_id: str
    invoice_id: str | None
    actor: str
    facts: dict[str, FactValue]
    previous: str
    hash: str = ""

    def digest(self) -> str:
        """Return the hash (hex) that this entry must have."""
        return hashlib.sha256(canonical_json(self.model_dump(exclude={"hash"}))).hexdigest()


def _encode_time(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form in the journal")


class Journal(BaseModel):
    """The writing end of one case's chain. `pending` holds the entries that are not in the database yet."""

    case_id: str
    account_id: str
    invoice_id: str | None = None
    seq: int = 0
    head: str = GENESIS
    pending: list[Entry] = Field(default_factory=list)

    def write(self, kind: EntryKind, business_at: datetime, recorded_at: datetime, actor: str = SYSTEM, **facts: FactValue) -> Entry:
        """Append an entry; it stays pending until `mark_written`."""
        draft = Entry(
            case_id=self.case_id,
            seq=self.seq + 1,
            kind=kind,
            business_at=business_at,
            recorded_at=recorded_at,
            account_id=self.account_id,
            invoice_id=self.invoice_id,
            actor=actor,
            facts=facts,
            previous=self.head,
        )
        entry = draft.model_copy(update={"hash": draft.digest()})
        self.seq, self.head = entry.seq, entry.hash
        self.pending.append(entry)
        return entry

    def mark_written(self, up_to: int, head: str | None = None) -> None:
        """Remove the pending entries that the database has. `head`: the hash under which it has the last of them; None: the entry's own.

        A workflow task that a query or a slow database cuts short is replayed with its successor's time, and its entries then get other
        hashes than those that were written. What was written holds: the later entries are chained to it.
        """
        later = [entry for entry in self.pending if entry.seq > up_to]
        last = next((entry.hash for entry in self.pending if entry.seq == up_to), None)
        self.pending = later
        if head is None or head == last:
            return
        self.seq, self.head, self.pending = up_to, head, []
        for entry in later:
            self.write(entry.kind, entry.business_at, entry.recorded_at, entry.actor, **entry.facts)


def find_broken_entry(entries: list[Entry]) -> int | None:
    """Return the sequence number of the first entry of a case that does not follow from the one before it, or None."""
    previous = GENESIS
    for expected_seq, entry in enumerate(entries, 1):
        if entry.seq != expected_seq or entry.previous != previous or entry.hash != entry.digest():
            return entry.seq
        previous = entry.hash
    return None
