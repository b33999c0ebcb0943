"""Verify the stored entries of one case: the chain is unbroken, reaches the case's head, and is the one that was sealed.

Entries beside the chain are lawful (docs/decisions/0002) as long as they follow from an entry of their case. One that was inserted that way
after the last seal looks like them: it is counted, and has no effect, since only what a chain leads to is read.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from domain.audit.verification_report import VerificationFinding
from domain.journal.chain_check import follow_chain_back
from domain.journal.entry import GENESIS

JOURNAL_TABLE, CASES_TABLE = "journal", "cases"


class ChainEntry(NamedTuple):
    """An entry as it is stored. `digest` is the hash that its content makes; `recorded_at` as the canonical form has it."""

    seq: int
    hash: str
    previous: str
    recorded_at: str
    digest: str


class ChainHead(NamedTuple):
    """The number and hash of a case's last entry, as the case's own row has them."""

    seq: int
    hash: str


class SealedHead(NamedTuple):
    """The case's head in one daily seal. An entry recorded after `settling` (canonical form) may have been replaced lawfully, by a workflow
    task that was repeated just after the seal was made."""

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
    """Verify one case. `entries` in order of their numbers; `sealed` in order of their days; `head` is None when the case has no row."""
    if head is not None and _is_sound_chain(entries, head, sealed):
        return ChainVerificationResult([])
    return _ChainDiagnosis(case_id, entries, head).diagnose_chain(sealed)


def _is_sound_chain(entries: Sequence[ChainEntry], head: ChainHead, sealed: Sequence[SealedHead]) -> bool:
    """Return true for what nearly every case is, without building anything: this runs over the whole journal."""
    if len(entries) != head.seq:
        return False
    previous = GENESIS
    for number, row in enumerate(entries, 1):
        if row.seq != number or row.previous != previous or row.hash != row.digest:
            return False
        previous = row.hash
    return previous == head.hash and all(
        seal.seq <= len(entries) and not seal.beside and (not seal.seq or entries[seal.seq - 1].hash == seal.head) for seal in sealed
    )


class _ChainLink(NamedTuple):
    """The hash by which an entry is named, what names it, and if that can be trusted: a changed entry may name anything."""

    hash: str
    named_by: str
    is_trusted: bool


class _ChainDiagnosis:
    """Finds the faults of a case that is not sound, and counts what is lawful beside its chain."""

    def __init__(self, case_id: str, entries: Sequence[ChainEntry], head: ChainHead | None) -> None:
        self.case_id, self.entries = case_id, entries
        self.faults: list[VerificationFinding] = []
        self.changed_entries = {row for row in entries if row.hash != row.digest}
        self.entries_by_hash = {row.hash: row for row in sorted(entries, key=lambda row: row not in self.changed_entries)}
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
        """Walk back from the case's head; where an entry is missing, continue with the one before it."""
        number = self._find_top_number()
        link = _ChainLink(self.head.hash, "the case’s head", is_trusted=True)
        while number > 0:
            row = self._find_linked_entry(link, number)
            if row is None:
                link = _ChainLink("", f"the entry {number + 1}", is_trusted=False)
            else:
                is_changed = row in self.changed_entries
                self.chain[row.seq if is_changed else number] = row
                link = _ChainLink(row.previous, f"the entry {number}", is_trusted=not is_changed)
            number -= 1
        if link.hash != GENESIS and link.is_trusted and 1 in self.chain:
            self._report_entry(self.chain[1], "begins the chain, and names an entry before it")

    def _find_top_number(self) -> int:
        """Return the number of the chain's last entry: that of the entry which is the head, else the one in the case's row."""
        top = self.entries_by_hash.get(self.head.hash)
        if top is None or top in self.changed_entries or top.seq == self.head.seq:
            return self.head.seq
        self._add_finding(CASES_TABLE, self.case_id, f"says that it has {self.head.seq} entries, and its head is the entry {top.seq}")
        return top.seq

    def _find_linked_entry(self, link: _ChainLink, number: int) -> ChainEntry | None:
        """Find the entry that the link names; else the one that has its number, which then stands in its place."""
        row = self.entries_by_hash.get(link.hash)
        if row is not None and (row.seq == number or row in self.changed_entries):
            return row
        substitute = next(iter(self.entries_by_number[number]), None)
        if substitute is None:
            self._report_missing_entry(number, f"is missing: {link.named_by} names {link.hash[:12] or 'it'}")
        elif link.is_trusted:
            what = f"stands where {link.named_by} names {link.hash[:12]}: it was written anew, or put in its place"
            self._report_entry(substitute, what)
        return substitute

    # --- what the chain leaves out

    def _count_orphans(self, beside: Sequence[ChainEntry]) -> int:
        """Count those that are lawful; report the others."""
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
        """Return true for an entry after one that is reported already."""
        before = row.seq - 1
        return before in self.missing_numbers or any(entry in self.reported_entries for entry in self.entries_by_number[before])

    # --- the seals

    def _compare_with_seals(self, sealed: Sequence[SealedHead], beside: Sequence[ChainEntry]) -> int:
        """Compare the chain with the seals up to the first that differs; count the sealed heads that were replaced lawfully."""
        unsettled, last_agreed_seq, has_sound_chain = 0, 0, not self.faults
        for seal in sealed:
            row = self.chain.get(seal.seq)
            if seal.seq == 0 or seal.seq in self.missing_numbers or (row is not None and row in self.reported_entries):
                continue
            if row is not None and row.hash == seal.head:
                last_agreed_seq = seal.seq
                if has_sound_chain and self._compare_orphan_count(seal, [orphan for orphan in beside if orphan.seq <= seal.seq]):
                    break
            elif self._was_lawfully_replaced(seal):
                unsettled += 1
            else:
                self._report_seal_difference(seal, row, last_agreed_seq)
                break
        return unsettled

    def _report_seal_difference(self, seal: SealedHead, row: ChainEntry | None, last_agreed_seq: int) -> None:
        if row is None:
            self._report_missing_entry(seal.seq, f"is missing: the seal of {seal.day} has it as {seal.head[:12]}")
            return
        rewritten = f"what follows the entry {last_agreed_seq} was written anew" if last_agreed_seq else "the chain was written anew"
        self._report_entry(row, f"is not what was sealed on {seal.day} as {seal.head[:12]}: {rewritten}")

    def _compare_orphan_count(self, sealed: SealedHead, beside: Sequence[ChainEntry]) -> bool:
        """Report when there are more or fewer entries beside the chain than were sealed; true if so."""
        if len(beside) > sealed.beside:
            what = f"was put in beside the chain after the seal of {sealed.day}"
            if sealed.beside:
                what += f"; or another of the {len(beside)} there, of which the seal knows {sealed.beside}"
            for row in beside:
                self._report_entry(row, what)
        elif len(beside) < sealed.beside:
            what = f"has {len(beside)} entries beside its chain, of the {sealed.beside} that the seal of {sealed.day} has"
            self._add_finding(JOURNAL_TABLE, self.case_id, what)
        return len(beside) != sealed.beside

    def _was_lawfully_replaced(self, sealed: SealedHead) -> bool:
        """Return true when the sealed head and all that leads to it are still beside the chain, and none of it was old at the seal."""
        for row in follow_chain_back(sealed.head, self.entries_by_hash):
            if self.chain.get(row.seq) == row:
                return True
            if row in self.changed_entries or row.recorded_at < sealed.settling:
                return False
            if row.previous == GENESIS:
                return True
        return False

    # --- reporting

    def _report_entry(self, row: ChainEntry, what: str) -> None:
        self.reported_entries.add(row)
        self._add_finding(JOURNAL_TABLE, f"{self.case_id}/{row.seq}/{row.hash}", what)

    def _report_missing_entry(self, number: int, what: str) -> None:
        self.missing_numbers.add(number)
        self._add_finding(JOURNAL_TABLE, f"{self.case_id}/{number}", what)

    def _add_finding(self, table: str, key: str, what: str) -> None:
        self.faults.append(VerificationFinding(table=table, key=key, what=what))
