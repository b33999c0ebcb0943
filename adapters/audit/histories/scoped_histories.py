"""The histories that belong to what an auditor takes along: those of an account, or of every case that a period touches."""

import asyncio
import gzip
from collections.abc import AsyncIterator

from sqlalchemy import select
from sqlmodel import col

from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.run_histories import RunHistory, RunHistoryLoader
from adapters.database.engine import Database
from adapters.database.tables import JournalEntry
from domain.audit.scope import AccountScope, AuditScope


class ScopedHistories:
    """Live and archived runs alike. What is lost is left out: a replay says which that is, and why."""

    def __init__(self, database: Database, histories: RunHistoryLoader, archive: RunArchive) -> None:
        self._database, self._histories, self._archive = database, histories, archive

    async def stream_runs(self, scope: AuditScope) -> AsyncIterator[tuple[str, str, bytes]]:
        """Case, run, and the history: gzip of Temporal's own JSON. Case by case. Raises ArchiveDamagedError, ArchiveStoreError."""
        known = await self._histories.list_cases(scope.account_id) if isinstance(scope, AccountScope) else {}
        for case_id in sorted({*known, *await asyncio.to_thread(self._list_cases, scope)}):
            for run in await self._histories.load_runs(case_id, known.get(case_id, ())):
                if run.history is not None:
                    yield case_id, run.run_id, await asyncio.to_thread(self._load_content, run)

    def _list_cases(self, scope: AuditScope) -> list[str]:
        entry = JournalEntry
        mine = (
            (col(entry.account_id) == scope.account_id,)
            if isinstance(scope, AccountScope)
            else (col(entry.business_at) >= scope.starts_at, col(entry.business_at) < scope.ends_before)
        )
        with self._database.reading() as session:
            return list(session.scalars(select(col(entry.case_id)).where(*mine).distinct()))

    def _load_content(self, run: RunHistory) -> bytes:
        """As the archive stores it, if it does; packed alike every time."""
        kept = self._archive.load_content(run.case_id, run.run_id)
        if kept is not None or run.history is None:
            return kept or b""
        return gzip.compress(run.history.to_json().encode(), mtime=0)
