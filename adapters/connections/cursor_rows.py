"""The row of a connected system in which it stands how far it was read and how it stands: made by whoever writes to it first."""

from sqlalchemy.orm import Session

from adapters.billing.external_key import SystemKey
from adapters.database.engine import Database
from adapters.database.tables import BillingCursorRow


def lock_cursor_row(database: Database, session: Session, key: SystemKey) -> BillingCursorRow:
    """Held until the transaction ends."""
    counts = {"invoices_read": 0, "invoices_changed": 0, "compared_items": 0, "rest_reason": "", "has_more": False}
    empty = {"system": key.system, "company": key.company, **counts}
    session.connection().execute(database.build_insert_or_ignore(BillingCursorRow), [empty])
    row = session.get(BillingCursorRow, tuple(key), with_for_update=True)
    assert row is not None
    return row
