"""The services of an audit over histories, live and archived, and the database: the replay of an account, and its export."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client

from adapters.audit.export.signed_export import AuditExport, ExportResult
from adapters.audit.export.signing_key import load_audit_key
from adapters.audit.histories.account_replay import AccountReplayer
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.object_store import open_archive_store
from adapters.audit.histories.replayer import HistoryReplayer, ReplayProgress
from adapters.audit.histories.run_history_loader import RunHistoryLoader
from adapters.audit.histories.scoped_histories import ScopedHistories
from adapters.audit.seals.seal_store import SealStore
from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, JournalEntry
from adapters.journal.account_entries import AccountNotFoundError
from adapters.journal.stored_cases import load_stored_cases
from adapters.temporal.visibility import VisibilityRunListing
from domain.audit.chain_verification import ChainHead, verify_chain
from domain.audit.replay_report import ReplayReport
from domain.audit.scope import AccountScope, AuditScope
from domain.audit.verification_report import VerificationFinding


class AuditService:
    """Reads only. `workflows` are today's classes, with which histories are replayed."""

    def __init__(self, client: Client, database: Database, settings: Settings, workflows: Sequence[type]) -> None:
        self._database, self._settings = database, settings
        self.archive = open_run_archive(database, settings)
        self._histories = RunHistoryLoader(client, self.archive, VisibilityRunListing(client))
        self._seals = SealStore(database)
        self._replayer = AccountReplayer(database, self._histories, HistoryReplayer(workflows), self._seals)

    async def replay(self, account_id: str, progress: ReplayProgress | None = None) -> ReplayReport:
        """Replay every case of the account and compare it with the database. Raises ArchiveStoreError, RPCError."""
        return await self._replayer.replay_account(account_id, progress)

    async def export(self, scope: AuditScope, target: Path, exported_by: str, at: datetime) -> ExportResult:
        """Write the signed zip to `target`; `at` is real time. Raises AuditKeyError, ArchiveDamagedError, ArchiveStoreError, OSError."""
        key = load_audit_key(self._settings)
        histories = ScopedHistories(self._database, self._histories, self.archive)
        return await AuditExport(self._database, histories, self._seals, key).write(scope, target, exported_by, at)


def list_audited_accounts(database: Database) -> list[str]:
    """List every account that has a case or an entry, in order of their ids."""
    with database.reading() as session:
        with_cases = session.scalars(select(col(Case.account_id)).distinct()).all()
        with_entries = session.scalars(select(col(JournalEntry.account_id)).distinct()).all()
    return sorted({*with_cases, *with_entries} - {""})


def open_run_archive(database: Database, settings: Settings) -> RunArchive:
    """Open the archive of histories, in the database or in the bucket of the settings."""
    return RunArchive(database, open_archive_store(settings.archive_url))


def find_chain_faults(database: Database, account_id: str) -> list[VerificationFinding]:
    """Find what was changed in the chains of an account's cases: entries read from them may then not be those that were written."""
    case_heads = select(col(Case.case_id), col(Case.seq), col(Case.head)).where(col(Case.account_id) == account_id)
    with database.snapshot() as session:
        heads = {row.case_id: ChainHead(row.seq, row.head) for row in session.execute(case_heads)}
        results = [
            verify_chain(case.case_id, case.rows, heads.pop(case.case_id, None))
            for case in load_stored_cases(session, account_id=account_id)
        ]
    results += [verify_chain(case_id, [], head) for case_id, head in sorted(heads.items())]
    return [fault for result in results for fault in result.faults]


def require_account(database: Database, scope: AuditScope) -> None:
    """Check that the scope's account exists or has entries: one whose row is gone is still audited. Raises AccountNotFoundError."""
    if not isinstance(scope, AccountScope):
        return
    any_entry = select(col(JournalEntry.seq)).where(col(JournalEntry.account_id) == scope.account_id).limit(1)
    with database.reading() as session:
        if session.get(Account, scope.account_id) is None and session.execute(any_entry).first() is None:
            raise AccountNotFoundError(f"there is no account {scope.account_id!r}")
