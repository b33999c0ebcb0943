"""The content of a reminder at the moment it goes: the account's position, and for each request a line, or a reason to leave it out."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from adapters.correspondence.account_positions import BY_TRANSFER, HowToPay, PositionInvoice
from adapters.database.tables import ContactRequest, Invoice, Message
from adapters.letters.letter_templates import LetterLine
from domain.correspondence.letter_outcome import DropReason
from domain.correspondence.naming import ASKED_FOR, NamedAs
from domain.journal.entry import FactValue
from domain.timeline.holds import HoldKind

VersionStamps = list[tuple[Any, ...]]
"""The versions of all rows that a letter's content rests on."""


class LetterPosition(NamedTuple):
    """What the account owes in the letter's currency: its open invoices by id, and its unapplied credit (minor units)."""

    invoices: dict[str, PositionInvoice]
    credit: int


class _ReminderLine(NamedTuple):
    """A line of a reminder. `request` is None where the invoice asked for no letter."""

    line: LetterLine
    invoice_version: int
    request: ContactRequest | None


class LetterRecipient(NamedTuple):
    """The customer: whom an account's letters go to, where, and in which language. `number`: by which they know the account, empty where
    their billing system has printed none."""

    account_id: str
    number: str
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
    Of a reminder, `asked_for` is what it asks for and `credit` the unapplied credit that it takes off (minor units); `days_to_pay` count
    from the day on which it goes.
    Of a case's letter (`case_id`) `details` are the facts for its text, `names` the numbers, by id, of the invoices that it is about;
    `dropped_for` is set when it must not be sent any more; `reminded_before` says that a letter which arrived has asked for each invoice
    that it names, `all_settled` that nothing is owed of any.
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
    asked_for: int | None = None
    credit: int = 0
    days_to_pay: int = 7
    attempts: int = 0
    opens: str = ""
    closes: str = ""
    subject: str = ""
    case_id: str | None = None
    details: dict[str, FactValue] = Field(default_factory=dict)
    names: dict[str, str] = Field(default_factory=dict)
    dropped_for: DropReason | None = None
    reminded_before: bool = True
    all_settled: bool = True

    @property
    def in_reply_to(self) -> str | None:
        return self.thread[-1] if self.thread else None

    @property
    def is_sendable(self) -> bool:
        """True while there is a reason to send it: of a reminder, a step to take; of a case's letter, that the case did not drop it."""
        return bool(self.letter) if self.case_id is None else self.dropped_for is None

    @property
    def is_covered(self) -> bool:
        """True for a reminder whose account has enough credit for all that it would ask for: the money must be applied, not asked for."""
        return self.asked_for == 0


def build_reminder(
    row: Message,
    customer: LetterRecipient,
    requests: Sequence[ContactRequest],
    position: LetterPosition,
    reminded: Collection[str],
    thread: tuple[str, ...],
    now: datetime,
) -> LetterContent:
    """Build a reminder that tells the account's whole position in its currency, with the tone of its highest step.

    Requests that are no longer valid are left out. `reminded` are the ids of the invoices that an earlier letter has asked for; `now` is
    business time.
    """
    today = now.astimezone(customer.zone).date()
    dropped: list[tuple[int, DropReason]] = []
    valid: list[ContactRequest] = []
    for request in requests:
        reason = _find_drop_reason(request, position.invoices.get(request.invoice_id), today)
        if reason:
            dropped.append((request.id or 0, reason))
        else:
            valid.append(request)
    if not any(request.asked for request in valid):  # what was taken along does not go alone, before its day
        dropped += [(request.id or 0, DropReason.NOT_DUE) for request in valid]
        valid = []
    lines = _build_lines(valid, position, reminded, today)
    demanded = sum(each.line.open_minor for each in lines if each.line.is_demanded)
    credit = min(position.credit, demanded)
    return LetterContent(
        message=row.id or 0,
        message_id=row.message_id,
        customer=customer,
        currency=row.currency,
        dropped=dropped,
        lines=[build_line_row(each.line, each.request.attempt if each.request else 0, each.invoice_version) for each in lines],
        letter=max(((request.rank, request.letter) for request in valid), default=(0, ""))[1],
        marks=build_reminder_version_stamps(((request.id or 0, request.attempt) for request in requests), position.invoices.values()),
        asked_for=demanded - credit if any(request.rank > 0 for request in valid) else None,
        credit=credit,
        days_to_pay=min((request.days_to_pay for request in valid), default=7),
        attempts=row.attempts,
        opens=max((request.opens for request in valid), default=""),
        closes=min((request.closes for request in valid), default=""),
        standing=sorted((each.line for each in lines), key=lambda line: (line.due_date, line.number)),
        thread=thread,
    )


