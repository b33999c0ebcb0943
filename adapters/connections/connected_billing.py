"""What cases and people order of a connected system, by Duecourse's ids: it is booked there, and read back at once.

What the system cannot do is refused in words that say what a person does there, and is carried out once that person has said that it is
done. What the system has done is in the mirror when the order is answered.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import structlog

from adapters.billing.booking_words import BookingReason, describe_booking
from adapters.billing.connector import BillingConnector, ConnectorCapability
from adapters.billing.errors import (
    BillingAwayError,
    BillingError,
    ConflictingCreditNoteError,
    ConnectionRefusedByBillingError,
    UnknownInvoiceError,
    UnsupportedOperationError,
)
from adapters.billing.external_key import ExternalKey, find_whole_id, parse_external_key
from adapters.billing.port import DUECOURSE
from adapters.billing.results import PaymentResult
from adapters.cases.begun_orders import BegunOrders
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.settlement_balance import sum_written_off
from adapters.database.row_states import TaskState
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceFacts
from domain.billing.payment_allocation import AllocationShare
from domain.case.billing_results import SuspensionOrderOutcome
from domain.money import Money

log = structlog.get_logger(__name__)


class ConnectedBilling:
    """One connected system. `ledger` reads the mirror, and keeps which orders of service were carried out. `by_hand`: what people were
    asked to do there; what they have done is not ordered again. `orders`: what was begun there."""

    def __init__(
        self, connector: BillingConnector, sync: ConnectionSync, ledger: Ledger, by_hand: BookingsByHand, orders: BegunOrders
    ) -> None:
        self._connector, self._sync, self._ledger, self._by_hand, self._orders = connector, sync, ledger, by_hand, orders

    def issue_credit_note(
        self,
        credit_note_id: str,
        invoice: ExternalKey,
        amount: int,
        reason: str,
        *,
        credited_before: int | None = None,
        recorded_by: str = DUECOURSE,
    ) -> PaymentResult:
        """Never more than is open. Who ordered it is kept here before it is booked: the system does not say so, and it counts with what
        they credit next. Raises what the connector raises, and ConcurrentCreditError."""
        facts = self._ledger.get_invoice_facts(invoice.id)
        money = Money(minor=amount, currency=facts.currency)
        whole = find_whole_id(invoice.external_id)
        self._require(ConnectorCapability.BOOK_CREDIT_NOTE, f"credit {money.major} {facts.currency} of invoice {whole} there")
        with self._orders.hold(credit_note_id), self._orders.hold_invoice(self._name_whole(whole), credit_note_id):
            self._orders.begin_credit(credit_note_id, invoice.id, amount, recorded_by, credited_before)
            try:
                booked = self._connector.book_credit_note(
                    credit_note_id, whole, amount, facts.currency, reason or self._describe(BookingReason.CREDITED)
                )
            except ConflictingCreditNoteError:
                raise
            except BillingError:
                self._orders.end(credit_note_id)
                raise
        self._read_booked(whole)
        return PaymentResult(allocations=(AllocationShare(invoice_id=invoice.id, amount=booked.amount),), unapplied=0)

    def write_off(self, key: str, invoice: ExternalKey, amount: int, currency: str, on: date) -> int:
        """Where a person was asked to do it: what the system says that is written off by now, once nothing is open there or they have said
        that it is done."""
        asked, whole = self._by_hand.find_state(key), find_whole_id(invoice.external_id)
        if asked is not None:
            stands = self._sync.refresh(whole)
            if asked is TaskState.DONE or not stands.open_balance:
                return min(amount, sum_written_off(stands))
        money = Money(minor=amount, currency=currency)
        self._require(ConnectorCapability.BOOK_WRITE_OFF, f"write off {money.major} {currency} of invoice {whole} there")
        with self._orders.hold(key), self._orders.hold_invoice(self._name_whole(whole), key):
            booked = self._connector.book_write_off(key, whole, amount, currency, on)
        self._read_booked(whole)
        return booked.amount

    def _read_booked(self, external_id: str) -> None:
        """Read the invoice of a booking anew. The booking stands whether or not that can be done now: the next reading takes it in."""
        try:
            self._sync.refresh(external_id)
        except (BillingAwayError, BillingError, ConnectionRefusedByBillingError) as error:
            log.warning("an invoice was booked on and cannot be read anew", invoice=external_id, error=repr(error))

    def change_invoice(
        self, invoice: ExternalKey, *, due_date: date | None, total: int | None, disputed: bool | None, at: datetime
    ) -> InvoiceFacts:
        """That it is disputed, Duecourse keeps itself."""
        facts = self._ledger.get_invoice_facts(invoice.id)
        if (due_date or facts.due_date, facts.total if total is None else total) != (facts.due_date, facts.total):
            raise self._build_refusal(f"change the terms of invoice {find_whole_id(invoice.external_id)} there; Duecourse reads them")
        return self._ledger.change_invoice(invoice.id, disputed=disputed, at=at)

    def suspend_account(
        self,
        key: str,
        account: ExternalKey,
        invoice_ids: Sequence[str],
        minimums: Mapping[str, int],
        *,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> SuspensionOrderOutcome:
        """The invoices are read anew, so that a payment that came in the meantime spares the account; while it waits for a person, they are
        as they were read last. It counts as suspended here once it is there: where a person does it, once they have said so, whatever was
        paid until then."""
        with self._orders.hold(key):
            if (asked := self._by_hand.find_state(key)) is not TaskState.DONE:
                waits = asked is TaskState.OPEN and ConnectorCapability.SUSPEND not in self._connector.capabilities
                there = [invoice_id for invoice_id in invoice_ids if waits or self._is_there(invoice_id)]
                answer = self._ledger.weigh_suspension(key, account.id, there, minimums, at=at)
                if answer is SuspensionOrderOutcome.NOT_IN_ARREARS:
                    self._spare(key, account, at, is_asked=asked is TaskState.OPEN)
                    return answer
                self._require(
                    ConnectorCapability.SUSPEND, f"stop serving account {account.external_id} there by hand, and close this task then"
                )
                self._orders.begin(key, account.id, recorded_by)
                self._connector.suspend(key, account.external_id, self._describe(BookingReason.SUSPENDED))
            self._ledger.note_suspension(key, account.id, recorded_by=recorded_by, at=at)
            self._orders.end(key)
            return SuspensionOrderOutcome.SUSPENDED

    def _spare(self, key: str, account: ExternalKey, at: datetime, *, is_asked: bool) -> None:
        """Undo what was begun of a suspension that is no longer due: part of it may have been done, or all of it and the answer lost. Where
        that cannot be done from here, or a person was asked to suspend (`is_asked`) and may have begun, a task of its own says what to do;
        nothing waits for it."""
        spared, by_hand = f"{key}:spared", ""
        if is_asked:
            by_hand = f"account {account.external_id} owes nothing for which it would be suspended any more: do not stop serving it there"
        if self._orders.is_begun(key):
            try:
                self._require(ConnectorCapability.REINSTATE, f"account {account.external_id} owes nothing overdue there any more")
                self._connector.reinstate(spared, account.external_id)
            except BillingError as error:
                by_hand = by_hand or str(error)
        if by_hand:
            words = f"{by_hand}; if you stopped it already, or it was stopped from here, serve it again, and close this task then"
            self._by_hand.ask(spared, account.id, None, words, at)
        self._orders.end(key)

    def reinstate_account(self, key: str, account: ExternalKey, *, recorded_by: str = DUECOURSE, at: datetime) -> None:
        """It counts as reinstated once it is there, as with a suspension."""
        with self._orders.hold(key):
            if self._by_hand.find_state(key) is not TaskState.DONE:
                self._require(
                    ConnectorCapability.REINSTATE, f"serve account {account.external_id} there again by hand, and close this task then"
                )
                self._connector.reinstate(key, account.external_id)
        self._ledger.reinstate_account(key, account.id, recorded_by=recorded_by, at=at)

    def _is_there(self, invoice_id: str) -> bool:
        """Read the invoice anew. Nobody is suspended for one that the system no longer knows."""
        key = parse_external_key(invoice_id)
        try:
            self._sync.refresh(find_whole_id(key.external_id if key else invoice_id))
        except UnknownInvoiceError:
            return False
        return True

    def refuse(self, what: str) -> UnsupportedOperationError:
        """Build the refusal of what no connected system is asked: it is done there, and read."""
        return self._build_refusal(f"{what} there; Duecourse reads it")

    def _name_whole(self, external_id: str) -> str:
        return ExternalKey.build(self._connector.key, external_id).id

    def _describe(self, reason: BookingReason) -> str:
        return describe_booking(reason, self._sync.language)

    def _require(self, capability: ConnectorCapability, by_hand: str) -> None:
        if capability not in self._connector.capabilities:
            raise self._build_refusal(by_hand)

    def _build_refusal(self, by_hand: str) -> UnsupportedOperationError:
        return UnsupportedOperationError(f"the billing system {self._connector.key.system} cannot do this from here: {by_hand}")
