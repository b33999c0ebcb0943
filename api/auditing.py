"""What the audit's routes ask of Temporal's histories."""

from datetime import datetime
from pathlib import Path
from typing import Protocol

from adapters.archive_store import ArchiveStoreError
from adapters.audit_export import Exported
from adapters.history_archive import ArchivedRuns
from domain.audit_scope import AuditScope
from domain.replay_report import ReplayReport


class Audits(Protocol):
    """`archive` is None where no histories can be asked for. Raises RPCError when the server does not answer, ArchiveStoreError when the
    archive does not."""

    @property
    def archive(self) -> ArchivedRuns | None: ...

    async def replay(self, account_id: str) -> ReplayReport:
        """Every case of the account, held against its histories."""

    async def export(self, scope: AuditScope, target: Path, exported_by: str, at: datetime) -> Exported:
        """The signed zip, in `target`; `at` is real time."""


class NoHistories:
    """Where the API runs without a Temporal server to ask."""

    archive = None

    async def replay(self, account_id: str) -> ReplayReport:
        raise ArchiveStoreError("this Duecourse was started without a Temporal server to ask for histories")

    async def export(self, scope: AuditScope, target: Path, exported_by: str, at: datetime) -> Exported:
        raise ArchiveStoreError("this Duecourse was started without a Temporal server to ask for histories")
