"""An invoice's part of a promise over several: what it states of it, and what it hears of the others."""

from datetime import datetime

from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.promise import PromiseMoney, PromisePart


def needs_promise_money(case: InvoiceCase, now: datetime) -> bool:
    """True when a promise over several invoices is to be judged: what came for all of them is in the database."""
    return case.promise is not None and case.promise.share is not None and case.is_promise_over(now)


def build_promise_part(case: InvoiceCase) -> PromisePart | None:
    """The invoice's part of a promise over several; None while it has none."""
    promise = case.promise
    if promise is None or promise.share is None:
        return None
    forgiven = max(promise.amount - promise.received, 0) if case.is_settled else 0
    return PromisePart(promise_id=promise.share.promise_id, amount=promise.amount, received=promise.received, forgiven=forgiven)


def apply_promise_money(case: InvoiceCase, money: PromiseMoney) -> None:
    """What came for all invoices of the promise."""
    if case.promise and case.promise.share:
        case.promise = case.promise.model_copy(update={"money": money})
