"""What a letter says at the moment it goes: its invoices are read again, and what no longer stands is left out."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, literal, select
from sqlmodel import Session, col

from adapters.database import Database
from adapters.letters import Collector, Creditor, Letter, LetterBook, LetterLine
from adapters.mail import Envelope, Mailbox, compose
from adapters.tables import Account, Case, Contact, ContactRequest, Invoice, Message, User
from domain import ids
from domain.invoices import InvoiceStatus
from domain.record import DropReason

THREAD_LENGTH = 10
"""How many earlier letters of the account a letter refers to."""


Stake = tuple[ContactRequest, Invoice, Any]
"""A request in a letter, its invoice, and the holds that stand on it."""

Marks = list[tuple[Any, ...]]
"""The versions of all that a letter rests on."""


class Customer(NamedTuple):
    """Whom an account's letters go to, where, and in which language."""

    account_id: str
    name: str
    country: str
    zone: ZoneInfo
    language: str
    contact: str
    email: str
    collector: str | None


class Reading(BaseModel):
    """A letter as it stands. If its marks have changed, it must be read again."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    message: int
    message_id: str
    customer: Customer
    currency: str
    letter: str
    standing: list[LetterLine]
    dropped: list[tuple[int, DropReason]]
    lines: list[dict[str, Any]]
    marks: Marks
    thread: tuple[str, ...]
    attempts: int = 0
    opens: str = ""
    closes: str = ""
    subject: str = ""

    @property
    def in_reply_to(self) -> str | None:
        return self.thread[-1] if self.thread else None


class LetterReading:
    """Reads and renders letters."""

    def __init__(
        self, database: Database, book: LetterBook, creditor: Creditor, collector: Collector, sender: str, reply_domain: str
    ) -> None:
        """`collector` signs where an account has none; `sender` is the address letters come from."""
        self._database, self._book = database, book
        self._creditor, self._collector = creditor, collector
        self.sender, self.reply_domain = sender, reply_domain

    def customers(self, session: Session, accounts: Collection[str]) -> dict[str, Customer]:
        """The customers of these accounts, each with its first billing contact; an address that bounced counts as none."""
        statement = (
            select(Account, Contact)
            .outerjoin(Contact, (col(Contact.account_id) == col(Account.id)) & (col(Contact.role) == "billing"))
            .where(col(Account.id).in_(accounts))
            .order_by(col(Account.id), col(Contact.undeliverable_since).is_not(None), col(Contact.id))
        )
        found: dict[str, Customer] = {}
        for account, contact in session.execute(statement):
            found.setdefault(account.id, _customer(account, contact))
        return found

    def currencies(self, session: Session, invoices: Collection[str]) -> dict[str, str]:
        return dict(session.execute(select(col(Invoice.id), col(Invoice.currency)).where(col(Invoice.id).in_(invoices))).all())

    def read(self, session: Session, messages: Collection[int], now: datetime) -> dict[int, Reading]:
        """The letters that are there to be sent. `now` is business time."""
        rows = session.scalars(select(Message).where(col(Message.id).in_(messages), col(Message.state) == "intended")).all()
        customers = self.customers(session, {row.account_id for row in rows})
        stakes = self._stakes(session, [row.id or 0 for row in rows])
        threads = self._threads(session, set(customers))
        return {
            row.id or 0: _reading(row, customers[row.account_id], stakes[row.id or 0], threads[row.account_id], now) for row in rows
        }  # fmt: skip

    def marks(self, session: Session, messages: Collection[int]) -> dict[int, Marks]:
        """What the letters rest on, as it stands in this transaction, and stays until its end."""
        return {message: _marks(stakes) for message, stakes in self._stakes(session, messages, lock=True).items()}

    def _stakes(self, session: Session, messages: Collection[int], lock: bool = False) -> dict[int, list[Stake]]:
        its_case = col(Case.case_id) == literal(ids.invoice_case("")) + col(Invoice.id)
        statement = (
            select(ContactRequest, Invoice, col(Case.holds))
            .join(Invoice, col(Invoice.id) == col(ContactRequest.invoice_id))
            .outerjoin(Case, its_case)
            .where(col(ContactRequest.message_id).in_(messages), col(ContactRequest.state) == "claimed")
            .order_by(col(Invoice.due_date), col(Invoice.id), col(ContactRequest.id))
        )
        if lock:  # in the order in which the ledger locks invoices
            statement = statement.with_for_update(of=(ContactRequest, Invoice), key_share=True)
        stakes: dict[int, list[Stake]] = {message: [] for message in messages}
        for request, invoice, holds in session.execute(statement):
            stakes[request.message_id].append((request, invoice, holds))
        return stakes

    def _threads(self, session: Session, accounts: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The Message-IDs of each account's last letters, oldest first."""
        place = func.row_number().over(partition_by=col(Message.account_id), order_by=col(Message.id).desc()).label("place")
        earlier = (
            select(
                col(Message.id).label("id"), col(Message.account_id).label("account_id"), col(Message.message_id).label("message_id"), place
            )
            .where(col(Message.account_id).in_(accounts), col(Message.state).in_(("sent", "unknown")))
            .subquery()
        )
        threads: dict[str, tuple[str, ...]] = dict.fromkeys(accounts, ())
        statement = select(earlier.c.account_id, earlier.c.message_id).where(earlier.c.place <= THREAD_LENGTH).order_by(earlier.c.id)
        for account, message_id in session.execute(statement):
            threads[account] = (*threads[account], message_id)
        return threads

    def compose(self, reading: Reading, now: datetime) -> bytes:
        """The letter as it goes over the wire, dated in business time; notes its subject in the reading."""
        customer = reading.customer
        collector = self._signed_by(customer.collector)
        letter = Letter(
            language=customer.language, country=customer.country, template=reading.letter, currency=reading.currency,
            letter_date=now.astimezone(customer.zone).date(), greeting_name=customer.contact, customer=customer.name,
            account_id=customer.account_id, lines=tuple(reading.standing), collector=collector, creditor=self._creditor,
        )  # fmt: skip
        rendered = self._book.render(letter)
        reading.subject = rendered.subject
        envelope = Envelope(
            sender=Mailbox(name=self._creditor.name, address=self.sender),
            recipients=(Mailbox(name=customer.contact, address=customer.email),),
            reply_to=Mailbox(name=collector.name, address=collector.email), date=now.astimezone(customer.zone),
            message_id=reading.message_id, in_reply_to=reading.in_reply_to, references=reading.thread, language=customer.language,
        )  # fmt: skip
        return compose(envelope, rendered)

    def _signed_by(self, collector: str | None) -> Collector:
        if collector is None:
            return self._collector
        with self._database.reading() as session:
            user = session.get(User, collector)
        if user is None or not user.email:
            return self._collector
        return Collector(name=user.full_name or user.name, email=user.email, phone=user.phone)


