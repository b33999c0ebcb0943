"""Holds the entries that the database has of a case against those that its histories tell.

A history keeps the hash of the journal's head after every writing, so that it binds the whole chain; a replay says besides what the entries
were. An entry is proven by its hash wherever the replay makes that hash again. Where a task was cut short and replayed with its successor's
time it does not; there the head that the history kept is followed back instead, through the database's own entries.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from domain.audit.replay_report import EntryFinding, EntryVerdict, FieldChange
from domain.journal.journal import GENESIS, Entry, canonical_json

CONTENT_FIELDS = ("kind", "account_id", "invoice_id", "actor", "facts")
TIME_FIELDS = ("business_at", "recorded_at")


class JournalWrite(NamedTuple):
    """One writing of a workflow. `entries`: as the replay made them, None where the run could not be replayed. `head`: the hash that the
    history keeps of the last of them; None when the database's answer is not in the history yet."""

    entries: Sequence[Entry] | None
    head: str | None


@dataclass(frozen=True)
class DatabaseEntry:
    """An entry as the database has it, which may be anything: somebody may have written what no code of ours would."""

    case_id: str
    seq: int
    hash: str
    previous: str
    content: dict[str, Any]

    @property
    def has_valid_hash(self) -> bool:
        """Its hash is that of what it says."""
        said = {**self.content, "case_id": self.case_id, "seq": self.seq, "previous": self.previous}
        return sha256(canonical_json(said)).hexdigest() == self.hash


class ReplayComparison(NamedTuple):
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
    """`head`: the case's head in the read model, None when that has no row of it. `task_open`: the history ends within a task, whose
    entries the database may have already. `a_run_is_lost`: of some run of the case no history is left."""
    return _ReplayComparer(case_id, database_entries, head, task_open, has_lost_run).run(journal_writes)


