"""What an approval rests on, read when it is asked for, when its facts have changed, and when somebody decides."""

import asyncio
from datetime import date

from temporalio import activity

from adapters.cases.approval_facts import ApprovalFactsLoader
from adapters.identity.delegation_store import DelegationStore
from adapters.policies.policy_store import PolicyStore
from domain.approval.four_eyes import list_represented
from domain.approval.review import DecisionReview, ReviewRequest
from domain.approval.workflow_input import ApprovalContext
from domain.billing.reduction_kind import ReductionKind
from domain.case.effects import RequestApproval
from domain.policy.approval_type import ApprovalType


class ApprovalActivities:
    """They read only; `today` is the business date of the case that asks."""

    def __init__(self, policies: PolicyStore, delegations: DelegationStore, facts: ApprovalFactsLoader) -> None:
        self._policies, self._delegations, self._facts = policies, delegations, facts

    @activity.defn
    async def frame_approval(self, requester: str, account_id: str, today: date, effect: RequestApproval | None = None) -> ApprovalContext:
        """Read at the moment of asking; the approval pins it. Without an effect it binds no facts."""

        def read() -> ApprovalContext:
            askers = [requester, *(effect.also_asked if effect else [])]
            segment, prepaid = self._policies.get_account_traits(account_id)
            return ApprovalContext(
                matrix=self._policies.get_matrix(),
                segment=segment,
                acting_for=list_represented(askers, self._delegations.list_active(today)),
                prepaid=prepaid,
                credited_before=self._sum_credited_before(effect) if effect else 0,
                facts=self._facts.load(account_id, effect.amounts, effect.invoices, effect.reason, effect.note_id) if effect else None,
            )

        return await asyncio.to_thread(read)

    def _sum_credited_before(self, effect: RequestApproval) -> int:
        """Add up what counts with a credit note of one invoice. A cancellation is asked of those who sign for the whole total anyway."""
        if effect.matter is not ApprovalType.CREDIT_NOTE or len(effect.invoice_ids) != 1:
            return 0
        if effect.details.get("reduction") == ReductionKind.CANCELLATION:
            return 0
        return self._facts.sum_unapproved_credit(effect.invoice_ids[0], effect.requester)

    @activity.defn
    async def review_decision(self, request: ReviewRequest) -> DecisionReview:
        """Read again: since the approval was asked for, a delegation may have been made or revoked, a promise given, a letter sent."""

        def read() -> DecisionReview:
            review = DecisionReview(
                acting_for=list_represented(request.askers, self._delegations.list_active(request.today)),
                in_force=request.delegation is None or self._delegations.is_in_force(request.delegation, request.today),
            )
            if request.invoices is None:
                return review
            facts = self._facts.load(request.account_id, request.amounts, request.invoices, request.reason, request.note_id)
            return review.model_copy(update={"facts": facts, "balances": self._facts.load_balances(request.invoices)})

        return await asyncio.to_thread(read)
