"""Turns what an adoption would change, and how far one has come, into bodies."""

from adapters.policies.adoption_query import AdoptionPreview, ChangeGroup
from adapters.read_model.cases import CaseRow
from api.schemas.policies import AdoptionOut, AdoptionPreviewOut, StepChangeOut
from domain import identifiers as ids
from domain.policy_adoption.summary import AdoptionSummary


def present_adoption_preview(preview: AdoptionPreview, adoption: CaseRow | None) -> AdoptionPreviewOut:
    return AdoptionPreviewOut(
        policy=preview.target.name,
        version=preview.target.version,
        invoices=preview.invoices,
        by_version=preview.by_version,
        changes=[_present_group(group) for group in preview.groups],
        adoption=_present_adoption(adoption) if adoption else None,
    )


def _present_group(group: ChangeGroup) -> StepChangeOut:
    return StepChangeOut(**{**group._asdict(), "change": group.change.value})


def _present_adoption(row: CaseRow) -> AdoptionOut:
    summary = row.summary_of(AdoptionSummary)
    return AdoptionOut(
        id=row.case_id,
        policy_version=summary.policy_version,
        stage=row.stage,
        requester=summary.requester,
        approval=ids.approval_case_id(row.case_id, summary.approvals) if summary.approvals else None,
        total=summary.total,
        told=summary.told,
        ended=summary.ended,
        left=summary.left,
        sample=list(summary.sample),
    )
