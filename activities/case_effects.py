"""What cases ask of the outside world: billing carries out what was decided, and people of ours are told."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from adapters.billing.errors import BillingAwayError, BillingError, RefusedByBillingError, UnknownInvoiceError, UnsupportedOperationError
from adapters.billing.external_key import parse_external_key
from adapters.billing.port import CaseBilling
from adapters.billing.results import PaymentResult
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.database.row_states import TaskState
from adapters.notifications.staff_notifier import StaffNotifier
from adapters.policies.policy_store import PolicyStore
from domain.billing.receivables import InvoiceUpdate
from domain.case.billing_results import BookingResult, ReinstatementResult, SuspensionResult, WriteOffResult
from domain.case.effects import (
    AdoptSegment,
    BookWriteOff,
    CancelInvoice,
    ChangeInvoice,
    ChargeInterest,
    IssueCreditNote,
    NotifyPerson,
    NotifyRole,
    ReinstateInBilling,
    SuspendInBilling,
)
from domain.clock import Clock
from domain.identifiers import parse_case_id
from domain.policy.collection_policy import PolicySnapshot

T = TypeVar("T")

BY_HAND = (UnsupportedOperationError, RefusedByBillingError)
"""Of a connected system: it cannot do it from here, or not as it stands there."""

WAITS_FOR_PERSON = "WaitsForPerson"
LOOKED_FOR_EVERY = timedelta(minutes=1)
"""How often it is looked for whether a person has done what was asked, in real time."""


NOT_SEEN = (
    "this was closed as done, and the billing system does not show it yet: see there whether it was booked on this invoice, wait until it "
    "was read, and close this task again; what you say then counts"
)
LONGEST_REST = timedelta(minutes=10)
"""Until a billing system that asks for it is tried again at the latest: a case does not wait longer than that for one booking."""


class Booking(NamedTuple):
    """What is booked once by its key, and of whom."""

    key: str
    account_id: str
    invoice_id: str | None = None


class CaseEffectActivities:
    def __init__(self, billing: CaseBilling, policies: PolicyStore, notifier: StaffNotifier, clock: Clock, by_hand: BookingsByHand) -> None:
        self._billing, self._policies, self._notifier, self._clock, self._by_hand = billing, policies, notifier, clock, by_hand

    @property
    def _business_now(self) -> datetime:
        """Business time at which this was asked for: the same when it is tried again, so that a second try books the same."""
        return self._clock.to_business(activity.info().scheduled_time)

    @activity.defn
    async def issue_credit_note(self, effect: IssueCreditNote) -> BookingResult:
        now = self._business_now

        def issue() -> PaymentResult:
            return self._billing.issue_credit_note(
                effect.key, effect.invoice_id, effect.amount, now.date(), within_open_balance=effect.within_open_balance, at=now
            )

        of_credit = (effect.key, effect.invoice_id, effect.amount)
        shown, excess = partial(self._by_hand.shown.take_credit, *of_credit), partial(self._by_hand.shown.find_excess, *of_credit)
        return await self._book_or_refuse(Booking(effect.key, "", effect.invoice_id), issue, shown, excess)

    @activity.defn
    async def change_invoice(self, effect: ChangeInvoice) -> BookingResult:
        """A new total twice is the same total: what was written before is found unchanged."""
        now = self._business_now
        change = partial(self._billing.change_invoice, effect.invoice_id, total=effect.total, at=now)
        shown = partial(self._by_hand.shown.has_total, effect.key, effect.invoice_id, effect.total)
        return await self._book_or_refuse(Booking(effect.key, "", effect.invoice_id), change, shown)

    @activity.defn
    async def cancel_invoice(self, effect: CancelInvoice, case_id: str) -> BookingResult:
        """Twice is once: what is cancelled stays so."""
        now = self._business_now
        cancel = partial(self._billing.cancel_invoice, effect.invoice_id, recorded_by=case_id, at=now)
        shown = partial(self._by_hand.shown.is_cancelled, effect.invoice_id)
        return await self._book_or_refuse(Booking(effect.key, "", effect.invoice_id), cancel, shown)

    @activity.defn
    async def suspend(self, effect: SuspendInBilling, case_id: str, policy: PolicySnapshot) -> SuspensionResult:
        """Billing reads the account anew, and suspends only while it is in arrears by what the policy chases. Where it cannot turn the
        service off itself, a person does; until then, this is tried again, so that a payment still spares the account."""
        now, minimums = self._business_now, policy.load_policy().minimum_open_balances
        key = f"{case_id}:{effect.number}"
        answer = await self._book_or_wait(
            Booking(key, effect.account_id),
            partial(
                self._billing.suspend_account,
                key,
                effect.account_id,
                effect.invoice_ids,
                minimums,
                recorded_by=case_id,
                at=now,
            ),
        )
        return SuspensionResult(order=effect.number, answer=answer)

    @activity.defn
    async def reinstate(self, effect: ReinstateInBilling, key: str) -> ReinstatementResult:
        reinstating = partial(self._billing.reinstate_account, key, effect.account_id, at=self._business_now)
        await self._book_or_wait(Booking(key, effect.account_id), reinstating)
        return ReinstatementResult()

    @activity.defn
    async def write_off(self, effect: BookWriteOff, case_id: str) -> WriteOffResult:
        """Billing writes off what is open by now, and never more than was approved; what the ledger refuses is not booked, and what a
        connected system cannot do or refuses a person does there: until then, this is tried again."""
        now, account = self._business_now, parse_case_id(case_id)
        writing_off = partial(
            self._billing.write_off,
            effect.key,
            effect.invoice_id,
            effect.amount,
            effect.currency,
            now.date(),
            recorded_by=case_id,
            at=now,
        )
        try:
            booking = Booking(effect.key, account.subject if account else "", effect.invoice_id)
            amount = await self._book_or_wait(booking, writing_off)
        except BillingError as error:
            activity.logger.warning("billing refuses the write-off %s: %s", effect.key, error)
            amount = 0
        return WriteOffResult(invoice_id=effect.invoice_id, amount=amount)

    @activity.defn
    async def charge_interest(self, effect: ChargeInterest, case_id: str) -> str:
        """The id of the invoice that charges it; empty when billing refuses it."""
        now = self._business_now
        try:
            return await asyncio.to_thread(
                self._billing.charge_interest,
                effect.key,
                effect.account_id,
                effect.amount,
                effect.currency,
                now.date(),
                charged_by=case_id,
                at=now,
            )
        except BillingError as error:
            activity.logger.warning("billing refuses the interest %s: %s", effect.key, error)
            if isinstance(error, BY_HAND):
                await self._ask_by_hand(Booking(effect.key, effect.account_id), error)
            return ""

    async def _book_or_refuse(
        self, booking: Booking, book: Callable[[], object], shown: Callable[[], bool], excess: Callable[[], str | None] = lambda: None
    ) -> BookingResult:
        """What billing refuses by its rules, it refuses for good: whoever decided it hears why. What a connected system cannot do, or
        refuses for a reason of its own, a person does there; until it is to be seen there (`shown`), nothing more is ordered, and nothing
        either where it was seen and this could not be told. `excess`: why it must not be done any more, while nobody has done it."""
        invoice_id = booking.invoice_id or ""
        if not parse_external_key(invoice_id):
            return await _execute_booking(booking.key, book)
        asked = await asyncio.to_thread(self._by_hand.find_state, booking.key)
        is_shown = asked is not None and await asyncio.to_thread(shown)
        if asked is None or (asked is TaskState.DROPPED and not is_shown):
            try:
                await _carry_out(book)
            except BY_HAND as error:
                await self._ask_by_hand(booking, error)
                raise _wait_for_person(str(error)) from error
            except BillingError as error:
                return BookingResult(key=booking.key, refused=str(error))
            return BookingResult(key=booking.key)
        if not is_shown and asked is TaskState.OPEN and (words := await asyncio.to_thread(excess)):
            await asyncio.to_thread(self._by_hand.drop, booking.key)
            return BookingResult(key=booking.key, refused=words)
        if not is_shown and (asked is TaskState.OPEN or await self._ask_again(booking.key, invoice_id)):
            raise _wait_for_person("it is not to be seen there yet")
        await asyncio.to_thread(self._by_hand.drop, booking.key)
        return BookingResult(key=booking.key)

    async def _ask_again(self, key: str, invoice_id: str) -> bool:
        """Whether a person is asked once more for what they have closed. Nothing need be done of an invoice that asks for nothing."""
        if await asyncio.to_thread(self._by_hand.shown.is_settled, invoice_id):
            return False
        return await asyncio.to_thread(self._by_hand.ask_again, key, invoice_id, NOT_SEEN, self._business_now)

    async def _book_or_wait(self, booking: Booking, book: Callable[[], T]) -> T:
        """Book it; where that takes a person, ask for it, once, and raise until it is done, or needs not be done any more. Whatever a
        connected system refuses takes one: a customer or an invoice that is gone there does not come back by itself."""
        by_hand = BillingError if parse_external_key(booking.invoice_id or booking.account_id) else BY_HAND
        try:
            booked = await _carry_out(book)
        except by_hand as error:
            if not await self._ask_by_hand(booking, error):
                raise
            raise _wait_for_person(str(error)) from error
        if parse_external_key(booking.account_id):
            await asyncio.to_thread(self._by_hand.drop, booking.key)
        return booked

    async def _ask_by_hand(self, booking: Booking, error: BillingError) -> bool:
        """Whether somebody still has to do it."""
        return await asyncio.to_thread(
            self._by_hand.ask, booking.key, booking.account_id, booking.invoice_id, str(error), self._business_now
        )

    @activity.defn
    async def read_invoice(self, invoice_id: str) -> InvoiceUpdate | None:
        """As billing knows it now; None for one that it does not know."""
        try:
            return InvoiceUpdate(invoice_id=invoice_id, facts=await asyncio.to_thread(self._billing.get_invoice_facts, invoice_id))
        except UnknownInvoiceError:
            return None

    @activity.defn
    async def adopt_segment(self, effect: AdoptSegment) -> PolicySnapshot:
        """The policy that the account's invoices follow from now on."""
        return await asyncio.to_thread(self._policies.adopt_segment, effect.account_id, effect.segment)

    @activity.defn
    async def notify(self, notice: NotifyRole | NotifyPerson) -> list[str]:
        """To whom it went; or for whom it was put down, where the day's digest will tell it. Where nobody has an address, it waits."""
        info = activity.info()
        key = f"{info.workflow_id}:{info.workflow_run_id}:{info.activity_id}"
        return await self._notifier.tell_or_set_aside(notice, key, info.workflow_id or "", self._business_now.date(), info.attempt)


def _wait_for_person(why: str) -> ApplicationError:
    return ApplicationError(
        f"a person does this in the billing system: {why}",
        type=WAITS_FOR_PERSON,
        next_retry_delay=LOOKED_FOR_EVERY,
        category=ApplicationErrorCategory.BENIGN,
    )


async def _execute_booking(key: str, booking: Callable[[], object]) -> BookingResult:
    """What billing refuses, it refuses for good; whatever else fails is tried again."""
    try:
        await _carry_out(booking)
    except BillingError as error:
        return BookingResult(key=key, refused=str(error))
    return BookingResult(key=key)


async def _carry_out(booking: Callable[[], T]) -> T:
    """A system that is away is tried again when it says: a call to it that was not answered may still be running there."""
    try:
        return await asyncio.to_thread(booking)
    except BillingAwayError as error:
        if error.retry_after is None:
            raise
        rest = min(timedelta(seconds=error.retry_after), LONGEST_REST)
        raise ApplicationError(str(error), type=type(error).__name__, next_retry_delay=rest) from error
