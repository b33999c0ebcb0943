"""Loads the input with which an invoice's workflow starts from the database."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from adapters.cases.invoice_facts import build_invoice_facts
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Invoice, LedgerEvent
from adapters.policies.policy_store import PolicyStore
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.case_summary import is_collection_stopped, parse_case_summary
from domain.clock import Clock
from domain.credit_review.review_case import build_insolvency_hold
from domain.identifiers import CaseKind
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.policy.collection_policy import PolicySnapshot

_POLICY_SEGMENT = func.coalesce(col(Account.policy_segment), col(Account.segment))
"""Whose policy an account's invoices follow."""

MISSED_AFTER = timedelta(minutes=2)
"""A settled invoice's case that has written nothing for so long, in real time, has not heard of it."""


class InvoiceInputLoader:
    def __init__(self, database: Database, policies: PolicyStore, clock: Clock) -> None:
        self._database, self._policies, self._clock = database, policies, clock

    def load_inputs(self, invoices: Collection[str]) -> dict[str, tuple[InvoiceCollectionInput, str | None]]:
        """Return each invoice's workflow input as of now, under the policy of its account's segment, with the account's collector."""
        statement = select(Invoice, _POLICY_SEGMENT, col(Account.collector)).join(Account, col(Account.id) == col(Invoice.account_id))
        with self._database.reading() as session:
            rows = session.execute(statement.where(col(Invoice.id).in_(invoices))).all()
            stopped = _find_insolvent_accounts(session, {invoice.account_id for invoice, _, _ in rows})
        policies = {segment: self._policies.get_for_segment(segment) for segment in {segment for _, segment, _ in rows}}
        return {
            invoice.id: (self._build_input(invoice, policies[segment], invoice.account_id in stopped), collector)
            for invoice, segment, collector in rows
        }

    def list_missed_settlements(self, limit: int) -> list[str]:
        """Invoices that are settled, of which no event waits to be delivered, and whose case is open all the same: it was started by a
        delivery that had been overtaken."""
        rest = datetime.now(UTC) - MISSED_AFTER
        waiting = select(col(LedgerEvent.invoice_id)).where(col(LedgerEvent.delivered_at).is_(None))
        statement = (
            select(col(Invoice.id))
            .join(Case, col(Case.invoice_id) == col(Invoice.id))
            .where(col(Case.kind) == CaseKind.INVOICE)
            .where(col(Case.outcome).is_(None), col(Case.updated_at) <= rest, col(Invoice.status) != InvoiceStatus.OPEN.value)
            .where(col(Invoice.id).not_in(waiting))
            .limit(limit)
        )
        with self._database.reading() as session:
            return list(session.scalars(statement))

    def list_asked_reductions(self, invoice_ids: Sequence[str]) -> list[str]:
        """List those of the invoices that somebody has asked to credit or cancel, and of which that is not decided."""
        requests = [ids.credit_request_case_id(invoice_id) for invoice_id in invoice_ids]
        statement = select(col(Case.invoice_id)).where(col(Case.case_id).in_(requests), col(Case.outcome).is_(None))
        with self._database.reading() as session:
            return [invoice_id for invoice_id in session.scalars(statement) if invoice_id]

    def list_leftover_charges(self, limit: int) -> list[str]:
        """List the open invoices by which a case that is over charged something, such as a payment plan's interest: they are to be
        collected like any other invoice."""
        charging, own = aliased(Case), aliased(Case)
        statement = (
            select(col(Invoice.id))
            .join(charging, col(charging.case_id) == col(Invoice.charged_by))
            .outerjoin(own, and_(col(own.invoice_id) == col(Invoice.id), col(own.kind) == CaseKind.INVOICE))
            .where(col(Invoice.status) == InvoiceStatus.OPEN.value, col(charging.outcome).is_not(None), col(own.case_id).is_(None))
            .limit(limit)
        )
        with self._database.reading() as session:
            return list(session.scalars(statement))

    def _build_input(self, invoice: Invoice, policy: PolicySnapshot, stopped: bool) -> InvoiceCollectionInput:
        since = self._clock.to_business(datetime.now(UTC))
        return InvoiceCollectionInput(
            invoice_id=invoice.id,
            account_id=invoice.account_id,
            facts=build_invoice_facts(invoice),
            policy=policy,
            clock=self._clock,
            separates_tasks=True,
            binds_facts=True,
            holds=[build_insolvency_hold(invoice.account_id, since)] if stopped else [],
        )


def _find_insolvent_accounts(session: Session, accounts: Collection[str]) -> set[str]:
    """Return those of the accounts whose invoices must not be collected, because the customer is insolvent."""
    reviews = [ids.credit_review_case_id(account) for account in accounts]
    rows = session.execute(
        select(col(Case.account_id), col(Case.summary)).where(col(Case.case_id).in_(reviews), col(Case.outcome).is_(None))
    )
    return {account for account, summary in rows if is_collection_stopped(parse_case_summary(CaseKind.CREDIT_REVIEW, summary))}
