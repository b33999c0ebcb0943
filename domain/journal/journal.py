"""The journal as a case writes it: every command and event is an entry, and the entries of a case are chained by their hashes.

The workflow makes entry and hash, so replaying its history makes the same chain again.
"""

from datetime import datetime

from pydantic import BaseModel, Field

from domain.journal.entry import GENESIS, Entry, FactValue
from domain.journal.entry_kinds import EntryKind

SYSTEM = "duecourse"
"""The actor of entries that no person caused."""


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