def _customer(account: Account, contact: Contact | None) -> Customer:
    reachable = contact is not None and contact.email and contact.undeliverable_since is None
    return Customer(
        account_id=account.id, name=account.name, country=account.country,
        zone=ZoneInfo((contact.time_zone if contact else None) or account.time_zone),
        language=(contact.language if contact else None) or account.language,
        contact=contact.name if contact else "", email=contact.email if contact and reachable else "", collector=account.collector,
    )  # fmt: skip


def _reading(row: Message, customer: Customer, stakes: Sequence[Stake], thread: tuple[str, ...], now: datetime) -> Reading:
    """The letter takes the tone of its highest step; what no longer stands is left out."""
    today = now.astimezone(customer.zone).date()
    standing: list[tuple[ContactRequest, LetterLine, int]] = []
    dropped: list[tuple[int, DropReason]] = []
    for request, invoice, holds in stakes:
        reason = _no_longer_stands(request, invoice, holds, today)
        if reason:
            dropped.append((request.id or 0, reason))
        else:
            standing.append((request, _line(request, invoice, today), invoice.version))
    lines = [
        {"invoice_id": line.invoice_id, "step": line.step, "attempt": request.attempt, "open_balance": line.open_minor,
         "days_past_due": line.days_past_due, "invoice_version": version}
        for request, line, version in standing
    ]  # fmt: skip
    return Reading(
        message=row.id or 0, message_id=row.message_id, customer=customer, currency=row.currency, dropped=dropped, lines=lines,
        letter=max(((request.rank, request.letter) for request, _, _ in standing), default=(0, ""))[1], marks=_marks(stakes),
        attempts=row.attempts,
        opens=max((request.opens for request, _, _ in standing), default=""),
        closes=min((request.closes for request, _, _ in standing), default=""),
        standing=sorted((line for _, line, _ in standing), key=lambda line: (line.due_date, line.number)), thread=thread,
    )  # fmt: skip


def _no_longer_stands(request: ContactRequest, invoice: Invoice, holds: Any, today: date) -> DropReason | None:
    """Why an invoice must not be in a letter, read at the moment the letter goes."""
    kinds = {hold["kind"] for hold in holds or ()}
    if invoice.status != InvoiceStatus.OPEN:
        return DropReason.SETTLED
    if invoice.disputed or "dispute" in kinds:
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


def _line(request: ContactRequest, invoice: Invoice, today: date) -> LetterLine:
    return LetterLine(
        invoice_id=invoice.id, number=invoice.number, issue_date=invoice.issue_date, due_date=invoice.due_date,
        days_past_due=(today - invoice.due_date).days, original_minor=invoice.total, open_minor=invoice.open_balance, step=request.step,
    )  # fmt: skip


def _marks(stakes: Iterable[Stake]) -> Marks:
    return [(request.id, request.attempt, invoice.version, [hold["hold_id"] for hold in holds or ()]) for request, invoice, holds in stakes]
