"""Invoices whose collection a person has paused."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import literal, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Case, Invoice
from domain import identifiers as ids
from domain.timeline.holds import Hold, HoldKind


def load_standing_pauses(database: Database, invoice_ids: Sequence[str]) -> dict[str, datetime | None]:
    """Until when each of the invoices is paused, as far as one is; None without an end. `invoice_ids`: few thousand at most."""
    statement = (
        select(col(Invoice.id), col(Case.holds))
        .join(Case, col(Case.case_id) == literal(ids.invoice_case_id("")) + col(Invoice.id))
        .where(col(Invoice.id).in_(list(invoice_ids)), col(Case.outcome).is_(None))
    )
    with database.reading() as session:
        rows = session.execute(statement).all()
    holds = ((invoice_id, Hold.model_validate(hold)) for invoice_id, kept in rows for hold in kept)
    return {invoice_id: hold.until for invoice_id, hold in holds if hold.kind is HoldKind.PAUSE}
