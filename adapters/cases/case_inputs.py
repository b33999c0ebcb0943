"""Loads the workflow inputs of an account's cases from the database, as it stands at that moment."""

from collections.abc import Collection

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.cases.invoice_facts import build_invoice_facts
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Invoice
from adapters.policies.policy_store import PolicyStore
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus
from domain.billing.receivables import InvoiceUpdate, Receivable
from domain.case.account_case import EarlierRun
from domain.case_summary import list_summarised_invoices, parse_case_summary
from domain.clock import Clock
from domain.credit_request.workflow_input import CreditRequestInput
from domain.credit_review.workflow_input import CreditReviewInput
from domain.identifiers import CaseKind
from domain.payment_plan.commands import PlanInvoice, ProposePlan
from domain.payment_plan.state import CoveredInvoice, PlanStage
from domain.payment_plan.workflow_input import PaymentPlanInput
from domain.policy.collection_policy import PolicySnapshot
from domain.suspension.workflow_input import SuspensionInput
from domain.write_off.workflow_input import WriteOffInput

BROKEN_PLAN_OUTCOME = PlanStage.BROKEN.value


class CaseInputLoader:
    def __init__(self, database: Database, policies: PolicyStore, clock: Clock) -> None:
        self._database, self._policies, self._clock = database, policies, clock

    def load_plan_input(self, account_id: str, proposal: ProposePlan) -> PaymentPlanInput:
        """Return the input of the account's next plan, under its next number; a start that comes later finds that number taken."""
        policy = self.load_policy(account_id)
        with self._database.reading() as session:
            facts = _load_invoice_facts(session, account_id, proposal.invoice_ids)
            covered = {
                name: CoveredInvoice(version=invoice_facts.version, open_balance=invoice_facts.open_balance)
                for name, invoice_facts in facts.items()
            }
            return PaymentPlanInput(
                number=_count_plans(session, account_id) + 1,
                account_id=account_id,
                proposal=proposal,
                covered=covered,
                broken_plans=_count_plans(session, account_id, outcome=BROKEN_PLAN_OUTCOME),
                policy=policy,
                clock=self._clock,
                separates_tasks=True,
                binds_facts=True,
            )

    def load_plan_invoices(self, account_id: str, invoice_ids: Collection[str]) -> list[PlanInvoice]:
        with self._database.reading() as session:
            facts = _load_invoice_facts(session, account_id, invoice_ids)
        return [PlanInvoice(invoice_id=name, account_id=account_id, facts=invoice_facts) for name, invoice_facts in facts.items()]

    def list_invoices_in_plans(self, account_id: str) -> set[str]:
        """Return the ids of the account's invoices that an open plan covers, and of those by which it charges its interest."""
        with self._database.reading() as session:
            open_plans = (col(Case.account_id) == account_id, col(Case.kind) == CaseKind.PAYMENT_PLAN, col(Case.outcome).is_(None))
            plans = session.execute(select(col(Case.case_id), col(Case.summary)).where(*open_plans)).all()
            charges = session.scalars(select(col(Invoice.id)).where(col(Invoice.charged_by).in_([case_id for case_id, _ in plans])))
            summaries = (parse_case_summary(CaseKind.PAYMENT_PLAN, summary) for _, summary in plans)
            return {name for summary in summaries for name in list_summarised_invoices(summary)} | set(charges)

    def count_broken_plans(self, account_id: str) -> int:
        with self._database.reading() as session:
            return _count_plans(session, account_id, outcome=BROKEN_PLAN_OUTCOME)

    def load_collector(self, account_id: str) -> str | None:
        with self._database.reading() as session:
            return session.get_one(Account, account_id).collector

    def load_policy(self, account_id: str) -> PolicySnapshot:
        """Return the policy by which the account is collected now."""
        with self._database.reading() as session:
            account = session.get_one(Account, account_id)
            segment = account.policy_segment or account.segment
        return self._policies.get_for_segment(segment)

    def load_suspension_input(self, account_id: str) -> SuspensionInput:
        policy = self.load_policy(account_id)
        with self._database.reading() as session:
            account = session.get_one(Account, account_id)
            return SuspensionInput(
                account_id=account_id,
                policy=policy,
                prepaid=account.prepaid,
                clock=self._clock,
                separates_tasks=True,
                binds_facts=True,
                earlier=_load_earlier_run(session, ids.suspension_case_id(account_id)),
            )

    def load_credit_request_input(self, account_id: str, invoice_id: str) -> CreditRequestInput:
        """Return the input of a request to credit or cancel an invoice."""
        with self._database.reading() as session:
            earlier = _load_earlier_run(session, ids.credit_request_case_id(invoice_id))
            return CreditRequestInput(
                account_id=account_id, invoice_id=invoice_id, clock=self._clock, separates_tasks=True, binds_facts=True, earlier=earlier
            )

    def load_credit_review_input(self, account_id: str) -> CreditReviewInput:
        """Return the input of a credit review, which covers all open invoices of the account."""
        with self._database.reading() as session:
            still_open = (
                col(Invoice.account_id) == account_id,
                col(Invoice.status) == InvoiceStatus.OPEN,
                col(Invoice.charged_by).is_(None),
            )
            invoices = session.scalars(select(col(Invoice.id)).where(*still_open).order_by(col(Invoice.due_date), col(Invoice.id)))
            return CreditReviewInput(
                account_id=account_id,
                invoice_ids=list(invoices),
                clock=self._clock,
                separates_tasks=True,
                binds_facts=True,
                earlier=_load_earlier_run(session, ids.credit_review_case_id(account_id)),
            )

    def load_write_off_input(self, account_id: str) -> WriteOffInput:
        with self._database.reading() as session:
            earlier = _load_earlier_run(session, ids.write_off_case_id(account_id))
            return WriteOffInput(account_id=account_id, clock=self._clock, separates_tasks=True, binds_facts=True, earlier=earlier)

    def load_claims(self, account_id: str, invoice_ids: Collection[str]) -> list[Receivable]:
        """Return what is owed on these invoices of the account, and how much of it is disputed, in minor units."""
        with self._database.reading() as session:
            facts = _load_invoice_facts(session, account_id, invoice_ids)
            cases = [ids.invoice_case_id(name) for name in facts]
            known = (col(Case.invoice_id), col(Case.disputed), col(Case.promised_by), col(Case.promised_amount))
            rows = {row.invoice_id: row for row in session.execute(select(*known).where(col(Case.case_id).in_(cases)))}
        return [
            InvoiceUpdate(
                invoice_id=name,
                facts=invoice_facts,
                disputed=row.disputed if row else 0,
                promised_by=row.promised_by if row else None,
                promised_amount=(row.promised_amount or 0) if row else 0,
            ).receivable
            for name, invoice_facts, row in ((name, facts[name], rows.get(name)) for name in facts)
        ]


def _load_invoice_facts(session: Session, account_id: str, invoice_ids: Collection[str]) -> dict[str, InvoiceFacts]:
    """Return the facts by invoice id, in the order in which the ids were given; invoices of other accounts are left out."""
    invoices = select(Invoice).where(col(Invoice.account_id) == account_id, col(Invoice.id).in_(list(invoice_ids)))
    found = {invoice.id: build_invoice_facts(invoice) for invoice in session.scalars(invoices)}
    return {name: found[name] for name in invoice_ids if name in found}


def _count_plans(session: Session, account_id: str, outcome: str | None = None) -> int:
    plans = [col(Case.account_id) == account_id, col(Case.kind) == CaseKind.PAYMENT_PLAN]
    plans += [col(Case.outcome) == outcome] if outcome else []
    count: int = session.execute(select(func.count()).select_from(Case).where(*plans)).scalar_one()
    return count


def _load_earlier_run(session: Session, case_id: str) -> EarlierRun | None:
    """Return the state that the account's last case of the kind left; None without one."""
    row = session.get(Case, case_id)
    return EarlierRun.model_validate(row.carried, extra="ignore") if row else None
