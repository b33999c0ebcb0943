"""A case's chain of entries: which of the stored ones count, and the first that does not follow.

The hash itself is made in `entry_hash`.
"""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import TypeVar

from domain.journal.entry import GENESIS, Entry

ChainedEntry = TypeVar("ChainedEntry")


def follow_chain_back(
    head: str | None,
    entries_by_hash: Mapping[str, ChainedEntry],
    get_previous: Callable[[ChainedEntry], str] = attrgetter("previous"),
) -> Iterator[ChainedEntry]:
    """Yield the entries of the chain that ends with the hash `head`, newest first, as far as the mapping has them.

    Each is yielded once: entries that were tampered with may name one another in a circle.
    """
    visited: set[str] = set()
    while head is not None and head not in visited and (entry := entries_by_hash.get(head)) is not None:
        visited.add(head)
        yield entry
        head = get_previous(entry)


def find_broken_entry(entries: list[Entry]) -> int | None:
    """Return the sequence number of the first entry of a case that does not follow from the one before it, or None."""
    previous = GENESIS
    for expected_seq, entry in enumerate(entries, 1):
        if entry.seq != expected_seq or entry.previous != previous or entry.hash != entry.digest():
            return entry.seq
        previous = entry.hash
    return None
