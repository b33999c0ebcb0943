"""What a payment plan, or other terms for one, would come to before it is proposed: its instalments, who must agree, and the offer as the
customer would read it.

The plan's own case is played to its offer in memory; nothing is written.
"""

from collections.abc import Sequence
from typing import NamedTuple

from adapters.correspondence.letter_loader import LetterLoader
from adapters.database.engine import Database
from adapters.database.tables import Message
from adapters.mail.local_inbox import InboxMessage, read_mail
from adapters.mail.message_builder import derive_message_id
from domain import identifiers as ids
from domain.approval.result import ApprovalOutcome, ApprovalResult
from domain.case.effects import SendLetter
from domain.clock import Moment
from domain.journal.journal import Journal
from domain.payment_plan.commands import RevisePlan
from domain.payment_plan.instalments import InstalmentSchedule
from domain.payment_plan.negotiation import apply_approval_outcome, open_plan, revise_plan
from domain.payment_plan.plan_case import PaymentPlanCase
from domain.payment_plan.workflow_input import PaymentPlanInput
from domain.policy.approval_matrix import ApprovalMatrix, ApprovalTier


class PlanAhead(NamedTuple):
    """`tiers`: who must agree, in the order in which they sign. `offer` is None where nobody at the customer has an address, or
    it could not be accepted any more."""

    schedule: InstalmentSchedule
    tiers: Sequence[ApprovalTier]
    offer: InboxMessage | None


class PlanLookout(NamedTuple):
    """By what a plan is looked ahead at. `segment`: the account's."""

    database: Database
    loader: LetterLoader
    matrix: ApprovalMatrix | None
    segment: str
    at: Moment


def look_ahead_at_plan(lookout: PlanLookout, plan: PaymentPlanInput) -> PlanAhead:
    """`plan`: as it would be started; its proposal is one that may be made. Raises what composing a letter raises."""
    case = PaymentPlanCase(
        journal=Journal(case_id=ids.plan_case_id(plan.account_id, plan.number), account_id=plan.account_id),
        snapshot=plan.policy,
        proposal=plan.proposal,
        covered=plan.covered,
        broken_plans=plan.broken_plans,
    )
    open_plan(case, lookout.at)
    return _look_ahead(lookout, case)


def look_ahead_at_revision(lookout: PlanLookout, case: PaymentPlanCase, revision: RevisePlan) -> PlanAhead:
    """`case`: the plan as it stands, which these terms may be put forward for. Raises what composing a letter raises."""
    revise_plan(case, revision, lookout.at)
    return _look_ahead(lookout, case)


def _look_ahead(lookout: PlanLookout, case: PaymentPlanCase) -> PlanAhead:
    """`case`: its last terms wait for approval."""
    proposed, asked = case.revisions[-1], case.pending_approval()
    tiers = lookout.matrix.list_required_tiers(asked.build_question(lookout.segment)) if lookout.matrix and asked else []
    apply_approval_outcome(case, ApprovalOutcome(number=proposed.number, result=ApprovalResult.APPROVED), lookout.at)
    offers = [effect for effect in case.outbox if isinstance(effect, SendLetter)]
    return PlanAhead(proposed.schedule, tiers, _write_offer(lookout, case, offers[0]) if offers else None)


def _write_offer(lookout: PlanLookout, case: PaymentPlanCase, letter: SendLetter) -> InboxMessage | None:
    key, loader, at = ids.case_letter_key(case.case_id, letter.template), lookout.loader, lookout.at
    account_id = case.journal.account_id
    with lookout.database.reading() as session:
        customer = loader.load_recipients(session, {account_id})[account_id]
        if not customer.email:
            return None
        row = Message(
            id=1,
            key=key,
            account_id=account_id,
            language=customer.language,
            currency=case.currency,
            letter=letter.template,
            slot=at.business,
            message_id=derive_message_id(key, loader.reply_domain),
            case_id=case.case_id,
            number=letter.number,
            invoice_ids=letter.invoice_ids,
            details=letter.details,
        )
        drafts = loader.load_drafts_of(session, [row])
        session.expunge_all()
    return read_mail(loader.compose(loader.build_letters(drafts, at.business)[1], at.business))
