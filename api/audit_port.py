"""The port by which the audit's routes replay Temporal's histories."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from adapters.audit.export.signed_export import ExportResult
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.object_store import ArchiveStoreError
from domain.audit.replay_report import ReplayReport
from domain.audit.scope import AuditScope


class AuditPort(Protocol):
    """`archive` is None where no histories can be asked for. Raises RPCError when the server does not answer, ArchiveStoreError when the
    archive does not."""

    @property
    def archive(self) -> RunArchive | None: ...

    async def replay(self, account_id: str, progress: Callable[[int, int], None] | None = None) -> ReplayReport:
        """Return every case of the account, compared with its histories. `progress` is told how many runs are done, of how many."""

    async def export(self, scope: AuditScope, target: Path, exported_by: str, at: datetime) -> ExportResult:
        """Write the signed zip to `target`. `at` is real time (UTC)."""


class UnavailableAuditPort:
    """Stands in where the API runs without a Temporal server; every call is refused."""

    archive = None

    async def replay(self, account_id: str, progress: Callable[[int, int], None] | None = None) -> ReplayReport:
        raise ArchiveStoreError("this Duecourse was started without a Temporal server to ask for histories")

    async def export(self, scope: AuditScope, target: Path, exported_by: str, at: datetime) -> ExportResult:
        raise ArchiveStoreError("this Duecourse was started without a Temporal server to ask for histories")
