"""Replay every case of an account, and compare its histories with the database."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.audit.histories.replayer import HistoryReplayer, ReplayProgress, ReplayResult
from adapters.audit.histories.run_history_loader import RunHistory, RunHistoryLoader
from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry
from domain.audit.replay_comparison import DatabaseEntry, JournalWrite, ReplayComparison, compare_replay
from domain.audit.replay_report import CaseReplay, EntryVerdict, ReplayedRun, ReplayReport, SealPosition
from domain.identifiers import find_case_kind

MAX_ATTEMPTS = 3
"""The number of times that an open case is read which wrote between the reading of its history and that of the database."""


class SealQuery(Protocol):
    """Finds the seal that covers a case."""

    def find_seal_position(self, case_id: str, hashes: Mapping[str, int]) -> SealPosition | None:
        """Find the last seal whose leaf for the case is one of these hashes; `hashes` maps each to its entry's number."""


class _StoredJournal(NamedTuple):
    kind: str
    first_run_id: str | None
    head: str | None
    entries: list[DatabaseEntry]


class AccountReplayer:
    """Reads only. `seals` is None where none are made."""

    def __init__(self, database: Database, histories: RunHistoryLoader, replayer: HistoryReplayer, seals: SealQuery | None = None) -> None:
        self._database, self._histories, self._replayer, self._seals = database, histories, replayer, seals

    async def replay_account(self, account_id: str, progress: ReplayProgress | None = None) -> ReplayReport:
        """Replay every case of the account in the database, on the server or in the archive, in the order in which they began."""
        run_ids_of = await self._histories.list_cases(account_id)
        for case_id, first_run in (await asyncio.to_thread(self._list_cases, account_id)).items():
            if first_run and run_ids_of.get(case_id):
                run_ids_of[case_id].add(first_run)
            run_ids_of.setdefault(case_id, set())
        runs = {case_id: await self._histories.load_runs(case_id, run_ids) for case_id, run_ids in run_ids_of.items()}
        replayed = await self._replay_runs([run for case_runs in runs.values() for run in case_runs], progress)
        cases = [
            await self._build_case_replay(case_id, runs[case_id], replayed)
            for case_id in sorted(runs, key=lambda case_id: _start_sort_key(runs[case_id]))
        ]
        return ReplayReport(account_id=account_id, replayed_at=datetime.now(UTC), cases=cases)

    async def replay_case(self, case_id: str) -> CaseReplay:
        """Replay one case."""
        runs = await self._histories.load_runs(case_id)
        return await self._build_case_replay(case_id, runs, await self._replay_runs(runs))

    async def _replay_runs(self, runs: Sequence[RunHistory], progress: ReplayProgress | None = None) -> dict[tuple[str, str], ReplayResult]:
        return {(result.run.case_id, result.run.run_id): result for result in await self._replayer.replay(runs, progress)}

    async def _build_case_replay(self, case_id: str, runs: list[RunHistory], replayed: dict[tuple[str, str], ReplayResult]) -> CaseReplay:
        """Compare a case; one that wrote between the two readings is read again."""
        for attempt in range(MAX_ATTEMPTS):
            journal = await asyncio.to_thread(self._load_journal, case_id)
            comparison = _compare_journal(case_id, runs, replayed, journal)
            is_open = any(run.history and not run.closed_at for run in runs)
            if not comparison.counts.get(EntryVerdict.ADDED) or not is_open or attempt == MAX_ATTEMPTS - 1:
                break
            await asyncio.sleep(0.2)
            runs = await self._histories.load_runs(case_id, [run.run_id for run in runs])
            replayed = await self._replay_runs(runs)
        hashes = {entry.hash: entry.seq for entry in journal.entries}
        return CaseReplay(
            case_id=case_id,
            kind=journal.kind or find_case_kind(case_id) or case_id,
            runs=[_build_replayed_run(run, replayed.get((case_id, run.run_id))) for run in runs],
            counts=comparison.counts,
            findings=comparison.findings,
            beside=comparison.beside,
            seal=self._seals.find_seal_position(case_id, hashes) if self._seals else None,
        )

    def _list_cases(self, account_id: str) -> dict[str, str | None]:
        """List the cases that have a row or an entry in the database, with the first run of those that have a row."""
        with self._database.reading() as session:
            with_entries = session.scalars(select(col(JournalEntry.case_id)).where(col(JournalEntry.account_id) == account_id).distinct())
            first_runs: dict[str, str | None] = dict.fromkeys(with_entries)
            rows = session.execute(select(col(Case.case_id), col(Case.run_id)).where(col(Case.account_id) == account_id))
            return first_runs | {row.case_id: row.run_id for row in rows}

    def _load_journal(self, case_id: str) -> _StoredJournal:
        with self._database.reading() as session:
            case = session.get(Case, case_id)
            entries = load_database_entries(session, case_id)
            return _StoredJournal(case.kind if case else "", case.run_id if case else None, case.head if case else None, entries)


def load_database_entries(session: Session, case_id: str) -> list[DatabaseEntry]:
    """Load all stored entries of a case, in the chain or beside it."""
    entry = JournalEntry
    columns = (
        entry.case_id,
        entry.seq,
        entry.hash,
        entry.previous,
        entry.kind,
        entry.business_at,
        entry.recorded_at,
        entry.account_id,
        entry.invoice_id,
        entry.actor,
        entry.facts,
    )
    rows = session.execute(select(*map(col, columns)).where(col(entry.case_id) == case_id).order_by(col(entry.seq)))
    return [DatabaseEntry(row.case_id, row.seq, row.hash, row.previous, dict(zip(_CONTENT_FIELDS, row[4:], strict=True))) for row in rows]


_CONTENT_FIELDS = ("kind", "business_at", "recorded_at", "account_id", "invoice_id", "actor", "facts")


def _compare_journal(
    case_id: str, runs: list[RunHistory], replayed: dict[tuple[str, str], ReplayResult], journal: _StoredJournal
) -> ReplayComparison:
    journal_writes: list[JournalWrite] = []
    for run in runs:
        if result := replayed.get((case_id, run.run_id)):
            journal_writes += result.journal_writes
    has_open_task = any(run.has_open_task for run in runs)
    has_lost_run = any(run.history is None for run in runs)
    return compare_replay(case_id, journal_writes, journal.entries, journal.head, has_open_task, has_lost_run)


def _build_replayed_run(run: RunHistory, replayed: ReplayResult | None) -> ReplayedRun:
    divergence = replayed.divergence if replayed else None
    return ReplayedRun(
        run_id=run.run_id,
        workflow=run.workflow_type,
        source=run.source,
        started_at=run.started_at,
        closed_at=run.closed_at,
        continued_from=run.continued_from,
        events=len(run.history.events) if run.history else 0,
        replayed=replayed is not None and divergence is None,
        why_not=run.unavailable_reason or str(divergence or ""),
        parting=divergence,
    )


def _start_sort_key(runs: list[RunHistory]) -> tuple[bool, datetime]:
    first = next((run.started_at for run in runs if run.started_at), None)
    return first is not None, first or datetime.min.replace(tzinfo=UTC)
