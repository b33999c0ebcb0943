"""Chains of entries verified: part of the program that comes with an export.

Of each case every entry must have the hash that its content makes, follow from the one before, and lead to the case's head; and the entry
that was sealed last must be among them. Entries beside a chain are lawful: a worker wrote them that died before it was heard.
"""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

GENESIS = "0" * 64
SETTLING = timedelta(hours=1)
"""So long before a seal, in real time, a workflow task that a dead worker left may have written what its repetition then replaced."""


def canonical_json(content: Any) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def compute_digest(entry: dict[str, Any]) -> str:
    """The hash that an entry must carry: over its canonical form, the previous hash included."""
    content = {name: value for name, value in entry.items() if name != "hash"}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


class ChainVerifier:
    """Told the entries beside the chains first, then the journal's in their order.

    `heads`: the last entry of each case. `leaves`: where the last seal, made at `sealed_at` (real time), has each case.
    """

    def __init__(self, heads: list[dict[str, Any]], leaves: dict[str, list[Any]], sealed_at: Any, faults: list[str]) -> None:
        self.heads = {head["case_id"]: head for head in heads}
        self.leaves, self.faults = dict(leaves), faults
        self.settling = datetime.fromisoformat(sealed_at) - SETTLING if sealed_at else None
        self.orphans: dict[str, list[dict[str, Any]]] = {}
        self.entries = self.cases = self.unsettled = 0
        self.begin_case("", None)

    def begin_case(self, case_id: str, head: Any) -> None:
        """`hashes`: of the entries that the case has so far, with their numbers."""
        self.case_id, self.head, self.last_hash, self.seq, self.hashes = case_id, head, GENESIS, 0, dict[str, int]()
        self.began_at = ""

    def add_orphan(self, entry: dict[str, Any]) -> None:
        name, seq = entry["case_id"], entry["seq"]
        if entry["hash"] != compute_digest(entry):
            self.faults.append(f"orphans.json: {name} entry {seq} was changed, its hash is not over it")
        self.orphans.setdefault(name, []).append({field: entry[field] for field in ("seq", "hash", "previous", "recorded_at")})

    def add_entry(self, entry: dict[str, Any]) -> None:
        name, seq = entry["case_id"], entry["seq"]
        where = f"journal.json: {name} entry {seq}"
        if name != self.case_id:
            self.end_case()
            self.begin_case(name, self.heads.pop(name, None))
            self.began_at, self.cases = entry["recorded_at"], self.cases + 1
            if self.head is None:
                self.faults.append(f"{where}: heads.json does not have the case, or it stands here twice")
        if entry["hash"] != compute_digest(entry):
            self.faults.append(f"{where}: was changed, its hash is not over it")
        if entry["previous"] != self.last_hash or seq != self.seq + 1:
            self.faults.append(f"{where}: does not follow from entry {self.seq} of its case")
        self.last_hash, self.seq, self.entries = entry["hash"], seq, self.entries + 1
        self.hashes[entry["hash"]] = seq

    def end_case(self) -> None:
        """Of a case: its last entry must be its head."""
        if self.head is None:
            return
        if (self.last_hash, self.seq) != (self.head["head"], self.head["seq"]):
            ends = f"{self.case_id} ends with entry {self.seq}; heads.json has entry {self.head['seq']} as its last"
            self.faults.append(f"journal.json: {ends}")
        beside = self.orphans.pop(self.case_id, [])
        self.check_orphans(beside)
        self.check_sealed_head(self.leaves.pop(self.case_id, None), beside)

    def has_entry(self, head: str) -> bool:
        """Whether the present case's chain has such an entry; or may have, where only its beginning is here."""
        return head in self.hashes or self.head is None or bool(self.head["cut"])

    def has_orphan(self, head: str) -> bool:
        return any(orphan["hash"] == head for orphan in self.orphans.get(self.case_id, []))

    def check_orphans(self, orphans: list[dict[str, Any]]) -> None:
        """Each follows from an entry of the case, and none goes on where the chain ends."""
        known = {*self.hashes, *(orphan["hash"] for orphan in orphans)}
        for orphan in orphans:
            follows = orphan["previous"] in known or (orphan["seq"] == 1 and orphan["previous"] == GENESIS)
            if not follows and self.seq == len(self.hashes):  # where the chain itself is broken, it is named already
                self.faults.append(f"orphans.json: {self.case_id} entry {orphan['seq']} follows no entry of its case: it was put in")
            elif orphan["seq"] > self.seq:
                self.faults.append(f"orphans.json: {self.case_id} entry {orphan['seq']} goes on after the case's head: it was put in")

    def check_sealed_head(self, leaf: Any, orphans: list[dict[str, Any]]) -> None:
        if leaf is None:
            if self.settling and datetime.fromisoformat(self.began_at) < self.settling:
                self.faults.append(f"journal.json: {self.case_id} began before the last seal, which does not have it among its leaves")
            return
        _, seq, head, counted = leaf
        if not seq or (self.head["cut"] and seq > self.seq):
            return
        if self.hashes.get(head) == seq:
            found = sum(orphan["seq"] <= seq for orphan in orphans)
            if found != counted:
                there = f"has {found} entries beside the chain of {self.case_id} up to {seq}, the last seal has {counted}"
                self.faults.append(f"orphans.json: {there}")
        elif self.was_settling(head, orphans):
            self.unsettled += 1
        else:
            self.faults.append(f"journal.json: {self.case_id} does not have the entry that the last seal in seals.json has as its head")

    def was_settling(self, head: str, orphans: list[dict[str, Any]]) -> bool:
        """The sealed head lies beside the chain, with all that leads to it, and none of it was old when it was sealed."""
        left = {orphan["hash"]: orphan for orphan in orphans}
        if head not in left or self.settling is None:
            return False
        while head in left:
            orphan = left.pop(head)
            if datetime.fromisoformat(orphan["recorded_at"]) < self.settling:
                return False
            head = orphan["previous"]
        return head in self.hashes or head == GENESIS

    def finish(self) -> None:
        self.end_case()
        self.begin_case("", None)
        self.faults += [f"heads.json: {name} has no entry in journal.json" for name in self.heads]
        self.faults += [f"journal.json: has no entry of {name}, which the last seal in seals.json has" for name in self.leaves]
        self.faults += [f"orphans.json: has entries of {name}, a case that heads.json does not have" for name in self.orphans]
