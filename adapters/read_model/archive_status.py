"""How far behind the archive of histories is, as its last sweep found it."""

from adapters.audit.histories.archive_sweep import LAST_SWEEP_SETTING
from adapters.database.engine import Database
from adapters.database.tables import Setting
from domain.audit.archive_status import ArchiveSweepResult


def find_last_sweep(database: Database) -> ArchiveSweepResult | None:
    """None before the first one."""
    with database.reading() as session:
        row = session.get(Setting, LAST_SWEEP_SETTING)
        return ArchiveSweepResult.model_validate(row.value) if row else None
