"""The content of a reminder at the moment it goes: each requested invoice has a line, or a reason to leave it out."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from adapters.database.tables import ContactRequest, Invoice, Message
from adapters.letters.letter_templates import LetterLine
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.letter_outcome import DropReason
from domain.journal.entry import FactValue
from domain.timeline.holds import HoldKind

VersionStamps = list[tuple[Any, ...]]
"""The versions of all rows that a letter's content rests on."""


class RequestedInvoice(NamedTuple):
    """A request in a letter, its invoice, the holds active on it, and how much of it is in dispute (minor units)."""

    request: ContactRequest
    invoice: Invoice
    holds: Any
    disputed: int

    @property
    def demanded_amount(self) -> int:
        """The amount that the letter asks for, in minor units."""
        return compute_undisputed_rest(self.invoice, self.disputed)


class _ReminderLine(NamedTuple):
    """A request that is still valid, and its line in the letter."""

    request: ContactRequest
    line: LetterLine
    invoice_version: int


class LetterRecipient(NamedTuple):
    """The customer: whom an account's letters go to, where, and in which language."""

    account_id: str
    name: str
    country: str
    zone: ZoneInfo
    language: str
    contact: str
    email: str
    collector: str | None


class LetterContent(BaseModel):
    """A letter's content at one moment. If its version stamps (`marks`) have changed since, it must be read again.

    `standing` are the lines that it shows, `lines` the rows that the database keeps of them, `dropped` the requests left out, by id.
    Of a case's letter (`case_id`) `details` are the facts for its text, `names` the numbers, by id, of the invoices that it is about;
    `dropped_for` is set when it must not be sent any more.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    message: int
    message_id: str
    customer: LetterRecipient
    currency: str
    letter: str
    standing: list[LetterLine]
    dropped: list[tuple[int, DropReason]]
    lines: list[dict[str, Any]]
    marks: VersionStamps
    thread: tuple[str, ...]
    attempts: int = 0
    opens: str = ""
    closes: str = ""
    subject: str = ""
    case_id: str | None = None
    details: dict[str, FactValue] = Field(default_factory=dict)
    names: dict[str, str] = Field(default_factory=dict)
    dropped_for: DropReason | None = None

    @property
    def in_reply_to(self) -> str | None:
        return self.thread[-1] if self.thread else None

    @property
    def is_sendable(self) -> bool:
        """True while there is a reason to send it: of a reminder, a line; of a case's letter, that the case did not drop it."""
        return bool(self.standing) if self.case_id is None else self.dropped_for is None


def compute_undisputed_rest(invoice: Invoice, disputed: int) -> int:
    """Return the undisputed part of the open balance, in minor units."""
    return invoice.open_balance - min(disputed, invoice.open_balance)


def build_reminder(
    row: Message, customer: LetterRecipient, requested: Sequence[RequestedInvoice], thread: tuple[str, ...], now: datetime
) -> LetterContent:
    """Build a reminder with the tone of its highest step; requests that are no longer valid are left out. `now` is business time."""
    today = now.astimezone(customer.zone).date()
    reminder_lines: list[_ReminderLine] = []
    dropped: list[tuple[int, DropReason]] = []
    for invoice_request in requested:
        reason = _find_drop_reason(invoice_request, today)
        if reason:
            dropped.append((invoice_request.request.id or 0, reason))
        else:
            reminder_lines.append(_build_reminder_line(invoice_request, today))
    requests = [reminder_line.request for reminder_line in reminder_lines]
    return LetterContent(
        message=row.id or 0,
        message_id=row.message_id,
        customer=customer,
        currency=row.currency,
        dropped=dropped,
        lines=[build_line_row(line, request.attempt, version) for request, line, version in reminder_lines],
        letter=max(((request.rank, request.letter) for request in requests), default=(0, ""))[1],
        marks=build_reminder_version_stamps(requested),
        attempts=row.attempts,
        opens=max((request.opens for request in requests), default=""),
        closes=min((request.closes for request in requests), default=""),
        standing=sorted((reminder_line.line for reminder_line in reminder_lines), key=lambda line: (line.due_date, line.number)),
        thread=thread,
    )


def _build_reminder_line(requested: RequestedInvoice, today: date) -> _ReminderLine:
    line = build_letter_line(requested.invoice, requested.demanded_amount, requested.request.step, today)
    return _ReminderLine(requested.request, line, requested.invoice.version)


def build_reminder_version_stamps(requested: Iterable[RequestedInvoice]) -> VersionStamps:
    """Return a stamp for each request: its attempt, its invoice's version, the disputed amount and the holds."""
    return [
        (request.id, request.attempt, invoice.version, disputed, [hold["hold_id"] for hold in holds or ()])
        for request, invoice, holds, disputed in requested
    ]


def build_letter_line(invoice: Invoice, open_minor: int, step: str, today: date) -> LetterLine:
    """Build a line of a letter. `open_minor`: the amount that it asks for, in minor units; `today`: the customer's date."""
    return LetterLine(
        invoice_id=invoice.id,
        number=invoice.number,
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        days_past_due=(today - invoice.due_date).days,
        original_minor=invoice.total,
        open_minor=open_minor,
        step=step,
        currency=invoice.currency,
    )


def build_line_row(line: LetterLine, attempt: int, version: int) -> dict[str, Any]:
    """Build the row that the database keeps of a line."""
    return {
        "invoice_id": line.invoice_id,
        "step": line.step,
        "attempt": attempt,
        "open_balance": line.open_minor,
        "days_past_due": line.days_past_due,
        "invoice_version": version,
    }


def _find_drop_reason(requested: RequestedInvoice, today: date) -> DropReason | None:
    """Find why an invoice must not be in a letter on the customer's date; None when it may."""
    request, invoice = requested.request, requested.invoice
    kinds = {hold["kind"] for hold in requested.holds or ()}
    if invoice.status != InvoiceStatus.OPEN:
        return DropReason.SETTLED
    if invoice.disputed or HoldKind.DISPUTE in kinds or (requested.disputed and requested.demanded_amount < request.minimum):
        return DropReason.DISPUTED
    if HoldKind.BELOW_MINIMUM in kinds or invoice.open_balance < request.minimum:
        return DropReason.BELOW_MINIMUM
    if kinds:
        return DropReason.ON_HOLD
    if (today - invoice.due_date).days < request.rank:
        return DropReason.NOT_DUE
    if request.not_after is not None and today > request.not_after:
        return DropReason.LAPSED
    return None
