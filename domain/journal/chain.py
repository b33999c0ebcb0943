"""Follow a case's chain from its head: which of the stored entries count."""

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import TypeVar

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
