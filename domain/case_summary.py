"""The summaries of cases in the read model: a model for each kind of case, and the one way to read what is stored.

The stored JSON may be older than the model: a name that is missing has its default, one that is unknown is passed over.
"""

from domain.approval.summary import ApprovalSummary
from domain.audit.seal_summary import SealSummary
from domain.case.summary_fields import EmptySummary
from domain.credit_request.summary import CreditRequestSummary
from domain.credit_review.summary import CreditReviewSummary
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.money import Money
from domain.payment_plan.summary import PaymentPlanSummary
from domain.policy_adoption.summary import AdoptionSummary
from domain.suspension.summary import SuspensionSummary
from domain.write_off.summary import WriteOffSummary

CaseSummary = (
    AdoptionSummary
    | ApprovalSummary
    | CreditRequestSummary
    | CreditReviewSummary
    | DisputeSummary
    | EmptySummary
    | PaymentPlanSummary
    | SealSummary
    | SuspensionSummary
    | WriteOffSummary
)

SUMMARY_MODELS: dict[str, type[CaseSummary]] = {
    CaseKind.INVOICE: EmptySummary,
    CaseKind.DISPUTE: DisputeSummary,
    CaseKind.PAYMENT_PLAN: PaymentPlanSummary,
    CaseKind.SUSPENSION: SuspensionSummary,
    CaseKind.CREDIT_REVIEW: CreditReviewSummary,
    CaseKind.WRITE_OFF: WriteOffSummary,
    CaseKind.ERASURE: EmptySummary,
    CaseKind.APPROVAL: ApprovalSummary,
    CaseKind.SEAL: SealSummary,
    CaseKind.POLICY_ADOPTION: AdoptionSummary,
    CaseKind.CREDIT_REQUEST: CreditRequestSummary,
}


def parse_case_summary(kind: str, stored: object) -> CaseSummary:
    """Return the summary; an empty one for an unknown kind. Raises pydantic.ValidationError for what no version of Duecourse writes."""
    return SUMMARY_MODELS.get(kind, EmptySummary).model_validate(stored)


def list_stated_amounts(summary: CaseSummary) -> tuple[Money, ...]:
    """Return the amounts that a case states: what a dispute contests now, an approval or a plan is over, or an account owes in each
    currency."""
    if isinstance(
        summary, ApprovalSummary | CreditRequestSummary | DisputeSummary | PaymentPlanSummary | SuspensionSummary | WriteOffSummary
    ):
        return summary.stated_amounts
    return ()


def is_collection_stopped(summary: CaseSummary) -> bool:
    """Return whether no invoice of the account may be collected, because the customer is insolvent."""
    return isinstance(summary, CreditReviewSummary) and summary.stopped


def list_summarised_invoices(summary: CaseSummary) -> tuple[str, ...]:
    """Return the ids of the invoices that a case names, beside the one that it may be about."""
    if isinstance(summary, ApprovalSummary | PaymentPlanSummary | SuspensionSummary | WriteOffSummary):
        return summary.invoices
    return ()
