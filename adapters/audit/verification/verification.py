"""Verify what is stored: every entry against its hash, every chain against its case and every seal, every seal against the one before;
and everything else that an audit rests on against the entries that record it."""

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.audit.histories.archive import RunArchive
from adapters.audit.seals.leaf_encoding import DecodedLeaves, load_stored_seals
from adapters.audit.seals.seal_store import SEALS_TABLE, find_leaf_faults, find_seal_faults
from adapters.audit.verification.archive_check import ARCHIVED_RUNS_TABLE as ARCHIVED
from adapters.audit.verification.archive_check import ArchiveUnreachableError, find_archive_faults
from adapters.audit.verification.case_check import CaseCheck
from adapters.audit.verification.credit_check import CreditCheck
from adapters.audit.verification.delegation_check import DelegationCheck
from adapters.audit.verification.document_check import DocumentCheck
from adapters.audit.verification.erasure_check import ErasureCheck
from adapters.audit.verification.journal_evidence import EvidenceCheck, collect_evidence
from adapters.audit.verification.ledger_check import LedgerCheck
from adapters.audit.verification.letter_check import LetterCheck
from adapters.audit.verification.policy_check import PolicyCheck
from adapters.audit.verification.record_check import find_record_faults
from adapters.database.append_only import list_append_only_tables, list_protected_tables
from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry, SQLModel
from adapters.journal.stored_cases import ENTRIES_PER_FETCH, StoredCase, load_stored_cases
from domain import identifiers as ids
from domain.audit.chain_verification import ChainHead, ChainVerificationResult, SealedHead, verify_chain
from domain.audit.seal import SealLeaf
from domain.audit.verification_report import VerificationFinding, VerificationReport
from domain.journal.entry import GENESIS
from domain.journal.entry_kinds import EntryKind

ProgressCallback = Callable[[int, int], None]
"""Called now and then with the number of entries that are done, and of all."""

SETTLING = timedelta(hours=1)
"""The real time within which a dead worker's workflow task is repeated: what it wrote shortly before a seal may then be replaced. Within
the same time a workflow journals what it was sent."""

END_OF_TIME = "9999"

_SEALED_HEAD_FORMAT = struct.Struct(">III32s")


class Verification:
    """Reads only: one snapshot of the database, one case at a time. In memory besides: each case's head, 44 bytes for every sealed head,
    and the evidence that the checks have not compared yet. `archive` reads the histories in a bucket; those in the database are checked
    without one."""

    def __init__(self, database: Database, archive: RunArchive | None = None) -> None:
        self._database, self._archive = database, archive

    def run(self, progress: ProgressCallback | None = None) -> VerificationReport:
        """Verify everything; the report names every fault by its row."""
        now = datetime.now(UTC)
        settled_before = now - SETTLING
        with self._database.snapshot() as session:
            protected = list_protected_tables(session.connection())
            unguarded = [table for table in list_append_only_tables(SQLModel.metadata) if table not in protected]
            report = VerificationReport(unguarded=unguarded)
            checks = _CheckGroup(
                [
                    CaseCheck(session),
                    LetterCheck(session),
                    DocumentCheck(session),
                    PolicyCheck(session),
                    LedgerCheck(session, settled_before, now),
                    CreditCheck(session),
                    ErasureCheck(session, settled_before),
                    DelegationCheck(session),
                ]
            )
            seals = _check_seals(session, report)
            span = _check_journal(session, report, seals, checks, progress or (lambda done, total: None))
            report.days = len(span.days)
            if not report.seals and report.days > 1 and span.begins < settled_before.isoformat():
                report.faults.append(_build_unsealed_finding(report))
            for check in checks.checks:
                report.faults += check.finish()
            report.faults += find_record_faults(session)
            self._check_archive(session, report)
            report.looked_at = {table: _count_rows(session, table) for table in (*(check.table for check in checks.checks), ARCHIVED)}
        return report

    def _check_archive(self, session: Session, report: VerificationReport) -> None:
        try:
            for fault in find_archive_faults(session, self._archive):
                report.faults.append(fault)
        except ArchiveUnreachableError as error:
            report.out_of_reach.append(str(error))


class _CheckGroup:
    """The checks of other tables, which share one pass over the journal."""

    def __init__(self, checks: Sequence[EvidenceCheck]) -> None:
        self.checks = checks
        self._kinds = frozenset[str]().union(*(check.kinds for check in checks))

    def add_case(self, case: StoredCase, verified: ChainVerificationResult) -> None:
        for entry in collect_evidence(case, verified, self._kinds):
            for check in self.checks:
                check.add_evidence(entry)

    def check_evidence(self) -> Iterator[VerificationFinding]:
        for check in self.checks:
            yield from check.check_evidence()


class _JournalSpan:
    """The business days on which cases wrote, and the real time (canonical form) of the first entry. The seals' own case is left out."""

    def __init__(self) -> None:
        self.days: set[str] = set()
        self.begins = END_OF_TIME

    def add_case(self, case: StoredCase) -> None:
        if case.rows and case.case_id != ids.SEAL_CASE_ID:
            self.days.update([entry.business_at[:10] for entry in case.entries])
            self.begins = min(self.begins, case.rows[0].recorded_at)


