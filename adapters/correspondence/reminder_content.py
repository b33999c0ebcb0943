"""What of a reminder still stands at the moment it goes; what no longer does is left out."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from adapters.database.tables import ContactRequest, Invoice, Message
from adapters.letters.letter_templates import LetterLine
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.letter_outcome import DropReason
from domain.journal.journal import FactValue

VersionStamps = list[tuple[Any, ...]]
"""The versions of all that a letter rests on."""


class RequestedInvoice(NamedTuple):
    """A request in a letter, its invoice, the holds that stand on it, and how much of it is in dispute (minor units)."""

    request: ContactRequest
    invoice: Invoice
    holds: Any
    disputed: int

    @property
    def demanded_amount(self) -> int:
        return compute_undisputed_rest(self.invoice, self.disputed)


class LetterRecipient(NamedTuple):
    """Whom an account's letters go to, where, and in which language."""

    account_id: str
    name: str
    country: str
    zone: ZoneInfo
    language: str
    contact: str
    email: str
    collector: str | None


class LetterContent(BaseModel):
    """A letter as it stands. If its marks have changed, it must be read again.

    Of a case's letter (`case_id`) `details` are what the case has to say, `names` the numbers, by id, of the invoices that it is about;
    `dropped_for` is set when it must not go any more.
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
        """Whether anything is left to be said."""
        return bool(self.standing) if self.case_id is None else self.dropped_for is None


def compute_undisputed_rest(invoice: Invoice, disputed: int) -> int:
    """The undisputed rest of what is open, in minor units."""
    return invoice.open_balance - min(disputed, invoice.open_balance)


def build_reminder(
    row: Message, customer: LetterRecipient, requested: Sequence[RequestedInvoice], thread: tuple[str, ...], now: datetime
) -> LetterContent:
    """The letter takes the tone of its highest step; what no longer stands is left out."""
    today = now.astimezone(customer.zone).date()
    standing: list[tuple[ContactRequest, LetterLine, int]] = []
    dropped: list[tuple[int, DropReason]] = []
    for stake in requested:
        request, invoice = stake.request, stake.invoice
        reason = _find_drop_reason(stake, today)
        if reason:
            dropped.append((request.id or 0, reason))
        else:
            line = build_letter_line(invoice, stake.demanded_amount, request.step, today)
            standing.append((request, line, invoice.version))
    lines = [build_line_row(line, request.attempt, version) for request, line, version in standing]
    return LetterContent(
        message=row.id or 0,
        message_id=row.message_id,
        customer=customer,
        currency=row.currency,
        dropped=dropped,
        lines=lines,
        letter=max(((request.rank, request.letter) for request, _, _ in standing), default=(0, ""))[1],
        marks=build_reminder_version_stamps(requested),
        attempts=row.attempts,
        opens=max((request.opens for request, _, _ in standing), default=""),
        closes=min((request.closes for request, _, _ in standing), default=""),
        standing=sorted((line for _, line, _ in standing), key=lambda line: (line.due_date, line.number)),
        thread=thread,
    )


def build_reminder_version_stamps(requested: Iterable[RequestedInvoice]) -> VersionStamps:
    return [
        (stake.request.id, stake.request.attempt, stake.invoice.version, stake.disputed, [hold["hold_id"] for hold in stake.holds or ()])
        for stake in requested
    ]


def build_letter_line(invoice: Invoice, open_minor: int, step: str, today: date) -> LetterLine:
    """`open_minor`: what the letter asks for, in minor units."""
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
    """The line as the database keeps it."""
    return {
        "invoice_id": line.invoice_id,
        "step": line.step,
        "attempt": attempt,
        "open_balance": line.open_minor,
        "days_past_due": line.days_past_due,
        "invoice_version": version,
    }


def _find_drop_reason(requested: RequestedInvoice, today: date) -> DropReason | None:
    """Why an invoice must not be in a letter, read at the moment the letter goes."""
    request, invoice = requested.request, requested.invoice
    kinds = {hold["kind"] for hold in requested.holds or ()}
    if invoice.status != InvoiceStatus.OPEN:
        return DropReason.SETTLED
    if invoice.disputed or "dispute" in kinds or (requested.disputed and requested.demanded_amount < request.minimum):
        return DropReason.DISPUTED
    if "below_minimum" in kinds or invoice.open_balance < request.minimum:
        return DropReason.BELOW_MINIMUM
    if kinds:
        return DropReason.ON_HOLD
    if (today - invoice.due_date).days < request.rank:
        return DropReason.NOT_DUE
    if request.not_after is not None and today > request.not_after:
        return DropReason.LAPSED
    return None
