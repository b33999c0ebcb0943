"""Replays every case of an account, and holds what its histories tell against the database."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.audit.histories.replayer import Replayed, Replaying
from adapters.audit.histories.run_histories import HistoryBook, RunHistory
from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry
from domain.audit.replay_comparison import Comparison, Wake, Written, compare
from domain.audit.replay_report import CaseReplay, EntryVerdict, ReplayedRun, ReplayReport, SealMark

LOOKS = 3
"""How often an open case is read again that wrote on between the reading of its history and that of the database."""


class SealReading(Protocol):
    def over(self, case_id: str, hashes: Mapping[str, int]) -> SealMark | None:
        """The last seal whose leaf for the case is one of these hashes, each with its entry's number."""


class _InDatabase(NamedTuple):
    kind: str
    first_run_id: str | None
    head: str | None
    written: list[Written]


class AuditReplay:
    """Reads only. `seals` is None where none are made."""

    def __init__(self, database: Database, histories: HistoryBook, replaying: Replaying, seals: SealReading | None = None) -> None:
        self._database, self._histories, self._replaying, self._seals = database, histories, replaying, seals

    async def of_account(self, account_id: str) -> ReplayReport:
        """Every case that the database, the server or the archive knows of the account; in the order in which they began."""
        known = await self._histories.cases_of(account_id)
        for case_id, first_run in (await asyncio.to_thread(self._cases, account_id)).items():
            if first_run and known.get(case_id):
                known[case_id].add(first_run)
            known.setdefault(case_id, set())
        runs = {case_id: await self._histories.runs(case_id, run_ids) for case_id, run_ids in known.items()}
        replayed = await self._replay([run for case in runs.values() for run in case])
        cases = [await self._case(case_id, runs[case_id], replayed) for case_id in sorted(runs, key=lambda each: _began(runs[each]))]
        return ReplayReport(account_id=account_id, replayed_at=datetime.now(UTC), cases=cases)

    async def of_case(self, case_id: str) -> CaseReplay:
        runs = await self._histories.runs(case_id)
        return await self._case(case_id, runs, await self._replay(runs))

    async def _replay(self, runs: Sequence[RunHistory]) -> dict[tuple[str, str], Replayed]:
        return {(replayed.run.case_id, replayed.run.run_id): replayed for replayed in await self._replaying.replay(runs)}

    async def _case(self, case_id: str, runs: list[RunHistory], replayed: dict[tuple[str, str], Replayed]) -> CaseReplay:
        """A case that wrote on between the two readings is read again."""
        for look in range(LOOKS):
            row = await asyncio.to_thread(self._read, case_id)
            found = _compared(case_id, runs, replayed, row)
            is_open = any(run.history and not run.closed_at for run in runs)
            if not found.counts.get(EntryVerdict.ADDED) or not is_open or look == LOOKS - 1:
                break
            await asyncio.sleep(0.2)
            runs = await self._histories.runs(case_id, [run.run_id for run in runs])
            replayed = await self._replay(runs)
        mark = self._seals.over(case_id, {entry.hash: entry.seq for entry in row.written}) if self._seals else None
        told = [_told(run, replayed.get((case_id, run.run_id))) for run in runs]
        return CaseReplay(
            case_id=case_id, kind=row.kind or case_id.partition(":")[0], runs=told,
            counts=found.counts, findings=found.findings, beside=found.beside, seal=mark,
        )  # fmt: skip

    def _cases(self, account_id: str) -> dict[str, str | None]:
        """The cases of which the database has a row or an entry, with the first run of those that have a row."""
        with self._database.reading() as session:
            entered = session.scalars(select(col(JournalEntry.case_id)).where(col(JournalEntry.account_id) == account_id).distinct())
            found: dict[str, str | None] = dict.fromkeys(entered)
            rows = session.execute(select(col(Case.case_id), col(Case.run_id)).where(col(Case.account_id) == account_id))
            return found | {row.case_id: row.run_id for row in rows}

    def _read(self, case_id: str) -> _InDatabase:
        with self._database.reading() as session:
            case = session.get(Case, case_id)
            written = read_written(session, case_id)
            return _InDatabase(case.kind if case else "", case.run_id if case else None, case.head if case else None, written)


def read_written(session: Session, case_id: str) -> list[Written]:
    """All entries of a case as they stand, in the chain or beside it."""
    entry = JournalEntry
    columns = (
        entry.case_id, entry.seq, entry.hash, entry.previous, entry.kind, entry.business_at, entry.recorded_at, entry.account_id,
        entry.invoice_id, entry.actor, entry.facts,
    )  # fmt: skip
    rows = session.execute(select(*map(col, columns)).where(col(entry.case_id) == case_id).order_by(col(entry.seq)))
    return [Written(row.case_id, row.seq, row.hash, row.previous, dict(zip(_CONTENT, row[4:], strict=True))) for row in rows]


_CONTENT = ("kind", "business_at", "recorded_at", "account_id", "invoice_id", "actor", "facts")


def _compared(case_id: str, runs: list[RunHistory], replayed: dict[tuple[str, str], Replayed], row: _InDatabase) -> Comparison:
    told: list[Wake] = []
    for run in runs:
        if result := replayed.get((case_id, run.run_id)):
            told += result.wakes
    lost = any(run.history is None for run in runs)
    return compare(case_id, told, row.written, row.head, any(run.task_open for run in runs), lost)


def _told(run: RunHistory, replayed: Replayed | None) -> ReplayedRun:
    parting = replayed.parting if replayed else None
    return ReplayedRun(
        run_id=run.run_id, workflow=run.workflow, source=run.source, started_at=run.started_at, closed_at=run.closed_at,
        continued_from=run.continued_from, events=len(run.history.events) if run.history else 0,
        replayed=replayed is not None and parting is None, why_not=run.why_not or str(parting or ""), parting=parting,
    )  # fmt: skip


def _began(runs: list[RunHistory]) -> tuple[bool, datetime]:
    first = next((run.started_at for run in runs if run.started_at), None)
    return first is not None, first or datetime.min.replace(tzinfo=UTC)
