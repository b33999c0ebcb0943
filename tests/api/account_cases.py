"""Cases of the account A-1 as their workflows write them: the real cases, in the read model and the journal."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, TypeVar

from adapters.cases.case_store import CaseStore
from adapters.database.tables import Setting
from adapters.policies.in_force import IN_FORCE_SETTING
from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.billing.receivables import Receivable
from domain.case.account_case import AccountCase
from domain.case.case_view import CaseView
from domain.case_write import CaseWrite
from domain.clock import Moment
from domain.credit_review.commands import ReferralReason
from domain.credit_review.review_case import CreditReviewCase
from domain.credit_review.view import build_case_view as review_view
from domain.invoice.carried_state import CarriedState
from domain.journal.journal import Journal
from domain.payment_plan import negotiation
from domain.payment_plan.commands import ProposePlan
from domain.payment_plan.instalments import InstalmentFrequency, InstalmentTerms
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.state import CoveredInvoice
from domain.payment_plan.view import build_case_view as plan_view
from domain.suspension import events
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.view import build_case_view as suspension_view
from domain.write_off.view import build_case_view as write_off_view
from domain.write_off.write_off_case import WriteOffCase
from tests.api.portfolio_world import POLICY, TODAY, PortfolioWorld, moment_on

NOW = moment_on(TODAY)
PLAN, SUSPENSION, REVIEW, WRITE_OFF = "plan:A-1:1", "suspension:A-1", "credit_review:A-1", "write_off:A-1"
CLAIM = Receivable(invoice_id="I-1", version=1, currency="EUR", open_balance=25_000)


def days_from_today(days: int) -> date:
    return TODAY + timedelta(days=days)


def moment_in(days: int) -> Moment:
    return moment_on(days_from_today(days))


def build_journal(case_id: str) -> Journal:
    return Journal(case_id=case_id, account_id="A-1")


def create_proposed_plan(
    world: PortfolioWorld, invoices: tuple[str, ...] = ("I-1",), id: str = PLAN, command: str = "act:earlier"
) -> PaymentPlanCase:
    """EUR 250 of each invoice in two monthly instalments, the first in ten days."""
    terms = InstalmentTerms(first_on=days_from_today(10), equal=2, rhythm=InstalmentFrequency.MONTHLY)
    proposal = ProposePlan(act_id=command, actor="carl", invoice_ids=list(invoices), currency="EUR", terms=terms, why="seasonal")
    covered = {name: CoveredInvoice(version=1, open_balance=25_000) for name in invoices}
    case = PaymentPlanCase(journal=build_journal(id), snapshot=POLICY, proposal=proposal, covered=covered)
    negotiation.open_plan(case, NOW)
    return write_case(world, case, plan_view)


def approve_plan(world: PortfolioWorld, case: PaymentPlanCase) -> PaymentPlanCase:
    negotiation.apply_approval_outcome(case, ApprovalOutcome(number=len(case.revisions), result=ApprovalResult.APPROVED, by="anna"), NOW)
    return write_case(world, case, plan_view)


def accept_plan(world: PortfolioWorld, case: PaymentPlanCase) -> PaymentPlanCase:
    negotiation.accept_plan(case, NOW)
    return write_case(world, case, plan_view)


def create_suspension(world: PortfolioWorld) -> SuspensionCase:
    """A suspension case that maria asked for today."""
    case = SuspensionCase(journal=build_journal(SUSPENSION), snapshot=POLICY)
    events.open_case(case, NOW)
    events.add_receivable(case, CLAIM, NOW, "maria")
    return write_case(world, case, suspension_view)


def create_credit_review(world: PortfolioWorld) -> CreditReviewCase:
    case = CreditReviewCase(journal=build_journal(REVIEW), invoice_ids=["I-1"])
    case.refer_account(ReferralReason.COLLECTOR, NOW, "maria")
    return write_case(world, case, review_view)


def create_write_off(world: PortfolioWorld) -> WriteOffCase:
    case = WriteOffCase(journal=build_journal(WRITE_OFF))
    case.apply_hand_over([CLAIM], NOW)
    return write_case(world, case, write_off_view)


C = TypeVar("C", bound=AccountCase)


def write_case(world: PortfolioWorld, case: C, view: Callable[[C, str], CaseView]) -> C:
    """In the database, and running as far as the API can tell."""
    record = CaseWrite(
        now=NOW.business,
        entries=list(case.journal.pending),
        case=view(case, "run"),
        carried=CarriedState(**case.build_earlier_run().model_dump()),
    )
    CaseStore(world.database).write([record])
    case.journal.mark_written(case.journal.seq)
    world.cases.running.setdefault(case.journal.case_id, "")
    return case


def create_account(world: PortfolioWorld, *invoices: str, **changes: Any) -> PortfolioWorld:
    """The account A-1 with open, overdue invoices of EUR 250, and the policy by which it is collected."""
    world.add(Setting(name=IN_FORCE_SETTING, value={"names": [POLICY.name]}))
    world.account()
    for invoice in invoices or ("I-1",):
        world.invoice(invoice, started=False, **changes)
    return world
