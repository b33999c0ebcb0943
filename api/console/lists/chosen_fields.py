"""The fields by which a form about rows of a list says which: those that were ticked, or all that match the list's address; and a mark of
those that were shown, so that it is done to these or to none."""

from collections.abc import Iterable
from hashlib import blake2b

QUERY_FIELD, CHOSEN_FIELD, SEEN_FIELD = "query", "chosen", "seen"


def mark_rows(row_ids: Iterable[str]) -> str:
    """The same for the same rows alone."""
    return blake2b("\n".join(row_ids).encode(), digest_size=16).hexdigest()
