"""What the cases of an account start with, read from the books at that moment."""

from collections.abc import Collection

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Invoice
from adapters.ledger.unit_of_work import read_invoices
from adapters.policies.policy_store import PolicyBook
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceFacts
from domain.billing.receivables import Claim, InvoiceNews
from domain.case.account_case import EarlierRun
from domain.clock import Clock
from domain.credit_review.workflow_input import CreditReviewOpening
from domain.payment_plan.commands import PlanInvoice, ProposePlan
from domain.payment_plan.plan_case import Covered, PlanStage
from domain.payment_plan.workflow_input import PlanOpening
from domain.policy.collection_policy import PolicySnapshot
from domain.suspension.workflow_input import SuspensionOpening
from domain.write_off.workflow_input import WriteOffOpening

BROKEN = PlanStage.BROKEN.value


class CaseBeginnings:
    def __init__(self, database: Database, policies: PolicyBook, clock: Clock) -> None:
        self._database, self._policies, self._clock = database, policies, clock

    def plan(self, account_id: str, proposal: ProposePlan) -> PlanOpening:
        """Under the account's next number: whoever starts it by the same number later finds it taken."""
        policy = self.policy(account_id)
        with self._database.reading() as session:
            facts = _facts(session, account_id, proposal.invoice_ids)
            covered = {name: Covered(version=one.version, open_balance=one.open_balance) for name, one in facts.items()}
            return PlanOpening(
                number=_plans(session, account_id) + 1, account_id=account_id, proposal=proposal, covered=covered,
                broken_plans=_plans(session, account_id, outcome=BROKEN), policy=policy, clock=self._clock,
            )  # fmt: skip

    def plan_invoices(self, account_id: str, invoice_ids: Collection[str]) -> list[PlanInvoice]:
        with self._database.reading() as session:
            facts = _facts(session, account_id, invoice_ids)
        return [PlanInvoice(invoice_id=name, account_id=account_id, facts=one) for name, one in facts.items()]

    def in_plans(self, account_id: str) -> set[str]:
        """The account's invoices that an open plan covers, and those by which it charges its interest."""
        with self._database.reading() as session:
            open_plans = (col(Case.account_id) == account_id, col(Case.kind) == "payment_plan", col(Case.outcome).is_(None))
            plans = session.execute(select(col(Case.case_id), col(Case.summary)).where(*open_plans)).all()
            charges = session.scalars(select(col(Invoice.id)).where(col(Invoice.charged_by).in_([case_id for case_id, _ in plans])))
            return {name for _, summary in plans for name in str(summary.get("invoices", "")).split()} | set(charges)

    def broken_plans(self, account_id: str) -> int:
        with self._database.reading() as session:
            return _plans(session, account_id, outcome=BROKEN)

    def collector(self, account_id: str) -> str | None:
        with self._database.reading() as session:
            return session.get_one(Account, account_id).collector

    def policy(self, account_id: str) -> PolicySnapshot:
        """By which the account is collected now."""
        with self._database.reading() as session:
            account = session.get_one(Account, account_id)
            segment = account.policy_segment or account.segment
        return self._policies.for_segment(segment)

    def suspension(self, account_id: str) -> SuspensionOpening:
        policy = self.policy(account_id)
        with self._database.reading() as session:
            account = session.get_one(Account, account_id)
            return SuspensionOpening(
                account_id=account_id, policy=policy, prepaid=account.prepaid,
                clock=self._clock, earlier=_earlier(session, ids.suspension_case(account_id)),
            )  # fmt: skip

    def credit_review(self, account_id: str) -> CreditReviewOpening:
        """It is about all invoices that are open."""
        with self._database.reading() as session:
            still_open = (col(Invoice.account_id) == account_id, col(Invoice.status) == "open", col(Invoice.charged_by).is_(None))
            invoices = session.scalars(select(col(Invoice.id)).where(*still_open).order_by(col(Invoice.due_date), col(Invoice.id)))
            return CreditReviewOpening(
                account_id=account_id, invoice_ids=list(invoices), clock=self._clock,
                earlier=_earlier(session, ids.credit_review_case(account_id)),
            )  # fmt: skip

    def write_off(self, account_id: str) -> WriteOffOpening:
        with self._database.reading() as session:
            earlier = _earlier(session, ids.write_off_case(account_id))
            return WriteOffOpening(account_id=account_id, clock=self._clock, earlier=earlier)

    def claims(self, account_id: str, invoice_ids: Collection[str]) -> list[Claim]:
        """What is owed on these invoices of the account, and how much of it is disputed."""
        with self._database.reading() as session:
            facts = _facts(session, account_id, invoice_ids)
            cases = [ids.invoice_case(name) for name in facts]
            rows = session.execute(select(col(Case.invoice_id), col(Case.disputed)).where(col(Case.case_id).in_(cases)))
            disputed: dict[str | None, int] = {name: amount for name, amount in rows}  # noqa: C416 - a Row is no pair to mypy
        return [InvoiceNews(invoice_id=name, facts=one, disputed=disputed.get(name, 0)).claim for name, one in facts.items()]


def _facts(session: Session, account_id: str, invoice_ids: Collection[str]) -> dict[str, InvoiceFacts]:
    """In the order in which they were named; those of other accounts are left out."""
    found = read_invoices(session, col(Invoice.account_id) == account_id, col(Invoice.id).in_(list(invoice_ids)))
    return {name: found[name].facts() for name in invoice_ids if name in found}


def _plans(session: Session, account_id: str, outcome: str | None = None) -> int:
    plans = [col(Case.account_id) == account_id, col(Case.kind) == "payment_plan"]
    plans += [col(Case.outcome) == outcome] if outcome else []
    count: int = session.execute(select(func.count()).select_from(Case).where(*plans)).scalar_one()
    return count


def _earlier(session: Session, case_id: str) -> EarlierRun | None:
    """What the account's last case of the kind left."""
    row = session.get(Case, case_id)
    return EarlierRun.model_validate(row.carried, extra="ignore") if row else None
