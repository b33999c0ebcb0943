"""Load what a case's next run starts with from the state that its last write left."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import Account, Case, NextRunRow
from adapters.policies.policy_store import PolicyStore
from adapters.temporal.case_start import CaseStart
from domain.approval.workflow_input import ApprovalInput
from domain.case.workflow_input import CaseInput, Recovery
from domain.clock import Clock
from domain.credit_request.workflow_input import CreditRequestInput
from domain.credit_review.workflow_input import CreditReviewInput
from domain.dispute.workflow_input import DisputeInput
from domain.identifiers import CaseKind, WorkflowName
from domain.invoice.collection_stage import first_collection_stage
from domain.invoice.workflow_input import InvoiceCollectionInput
from domain.payment_plan.workflow_input import PaymentPlanInput
from domain.policy_adoption.workflow_input import PolicyAdoptionInput
from domain.suspension.workflow_input import SuspensionInput
from domain.write_off.workflow_input import WriteOffInput


class _Workflow(NamedTuple):
    name: WorkflowName
    input_type: type[CaseInput]


WORKFLOWS_BY_KIND: dict[CaseKind, _Workflow] = {
    CaseKind.INVOICE: _Workflow(WorkflowName.INVOICE_COLLECTION, InvoiceCollectionInput),
    CaseKind.DISPUTE: _Workflow(WorkflowName.DISPUTE, DisputeInput),
    CaseKind.PAYMENT_PLAN: _Workflow(WorkflowName.PAYMENT_PLAN, PaymentPlanInput),
    CaseKind.SUSPENSION: _Workflow(WorkflowName.ACCOUNT_SUSPENSION, SuspensionInput),
    CaseKind.CREDIT_REVIEW: _Workflow(WorkflowName.CREDIT_REVIEW, CreditReviewInput),
    CaseKind.WRITE_OFF: _Workflow(WorkflowName.WRITE_OFF, WriteOffInput),
    CaseKind.APPROVAL: _Workflow(WorkflowName.APPROVAL, ApprovalInput),
    CaseKind.POLICY_ADOPTION: _Workflow(WorkflowName.POLICY_ADOPTION, PolicyAdoptionInput),
    CaseKind.CREDIT_REQUEST: _Workflow(WorkflowName.CREDIT_REQUEST, CreditRequestInput),
}
"""The kinds of case whose state is stored. An erasure is over within a minute, and asked for again."""


class NextRunLoader:
    """`clock` is the business clock by which a case goes on."""

    def __init__(self, database: Database, policies: PolicyStore, clock: Clock) -> None:
        self._database, self._policies, self._clock = database, policies, clock

    def load(self, case_id: str, recovery: Recovery) -> CaseStart | None:
        """Return the start by which an open case goes on from its last write. None when there is none: the case is over, its kind keeps no
        state, or it was last written before states were kept."""
        with self._database.reading() as session:
            row = session.execute(
                select(col(Case.kind), col(Case.account_id), col(Case.run_id), col(NextRunRow.next_run))
                .join(NextRunRow, col(NextRunRow.case_id) == col(Case.case_id))
                .where(col(Case.case_id) == case_id, col(Case.outcome).is_(None), col(NextRunRow.head) == col(Case.head))
            ).one_or_none()
            collector = _load_collector(session, row.account_id) if row else None
        workflow = WORKFLOWS_BY_KIND.get(CaseKind(row.kind)) if row else None
        if row is None or row.next_run is None or workflow is None:
            return None
        content = row.next_run
        kept = Recovery.model_validate({**recovery.model_dump(), **content["recovery"], "run_id": row.run_id})
        content = {**self._add_texts(content), "clock": self._clock, "recovery": None}
        next_run = workflow.input_type.model_validate(content).model_copy(update={"recovery": kept})
        return self._build_start(workflow.name, case_id, row.account_id, collector, next_run)

    def _build_start(self, name: WorkflowName, case_id: str, account_id: str, collector: str | None, next_run: CaseInput) -> CaseStart:
        today = self._clock.to_business(datetime.now(UTC)).date()
        stage = first_collection_stage(next_run, today) if isinstance(next_run, InvoiceCollectionInput) else None
        return CaseStart(name, case_id, next_run, account_id, collector, stage)

    def _add_texts(self, content: dict[str, Any]) -> dict[str, Any]:
        """Put the texts of policies and matrices back, which are kept once."""
        added = {}
        for name, value in content.items():
            if name in ("policy", "snapshot") and isinstance(value, dict):
                policy = self._policies.get_version(value["name"], value["version"])
                value = {**value, "text": policy.text if policy else ""}
            elif name == "matrix" and isinstance(value, dict):
                matrix = self._policies.get_matrix_version(value["version"])
                value = {**value, "text": matrix.text if matrix else ""}
            elif name == "case" and isinstance(value, dict):
                value = self._add_texts(value)
            added[name] = value
        return added


def _load_collector(session: Session, account_id: str) -> str | None:
    account = session.get(Account, account_id)
    return account.collector if account else None


__all__ = ["WORKFLOWS_BY_KIND", "NextRunLoader"]
