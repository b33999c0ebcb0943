"""How far behind the archive of histories is, as its last sweep found it."""

from adapters.database import Database
from adapters.history_export import LAST_SWEEP, Swept
from adapters.tables import Setting


def read_last_sweep(database: Database) -> Swept | None:
    """None before the first one."""
    with database.reading() as session:
        row = session.get(Setting, LAST_SWEEP)
        return Swept.model_validate(row.value) if row else None
