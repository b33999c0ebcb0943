"""Judges the stored entries of one case: does the chain hold, does it reach the case's head, is it the one that was sealed?

Entries beside the chain are lawful (docs/decisions/0002) as long as they follow from an entry of their case. One that was put in so after
the last seal looks like them: it is counted, and counts for nothing, for nobody reads what no chain leads to.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.audit.verification_report import Fault
from domain.journal.journal import GENESIS

JOURNAL, CASES = "journal", "cases"


class Row(NamedTuple):
    """An entry as it is stored. `digest` is the hash that its content makes; `recorded_at` as the canonical form has it."""

    seq: int
    hash: str
    previous: str
    recorded_at: str
    digest: str


class Head(NamedTuple):
    seq: int
    hash: str


class Sealed(NamedTuple):
    """What a seal has of the case. An entry recorded after `settling` (canonical form) may have been replaced by a repeated workflow task
    when the seal had just been made."""

    day: date
    seq: int
    head: str
    beside: int
    settling: str


class Judged(NamedTuple):
    """`chain` has the hashes of the entries that count; None: all of them do, and the case is sound."""

    faults: list[Fault]
    orphans: int = 0
    unsettled: int = 0
    chain: frozenset[str] | None = None


def judge(case_id: str, rows: Sequence[Row], head: Head | None, sealed: Sequence[Sealed] = ()) -> Judged:
    """`rows` in order of their numbers; `sealed` in order of their days; `head` is None when the case has no row of its own."""
    if head is not None and _sound(rows, head, sealed):
        return Judged([])
    return _Inquest(case_id, rows, head).verdict(sealed)


def _sound(rows: Sequence[Row], head: Head, sealed: Sequence[Sealed]) -> bool:
    """What nearly every case is, found out without building anything."""
    if len(rows) != head.seq:
        return False
    previous = GENESIS
    for number, row in enumerate(rows, 1):
        if row.seq != number or row.previous != previous or row.hash != row.digest:
            return False
        previous = row.hash
    return previous == head.hash and all(
        one.seq <= len(rows) and not one.beside and (not one.seq or rows[one.seq - 1].hash == one.head) for one in sealed
    )


class _Inquest:
    """Of a case where something is not as it is everywhere else."""

    def __init__(self, case_id: str, rows: Sequence[Row], head: Head | None) -> None:
        self.case_id, self.rows = case_id, rows
        self.faults: list[Fault] = []
        self.changed = {row for row in rows if row.hash != row.digest}
        self.by_hash = {row.hash: row for row in sorted(rows, key=lambda row: row not in self.changed, reverse=False)}
        self.at: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            self.at[row.seq].append(row)
        self.chain: dict[int, Row] = {}
        self.missing: set[int] = set()
        self.blamed: set[Row] = set()
        for row in self.changed:
            self._blame(row, "its content does not make its hash: it was changed")
        if head is None:
            self._find(CASES, case_id, f"is missing, though the journal has {len(rows)} entries of it")
            head = max((Head(row.seq, row.hash) for row in rows), default=Head(0, GENESIS))
        self.head = head

    def verdict(self, sealed: Sequence[Sealed]) -> Judged:
        self._follow_back()
        beside = [row for row in self.rows if self.chain.get(row.seq) != row]
        orphans = self._judge_those_beside(beside)
        unsettled = self._hold_against_seals(sealed, beside)
        return Judged(self.faults, orphans, unsettled, frozenset(row.hash for row in self.chain.values()))

    # --- the chain

    def _follow_back(self) -> None:
        """From the case's head. Where an entry is missing, on with the one before it."""
        top = self.by_hash.get(self.head.hash)
        number = self.head.seq
        if top is not None and top not in self.changed and top.seq != number:
            self._find(CASES, self.case_id, f"says that it has {number} entries, and its head is the entry {top.seq}")
            number = top.seq
        link, named_by, trusted = self.head.hash, "the case’s head", True
        while number > 0:
            row = self._linked(link, number, named_by, trusted)
            if row is None:
                link, named_by, trusted = "", f"the entry {number + 1}", False
            else:
                self.chain[row.seq if row in self.changed else number] = row
                link, named_by, trusted = row.previous, f"the entry {number}", row not in self.changed
            number -= 1
        if link != GENESIS and trusted and 1 in self.chain:
            self._blame(self.chain[1], "begins the chain, and names an entry before it")

    def _linked(self, link: str, number: int, named_by: str, trusted: bool) -> Row | None:
        """The entry that is named so; else the one that has its number, which then stands in its place."""
        row = self.by_hash.get(link)
        if row is not None and (row.seq == number or row in self.changed):
            return row
        instead = next((one for one in self.at[number]), None)
        if instead is None:
            self._miss(number, f"is missing: {named_by} names {link[:12] or 'it'}")
        elif trusted:
            self._blame(instead, f"stands where {named_by} names {link[:12]}: it was written anew, or put in its place")
        return instead

    # --- what the chain leaves out

    def _judge_those_beside(self, beside: Sequence[Row]) -> int:
        """How many of them are lawful."""
        orphans, added = 0, set[str]()
        for row in beside:
            if row in self.changed or row in self.blamed:
                continue
            parent = self.by_hash.get(row.previous)
            begins = row.seq == 1 and row.previous == GENESIS
            if row.seq > self.head.seq and (row.previous == self.head.hash or row.previous in added):
                added.add(row.hash)
                self._blame(row, "follows the case’s head, though no workflow wrote it there: it was added")
            elif begins or (parent is not None and parent.seq == row.seq - 1) or self._is_broken_before(row):
                orphans += 1
            else:
                self._blame(row, "follows no entry of its case: it was put in")
        return orphans

    def _is_broken_before(self, row: Row) -> bool:
        """What it follows is named as a fault already."""
        before = row.seq - 1
        return before in self.missing or any(one in self.blamed for one in self.at[before])

    # --- the seals

    def _hold_against_seals(self, sealed: Sequence[Sealed], beside: Sequence[Row]) -> int:
        """How many sealed heads were replaced lawfully."""
        unsettled, agreed, walked_well = 0, 0, not self.faults
        for one in sealed:
            row = self.chain.get(one.seq)
            if one.seq == 0 or one.seq in self.missing or (row is not None and row in self.blamed):
                continue
            if row is not None and row.hash == one.head:
                agreed = one.seq
                if walked_well and self._hold_beside(one, [left for left in beside if left.seq <= one.seq]):
                    break
            elif self._was_settling(one):
                unsettled += 1
            elif row is None:
                self._miss(one.seq, f"is missing: the seal of {one.day} has it as {one.head[:12]}")
                break
            else:
                self._blame(
                    row,
                    f"is not what was sealed on {one.day} as {one.head[:12]}: "
                    + (f"what follows the entry {agreed} was written anew" if agreed else "the chain was written anew"),
                )
                break
        return unsettled

    def _hold_beside(self, sealed: Sealed, beside: Sequence[Row]) -> bool:
        """Whether there are more or fewer entries beside the chain than there were."""
        if len(beside) > sealed.beside:
            doubtful = f"was put in beside the chain after the seal of {sealed.day}"
            one_of = f"; or another of the {len(beside)} there, of which the seal knows {sealed.beside}" if sealed.beside else ""
            for row in beside:
                self._blame(row, doubtful + one_of)
        elif len(beside) < sealed.beside:
            gone = f"has {len(beside)} entries beside its chain, of the {sealed.beside} that the seal of {sealed.day} has"
            self._find(JOURNAL, self.case_id, gone)
        return len(beside) != sealed.beside

    def _was_settling(self, sealed: Sealed) -> bool:
        """The sealed head is still there, beside the chain, and so is all that leads to it; none of it was old when it was sealed."""
        row = self.by_hash.get(sealed.head)
        if row is None:
            return False
        while row is not None and self.chain.get(row.seq) != row:
            if row in self.changed or row.recorded_at < sealed.settling:
                return False
            if row.previous == GENESIS:
                return True
            row = self.by_hash.get(row.previous)
        return row is not None

    # --- naming

    def _blame(self, row: Row, what: str) -> None:
        self.blamed.add(row)
        self._find(JOURNAL, f"{self.case_id}/{row.seq}/{row.hash}", what)

    def _miss(self, number: int, what: str) -> None:
        self.missing.add(number)
        self._find(JOURNAL, f"{self.case_id}/{number}", what)

    def _find(self, table: str, key: str, what: str) -> None:
        self.faults.append(Fault(table=table, key=key, what=what))
