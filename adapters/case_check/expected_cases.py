"""The cases that must have a running workflow, as the read model and the ledger know them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel
from sqlalchemy import and_, exists, or_, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Case, Invoice, LedgerEvent
from domain import identifiers as ids
from domain.billing.billing_events import BillingEvent, InvoiceStatus
from domain.identifiers import CaseKind
from domain.invoice.workflow_input import InvoiceCollectionInput

REST = timedelta(minutes=2)
"""Of real time: what was written or delivered since then may not be in the server's list yet."""


class ExpectedCases(NamedTuple):
    """`open_cases`: those that are open in the read model. `uncollected`: the open invoices of which no case is open; their cases' ids."""

    open_cases: set[str]
    uncollected: set[str]


def load_expected_cases(database: Database, now: datetime, rest: timedelta = REST) -> ExpectedCases:
    """Load the cases that have rested by `now`, in real time. Of an invoice to which an event is still to be delivered, that delivery
    takes care; of one that a payment plan charges, its plan."""
    rested = now - rest
    still_open = col(Case.outcome).is_(None)
    cases = select(col(Case.case_id)).where(still_open, col(Case.kind) != CaseKind.SEAL, col(Case.updated_at) <= rested)
    is_under_way = exists().where(
        col(LedgerEvent.invoice_id) == col(Invoice.id),
        or_(col(LedgerEvent.delivered_at).is_(None), col(LedgerEvent.delivered_at) > rested),
    )
    is_own = and_(col(Case.invoice_id) == col(Invoice.id), col(Case.kind) == CaseKind.INVOICE, still_open)
    invoices = (
        select(col(Invoice.id))
        .outerjoin(Case, is_own)
        .where(col(Invoice.status) == InvoiceStatus.OPEN.value, col(Invoice.charged_by).is_(None), col(Case.case_id).is_(None))
        .where(~is_under_way)
    )
    with database.reading() as session:
        return ExpectedCases(set(session.scalars(cases)), {ids.invoice_case_id(name) for name in session.scalars(invoices)})


def load_untold_events(database: Database, next_run: BaseModel) -> list[BillingEvent]:
    """Load what billing has told an invoice and its stored state knows nothing of, in order. What waits to be delivered is left out."""
    if not isinstance(next_run, InvoiceCollectionInput) or next_run.case is None:
        return []
    told = select(col(LedgerEvent.event)).where(
        col(LedgerEvent.invoice_id) == next_run.invoice_id, col(LedgerEvent.delivered_at).is_not(None)
    )
    with database.reading() as session:
        events = [BillingEvent.model_validate(event) for event in session.scalars(told.order_by(col(LedgerEvent.id)))]
    case = next_run.case
    return [event for event in events if event.facts.version > case.facts.version and event.event_id not in case.seen]


def load_accounts(database: Database, case_ids: Collection[str]) -> dict[str, str]:
    """Load the account of each of these cases, by case."""
    if not case_ids:
        return {}
    with database.reading() as session:
        rows = session.execute(select(col(Case.case_id), col(Case.account_id)).where(col(Case.case_id).in_(list(case_ids))))
        return {row.case_id: row.account_id for row in rows}
