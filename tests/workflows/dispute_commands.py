"""Acts on an invoice's dispute and its approvals, as tests send them; and what the journal says of these cases."""

from datetime import date
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlmodel import col
from temporalio.client import WorkflowHandle

from adapters.database.tables import Case, JournalEntry
from domain import identifiers as ids
from domain.approval.commands import Decision, Verdict
from domain.case.command import Receipt
from domain.dispute.commands import RaiseDispute, ResolveDispute
from domain.policy.dispute_rules import DisputeReason, Resolution
from domain.roles import Role
from tests.workflows.stage import Stage
from workflows.approval import Approval
from workflows.dispute import Dispute
from workflows.invoice_collection import InvoiceCollection

_acts = count(1)


def act_id() -> str:
    return f"act-{next(_acts)}"


class Cases:
    def __init__(self, stage: Stage) -> None:
        self.stage, self.client = stage, stage.play.client

    # --- a dispute

    async def dispute(
        self, invoice: str, amount: int = 10_000, reason: DisputeReason = DisputeReason.WRONG_PRICE, role: Role = Role.COLLECTOR
    ) -> str:
        """Raise it; the id of its case, once that has begun."""
        act = RaiseDispute(act_id=act_id(), actor="mia", role=role, reason=reason, amount=amount)
        before = self.stage.kinds(invoice).count("dispute.opened")
        await self.stage.case(invoice).execute_update(InvoiceCollection.raise_dispute, act)
        case = ids.dispute_case(invoice, before + 1)
        await self.heard(case, "dispute.raised")
        return case

    def of_dispute(self, case: str) -> WorkflowHandle[Dispute, Any]:
        return self.client.get_workflow_handle_for(Dispute.run, case)

    async def resolve(
        self, case: str, resolution: Resolution, amount: int | None = None, role: Role = Role.SALES_OPS, reference: str = ""
    ) -> Receipt:
        act = ResolveDispute(act_id=act_id(), actor="ben", role=role, resolution=resolution, amount=amount, reference=reference)
        return await self.of_dispute(case).execute_update(Dispute.resolve, act)

    # --- an approval

    def of_approval(self, case: str) -> WorkflowHandle[Approval, Any]:
        return self.client.get_workflow_handle_for(Approval.run, case)

    async def asked(self, case: str, number: int = 1) -> str:
        """The id of the approval that a case asked for, once it has begun."""
        approval = ids.approval_case(case, number)
        await self.heard(approval, "approval.asked")
        return approval

    async def decide(
        self, approval: str, actor: str, role: Role = Role.COLLECTIONS_MANAGER, verdict: Verdict = Verdict.APPROVE, note: str | None = None
    ) -> Receipt:
        act = Decision(act_id=act_id(), actor=actor, role=role, verdict=verdict, note_id=note)
        return await self.of_approval(approval).execute_update(Approval.decide, act)

    # --- what is written

    def kinds(self, case: str) -> list[str]:
        return [kind for kind, _ in self.stage.play.case_journal(case)]

    def facts(self, case: str, kind: str) -> list[dict[str, Any]]:
        return [facts for found, facts in self.stage.play.case_journal(case) if found == kind]

    def entries(self, case: str) -> list[JournalEntry]:
        """In order, detached."""
        with self.stage.database.reading() as session:
            found = session.scalars(select(JournalEntry).filter_by(case_id=case).order_by(col(JournalEntry.seq))).all()
            session.expunge_all()
            return list(found)

    async def heard(self, case: str, kind: str, times: int = 1) -> None:
        """Until the case's journal has so many entries of the kind."""
        await self.stage.until(lambda: self.kinds(case).count(kind) >= times)

    def on(self, case: str, kind: str) -> list[date]:
        """The business dates of its entries of a kind."""
        with self.stage.database.reading() as session:
            entries = session.scalars(select(JournalEntry).filter_by(case_id=case, kind=kind).order_by(col(JournalEntry.seq)))
            return [entry.business_at.date() for entry in entries]

    def row(self, case: str) -> Case:
        """The read model's row, detached."""
        return self.stage.case_row(case)

    def holds(self, invoice: str) -> list[str]:
        return [hold["hold_id"] for hold in self.stage.row(invoice).holds]