def _build_lines(
    requests: Sequence[ContactRequest], position: LetterPosition, reminded: Collection[str], today: date
) -> list[_ReminderLine]:
    """Build the lines of the requests, and of the rest of the position where the letter is about overdue invoices."""
    is_about_overdue = any(request.rank > 0 for request in requests)
    lines = [
        _build_line(position.invoices[request.invoice_id], _choose_naming(request, is_about_overdue), request, reminded, today)
        for request in requests
    ]
    requested = {request.invoice_id for request in requests}
    for invoice in position.invoices.values() if is_about_overdue else ():
        named_as = invoice.classify(today)
        if invoice.id not in requested and named_as is not None:
            lines.append(_build_line(invoice, named_as, None, reminded, today))
    return lines


def _choose_naming(request: ContactRequest, is_about_overdue: bool) -> NamedAs:
    if is_about_overdue and request.rank <= 0:
        return NamedAs.UPCOMING
    return NamedAs.DUE if request.asked else NamedAs.GATHERED


def _build_line(
    invoice: PositionInvoice, named_as: NamedAs, request: ContactRequest | None, reminded: Collection[str], today: date
) -> _ReminderLine:
    amount = invoice.undisputed_rest if named_as in ASKED_FOR else invoice.open_balance
    is_new = named_as in ASKED_FOR and invoice.id not in reminded
    line = build_letter_line(invoice, amount, request.step if request else "", today, named_as, is_new, invoice.paying)
    return _ReminderLine(line, invoice.version, request)


def build_reminder_version_stamps(attempts: Iterable[tuple[int, int]], invoices: Iterable[PositionInvoice]) -> VersionStamps:
    """Return a stamp for each request (`attempts`: its id and attempt) and each invoice of the position."""
    return [*attempts, *(invoice.stamp for invoice in invoices)]


def build_letter_line(
    invoice: Invoice | PositionInvoice,
    open_minor: int,
    step: str,
    today: date,
    named_as: NamedAs = NamedAs.DUE,
    is_new: bool = False,
    paying: HowToPay = BY_TRANSFER,
) -> LetterLine:
    """Build a line of a letter. `open_minor`: the amount that it shows, in minor units; `today`: the customer's date; `is_new`: no letter
    has asked for the invoice yet."""
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
        named_as=named_as,
        is_new=is_new,
        whole_number=paying.whole_number,
        reference=paying.reference,
        payment_link=paying.payment_link,
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
        "named_as": line.named_as,
    }


def _find_drop_reason(request: ContactRequest, invoice: PositionInvoice | None, today: date) -> DropReason | None:
    """Find why a request must not go in a letter of the customer's date; None when it may. An invoice that is not open is None."""
    if invoice is None:
        return DropReason.SETTLED
    kinds, rest = invoice.hold_kinds, invoice.undisputed_rest
    if invoice.is_disputed or HoldKind.DISPUTE in kinds or (invoice.disputed_amount and rest < request.minimum):
        return DropReason.DISPUTED
    if HoldKind.BELOW_MINIMUM in kinds or invoice.open_balance < request.minimum:
        return DropReason.BELOW_MINIMUM
    if kinds:
        return DropReason.ON_HOLD
    days_past_due = (today - invoice.due_date).days
    if days_past_due < request.rank if request.asked else days_past_due < max(request.rank - request.gather_days, 1):
        return DropReason.NOT_DUE
    if request.not_after is not None and today > request.not_after:
        return DropReason.LAPSED
    return None
