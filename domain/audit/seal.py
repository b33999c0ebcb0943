"""A day's seal: one hash over the heads of all cases' chains. Whoever keeps it can prove later what the journal contained then.

The tree is that of RFC 6962, 2.1: SHA-256, leaves hashed after a zero byte and nodes after a one byte, so that neither passes for the
other. Its leaves are in order of their case ids, by code point.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from domain.journal.entry import GENESIS
from domain.journal.entry_hash import canonical_json

LEAF_PREFIX, NODE_PREFIX = b"\x00", b"\x01"


class SealLeaf(NamedTuple):
    """The head of one case's chain: its last entry's number and hash. `beside` counts the entries up to that number which the chain
    leaves out, so that none can be inserted later."""

    case_id: str
    seq: int
    head: str
    beside: int = 0

    def compute_hash(self) -> bytes:
        """Return the leaf's hash in the tree: SHA-256 over a zero byte and the leaf as a JSON array."""
        return hashlib.sha256(LEAF_PREFIX + json.dumps(list(self), separators=(",", ":"), ensure_ascii=False).encode()).digest()


class Seal(BaseModel):
    """A seal. `entries` is the number of entries in the cases' chains; `previous` is the digest of the seal before, or GENESIS."""

    model_config = ConfigDict(frozen=True)

    day: date
    root: str
    cases: int
    entries: int
    previous: str = GENESIS

    def digest(self) -> str:
        """Return the seal's own hash (hex), over its canonical JSON: with it, every seal before it is proved too."""
        return hashlib.sha256(canonical_json(self.model_dump())).hexdigest()


class ProofSibling(BaseModel):
    """A step on the way from a leaf to the root: the sibling's hash (hex), and if it is the left one."""

    model_config = ConfigDict(frozen=True)

    hash: str
    left: bool


class InclusionProof(BaseModel):
    """The proof that a case's chain had this head when the seal was made."""

    model_config = ConfigDict(frozen=True)

    leaf: SealLeaf
    path: list[ProofSibling]

    def compute_root(self) -> str:
        """Return the root (hex) that the path leads to; the proof holds when it is the seal's."""
        node = self.leaf.compute_hash()
        for sibling in self.path:
            sibling_hash = bytes.fromhex(sibling.hash)
            node = _hash_node(sibling_hash, node) if sibling.left else _hash_node(node, sibling_hash)
        return node.hex()


def build_seal(day: date, leaves: Sequence[SealLeaf], previous: str = GENESIS) -> Seal:
    """Build the seal of a day. Raises ValueError when a case has two leaves."""
    if len({leaf.case_id for leaf in leaves}) != len(leaves):
        raise ValueError("a case stands twice among the leaves of a seal")
    hashes = [leaf.compute_hash() for leaf in sorted(leaves)]
    return Seal(day=day, root=merkle_root(hashes).hex(), cases=len(leaves), entries=sum(leaf.seq for leaf in leaves), previous=previous)


def build_proof(leaves: Sequence[SealLeaf], case_id: str) -> InclusionProof:
    """Build the proof of one case's leaf. Raises KeyError for a case that has no leaf among them."""
    ordered = sorted(leaves)
    index = next((index for index, leaf in enumerate(ordered) if leaf.case_id == case_id), None)
    if index is None:
        raise KeyError(case_id)
    proven_leaf, path = ordered[index], []
    level = [leaf.compute_hash() for leaf in ordered]
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(ProofSibling(hash=level[sibling].hex(), left=sibling < index))
        level, index = _build_next_level(level), index // 2
    return InclusionProof(leaf=proven_leaf, path=path)


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes in their order; of none, the hash of the empty string (RFC 6962, 2.1)."""
    level = list(hashes)
    while len(level) > 1:
        level = _build_next_level(level)
    return level[0] if level else hashlib.sha256(b"").digest()


def _build_next_level(level: Sequence[bytes]) -> list[bytes]:
    """Hash the nodes of a level in pairs; of an odd number the last one is carried up unchanged."""
    paired = [_hash_node(level[index], level[index + 1]) for index in range(0, len(level) - 1, 2)]
    return [*paired, *level[2 * len(paired) :]]


def _hash_node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE_PREFIX + left + right).digest()
