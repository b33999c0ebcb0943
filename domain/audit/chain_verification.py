"""Judges the stored entries of one case: does the chain hold, does it reach the case's head, is it the one that was sealed?

Entries beside the chain are lawful (docs/decisions/0002) as long as they follow from an entry of their case. One that was put in so after
the last seal looks like them: it is counted, and counts for nothing, for nobody reads what no chain leads to.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.audit.verification_report import VerificationFinding
from domain.journal.journal import GENESIS

JOURNAL_TABLE, CASES_TABLE = "journal", "cases"


class ChainEntry(NamedTuple):
    """An entry as it is stored. `digest` is the hash that its content makes; `recorded_at` as the canonical form has it."""

    seq: int
    hash: str
    previous: str
    recorded_at: str
    digest: str


class ChainHead(NamedTuple):
    seq: int
    hash: str


class SealedHead(NamedTuple):
    """What a seal has of the case. An entry recorded after `settling` (canonical form) may have been replaced by a repeated workflow task
    when the seal had just been made."""

    day: date
    seq: int
    head: str
    beside: int
    settling: str


class ChainVerificationResult(NamedTuple):
    """`chain` has the hashes of the entries that count; None: all of them do, and the case is sound."""

    faults: list[VerificationFinding]
    orphans: int = 0
    unsettled: int = 0
    chain: frozenset[str] | None = None


def verify_chain(
    case_id: str, entries: Sequence[ChainEntry], head: ChainHead | None, sealed: Sequence[SealedHead] = ()
) -> ChainVerificationResult:
    """`rows` in order of their numbers; `sealed` in order of their days; `head` is None when the case has no row of its own."""
    if head is not None and _is_sound_chain(entries, head, sealed):
        return ChainVerificationResult([])
    return _ChainDiagnosis(case_id, entries, head).diagnose_chain(sealed)


def _is_sound_chain(entries: Sequence[ChainEntry], head: ChainHead, sealed: Sequence[SealedHead]) -> bool:
    """What nearly every case is, found out without building anything."""
    if len(entries) != head.seq:
        return False
    previous = GENESIS
    for number, row in enumerate(entries, 1):
        if row.seq != number or row.previous != previous or row.hash != row.digest:
            return False
        previous = row.hash
    return previous == head.hash and all(
        one.seq <= len(entries) and not one.beside and (not one.seq or entries[one.seq - 1].hash == one.head) for one in sealed
    )


class _ChainDiagnosis:
    """Of a case where something is not as it is everywhere else."""

    def __init__(self, case_id: str, entries: Sequence[ChainEntry], head: ChainHead | None) -> None:
        self.case_id, self.entries = case_id, entries
        self.faults: list[VerificationFinding] = []
        self.changed_entries = {row for row in entries if row.hash != row.digest}
        self.entries_by_hash = {row.hash: row for row in sorted(entries, key=lambda row: row not in self.changed_entries, reverse=False)}
        self.entries_by_number: dict[int, list[ChainEntry]] = defaultdict(list)
        for row in entries:
            self.entries_by_number[row.seq].append(row)
        self.chain: dict[int, ChainEntry] = {}
        self.missing_numbers: set[int] = set()
        self.reported_entries: set[ChainEntry] = set()
        for row in self.changed_entries:
            self._report_entry(row, "its content does not make its hash: it was changed")
        if head is None:
            self._add_finding(CASES_TABLE, case_id, f"is missing, though the journal has {len(entries)} entries of it")
            head = max((ChainHead(row.seq, row.hash) for row in entries), default=ChainHead(0, GENESIS))
        self.head = head

    def diagnose_chain(self, sealed: Sequence[SealedHead]) -> ChainVerificationResult:
        self._walk_chain_back()
        beside = [row for row in self.entries if self.chain.get(row.seq) != row]
        orphans = self._count_orphans(beside)
        unsettled = self._compare_with_seals(sealed, beside)
        return ChainVerificationResult(self.faults, orphans, unsettled, frozenset(row.hash for row in self.chain.values()))

    # --- the chain

    def _walk_chain_back(self) -> None:
        """From the case's head. Where an entry is missing, on with the one before it."""
        top = self.entries_by_hash.get(self.head.hash)
        number = self.head.seq
        if top is not None and top not in self.changed_entries and top.seq != number:
            self._add_finding(CASES_TABLE, self.case_id, f"says that it has {number} entries, and its head is the entry {top.seq}")
            number = top.seq
        link, named_by, trusted = self.head.hash, "the case’s head", True
        while number > 0:
            row = self._find_linked_entry(link, number, named_by, trusted)
            if row is None:
                link, named_by, trusted = "", f"the entry {number + 1}", False
            else:
                self.chain[row.seq if row in self.changed_entries else number] = row
                link, named_by, trusted = row.previous, f"the entry {number}", row not in self.changed_entries
            number -= 1
        if link != GENESIS and trusted and 1 in self.chain:
            self._report_entry(self.chain[1], "begins the chain, and names an entry before it")

    def _find_linked_entry(self, link: str, number: int, named_by: str, trusted: bool) -> ChainEntry | None:
        """The entry that is named so; else the one that has its number, which then stands in its place."""
        row = self.entries_by_hash.get(link)
        if row is not None and (row.seq == number or row in self.changed_entries):
            return row
        instead = next((one for one in self.entries_by_number[number]), None)
        if instead is None:
            self._report_missing_entry(number, f"is missing: {named_by} names {link[:12] or 'it'}")
        elif trusted:
            self._report_entry(instead, f"stands where {named_by} names {link[:12]}: it was written anew, or put in its place")
        return instead

    # --- what the chain leaves out

    def _count_orphans(self, beside: Sequence[ChainEntry]) -> int:
        """How many of them are lawful."""
        orphans, added = 0, set[str]()
        for row in beside:
            if row in self.changed_entries or row in self.reported_entries:
                continue
            parent = self.entries_by_hash.get(row.previous)
            begins = row.seq == 1 and row.previous == GENESIS
            if row.seq > self.head.seq and (row.previous == self.head.hash or row.previous in added):
                added.add(row.hash)
                self._report_entry(row, "follows the case’s head, though no workflow wrote it there: it was added")
            elif begins or (parent is not None and parent.seq == row.seq - 1) or self._has_broken_predecessor(row):
                orphans += 1
            else:
                self._report_entry(row, "follows no entry of its case: it was put in")
        return orphans

    def _has_broken_predecessor(self, row: ChainEntry) -> bool:
        """What it follows is named as a fault already."""
        before = row.seq - 1
        return before in self.missing_numbers or any(one in self.reported_entries for one in self.entries_by_number[before])

    # --- the seals

    def _compare_with_seals(self, sealed: Sequence[SealedHead], beside: Sequence[ChainEntry]) -> int:
        """How many sealed heads were replaced lawfully."""
        unsettled, agreed, walked_well = 0, 0, not self.faults
        for one in sealed:
            row = self.chain.get(one.seq)
            if one.seq == 0 or one.seq in self.missing_numbers or (row is not None and row in self.reported_entries):
                continue
            if row is not None and row.hash == one.head:
                agreed = one.seq
                if walked_well and self._compare_orphan_count(one, [left for left in beside if left.seq <= one.seq]):
                    break
            elif self._was_lawfully_replaced(one):
                unsettled += 1
            elif row is None:
                self._report_missing_entry(one.seq, f"is missing: the seal of {one.day} has it as {one.head[:12]}")
                break
            else:
                self._report_entry(
                    row,
                    f"is not what was sealed on {one.day} as {one.head[:12]}: "
                    + (f"what follows the entry {agreed} was written anew" if agreed else "the chain was written anew"),
                )
                break
        return unsettled

    def _compare_orphan_count(self, sealed: SealedHead, beside: Sequence[ChainEntry]) -> bool:
        """Whether there are more or fewer entries beside the chain than there were."""
        if len(beside) > sealed.beside:
            doubtful = f"was put in beside the chain after the seal of {sealed.day}"
            one_of = f"; or another of the {len(beside)} there, of which the seal knows {sealed.beside}" if sealed.beside else ""
            for row in beside:
                self._report_entry(row, doubtful + one_of)
        elif len(beside) < sealed.beside:
            gone = f"has {len(beside)} entries beside its chain, of the {sealed.beside} that the seal of {sealed.day} has"
            self._add_finding(JOURNAL_TABLE, self.case_id, gone)
        return len(beside) != sealed.beside

    def _was_lawfully_replaced(self, sealed: SealedHead) -> bool:
        """The sealed head is still there, beside the chain, and so is all that leads to it; none of it was old when it was sealed."""
        row = self.entries_by_hash.get(sealed.head)
        if row is None:
            return False
        while row is not None and self.chain.get(row.seq) != row:
            if row in self.changed_entries or row.recorded_at < sealed.settling:
                return False
            if row.previous == GENESIS:
                return True
            row = self.entries_by_hash.get(row.previous)
        return row is not None

    # --- naming

    def _report_entry(self, row: ChainEntry, what: str) -> None:
        self.reported_entries.add(row)
        self._add_finding(JOURNAL_TABLE, f"{self.case_id}/{row.seq}/{row.hash}", what)

    def _report_missing_entry(self, number: int, what: str) -> None:
        self.missing_numbers.add(number)
        self._add_finding(JOURNAL_TABLE, f"{self.case_id}/{number}", what)

    def _add_finding(self, table: str, key: str, what: str) -> None:
        self.faults.append(VerificationFinding(table=table, key=key, what=what))
