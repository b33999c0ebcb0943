"""How far behind the archive of histories is, as its last sweep found it."""

from adapters.audit.histories.archiving import LAST_SWEEP
from adapters.database.engine import Database
from adapters.database.tables import Setting
from domain.audit.archive_status import Swept


def read_last_sweep(database: Database) -> Swept | None:
    """None before the first one."""
    with database.reading() as session:
        row = session.get(Setting, LAST_SWEEP)
        return Swept.model_validate(row.value) if row else None
