"""One entry of the journal, and how its hash is made.

A hash is SHA-256 over the entry's canonical JSON: keys sorted, no spaces, UTF-8, times in ISO 8601 with microseconds and UTC offset, the
previous hash included.
"""

import hashlib
import json
from datetime import UTC, date, datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from domain.journal.entry_kinds import EntryKind

GENESIS = "0" * 64
"""The previous hash in the first entry of a case."""


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
