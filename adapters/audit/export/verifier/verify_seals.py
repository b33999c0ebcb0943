"""Daily seals verified: part of the program that comes with an export.

A seal is the root of a Merkle tree (RFC 6962, 2.1) over where the chains of all cases stood, and follows from the seal before it. The last
one comes with its leaves: in the clear where the case is the reader's business, elsewhere as their hashes.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any


def canonical_bytes(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def merkle_root(level: list[bytes]) -> str:
    while len(level) > 1:
        pairs = [hashlib.sha256(b"\x01" + level[place] + level[place + 1]).digest() for place in range(0, len(level) - 1, 2)]
        level = [*pairs, *level[2 * len(pairs) :]]
    return (level[0] if level else hashlib.sha256(b"").digest()).hex()


class SealVerifier:
    """`days`: of each seal its hash, and the day. `leaves`: of each case in the clear [case, entry's number, its hash, beside]."""

    def __init__(self) -> None:
        self.days: dict[str, str] = {}
        self.leaves: dict[str, list[Any]] = {}

    def read_seals(self, elements: Iterator[Any], faults: list[str]) -> None:
        """The seals, the oldest first, and then the leaves of the last one in their order."""
        seal: dict[str, Any] = {}
        hashes: list[bytes] = []
        previous = "0" * 64
        for element in elements:
            if isinstance(element, dict):
                if element["previous"] != previous:
                    faults.append(f"seals.json: the seal of {element['day']} does not follow from the one before it")
                seal, previous = element, hashlib.sha256(canonical_bytes(element)).hexdigest()
                self.days[previous] = element["day"]
            elif isinstance(element, str):
                hashes.append(bytes.fromhex(element))
            else:
                self.leaves[element[0]] = element
                hashes.append(hashlib.sha256(b"\x00" + canonical_bytes(element)).digest())
        if seal and (merkle_root(hashes), len(hashes)) != (seal["root"], seal["cases"]):
            faults.append(f"seals.json: the leaves of the seal of {seal['day']} are not those that were sealed")

    def describe_seals(self) -> str:
        """What there is, in words."""
        if not self.days:
            return "none yet"
        last = list(self.days)[-1]
        return f"{len(self.days):,}, over {len(self.leaves):,} of these cases; the last of {self.days[last]}, its hash {last}"
