"""How the adoption of a policy looks in lists and to those who ask its workflow."""

from domain.case.case_view import CaseView
from domain.case.summary_fields import dump_summary
from domain.identifiers import CaseKind
from domain.policy_adoption.adoption_case import APPROVAL_SEQUENCE, AdoptionCase
from domain.policy_adoption.summary import AdoptionSummary


def _build_summary(case: AdoptionCase) -> AdoptionSummary:
    return AdoptionSummary(
        policy=case.target.name if case.target else "",
        policy_version=case.target.version if case.target else 0,
        requester=case.requester,
        approvals=case.last_number(APPROVAL_SEQUENCE),
        total=case.total,
        told=case.told,
        ended=case.ended,
        left=case.left,
        sample=tuple(case.sample),
        draft_sha256=case.draft_sha256,
        adopts=case.adopts,
        why=" ".join(case.faults),
    )


def build_case_view(case: AdoptionCase, run_id: str) -> CaseView:
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind=CaseKind.POLICY_ADOPTION,
        account_id=case.journal.account_id,
        invoice_id=None,
        stage=case.stage.value,
        next_step=None,
        next_on=None,
        waiting_for=case.waiting_for,
        summary=dump_summary(_build_summary(case)),
        outcome=case.stage.value if case.is_ended else None,
    )
