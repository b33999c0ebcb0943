"""Cases of the account A-1 as their workflows write them: the real cases, in the read model and the journal."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, TypeVar

from adapters.cases.case_store import CaseBook
from adapters.database.tables import Setting
from adapters.policies.policy_store import IN_FORCE
from domain.approval.result import ApprovalNews, ApprovalResult
from domain.billing.receivables import Claim
from domain.case.account_case import AccountCase
from domain.case.case_view import CaseView
from domain.case_record import Record
from domain.clock import Moment
from domain.credit_review.commands import Reason
from domain.credit_review.review_case import CreditReviewCase
from domain.credit_review.view import view as review_view
from domain.invoice.invoice_case import Carried
from domain.journal.journal import Journal
from domain.payment_plan.commands import ProposePlan
from domain.payment_plan.instalments import Rhythm, Terms
from domain.payment_plan.plan_case import Covered, PaymentPlanCase
from domain.payment_plan.view import view as plan_view
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.view import view as suspension_view
from domain.write_off.view import view as write_off_view
from domain.write_off.write_off_case import WriteOffCase
from tests.api.portfolio_world import POLICY, TODAY, World, moment

NOW = moment(TODAY)
PLAN, SUSPENSION, REVIEW, WRITE_OFF = "plan:A-1:1", "suspension:A-1", "credit_review:A-1", "write_off:A-1"
CLAIM = Claim(invoice_id="I-1", version=1, currency="EUR", open_balance=25_000)


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


def at(days: int) -> Moment:
    return moment(in_days(days))


def journal(case_id: str) -> Journal:
    return Journal(case_id=case_id, account_id="A-1")


def proposed(world: World, invoices: tuple[str, ...] = ("I-1",), id: str = PLAN, act: str = "act:earlier") -> PaymentPlanCase:
    """EUR 250 of each invoice in two monthly instalments, the first in ten days."""
    terms = Terms(first_on=in_days(10), equal=2, rhythm=Rhythm.MONTHLY)
    proposal = ProposePlan(act_id=act, actor="carl", invoice_ids=list(invoices), currency="EUR", terms=terms, why="seasonal")
    covered = {name: Covered(version=1, open_balance=25_000) for name in invoices}
    case = PaymentPlanCase(journal=journal(id), snapshot=POLICY, proposal=proposal, covered=covered)
    case.open(NOW)
    return written(world, case, plan_view)


def approved(world: World, case: PaymentPlanCase) -> PaymentPlanCase:
    case.approval_came(ApprovalNews(number=len(case.revisions), result=ApprovalResult.APPROVED, by="anna"), NOW)
    return written(world, case, plan_view)


def accepted(world: World, case: PaymentPlanCase) -> PaymentPlanCase:
    case.accept(NOW)
    return written(world, case, plan_view)


def suspended(world: World) -> SuspensionCase:
    """A suspension case that maria asked for today."""
    case = SuspensionCase(journal=journal(SUSPENSION), snapshot=POLICY)
    case.open(NOW)
    case.join(CLAIM, NOW, "maria")
    return written(world, case, suspension_view)


def referred(world: World) -> CreditReviewCase:
    case = CreditReviewCase(journal=journal(REVIEW), invoice_ids=["I-1"])
    case.refer(Reason.COLLECTOR, NOW, "maria")
    return written(world, case, review_view)


def handed_over(world: World) -> WriteOffCase:
    case = WriteOffCase(journal=journal(WRITE_OFF))
    case.handed_over([CLAIM], NOW)
    return written(world, case, write_off_view)


C = TypeVar("C", bound=AccountCase)


def written(world: World, case: C, view: Callable[[C, str], CaseView]) -> C:
    """In the database, and running as far as the API can tell."""
    record = Record(
        now=NOW.business, entries=list(case.journal.pending), case=view(case, "run"), carried=Carried(**case.leaves().model_dump())
    )  # fmt: skip
    CaseBook(world.database).record([record])
    case.journal.written(case.journal.seq)
    world.cases.running.setdefault(case.journal.case_id, "")
    return case


def of_account(world: World, *invoices: str, **changes: Any) -> World:
    """The account A-1 with open, overdue invoices of EUR 250, and the policy by which it is collected."""
    world.add(Setting(name=IN_FORCE, value={"names": [POLICY.name]}))
    world.account()
    for invoice in invoices or ("I-1",):
        world.invoice(invoice, started=False, **changes)
    return world
