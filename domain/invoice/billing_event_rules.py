"""What happens to an invoice's collection when the billing system reports a change: a payment, a credit, a new due date.

Once the invoice is settled its workflow takes no further step and closes the case (`is_over`, `close_case` in
`workflows/invoice_collection.py`; `InvoiceCase.close` lifts the holds and writes the last entry).
"""

from typing import Any

from domain.billing.billing_events import BillingEvent, BillingEventKind
from domain.clock import Moment
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.entry_kinds import EntryKind

_EVENT_ENTRY_KINDS = {
    BillingEventKind.INVOICE_ISSUED: EntryKind.INVOICE_CHANGED,
    BillingEventKind.INVOICE_CHANGED: EntryKind.INVOICE_CHANGED,
    BillingEventKind.INVOICE_CANCELLED: EntryKind.INVOICE_CANCELLED,
    BillingEventKind.PAYMENT_RECEIVED: EntryKind.PAYMENT_RECEIVED,
    BillingEventKind.PAYMENT_REVERSED: EntryKind.PAYMENT_REVERSED,
    BillingEventKind.CREDIT_NOTE_ISSUED: EntryKind.CREDIT_NOTE_ISSUED,
    BillingEventKind.INVOICE_WRITTEN_OFF: EntryKind.WRITE_OFF_BOOKED,
    BillingEventKind.PAYMENT_RECOVERED: EntryKind.WRITE_OFF_RECOVERED,
    BillingEventKind.CREDIT_APPLIED: EntryKind.CREDIT_APPLIED,
    BillingEventKind.CREDIT_TAKEN_BACK: EntryKind.CREDIT_TAKEN_BACK,
}

_PAYMENT_KINDS = (
    BillingEventKind.PAYMENT_RECEIVED,
    BillingEventKind.PAYMENT_REVERSED,
    BillingEventKind.CREDIT_APPLIED,
    BillingEventKind.CREDIT_TAKEN_BACK,
)
"""By these the customer's money comes and goes; what a credit note takes off keeps no promise."""


def apply_billing_event(case: InvoiceCase, event: BillingEvent, at: Moment) -> bool:
    """Take in a billing event once. An event older than the facts is journalled, but changes nothing."""
    if not case.mark_seen(event.event_id):
        return False
    stale = event.facts.version <= case.facts.version
    if stale and event.kind is BillingEventKind.INVOICE_ISSUED:
        return False
    case.write_entry(
        _EVENT_ENTRY_KINDS[event.kind],
        at,
        event=event.event_id,
        amount=event.amount,
        reference=event.reference,
        open_balance=event.facts.open_balance,
        status=event.facts.status.value,
        due_date=event.facts.due_date.isoformat(),
        **_describe_credit(event),
    )
    if not stale:
        case.facts = event.facts
    if case.promise and event.kind in _PAYMENT_KINDS:
        case.promise = case.promise.with_payment(event.payment_amount)
        if case.promise.is_fulfilled(case.policy.promise):
            case.judge_promise(at)
    case.update_fact_holds(at)
    return True


def _describe_credit(event: BillingEvent) -> dict[str, Any]:
    """Return what an entry says of unapplied credit that was applied or taken back; nothing for any other event."""
    if event.credit is None:
        return {}
    undone = {"takes_back": event.credit.takes_back, "reason": event.credit.reason} if event.credit.takes_back else {}
    return {
        "currency": event.facts.currency,
        "application": event.credit.application,
        "credit": event.credit.credit_id,
        "is_credit_note": event.credit.is_credit_note,
        "by": event.credit.by,
        "on": event.occurred_at.date().isoformat(),
        **undone,
    }
