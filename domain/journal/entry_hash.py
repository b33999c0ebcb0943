"""How an entry's hash is made: SHA-256 over the entry's canonical JSON, in which the previous entry's hash is included.

The canonical JSON has its keys sorted, no spaces, is UTF-8, and gives times in ISO 8601 with microseconds and UTC offset.
"""

import hashlib
import json
from datetime import UTC, date, datetime


def compute_entry_hash(content: dict[str, object]) -> str:
    """Return the hash (hex) of an entry's content: all its fields but the hash. Raises TypeError for a value that has no canonical form."""
    return hashlib.sha256(canonical_json(content)).hexdigest()


def canonical_json(content: dict[str, object]) -> bytes:
    """Return the one JSON form of an entry's content, which is hashed (UTF-8). Raises TypeError for a value that has none."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_encode_time).encode()


def _encode_time(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form in the journal")
