"""Verifies what is stored: every entry against its hash, every chain against its case and every seal, every seal against the one before;
and everything else that an auditor rests on against the entries that tell of it."""

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.audit.histories.archive import ArchivedRuns
from adapters.audit.seals.leaf_encoding import Unfolding, kept_seals
from adapters.audit.seals.seal_store import SEALS, leaf_faults, seal_faults
from adapters.audit.verification.archive_check import TABLE as ARCHIVED
from adapters.audit.verification.archive_check import ArchiveOutOfReachError, archive_faults
from adapters.audit.verification.case_check import CaseCheck
from adapters.audit.verification.document_check import DocumentCheck
from adapters.audit.verification.erasure_check import ErasureCheck
from adapters.audit.verification.journal_evidence import Check, testify
from adapters.audit.verification.ledger_check import LedgerCheck
from adapters.audit.verification.letter_check import LetterCheck
from adapters.audit.verification.policy_check import PolicyCheck
from adapters.database.append_only import append_only_tables, guarded_tables
from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry, SQLModel
from adapters.journal.stored_cases import AT_ONCE, StoredCase, stored_cases
from domain import identifiers as ids
from domain.audit.chain_verification import Head, Judged, Sealed, judge
from domain.audit.seal import Leaf
from domain.audit.verification_report import Fault, VerifyReport
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import GENESIS

Progress = Callable[[int, int], None]
"""Told now and then how many entries of how many are done."""

SETTLING = timedelta(hours=1)
"""So long before a seal, in real time, a workflow task that a dead worker left may have written what its repetition then replaced. And so
long what was told to a workflow may take to be written down."""

_packed = struct.Struct(">III32s")


class Verification:
    """Reads only, one snapshot of the database, one case at a time. In memory beside it: each case's head, 44 bytes for every head that
    was ever sealed, and what the checks have heard since they last settled. `archive` reads the histories that lie in a bucket; what lies
    in the database is looked at without one."""

    def __init__(self, database: Database, archive: ArchivedRuns | None = None) -> None:
        self._database, self._archive = database, archive

    def run(self, progress: Progress | None = None) -> VerifyReport:
        """Every fault by its row."""
        settled = datetime.now(UTC) - SETTLING
        with self._database.snapshot() as session:
            guarded = guarded_tables(session.connection())
            unguarded = [table for table in append_only_tables(SQLModel.metadata) if table not in guarded]
            report = VerifyReport(unguarded=unguarded)
            checks = _Checks([
                CaseCheck(session), LetterCheck(session), DocumentCheck(session), PolicyCheck(session), LedgerCheck(session, settled),
                ErasureCheck(session, settled),
            ])  # fmt: skip
            seals = _read_seals(session, report)
            _read_journal(session, report, seals, checks, progress or (lambda done, total: None))
            for check in checks.all:
                report.faults += check.conclude()
            self._read_archive(session, report)
            report.looked_at = {table: _count(session, table) for table in (*(check.table for check in checks.all), ARCHIVED)}
        return report

    def _read_archive(self, session: Session, report: VerifyReport) -> None:
        try:
            for fault in archive_faults(session, self._archive):
                report.faults.append(fault)
        except ArchiveOutOfReachError as error:
            report.out_of_reach.append(str(error))


class _Checks:
    """The checks of other tables, and what they listen to."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self.all = checks
        self._kinds = frozenset[str]().union(*(check.kinds for check in checks))

    def hear(self, case: StoredCase, judged: Judged) -> None:
        for entry in testify(case, judged, self._kinds):
            for check in self.all:
                check.hear(entry)

    def settle(self) -> Iterator[Fault]:
        for check in self.all:
            yield from check.settle()


class _Seals(NamedTuple):
    """`made`: each day's hash. `settling`: from when on, in canonical form, an entry may have been on its way when the day was sealed."""

    made: dict[str, str]
    settling: dict[int, str]
    heads: dict[str, bytearray]

    def keep(self, day: date, leaf: Leaf) -> None:
        self.heads[leaf.case_id] += _packed.pack(day.toordinal(), leaf.seq, leaf.beside, bytes.fromhex(leaf.head))

    def of(self, case_id: str) -> list[Sealed]:
        """In order of their days."""
        kept = self.heads.get(case_id)
        return [
            Sealed(date.fromordinal(day), seq, head.hex(), beside, self.settling[day])
            for day, seq, beside, head in _packed.iter_unpack(kept or b"")
        ]


def _read_seals(session: Session, report: VerifyReport) -> _Seals:
    seals = _Seals({}, {}, defaultdict(bytearray))
    unfolding, previous = Unfolding(), GENESIS
    for kept in kept_seals(session):
        day = kept.seal.day
        report.seals += 1
        report.faults += seal_faults(kept.seal, kept.hash, previous)
        for leaf in unfolding.take(kept):
            seals.keep(day, leaf)
        report.faults += leaf_faults(kept.seal, unfolding)
        seals.made[day.isoformat()] = previous = kept.hash
        seals.settling[day.toordinal()] = (datetime.fromisoformat(kept.made_at) - SETTLING).isoformat(timespec="microseconds")
    return seals


def _read_journal(session: Session, report: VerifyReport, seals: _Seals, checks: _Checks, progress: Progress) -> None:
    total = session.execute(select(func.count()).select_from(JournalEntry)).scalar_one()
    heads = {case_id: Head(seq, head) for case_id, seq, head in session.execute(select(col(Case.case_id), col(Case.seq), col(Case.head)))}
    told = 0
    for case in stored_cases(session):
        _take_in(report, case.case_id, case, heads.pop(case.case_id, None), seals, checks)
        if case.case_id == ids.SEAL_CASE:
            report.faults += _seals_gone(case, seals)
        if report.entries - told >= AT_ONCE:
            told = report.entries
            progress(told, total)
            report.faults += checks.settle()
    for case_id, head in sorted(heads.items()):
        _take_in(report, case_id, StoredCase(case_id, [], []), head, seals, checks)
    for case_id in sorted(seals.heads):
        last = seals.of(case_id)[-1]
        gone = f"is missing, with its {last.seq} entries that were sealed on {last.day}"
        report.faults.append(Fault(table="cases", key=case_id, what=gone))
    progress(total, total)


def _take_in(report: VerifyReport, case_id: str, case: StoredCase, head: Head | None, seals: _Seals, checks: _Checks) -> None:
    judged = judge(case_id, case.rows, head, seals.of(case_id))
    seals.heads.pop(case_id, None)
    report.cases += 1
    report.entries += len(case.rows)
    report.orphans += judged.orphans
    report.unsettled += judged.unsettled
    report.faults += judged.faults
    checks.hear(case, judged)


def _seals_gone(case: StoredCase, seals: _Seals) -> Iterator[Fault]:
    """What the journal says was sealed, and is sealed no longer, or otherwise."""
    for entry in testify(case, Judged([]), {EntryKind.SEAL_MADE.value}):
        if entry.kind == EntryKind.SEAL_MADE.value and seals.made.get(entry.text("on")) != entry.text("hash"):
            wrong = "is not the one that was made" if entry.text("on") in seals.made else "is missing"
            yield entry.against(SEALS, entry.text("on"), wrong)


def _count(session: Session, table: str) -> int:
    return int(session.execute(select(func.count()).select_from(SQLModel.metadata.tables[table])).scalar_one())
