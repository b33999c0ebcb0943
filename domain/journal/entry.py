"""One entry of the journal."""

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.journal.entry_hash import compute_entry_hash
from domain.journal.entry_kinds import EntryKind

GENESIS = "0" * 64
"""The previous hash in the first entry of a case."""


FactValue = str | int | bool | None


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
        return compute_entry_hash(self.model_dump(exclude={"hash"}))
