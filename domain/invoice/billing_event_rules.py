"""What happens to an invoice's collection when the billing system reports a change: a payment, a credit, a new due date.

Once the invoice is settled its workflow takes no further step and closes the case (`is_over`, `close_case` in
`workflows/invoice_collection.py`; `InvoiceCase.close` lifts the holds and writes the last entry).
"""

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
}


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
    )
    if not stale:
        case.facts = event.facts
    if event.kind in (BillingEventKind.PAYMENT_RECEIVED, BillingEventKind.PAYMENT_REVERSED) and case.promise:
        sign = 1 if event.kind is BillingEventKind.PAYMENT_RECEIVED else -1
        case.promise = case.promise.with_payment(sign * event.amount)
        if case.promise.is_fulfilled(case.policy.promise):
            case.judge_promise(at)
    case.update_fact_holds(at)
    return True
