"""What a connected billing system is read to say. Amounts are minor units of the currency named, dates are the system's own.

All of it is plain, so that what was read can be stored, compared and shown; `external_id` and `account_id` are the system's own ids.
"""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from domain.billing.billing_events import InvoiceStatus


class SettlementKind(StrEnum):
    """By what an invoice is owed less."""

    PAYMENT = "payment"
    CREDIT_NOTE = "credit_note"
    WRITE_OFF = "write_off"


class NoteKind(StrEnum):
    """What a note is about. A system that has a place of its own for one of these puts it there."""

    NOTE = "note"
    LETTER = "letter"
    CALL = "call"
    DISPUTE = "dispute"


class Settlement(NamedTuple):
    """A payment, credit note or write-off of which the invoice has `amount`. `external_id` names it, and is the same as long as the invoice
    has any of it."""

    external_id: str
    kind: SettlementKind
    amount: int
    settled_on: date
    reference: str = ""


class DuePart(NamedTuple):
    """A part of an invoice that is due on a day of its own, and what is open of it."""

    due_date: date
    amount: int
    open_amount: int


class ExternalInvoice(NamedTuple):
    """An invoice as it stands at `version`, which is the system's own and opaque: another one says that it was changed.

    `due_parts` has one for each due date, the earliest first, at least one; their amounts add up to `total`, and what is open of them to
    `open_balance`. `settlements` add up to `total` less `open_balance`, where the system tells them all. `reference` is what the payer is
    asked to state. `ledger_currency` is the books' own, which may be another than the invoice's.
    """

    external_id: str
    version: str
    account_id: str
    number: str
    issue_date: date
    currency: str
    total: int
    open_balance: int
    status: InvoiceStatus
    due_parts: tuple[DuePart, ...]
    settlements: tuple[Settlement, ...]
    ledger_currency: str
    reference: str = ""
    payment_link: str = ""

    @property
    def due_date(self) -> date:
        """The day from which something is overdue: the earliest due date of which something is open; settled, the last one."""
        return next((part.due_date for part in self.due_parts if part.open_amount > 0), self.due_parts[-1].due_date)


class ExternalAccount(NamedTuple):
    """A customer. `suspended`: as far as the system knows; None where it does not. `number`: as the system prints it on its documents;
    empty where it prints none."""

    account_id: str
    name: str
    country: str | None
    language: str | None
    emails: tuple[str, ...]
    suspended: bool | None = None
    number: str = ""


class ExternalCredit(NamedTuple):
    """A payment or credit note of which no invoice has `left`: the customer has paid, but it pays nothing yet. `external_id` is that of the
    settlement that it becomes when an invoice takes it."""

    external_id: str
    account_id: str
    is_credit_note: bool
    currency: str
    left: int
    came_on: date
    reference: str = ""


class OpenReceivable(NamedTuple):
    """What a full comparison compares of an invoice of which something is owed."""

    external_id: str
    account_id: str
    number: str
    currency: str
    open_balance: int


class UnreadRow(NamedTuple):
    """What the system gave as an invoice and cannot be read as one, and why. It holds up no other."""

    external_id: str
    reason: str


class ChangePage(NamedTuple):
    """Invoices that were changed, as they stand now, those that are gone, and what cannot be read. `cursor` reads on from here; it is the
    system's own and opaque, and outlives a restart. `has_more`: there is another page now. `concerns_credit`: what a customer has unapplied
    changed, too. `unknown`: those that it named, and did not know when they were asked for: they may be gone, or hidden from Duecourse."""

    invoices: tuple[ExternalInvoice, ...]
    gone: tuple[str, ...]
    cursor: str
    has_more: bool
    unread: tuple[UnreadRow, ...] = ()
    concerns_credit: bool = False
    unknown: tuple[str, ...] = ()


class OpenReceivablePage(NamedTuple):
    """`cursor` is None on the last page. `unread`: what cannot be read, and may be owed."""

    items: tuple[OpenReceivable, ...]
    cursor: str | None
    unread: tuple[UnreadRow, ...] = ()


class CreditPage(NamedTuple):
    """`cursor` is None on the last page."""

    credits: tuple[ExternalCredit, ...]
    cursor: str | None


class InvoiceDocument(NamedTuple):
    """The invoice as the system prints it."""

    filename: str
    media_type: str
    content: bytes


class ExternalBooking(NamedTuple):
    """What was booked for a key: the system's id of it, and its amount, which may be less than was asked for. `repeated`: it was there
    before, and nothing was booked anew."""

    external_id: str
    amount: int
    repeated: bool


class BalanceCheck(NamedTuple):
    """What a sample shows of whether a system's balances count what is applied to its invoices. `checked`: how many were looked at;
    `differing`: the numbers of those whose balance does not. `is_trusted`: their balances are believed, and not computed here."""

    checked: int
    differing: tuple[str, ...]
    is_trusted: bool


class WebhookHint(NamedTuple):
    """What a webhook says may have changed; nothing more is believed of it. `event_id` is the same when it comes again. `external_id` is
    None where it is about something else than an invoice. `concerns_credit`: what a customer has unapplied may have changed."""

    event_id: str
    external_id: str | None
    concerns_credit: bool = False


class ConnectionStep(NamedTuple):
    """A step of a connection's test: what was tried, whether it works, what was found; and, where it does not, what to ask for. `is_tried`
    is False of what can only be tried by doing it; what may be needed for it is what to ask for."""

    name: str
    works: bool
    found: str
    ask_for: str = ""
    is_tried: bool = True
