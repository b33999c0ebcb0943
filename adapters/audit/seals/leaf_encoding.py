"""The storage of a seal's leaves: those that changed since the seal before, and all of them in the first seal of a month.

So a case's leaf is stored once per change, and reading any day's leaves reads a month of seals at most.
"""

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

import orjson
from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.tables import SealRow
from domain.audit.seal import Seal, SealLeaf, merkle_root

LeavesByCase = dict[str, SealLeaf]


class StoredSeal(NamedTuple):
    """A seal's row. `made_at` is real time in canonical form; `leaves` are those stored with it, None when they cannot be read."""

    seal: Seal
    hash: str
    made_at: str
    has_all_leaves: bool
    leaves: list[SealLeaf] | None


def encode_leaves(leaves: Iterable[SealLeaf]) -> bytes:
    """Encode leaves as compressed JSON, in order of their case ids."""
    return zlib.compress(orjson.dumps([list(leaf) for leaf in sorted(leaves)]))


def decode_leaves(content: bytes, case_ids: Collection[str] | None = None) -> list[SealLeaf] | None:
    """Decode leaves, all or those of some cases; None when the content cannot be read."""
    try:
        return [
            SealLeaf(str(case_id), int(seq), f"{int(head, 16):064x}", int(beside))
            for case_id, seq, head, beside in _decompress_leaves(content)
            if case_ids is None or case_id in case_ids
        ]
    except (zlib.error, TypeError, ValueError):
        return None


def _decompress_leaves(content: bytes) -> list[tuple[str, int, str, int]]:
    rows: list[tuple[str, int, str, int]] = orjson.loads(zlib.decompress(content))
    return rows


class DecodedLeaves:
    """The leaves as of one seal after another, each derived from those of the seal before."""

    def __init__(self) -> None:
        self.leaves: LeavesByCase = {}
        self._hashes: dict[str, bytes] = {}

    def apply_seal(self, stored: StoredSeal) -> list[SealLeaf]:
        """Apply the next seal; return the leaves that differ from the seal before."""
        changed = [leaf for leaf in stored.leaves or () if self.leaves.get(leaf.case_id) != leaf]
        for leaf in changed:
            self.leaves[leaf.case_id], self._hashes[leaf.case_id] = leaf, leaf.compute_hash()
        return changed

    def matches_seal(self, seal: Seal) -> bool:
        """Return true when the seal was made over the leaves as they are now."""
        root = merkle_root([self._hashes[case_id] for case_id in sorted(self._hashes)]).hex()
        return (root, len(self.leaves), sum(leaf.seq for leaf in self.leaves.values())) == (seal.root, seal.cases, seal.entries)


def select_changed_leaves(now: Mapping[str, SealLeaf], before: Mapping[str, SealLeaf]) -> list[SealLeaf]:
    """Select the leaves that are new or differ from those before; both by case id."""
    return [leaf for case_id, leaf in now.items() if before.get(case_id) != leaf]


def load_stored_seals(session: Session) -> Iterator[StoredSeal]:
    """Yield the seals in order of their days, one at a time in memory."""
    for row in session.scalars(select(SealRow).order_by(col(SealRow.day)).execution_options(yield_per=1)):
        yield parse_seal_row(row)
        session.expunge(row)


def parse_seal_row(row: SealRow) -> StoredSeal:
    """Parse a seal's row and decode its leaves."""
    seal = Seal(day=row.day, root=row.root, cases=row.cases, entries=row.entries, previous=row.previous)
    return StoredSeal(seal, row.hash, row.made_at.isoformat(timespec="microseconds"), row.whole, decode_leaves(row.leaves))


def load_decoded_leaves(session: Session, day: date) -> DecodedLeaves:
    """Load the leaves as of the seal of a day. Raises KeyError when that day has none."""
    if session.execute(select(col(SealRow.day)).where(col(SealRow.day) == day)).scalar() is None:
        raise KeyError(day)
    last_full_seal = select(col(SealRow.day)).where(col(SealRow.day) <= day, col(SealRow.whole)).order_by(col(SealRow.day).desc()).limit(1)
    since = session.execute(last_full_seal).scalar() or date.min
    leaves = DecodedLeaves()
    for row in session.scalars(select(SealRow).where(col(SealRow.day) >= since, col(SealRow.day) <= day).order_by(col(SealRow.day))):
        leaves.apply_seal(parse_seal_row(row))
    return leaves
