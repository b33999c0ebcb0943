"""Acts on an invoice's dispute and its approvals, as tests send them; and what the journal says of these cases."""

from datetime import date
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlmodel import col
from temporalio.client import WorkflowHandle

from adapters.database.tables import Case, JournalEntry
from domain import identifiers as ids
from domain.approval.commands import ApprovalVerdict, DecideApproval
from domain.case.command import CommandReceipt
from domain.dispute.commands import RaiseDispute, ResolveDispute
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role
from tests.workflows.collection_environment import CollectionEnvironment
from workflows.approval import Approval
from workflows.dispute import Dispute
from workflows.invoice_collection import InvoiceCollection

_acts = count(1)


def next_act_id() -> str:
    return f"act-{next(_acts)}"


class DisputeCommands:
    def __init__(self, environment: CollectionEnvironment) -> None:
        self.environment, self.client = environment, environment.play.client

    # --- a dispute

    async def raise_dispute(
        self, invoice: str, amount: int = 10_000, reason: DisputeReason = DisputeReason.WRONG_PRICE, role: Role = Role.COLLECTOR
    ) -> str:
        """Raise it; the id of its case, once that has begun."""
        command = RaiseDispute(act_id=next_act_id(), actor="mia", role=role, reason=reason, amount=amount)
        before = self.environment.entry_kinds(invoice).count("dispute.opened")
        await self.environment.case(invoice).execute_update(InvoiceCollection.raise_dispute, command)
        case = ids.dispute_case_id(invoice, before + 1)
        await self.wait_for_entries(case, "dispute.raised")
        return case

    def dispute_handle(self, case: str) -> WorkflowHandle[Dispute, Any]:
        return self.client.get_workflow_handle_for(Dispute.run, case)

    async def resolve(
        self, case: str, resolution: DisputeResolution, amount: int | None = None, role: Role = Role.SALES_OPS, reference: str = ""
    ) -> CommandReceipt:
        command = ResolveDispute(act_id=next_act_id(), actor="ben", role=role, resolution=resolution, amount=amount, reference=reference)
        return await self.dispute_handle(case).execute_update(Dispute.resolve, command)

    # --- an approval

    def approval_handle(self, case: str) -> WorkflowHandle[Approval, Any]:
        return self.client.get_workflow_handle_for(Approval.run, case)

    async def wait_for_approval(self, case: str, number: int = 1) -> str:
        """The id of the approval that a case asked for, once it has begun."""
        approval = ids.approval_case_id(case, number)
        await self.wait_for_entries(approval, "approval.asked")
        return approval

    async def decide(
        self,
        approval: str,
        actor: str,
        role: Role = Role.COLLECTIONS_MANAGER,
        verdict: ApprovalVerdict = ApprovalVerdict.APPROVE,
        note: str | None = None,
    ) -> CommandReceipt:
        command = DecideApproval(act_id=next_act_id(), actor=actor, role=role, verdict=verdict, note_id=note)
        return await self.approval_handle(approval).execute_update(Approval.decide, command)

    # --- what is written

    def entry_kinds(self, case: str) -> list[str]:
        return [kind for kind, _ in self.environment.play.case_journal(case)]

    def entry_facts(self, case: str, kind: str) -> list[dict[str, Any]]:
        return [facts for found, facts in self.environment.play.case_journal(case) if found == kind]

    def entries(self, case: str) -> list[JournalEntry]:
        """In order, detached."""
        with self.environment.database.reading() as session:
            found = session.scalars(select(JournalEntry).filter_by(case_id=case).order_by(col(JournalEntry.seq))).all()
            session.expunge_all()
            return list(found)

    async def wait_for_entries(self, case: str, kind: str, times: int = 1) -> None:
        """Until the case's journal has so many entries of the kind."""
        await self.environment.wait_until(lambda: self.entry_kinds(case).count(kind) >= times)

    def entry_dates(self, case: str, kind: str) -> list[date]:
        """The business dates of its entries of a kind."""
        with self.environment.database.reading() as session:
            entries = session.scalars(select(JournalEntry).filter_by(case_id=case, kind=kind).order_by(col(JournalEntry.seq)))
            return [entry.business_at.date() for entry in entries]

    def row(self, case: str) -> Case:
        """The read model's row, detached."""
        return self.environment.case_row(case)

    def hold_ids(self, invoice: str) -> list[str]:
        return [hold["hold_id"] for hold in self.environment.row(invoice).holds]
