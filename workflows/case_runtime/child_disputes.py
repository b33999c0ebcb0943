"""The disputes of an invoice's workflow: it starts their cases, sends them what billing reports, and forwards commands."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.case.command_handling import record_rejection
    from domain.case.handler_names import SignalName
    from domain.clock import Clock, Moment
    from domain.dispute.commands import ResolveDispute
    from domain.dispute.workflow_input import DisputeInput
    from domain.identifiers import WorkflowName
    from domain.invoice.disputes import abandon_dispute, find_dispute_case_id, find_open_dispute
    from domain.invoice.invoice_case import InvoiceCase

from workflows.case_runtime.effect_dispatcher import signal_case, start_child_case

NO_OPEN_DISPUTE = "no dispute of this invoice is open"


class ChildDisputes:
    def __init__(self, case: InvoiceCase) -> None:
        self.case = case
        self._sent_version = 0
        self._children: list[workflow.ChildWorkflowHandle[Any, Any]] = []

    async def update_disputes(self, clock: Clock) -> None:
        """Start the case of a dispute that was raised; tell the one that is open what has changed in billing."""
        for raised in list(self.case.to_open):
            dispute, journal = find_open_dispute(self.case), self.case.journal
            if dispute:
                opening = DisputeInput(
                    number=dispute.number,
                    invoice_id=journal.invoice_id or "",
                    account_id=journal.account_id,
                    facts=raised.facts,
                    policy=self.case.snapshot,
                    raised=raised.act,
                    clock=clock,
                    separates_tasks=True,
                    binds_facts=True,
                )
                case_id = find_dispute_case_id(self.case, dispute)
                child = await start_child_case(WorkflowName.DISPUTE, opening, case_id, journal.account_id)
                if child:
                    self._children.append(child)
                self._sent_version = raised.facts.version
            self.case.to_open.remove(raised)
        await self._send_facts()

    @property
    def has_open(self) -> bool:
        """Return whether a dispute is unresolved, or its workflow still runs."""
        return find_open_dispute(self.case) is not None or any(not child.done() for child in self._children)

    async def _send_facts(self) -> None:
        """Send the facts to the disputes. A new run sends them again; a dispute ignores facts that it knows."""
        dispute, facts = find_open_dispute(self.case), self.case.facts
        if dispute and self._sent_version < facts.version:
            self._sent_version = facts.version
            if not await signal_case(find_dispute_case_id(self.case, dispute), SignalName.FACTS_CHANGED, facts):
                abandon_dispute(self.case)

    async def forward_resolution(self, command: ResolveDispute, at: Moment) -> None:
        """An act that came by this way reaches the dispute that waits for it; without one, its refusal is journalled."""
        await workflow.wait_condition(lambda: not self.case.to_open)
        dispute = find_open_dispute(self.case)
        if dispute is None or not await signal_case(find_dispute_case_id(self.case, dispute), SignalName.RESOLVED, command):
            record_rejection(self.case, command, NO_OPEN_DISPUTE, at)
