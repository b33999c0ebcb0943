"""Compare the entries that the database has of a case with those of its replayed histories.

A history has the hash of the journal's head after every write, so that it binds the whole chain; a replay makes the entries themselves.
An entry is proven by its hash wherever the replay makes that hash again. Where a task was cut short and replayed with its successor's time
it does not; there the head that the history has is followed back instead, through the database's own entries.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from domain.audit.replay_report import EntryFinding, EntryVerdict, FieldChange
from domain.journal.chain_check import follow_chain_back
from domain.journal.entry import GENESIS, Entry
from domain.journal.entry_hash import canonical_json
from domain.refusal import Refusal

CONTENT_FIELDS = ("kind", "account_id", "invoice_id", "actor", "facts")
TIME_FIELDS = ("business_at", "recorded_at")


class JournalWrite(NamedTuple):
    """One journal write of a workflow. `entries`: as the replay made them, None where the run could not be replayed. `head`: the hash that
    the history has of the last of them; None when the database's answer is not in the history yet."""

    entries: Sequence[Entry] | None
    head: str | None


@dataclass(frozen=True)
class DatabaseEntry:
    """An entry as the database has it, which may be anything: somebody may have written what the project's code never would."""

    case_id: str
    seq: int
    hash: str
    previous: str
    content: dict[str, Any]

    @property
    def has_valid_hash(self) -> bool:
        """True when its hash is that of its content."""
        hashed = {**self.content, "case_id": self.case_id, "seq": self.seq, "previous": self.previous}
        return sha256(canonical_json(hashed)).hexdigest() == self.hash


class ReplayComparison(NamedTuple):
    """`counts` by verdict; `findings` in order of the entries; `beside`: the number of lawful entries beside the chain."""

    counts: dict[EntryVerdict, int]
    findings: list[EntryFinding]
    beside: int


def compare_replay(
    case_id: str,
    journal_writes: Sequence[JournalWrite],
    database_entries: Sequence[DatabaseEntry],
    head: str | None,
    task_open: bool = False,
    has_lost_run: bool = False,
) -> ReplayComparison:
    """Compare a case's entries with its histories.

    `head`: the case's head in the read model, None when that has no row of it. `task_open`: the history ends within a task, whose entries
    the database may have already. `has_lost_run`: of some run of the case no history is left.
    """
    return _ReplayComparer(case_id, database_entries, head, task_open, has_lost_run).run(journal_writes)


class _ReplayedEntry(NamedTuple):
    """An entry that a replay made. `expected_hash`: the hash under which the database must have it, None where the history does not show
    it. `is_exact`: the replay made the hash that the history has, so that its times are the entry's own."""

    entry: Entry
    expected_hash: str | None
    is_exact: bool


