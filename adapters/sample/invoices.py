"""The invoices of the sample's customers, and the events that follow: the same for the same business date, every time.

Each account has a payment habit, so that every state of an invoice occurs at the start or later.
"""

import random
from datetime import date, timedelta
from enum import StrEnum
from itertools import cycle

from pydantic import BaseModel, ConfigDict

from adapters.sample.accounts import SAMPLE_ACCOUNTS, SampleAccount
from domain.billing.billing_events import InvoiceStatus

SEED = 20_240_229
INVOICES_PER_ACCOUNT = 5
DUE_DAYS = (-100, -74, -52, -38, -24, -17, -11, -6, -3, -1, 0, 1, 2, 4, 6, 9, 12, 15, 19, 23, 28, 33, 38)
"""Due dates, in days from the business date at which the sample begins."""
SMALL_BALANCE = 320
"""Minor units: below the standard policy's minimum balance."""


class PaymentHabit(StrEnum):
    """The way in which a customer pays."""

    PUNCTUAL = "punctual"
    FORGETFUL = "forgetful"
    SLOW = "slow"
    PARTLY = "partly"
    KEEPS_PROMISES = "keeps_promises"
    BREAKS_PROMISES = "breaks_promises"
    DISPUTES = "disputes"
    SILENT = "silent"
    OVERPAYS = "overpays"
    CREDITED = "credited"


class SimulatedEventKind(StrEnum):
    """The kinds of events that happen to sample invoices."""

    PAYMENT = "payment"
    BOUNCE = "bounce"
    CREDIT_NOTE = "credit_note"
    CANCELLATION = "cancellation"
    DISPUTE = "dispute"
    DISPUTE_SOLVED = "dispute_solved"
    PROMISE = "promise"
    PAUSE = "pause"


