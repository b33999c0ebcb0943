"""How an invoice's workflow keeps up its ties with the cases of its account: it joins them, tells them its news, and hands acts on."""

import asyncio
from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.case_effects import CaseEffects
    from activities.case_joining import CaseJoining
    from domain.approval.commands import Decision
    from domain.billing.receivables import InvoiceNews
    from domain.case.effects import JoinSuspension, NotifyPerson, NotifyRole
    from domain.clock import Moment
    from domain.invoice.escalation_rules import told
    from domain.invoice.invoice_case import InvoiceCase
    from domain.invoice.linked_cases import be_held, forget, held_by, news_of
    from domain.journal.entry_kinds import EntryKind
    from domain.timeline.holds import Hold, HoldKind

from workflows.case_runtime.activity_options import BOOK, NOTIFY
from workflows.case_runtime.case_session import from_outside
from workflows.case_runtime.effect_dispatcher import tell
from workflows.case_runtime.invoice_session import InvoiceDesk

_NOTHING_WAITS = {
    HoldKind.PAYMENT_PLAN: "no payment plan of this invoice waits for a decision",
    HoldKind.SUSPENSION: "no suspension of this invoice's account waits for a decision",
}


class AccountTies:
    def __init__(self, case: InvoiceCase, desk: InvoiceDesk) -> None:
        self.case, self._desk = case, desk
        self._told: dict[str, InvoiceNews] = {}
        self._notices: set[asyncio.Task[None]] = set()

    async def keep(self) -> None:
        """Carry out what the case asks of others; tell those who follow it what has changed."""
        while self.case.outbox:
            effect = self.case.outbox.pop(0)
            if isinstance(effect, JoinSuspension):
                await workflow.execute_activity_method(CaseJoining.join_suspension, args=[effect, self._desk.clock], **BOOK)
            else:
                self._notify(effect)
        await self._tell_followers()

    @property
    def notifying(self) -> bool:
        """A notice is on its way; who got it is still to be written down."""
        return bool(self._notices)

    @property
    def untold(self) -> list[str]:
        """The followers that do not know how the invoice stands now."""
        news = news_of(self.case)
        return [follower for follower in self.case.followers if self._told.get(follower) != news]

    async def _tell_followers(self) -> None:
        """A new run tells them again: a case takes in no facts that it knows. One that is over need not be told any more."""
        for follower in self.untold:
            news = self._told[follower] = news_of(self.case)
            if not await tell(follower, "invoice_changed", news):
                forget(self.case, follower)

    def be_held(self, hold: Hold, at: Moment) -> None:
        """The case that holds the invoice hears at once how it stands."""
        follower = be_held(self.case, hold, at)
        if follower:
            self._told.pop(follower, None)

    async def hand_on(self, decision: Decision, kind: HoldKind, at: Moment) -> None:
        """A decision that came by this way reaches the approval that waits for it; without one, its refusal is journalled."""
        case_id = held_by(self.case, kind)
        if case_id is None or not await tell(case_id, "decided", from_outside(decision)):
            reason = _NOTHING_WAITS[kind]
            self.case.note(EntryKind.ACT_REFUSED, at, decision.actor, act=decision.act_id, what=decision.journal_name, reason=reason)

    def _notify(self, notice: NotifyRole | NotifyPerson) -> None:
        """Nothing waits for a message to people of ours; who got it, the journal says."""

        async def send() -> None:
            with suppress(ActivityError):
                names = await workflow.execute_activity_method(CaseEffects.notify, notice, **NOTIFY)
                told(self.case, notice, names, self._desk.now)

        task = asyncio.create_task(send())
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)
