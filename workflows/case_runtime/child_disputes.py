"""How an invoice's workflow keeps its disputes: it starts their cases, tells them what billing reports, and hands acts on to them."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.clock import Clock, Moment
    from domain.dispute.commands import ResolveDispute
    from domain.dispute.workflow_input import DISPUTE, DisputeOpening
    from domain.invoice.disputes import case_of, leave_dispute, open_dispute
    from domain.invoice.invoice_case import InvoiceCase
    from domain.journal.entry_kinds import EntryKind

from workflows.case_runtime.effect_dispatcher import tell
from workflows.case_runtime.search_attributes import of_account

NONE_OPEN = "no dispute of this invoice is open"


class RaisedDisputes:
    def __init__(self, case: InvoiceCase) -> None:
        self.case = case
        self._told = 0
        self._children: list[workflow.ChildWorkflowHandle[Any, Any]] = []

    async def keep(self, clock: Clock) -> None:
        """Start the case of a dispute that was raised; tell the one that is open what has changed in billing."""
        for raised in list(self.case.to_open):
            dispute, journal = open_dispute(self.case), self.case.journal
            if dispute:
                opening = DisputeOpening(
                    number=dispute.number, invoice_id=journal.invoice_id or "", account_id=journal.account_id, facts=raised.facts,
                    policy=self.case.snapshot, raised=raised.act, clock=clock,
                )  # fmt: skip
                child = await workflow.start_child_workflow(
                    DISPUTE, opening, id=case_of(self.case, dispute), parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    search_attributes=of_account(journal.account_id),
                )  # fmt: skip
                self._children.append(child)
                self._told = raised.facts.version
            self.case.to_open.remove(raised)
        await self._tell_facts()

    @property
    def any_open(self) -> bool:
        """Not resolved, or its own workflow still at work."""
        return open_dispute(self.case) is not None or any(not child.done() for child in self._children)

    async def _tell_facts(self) -> None:
        """A new run tells them again: the dispute's case takes no facts in that it knows."""
        dispute, facts = open_dispute(self.case), self.case.facts
        if dispute and self._told < facts.version:
            self._told = facts.version
            if not await tell(case_of(self.case, dispute), "facts_changed", facts):
                leave_dispute(self.case)

    async def hand_on(self, act: ResolveDispute, at: Moment) -> None:
        """An act that came by this way reaches the dispute that waits for it; without one, its refusal is journalled."""
        await workflow.wait_condition(lambda: not self.case.to_open)
        dispute = open_dispute(self.case)
        if dispute is None or not await tell(case_of(self.case, dispute), "resolved", act):
            self.case.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=act.journal_name, reason=NONE_OPEN)