class _ReplayComparer:
    """Judges every entry of one case once: first those of the histories, then what the database has beyond and beside them."""

    def __init__(
        self, case_id: str, database_entries: Sequence[DatabaseEntry], head: str | None, task_open: bool, has_lost_run: bool
    ) -> None:
        self.case_id, self.database_entries = case_id, database_entries
        self.task_open, self.has_lost_run = task_open, has_lost_run
        self.counts: Counter[EntryVerdict] = Counter()
        self.findings: list[EntryFinding] = []
        self.by_hash = {row.hash: row for row in database_entries}
        self.by_seq = defaultdict[int, list[DatabaseEntry]](list)
        for row in database_entries:
            self.by_seq[row.seq].append(row)
        chain = list(follow_chain_back(head, self.by_hash))
        self.chain_by_seq, self.chain_hashes = {row.seq: row for row in chain}, {row.hash for row in chain}
        self.replayed_entries = dict[int, _ReplayedEntry]()
        self.pending_entries = dict[int, Entry]()
        """Entries that the replay made in a task whose end the history does not have yet."""
        self.last_held_seq = 0
        """The last entry that the head of a run which could not be replayed leads to."""
        self.judged_hashes = set[str]()
        self.known_hashes = set[str]({GENESIS})
        self.lost_run_hashes = set[str]()
        """Hashes that a run of which no history is left must have written: a later history continues from them."""

    def run(self, journal_writes: Sequence[JournalWrite]) -> ReplayComparison:
        for write in journal_writes:
            self._apply_write(write)
        for replayed in self.replayed_entries.values():
            self._judge_replayed_entry(replayed)
        if self.has_lost_run and self.replayed_entries:
            first = self.replayed_entries[min(self.replayed_entries)].entry
            self.lost_run_hashes = {row.hash for row in follow_chain_back(first.previous, self.by_hash)}
        self._judge_entries_after(self._find_last_seq())
        beside = self._judge_entries_beside()
        return ReplayComparison(dict(self.counts), sorted(self.findings, key=lambda finding: finding.seq), beside)

    def _apply_write(self, write: JournalWrite) -> None:
        if write.head is None:
            self.pending_entries.update({entry.seq: entry for entry in write.entries or ()})
        elif write.entries is None:
            self.last_held_seq = self._judge_unreplayed_run(write.head, self._find_last_seq())
        else:
            for entry, expected in zip(write.entries, self._list_expected_hashes(write.entries, write.head), strict=True):
                # a run that was reset replaces what it had written from there on
                for replaced in [seq for seq in self.replayed_entries if seq > entry.seq]:
                    del self.replayed_entries[replaced]
                self.replayed_entries[entry.seq] = _ReplayedEntry(entry, expected, write.entries[-1].hash == write.head)

    def _find_last_seq(self) -> int:
        """Return the number of the last entry that the histories prove; 0 when there is none."""
        return max([self.last_held_seq, *self.replayed_entries])

    def _list_expected_hashes(self, entries: Sequence[Entry], head: str) -> list[str | None]:
        """Return the hash under which the database must have each entry of one write; None where the history does not show it."""
        if not entries or entries[-1].hash == head:
            return [entry.hash for entry in entries]
        hashes = list[str | None]()
        link: str | None = head
        for _ in entries:
            hashes.append(link)
            row = self.by_hash.get(link) if link else None
            link = row.previous if row and row.has_valid_hash else None
        return hashes[::-1]

    def _judge_replayed_entry(self, replayed: _ReplayedEntry) -> None:
        entry, expected, is_exact = replayed
        if expected:
            self.known_hashes.add(expected)
        row = self.chain_by_seq.get(entry.seq) or self.by_hash.get(expected or "") or next(iter(self.by_seq[entry.seq]), None)
        if row is None:
            why = Refusal("replay.missing", "the history tells of it, the database has none")
            self._add_finding(EntryVerdict.MISSING, entry.seq, entry.kind.value, expected or "", why)
            return
        self.judged_hashes.add(row.hash)
        content_changes, time_changes = _list_changes(row, entry, CONTENT_FIELDS), _list_changes(row, entry, TIME_FIELDS)
        is_proven = row.has_valid_hash and expected in (row.hash, None)
        if is_proven and not content_changes and (not time_changes or not is_exact):
            self.counts[EntryVerdict.TIMED_BY_TASK if time_changes else EntryVerdict.MATCHED] += 1
            return
        changes = content_changes + (time_changes if is_exact or not content_changes else [])
        if not changes:
            changes = [FieldChange(field="hash", database=row.hash, history=expected or entry.hash)]
        differs = bool(content_changes or time_changes)
        self._add_row_finding(EntryVerdict.CHANGED, row, _explain_change(row, differs, expected), changes)

    def _judge_unreplayed_run(self, head: str, after: int) -> int:
        """Judge the entries that the head of a run proves though it could not be replayed; the number of the last of them, or `after`."""
        self.known_hashes.add(head)
        chain = list(follow_chain_back(head, self.by_hash))
        if not chain:
            why = Refusal("replay.hash_missing", "the history knows an entry of this hash, the database has none")
            self._add_finding(EntryVerdict.MISSING, after + 1, "", head, why)
            return after
        for row in (row for row in chain if row.seq > after):
            self.judged_hashes.add(row.hash)
            if row.has_valid_hash:
                self.counts[EntryVerdict.HELD_BY_HEAD] += 1
            else:
                self._add_row_finding(EntryVerdict.CHANGED, row, _explain_change(row, True, row.hash))
        return chain[0].seq

    def _judge_entries_after(self, last_seq: int) -> None:
        """Judge the entries of the chain beyond the end of the histories."""
        for seq in sorted(seq for seq in self.chain_by_seq if seq > last_seq):
            row = self.chain_by_seq[seq]
            self.judged_hashes.add(row.hash)
            if row.has_valid_hash and (self.task_open or self._is_pending(row)):
                self.counts[EntryVerdict.UNDER_WAY] += 1
            elif row.has_valid_hash and self.has_lost_run:
                self.counts[EntryVerdict.UNTOLD] += 1
            else:
                self._add_row_finding(EntryVerdict.ADDED, row, Refusal("replay.untold", "no history of the case tells of it"))

    def _is_pending(self, row: DatabaseEntry) -> bool:
        pending = self.pending_entries.get(row.seq)
        return pending is not None and not _list_changes(row, pending, CONTENT_FIELDS)

    def _judge_entries_beside(self) -> int:
        """Judge the entries that are left, and count the lawful ones: written by a task that was repeated, after an entry of the case."""
        beside = 0
        for row in self.database_entries:
            if row.hash in self.judged_hashes:
                continue
            follows = row.previous in self.by_hash or row.previous in self.known_hashes
            if row.has_valid_hash and follows and row.hash not in self.chain_hashes:
                beside += 1
            elif row.has_valid_hash and row.hash in self.lost_run_hashes:
                self.counts[EntryVerdict.HELD_BY_HEAD] += 1
            else:
                why = (
                    Refusal("replay.untold", "no history of the case tells of it")
                    if follows
                    else Refusal("replay.unlinked", "it follows from no entry of the case")
                )
                self._add_row_finding(EntryVerdict.ADDED, row, why)
        return beside

    def _add_row_finding(self, verdict: EntryVerdict, row: DatabaseEntry, why: str, changes: list[FieldChange] | None = None) -> None:
        self._add_finding(verdict, row.seq, row.content["kind"], row.hash, why, changes)

    def _add_finding(
        self, verdict: EntryVerdict, seq: int, kind: str, entry_hash: str, why: str, changes: list[FieldChange] | None = None
    ) -> None:
        self.counts[verdict] += 1
        self.findings.append(
            EntryFinding(case_id=self.case_id, seq=seq, verdict=verdict, kind=kind, hash=entry_hash, why=why, changes=changes or [])
        )


def _explain_change(row: DatabaseEntry, differs: bool, expected: str | None) -> str:
    if not row.has_valid_hash:
        return Refusal("replay.false_hash", "its hash is not that of what it says")
    if not differs:
        return Refusal("replay.follows_changed", "it says the same, but follows an entry that was changed")
    return (
        Refusal("replay.hashed_anew", "it was given a hash anew")
        if expected != row.hash
        else Refusal("replay.other_code", "today's code makes another entry of the same history")
    )


def _list_changes(row: DatabaseEntry, entry: Entry, fields: Sequence[str]) -> list[FieldChange]:
    return [
        FieldChange(field=name, database=_format_value(row.content.get(name)), history=_format_value(getattr(entry, name)))
        for name in fields
        if row.content.get(name) != getattr(entry, name)
    ]


def _format_value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return canonical_json(value).decode() if isinstance(value, dict) else str(value)
