"""What cases ask of the outside world: billing carries out what was decided, and people of ours are told."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime

from temporalio import activity

from adapters.identity.delegation_store import DelegationBook
from adapters.ledger.ledger import Ledger, LedgerError, UnknownInvoiceError
from adapters.notifications.staff_notices import Notices
from adapters.policies.policy_store import PolicyBook
from domain.approval.workflow_input import ApprovalFrame
from domain.billing.receivables import InvoiceNews
from domain.case.billing_results import Booking, Reinstated, SuspensionAnswer, WrittenOff
from domain.case.effects import (
    AdoptSegment,
    BookWriteOff,
    ChangeInvoice,
    ChargeInterest,
    IssueCreditNote,
    NotifyPerson,
    NotifyRole,
    ReinstateInBilling,
    SuspendInBilling,
)
from domain.clock import Clock
from domain.policy.collection_policy import PolicySnapshot


class CaseEffects:
    def __init__(self, ledger: Ledger, policies: PolicyBook, delegations: DelegationBook, notices: Notices, clock: Clock) -> None:
        self._ledger, self._policies, self._delegations, self._notices = ledger, policies, delegations, notices
        self._clock = clock

    @property
    def _now(self) -> datetime:
        """Business time at which this was asked for: the same when it is tried again, so that a second try books the same."""
        return self._clock.business(activity.info().scheduled_time)

    @activity.defn
    async def frame_approval(self, requester: str, account_id: str, today: date) -> ApprovalFrame:
        """Read at the moment of asking; the approval pins it."""

        def read() -> ApprovalFrame:
            acting_for = [delegation.from_user for delegation in self._delegations.standing_to(requester, today)]
            segment, prepaid = self._policies.traits_of(account_id)
            return ApprovalFrame(matrix=self._policies.matrix(), segment=segment, acting_for=acting_for, prepaid=prepaid)

        return await asyncio.to_thread(read)

    @activity.defn
    async def issue_credit_note(self, wanted: IssueCreditNote) -> Booking:
        now = self._now
        return await _book(
            wanted.key, lambda: self._ledger.issue_credit_note(wanted.key, wanted.invoice_id, wanted.amount, now.date(), at=now)
        )

    @activity.defn
    async def change_invoice(self, wanted: ChangeInvoice) -> Booking:
        """A new total twice is the same total: what was written before is found unchanged."""
        now = self._now
        return await _book(wanted.key, lambda: self._ledger.change_invoice(wanted.invoice_id, total=wanted.total, at=now))

    @activity.defn
    async def suspend(self, wanted: SuspendInBilling, case_id: str, policy: PolicySnapshot) -> SuspensionAnswer:
        """Billing reads the account anew, and suspends only while it is in arrears by what the policy chases."""
        now, minimum = self._now, policy.read().minimum
        answer = await asyncio.to_thread(
            self._ledger.suspend_account, f"{case_id}:{wanted.number}", wanted.account_id, wanted.invoice_ids, minimum,
            recorded_by=case_id, at=now,
        )  # fmt: skip
        return SuspensionAnswer(order=wanted.number, answer=answer)

    @activity.defn
    async def reinstate(self, wanted: ReinstateInBilling, key: str) -> Reinstated:
        await asyncio.to_thread(self._ledger.reinstate_account, key, wanted.account_id, at=self._now)
        return Reinstated()

    @activity.defn
    async def write_off(self, wanted: BookWriteOff, case_id: str) -> WrittenOff:
        """What billing refuses, it refuses for good: then nothing was written off."""
        now = self._now
        try:
            amount = await asyncio.to_thread(
                self._ledger.write_off, wanted.key, wanted.invoice_id, wanted.amount, wanted.currency, now.date(),
                recorded_by=case_id, at=now,
            )  # fmt: skip
        except LedgerError as error:
            activity.logger.warning("billing refuses the write-off %s: %s", wanted.key, error)
            amount = 0
        return WrittenOff(invoice_id=wanted.invoice_id, amount=amount)

    @activity.defn
    async def charge_interest(self, wanted: ChargeInterest, case_id: str) -> str:
        """The id of the invoice that charges it; empty when billing refuses it."""
        now = self._now
        try:
            return await asyncio.to_thread(
                self._ledger.charge_interest, wanted.key, wanted.account_id, wanted.amount, wanted.currency, now.date(),
                charged_by=case_id, at=now,
            )  # fmt: skip
        except LedgerError as error:
            activity.logger.warning("billing refuses the interest %s: %s", wanted.key, error)
            return ""

    @activity.defn
    async def read_invoice(self, invoice_id: str) -> InvoiceNews | None:
        """As billing knows it now; None for one that it does not know."""
        try:
            return InvoiceNews(invoice_id=invoice_id, facts=await asyncio.to_thread(self._ledger.facts, invoice_id))
        except UnknownInvoiceError:
            return None

    @activity.defn
    async def adopt_segment(self, wanted: AdoptSegment) -> PolicySnapshot:
        """The policy that the account's invoices follow from now on."""
        return await asyncio.to_thread(self._policies.adopt, wanted.account_id, wanted.segment)

    @activity.defn
    async def notify(self, notice: NotifyRole | NotifyPerson) -> list[str]:
        """To whom it went."""
        info = activity.info()
        return await self._notices.send(notice, f"{info.workflow_id}:{info.workflow_run_id}:{info.activity_id}")


async def _book(key: str, book: Callable[[], object]) -> Booking:
    """What billing refuses, it refuses for good; whatever else fails is tried again."""
    try:
        await asyncio.to_thread(book)
    except LedgerError as error:
        return Booking(key=key, refused=str(error))
    return Booking(key=key)
