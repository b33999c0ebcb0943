"""The histories of an audit scope: those of an account, or of every case with an entry in a period."""

import asyncio
import gzip
from collections.abc import AsyncIterator

from sqlalchemy import select
from sqlmodel import col

from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.run_history_loader import RunHistory, RunHistoryLoader
from adapters.database.engine import Database
from adapters.database.tables import JournalEntry
from domain.audit.scope import AccountScope, AuditScope


class ScopedHistories:
    """Streams live and archived runs. A lost run is left out: a replay reports it with the reason."""

    def __init__(self, database: Database, histories: RunHistoryLoader, archive: RunArchive) -> None:
        self._database, self._histories, self._archive = database, histories, archive

    async def stream_runs(self, scope: AuditScope) -> AsyncIterator[tuple[str, str, bytes]]:
        """Yield (case id, run id, history as gzip of Temporal's own JSON), case by case. Raises ArchiveDamagedError, ArchiveStoreError."""
        run_ids_of = await self._histories.list_cases(scope.account_id) if isinstance(scope, AccountScope) else {}
        for case_id in sorted({*run_ids_of, *await asyncio.to_thread(self._list_cases, scope)}):
            for run in await self._histories.load_runs(case_id, run_ids_of.get(case_id, ())):
                if run.history is not None:
                    yield case_id, run.run_id, await asyncio.to_thread(self._load_content, run)

    def _list_cases(self, scope: AuditScope) -> list[str]:
        entry = JournalEntry
        in_scope = (
            (col(entry.account_id) == scope.account_id,)
            if isinstance(scope, AccountScope)
            else (col(entry.business_at) >= scope.starts_at, col(entry.business_at) < scope.ends_before)
        )
        with self._database.reading() as session:
            return list(session.scalars(select(col(entry.case_id)).where(*in_scope).distinct()))

    def _load_content(self, run: RunHistory) -> bytes:
        """Return a history as the archive stores it; one that is not archived is compressed to the same bytes every time."""
        archived = self._archive.load_content(run.case_id, run.run_id)
        if archived is not None or run.history is None:
            return archived or b""
        return gzip.compress(run.history.to_json().encode(), mtime=0)
