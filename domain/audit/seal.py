"""A day's seal: one hash over where the chains of all cases stood. Whoever keeps it can prove later what the journal said then.

The tree is that of RFC 6962, 2.1: SHA-256, leaves hashed after a zero byte and nodes after a one byte, so that neither passes for the
other. Its leaves are in order of their case ids, by code point.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.journal.journal import GENESIS, canonical_json

LEAF_PREFIX, NODE_PREFIX = b"\x00", b"\x01"


class SealLeaf(NamedTuple):
    """Where the chain of one case stood: its last entry's number and hash. `beside` counts the entries up to that number which the chain
    leaves out, so that none can be slipped in later."""

    case_id: str
    seq: int
    head: str
    beside: int = 0

    def compute_hash(self) -> bytes:
        return hashlib.sha256(LEAF_PREFIX + json.dumps(list(self), separators=(",", ":"), ensure_ascii=False).encode()).digest()


class Seal(BaseModel):
    """`entries` are those that the cases' chains have; `previous` is the digest of the seal before, or GENESIS."""

    model_config = ConfigDict(frozen=True)

    day: date
    root: str
    cases: int
    entries: int
    previous: str = GENESIS

    def digest(self) -> str:
        """The seal's own hash, over its canonical JSON: with it, every seal before it is proved too."""
        return hashlib.sha256(canonical_json(self.model_dump())).hexdigest()


class ProofSibling(BaseModel):
    """A step on the way from a leaf to the root: the hash beside, and whether it stands to the left."""

    model_config = ConfigDict(frozen=True)

    hash: str
    left: bool


class InclusionProof(BaseModel):
    """That a case's chain stood so when the seal was made."""

    model_config = ConfigDict(frozen=True)

    leaf: SealLeaf
    path: list[ProofSibling]

    def compute_root(self) -> str:
        """The root that this proves the leaf to be under; to be held against the seal's."""
        reached = self.leaf.compute_hash()
        for beside in self.path:
            other = bytes.fromhex(beside.hash)
            reached = _hash_node(other, reached) if beside.left else _hash_node(reached, other)
        return reached.hex()


def build_seal(day: date, leaves: Sequence[SealLeaf], previous: str = GENESIS) -> Seal:
    """Raises ValueError when a case has two leaves."""
    if len({leaf.case_id for leaf in leaves}) != len(leaves):
        raise ValueError("a case stands twice among the leaves of a seal")
    hashes = [leaf.compute_hash() for leaf in sorted(leaves)]
    return Seal(day=day, root=merkle_root(hashes).hex(), cases=len(leaves), entries=sum(leaf.seq for leaf in leaves), previous=previous)


def build_proof(leaves: Sequence[SealLeaf], case_id: str) -> InclusionProof:
    """Raises KeyError for a case that has no leaf among them."""
    ordered = sorted(leaves)
    place = next((place for place, leaf in enumerate(ordered) if leaf.case_id == case_id), None)
    if place is None:
        raise KeyError(case_id)
    proven, path = ordered[place], []
    level = [leaf.compute_hash() for leaf in ordered]
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            path.append(ProofSibling(hash=level[beside].hex(), left=beside < place))
        level, place = _build_next_level(level), place // 2
    return InclusionProof(leaf=proven, path=path)


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    """Of leaf hashes in their order."""
    level = list(hashes)
    while len(level) > 1:
        level = _build_next_level(level)
    return level[0] if level else hashlib.sha256(b"").digest()


def _build_next_level(level: Sequence[bytes]) -> list[bytes]:
    """Of an odd number of nodes the last one goes up as it is."""
    paired = [_hash_node(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)]
    return [*paired, *level[2 * len(paired) :]]


def _hash_node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE_PREFIX + left + right).digest()
