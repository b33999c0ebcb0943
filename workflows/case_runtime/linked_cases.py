"""The linked cases of an invoice's workflow: it sends them what billing reports, and forwards decisions."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.approval.commands import DecideApproval
    from domain.billing.receivables import InvoiceUpdate
    from domain.case.command_handling import record_rejection
    from domain.case.handler_names import SignalName
    from domain.clock import Moment
    from domain.invoice.invoice_case import InvoiceCase
    from domain.invoice.linked_cases import build_invoice_update, find_holding_case, place_case_hold, remove_follower
    from domain.timeline.holds import Hold, HoldKind

from workflows.case_runtime.case_session import mark_temporal_channel
from workflows.case_runtime.effect_dispatcher import signal_case

_NO_PENDING_DECISION = {
    HoldKind.PAYMENT_PLAN: "no payment plan of this invoice waits for a decision",
    HoldKind.SUSPENSION: "no suspension of this invoice's account waits for a decision",
}


class LinkedCases:
    def __init__(self, case: InvoiceCase) -> None:
        self.case = case
        self._sent_updates: dict[str, InvoiceUpdate] = {}

    @property
    def outdated_followers(self) -> list[str]:
        """Return the followers that have not received the invoice's present facts."""
        news = build_invoice_update(self.case)
        return [follower for follower in self.case.followers if self._sent_updates.get(follower) != news]

    async def update_followers(self) -> None:
        """Send the facts to the followers. A new run sends them again; a case ignores facts that it knows. One that is over is removed."""
        for follower in self.outdated_followers:
            news = self._sent_updates[follower] = build_invoice_update(self.case)
            if not await signal_case(follower, SignalName.INVOICE_CHANGED, news):
                remove_follower(self.case, follower)

    def place_hold(self, hold: Hold, at: Moment) -> None:
        """Place the hold; the case that placed it is due another update of the invoice's facts."""
        follower = place_case_hold(self.case, hold, at)
        if follower:
            self._sent_updates.pop(follower, None)

    async def forward_decision(self, decision: DecideApproval, kind: HoldKind, at: Moment) -> None:
        """Forward a decision to the open approval; without one, journal the rejection."""
        case_id = find_holding_case(self.case, kind)
        if case_id is None or not await signal_case(case_id, SignalName.DECIDED, mark_temporal_channel(decision)):
            record_rejection(self.case, decision, _NO_PENDING_DECISION[kind], at)