@dataclass
class _ReplayComparer:
    case_id: str
    database_entries: Sequence[DatabaseEntry]
    head: str | None
    task_open: bool
    has_lost_run: bool
    counts: Counter[EntryVerdict] = field(default_factory=Counter)
    findings: list[EntryFinding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_hash = {row.hash: row for row in self.database_entries}
        self.by_seq = defaultdict[int, list[DatabaseEntry]](list)
        for row in self.database_entries:
            self.by_seq[row.seq].append(row)
        followed = self._follow_chain(self.head)
        self.chain_by_seq, self.chain_hashes = {row.seq: row for row in followed}, {row.hash for row in followed}
        self.judged_hashes = set[str]()
        self.known_hashes = set[str]({GENESIS})
        self.lost_run_hashes = set[str]()
        """Hashes that a run of which no history is left must have written: a later history goes on from them."""

    def run(self, journal_writes: Sequence[JournalWrite]) -> ReplayComparison:
        held, pending = 0, dict[int, Entry]()
        told = dict[int, tuple[Entry, str | None, bool]]()
        for wake in journal_writes:
            if wake.head is None:
                pending.update({entry.seq: entry for entry in wake.entries or ()})
                continue
            if wake.entries is None:
                held = self._judge_unreplayed_run(wake.head, max(held, *told, 0) if told else held)
                continue
            for entry, expected in zip(wake.entries, self._list_expected_hashes(wake.entries, wake.head), strict=True):
                for undone in [seq for seq in told if seq > entry.seq]:  # a run that was reset tells from there on anew
                    del told[undone]
                told[entry.seq] = (entry, expected, wake.entries[-1].hash == wake.head)
        for entry, expected, exact in told.values():
            self._judge_entry(entry, expected, exact)
        if self.has_lost_run and told:
            first = min(told)
            self.lost_run_hashes = {row.hash for row in self._follow_chain(told[first][0].previous)}
        self._judge_entries_past(max(held, *told, 0) if told else held, pending)
        beside = self._judge_entries_beside()
        return ReplayComparison(dict(self.counts), sorted(self.findings, key=lambda finding: finding.seq), beside)

    def _follow_chain(self, head: str | None) -> list[DatabaseEntry]:
        """The chain that ends there, newest first, as far as it is there."""
        found, seen = list[DatabaseEntry](), set[str]()
        while head is not None and head not in seen and (row := self.by_hash.get(head)) is not None:
            found.append(row)
            seen.add(head)
            head = row.previous
        return found

    def _list_expected_hashes(self, entries: Sequence[Entry], head: str) -> list[str | None]:
        """Of each entry that was written in one go, the hash under which the database must have it; None where that cannot be told."""
        if not entries or entries[-1].hash == head:
            return [entry.hash for entry in entries]
        hashes = list[str | None]()
        link: str | None = head
        for _ in entries:
            hashes.append(link)
            row = self.by_hash.get(link) if link else None
            link = row.previous if row and row.has_valid_hash else None
        return hashes[::-1]

    def _judge_entry(self, entry: Entry, expected: str | None, exact: bool) -> None:
        if expected:
            self.known_hashes.add(expected)
        row = self.chain_by_seq.get(entry.seq) or self.by_hash.get(expected or "") or next(iter(self.by_seq[entry.seq]), None)
        if row is None:
            self._add_finding(
                EntryVerdict.MISSING, entry.seq, entry.kind.value, expected or "", "the history tells of it, the database has none"
            )
            return
        self.judged_hashes.add(row.hash)
        content, times = _list_changes(row, entry, CONTENT_FIELDS), _list_changes(row, entry, TIME_FIELDS)
        if row.has_valid_hash and expected in (row.hash, None) and not content and (not times or not exact):
            self.counts[EntryVerdict.TIMED_BY_TASK if times else EntryVerdict.MATCHED] += 1
            return
        changes = content + (times if exact or not content else [])
        if not changes:
            changes = [FieldChange(field="hash", database=row.hash, history=expected or entry.hash)]
        self._add_finding(
            EntryVerdict.CHANGED, row.seq, row.content["kind"], row.hash, _explain_change(row, bool(content or times), expected), changes
        )

    def _judge_unreplayed_run(self, head: str, after: int) -> int:
        """What a run that could not be replayed proves all the same; the number of the last entry that its head leads to."""
        self.known_hashes.add(head)
        rows = self._follow_chain(head)
        if not rows:
            self._add_finding(EntryVerdict.MISSING, after + 1, "", head, "the history knows an entry of this hash, the database has none")
            return after
        for row in (row for row in rows if row.seq > after):
            self.judged_hashes.add(row.hash)
            if row.has_valid_hash:
                self.counts[EntryVerdict.HELD_BY_HEAD] += 1
            else:
                self._add_finding(EntryVerdict.CHANGED, row.seq, row.content["kind"], row.hash, _explain_change(row, True, row.hash))
        return rows[0].seq

    def _judge_entries_past(self, last: int, pending: dict[int, Entry]) -> None:
        """At what the database has beyond the histories' end."""
        for seq in sorted(seq for seq in self.chain_by_seq if seq > last):
            row = self.chain_by_seq[seq]
            self.judged_hashes.add(row.hash)
            told = pending.get(seq)
            if row.has_valid_hash and (self.task_open or (told is not None and not _list_changes(row, told, CONTENT_FIELDS))):
                self.counts[EntryVerdict.UNDER_WAY] += 1
                continue
            if row.has_valid_hash and self.has_lost_run:
                self.counts[EntryVerdict.UNTOLD] += 1
                continue
            self._add_finding(EntryVerdict.ADDED, seq, row.content["kind"], row.hash, "no history of the case tells of it")

    def _judge_entries_beside(self) -> int:
        """An entry beside the chain was written by a task that was repeated, if it follows from an entry of the case."""
        beside = 0
        for row in self.database_entries:
            if row.hash in self.judged_hashes:
                continue
            follows = row.previous in self.by_hash or row.previous in self.known_hashes
            if row.has_valid_hash and follows and row.hash not in self.chain_hashes:
                beside += 1
                continue
            if row.has_valid_hash and row.hash in self.lost_run_hashes:
                self.counts[EntryVerdict.HELD_BY_HEAD] += 1
                continue
            why = "no history of the case tells of it" if follows else "it follows from no entry of the case"
            self._add_finding(EntryVerdict.ADDED, row.seq, row.content["kind"], row.hash, why)
        return beside

    def _add_finding(
        self, verdict: EntryVerdict, seq: int, kind: str, hash_: str, why: str, changes: list[FieldChange] | None = None
    ) -> None:
        self.counts[verdict] += 1
        self.findings.append(
            EntryFinding(case_id=self.case_id, seq=seq, verdict=verdict, kind=kind, hash=hash_, why=why, changes=changes or [])
        )


def _explain_change(row: DatabaseEntry, differs: bool, expected: str | None) -> str:
    if not row.has_valid_hash:
        return "its hash is not that of what it says"
    if not differs:
        return "it says the same, but follows an entry that was changed"
    return "it was given a hash anew" if expected != row.hash else "today's code makes another entry of the same history"


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