class SimulatedEvent(BaseModel):
    """An event of an invoice on a business date. Amounts in minor units; `until` is a promise's day or a pause's end, `payment` the id of
    the payment that bounces."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    on: date
    kind: SimulatedEventKind
    account_id: str
    invoice_id: str
    currency: str
    amount: int = 0
    until: date | None = None
    payment: str | None = None


class SampleInvoice(BaseModel):
    """An invoice as billing exports it at the start. Amounts in minor units."""

    model_config = ConfigDict(frozen=True)

    account: SampleAccount
    number: str
    issue_date: date
    due_date: date
    total: int
    open_balance: int
    status: InvoiceStatus = InvoiceStatus.OPEN
    disputed: bool = False
    settled_on: date | None = None


class SamplePortfolio(BaseModel):
    """The invoices at the start, and the later events in order of their dates."""

    invoices: tuple[SampleInvoice, ...]
    events: tuple[SimulatedEvent, ...]


def make_sample_portfolio(as_of: date) -> SamplePortfolio:
    """Make the portfolio as of a business date."""
    chance = random.Random(SEED)
    habits, offsets, number = cycle(PaymentHabit), cycle(DUE_DAYS), 0
    invoices: list[SampleInvoice] = []
    events: list[SimulatedEvent] = []
    for account in SAMPLE_ACCOUNTS:
        habit = next(habits)
        for place in range(INVOICES_PER_ACCOUNT):
            number += 1
            invoice = _make_invoice(account, f"R-{24_000 + number}", as_of + timedelta(days=next(offsets)), as_of, chance)
            invoice = _apply_past_events(invoice, habit, place, as_of)
            invoices.append(invoice)
            if invoice.status is InvoiceStatus.OPEN:
                events += _plan_events(invoice, habit, place, as_of, chance)
    return SamplePortfolio(invoices=tuple(invoices), events=tuple(sorted(events, key=lambda event: (event.on, event.event_id))))


def _make_invoice(account: SampleAccount, number: str, due: date, as_of: date, chance: random.Random) -> SampleInvoice:
    total = chance.choice((4_900, 18_750, 42_000, 96_500, 138_000, 257_420, 612_300, 1_480_000)) + chance.randrange(0, 9_900)
    terms = chance.choice([days for days in (14, 30, 45, 60) if due - timedelta(days=days) <= as_of])
    return SampleInvoice(
        account=account, number=number, issue_date=due - timedelta(days=terms), due_date=due, total=total, open_balance=total
    )


def _apply_past_events(invoice: SampleInvoice, habit: PaymentHabit, place: int, as_of: date) -> SampleInvoice:
    """Apply what has happened to an invoice before the sample begins."""
    days_late = (as_of - invoice.due_date).days
    changes: dict[str, object] = {}
    if habit is PaymentHabit.PUNCTUAL and days_late > 0:
        changes = {"open_balance": 0, "status": InvoiceStatus.PAID, "settled_on": invoice.due_date}
    elif habit is PaymentHabit.DISPUTES and place == 1:
        changes = {"disputed": True}
    elif habit is PaymentHabit.PARTLY and days_late > 0:
        changes = {"open_balance": SMALL_BALANCE if place == 0 else invoice.total * 2 // 5}
    elif habit is PaymentHabit.CREDITED and place == 0 and invoice.issue_date < as_of:
        changes = {"status": InvoiceStatus.CANCELLED}
    return invoice.model_copy(update=changes)


def _plan_events(invoice: SampleInvoice, habit: PaymentHabit, place: int, as_of: date, chance: random.Random) -> list[SimulatedEvent]:
    due, owed = invoice.due_date, invoice.open_balance
    soon = max(due, as_of)

    def on(days: int, kind: SimulatedEventKind, amount: int = 0, until: int | None = None) -> SimulatedEvent:
        """Build an event `days` after the due date, or after the start if that was before it; `until` is in days from the event."""
        day = soon + timedelta(days=days)
        end = day + timedelta(days=until) if until is not None else None
        account = invoice.account
        return SimulatedEvent(
            event_id=f"sample:{invoice.number}:{kind}:{days}",
            on=max(day, as_of + timedelta(days=1)),
            kind=kind,
            account_id=account.id,
            invoice_id=invoice.number,
            currency=account.currency,
            amount=amount,
            until=end,
        )

    match habit:
        case PaymentHabit.PUNCTUAL:
            paid = on(chance.randrange(-2, 1), SimulatedEventKind.PAYMENT, owed)
            bounce = on(6, SimulatedEventKind.BOUNCE, owed).model_copy(update={"payment": paid.event_id})
            return [paid, bounce, on(13, SimulatedEventKind.PAYMENT, owed)] if place == 4 else [paid]
        case PaymentHabit.FORGETFUL:
            return [on(chance.randrange(2, 6), SimulatedEventKind.PAYMENT, owed)]
        case PaymentHabit.SLOW:
            return [on(chance.randrange(15, 28), SimulatedEventKind.PAYMENT, owed)]
        case PaymentHabit.PARTLY:
            return [on(5, SimulatedEventKind.PAYMENT, owed // 2), on(24, SimulatedEventKind.PAYMENT, owed - owed // 2)] if place > 0 else []
        case PaymentHabit.KEEPS_PROMISES:
            return [on(8, SimulatedEventKind.PROMISE, owed, until=7), on(14, SimulatedEventKind.PAYMENT, owed)]
        case PaymentHabit.BREAKS_PROMISES:
            return [on(3, SimulatedEventKind.PROMISE, owed, until=5), on(40, SimulatedEventKind.PAYMENT, owed)]
        case PaymentHabit.DISPUTES:
            solved = [on(18, SimulatedEventKind.DISPUTE_SOLVED), on(25, SimulatedEventKind.PAYMENT, owed)]
            return solved if invoice.disputed else [on(4, SimulatedEventKind.DISPUTE), *solved] if place % 2 == 0 else []
        case PaymentHabit.SILENT:
            return [on(10, SimulatedEventKind.PAUSE, until=12)] if place == 2 else []
        case PaymentHabit.OVERPAYS:
            return [on(4, SimulatedEventKind.PAYMENT, owed + 5_000 * (1 + place))]
        case PaymentHabit.CREDITED:
            return [on(6, SimulatedEventKind.CANCELLATION if place == 3 else SimulatedEventKind.CREDIT_NOTE, owed)]