class _SealedHeads(NamedTuple):
    """The heads that the seals name, by case. `hash_by_day`: each seal's hash. `settling_by_day`: the real time (canonical form) from which
    on an entry may have been replaced lawfully after that day's seal."""

    hash_by_day: dict[str, str]
    settling_by_day: dict[int, str]
    heads: dict[str, bytearray]

    def add_leaf(self, day: date, leaf: SealLeaf) -> None:
        self.heads[leaf.case_id] += _SEALED_HEAD_FORMAT.pack(day.toordinal(), leaf.seq, leaf.beside, bytes.fromhex(leaf.head))

    def list_case_heads(self, case_id: str) -> list[SealedHead]:
        """List the sealed heads of a case in order of their days."""
        packed = self.heads.get(case_id)
        return [
            SealedHead(date.fromordinal(day), seq, head.hex(), beside, self.settling_by_day[day])
            for day, seq, beside, head in _SEALED_HEAD_FORMAT.iter_unpack(packed or b"")
        ]


def _check_seals(session: Session, report: VerificationReport) -> _SealedHeads:
    seals = _SealedHeads({}, {}, defaultdict(bytearray))
    leaves, previous = DecodedLeaves(), GENESIS
    for stored in load_stored_seals(session):
        day = stored.seal.day
        report.seals += 1
        report.faults += find_seal_faults(stored.seal, stored.hash, previous)
        for leaf in leaves.apply_seal(stored):
            seals.add_leaf(day, leaf)
        report.faults += find_leaf_faults(stored.seal, leaves)
        seals.hash_by_day[day.isoformat()] = previous = stored.hash
        report.last_seal, report.last_seal_at = day, datetime.fromisoformat(stored.made_at)
        settling = report.last_seal_at - SETTLING
        seals.settling_by_day[day.toordinal()] = settling.isoformat(timespec="microseconds")
    return seals


def _check_journal(
    session: Session, report: VerificationReport, seals: _SealedHeads, checks: _CheckGroup, progress: ProgressCallback
) -> _JournalSpan:
    total = session.execute(select(func.count()).select_from(JournalEntry)).scalar_one()
    heads = {
        case_id: ChainHead(seq, head) for case_id, seq, head in session.execute(select(col(Case.case_id), col(Case.seq), col(Case.head)))
    }
    last_progress, span = 0, _JournalSpan()
    for case in load_stored_cases(session):
        span.add_case(case)
        _check_case(report, case.case_id, case, heads.pop(case.case_id, None), seals, checks)
        if case.case_id == ids.SEAL_CASE_ID:
            report.faults += _find_missing_seals(case, seals)
        if report.entries - last_progress >= ENTRIES_PER_FETCH:
            last_progress = report.entries
            progress(last_progress, total)
            report.faults += checks.check_evidence()
    for case_id, head in sorted(heads.items()):
        _check_case(report, case_id, StoredCase(case_id, [], []), head, seals, checks)
    for case_id in sorted(seals.heads):
        last_head = seals.list_case_heads(case_id)[-1]
        what = f"is missing, with its {last_head.seq} entries that were sealed on {last_head.day}"
        report.faults.append(VerificationFinding(table="cases", key=case_id, what=what))
    progress(total, total)
    return span


def _build_unsealed_finding(report: VerificationReport) -> VerificationFinding:
    what = f"there is none, though the journal has entries of {report.days} days: nothing binds it but its own hashes"
    return VerificationFinding(table=SEALS_TABLE, key="none", what=what)


def _check_case(
    report: VerificationReport, case_id: str, case: StoredCase, head: ChainHead | None, seals: _SealedHeads, checks: _CheckGroup
) -> None:
    verified = verify_chain(case_id, case.rows, head, seals.list_case_heads(case_id))
    seals.heads.pop(case_id, None)
    report.cases += 1
    report.entries += len(case.rows)
    report.orphans += verified.orphans
    report.unsettled += verified.unsettled
    report.faults += verified.faults
    checks.add_case(case, verified)


def _find_missing_seals(case: StoredCase, seals: _SealedHeads) -> Iterator[VerificationFinding]:
    """Find the seals that the journal records, and that are missing or not the ones that were made."""
    for entry in collect_evidence(case, ChainVerificationResult([]), {EntryKind.SEAL_MADE.value}):
        if entry.kind == EntryKind.SEAL_MADE.value and seals.hash_by_day.get(entry.get_text("on")) != entry.get_text("hash"):
            what = "is not the one that was made" if entry.get_text("on") in seals.hash_by_day else "is missing"
            yield entry.build_finding(SEALS_TABLE, entry.get_text("on"), what)


def _count_rows(session: Session, table: str) -> int:
    return int(session.execute(select(func.count()).select_from(SQLModel.metadata.tables[table])).scalar_one())
