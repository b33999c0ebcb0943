"""What a letter says at the moment it goes: its invoices are read again, and what no longer stands is left out."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, literal, select
from sqlmodel import Session, col

from adapters.correspondence.case_letter_content import build_case_letter, build_case_version_stamps, load_case_invoices, lock_invoices
from adapters.correspondence.customer_zones import BILLING_CONTACT_ORDER, select_customer_zone
from adapters.correspondence.reminder_content import (
    LetterContent,
    LetterRecipient,
    RequestedInvoice,
    VersionStamps,
    build_reminder,
    build_reminder_version_stamps,
)
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState
from adapters.database.tables import Account, Case, Contact, ContactRequest, Invoice, Message, User
from adapters.letters.letter_templates import Collector, Creditor, Letter, LetterTemplates
from adapters.mail.message_builder import Envelope, Mailbox, build_message
from domain import identifiers as ids
from domain.case.letter_order import SUSPENSION_WARNING_LETTER

THREAD_LENGTH = 10
"""How many earlier letters of the account a letter refers to."""


# Statements are built once: building one and finding its compiled form costs more than running it.

_SELECT_RECIPIENTS = (
    select(Account, Contact, select_customer_zone())
    .outerjoin(Contact, (col(Contact.account_id) == col(Account.id)) & (col(Contact.role) == "billing"))
    .where(col(Account.id).in_(bindparam("accounts", expanding=True)))
    .order_by(col(Account.id), *BILLING_CONTACT_ORDER)
)

_SELECT_INTENDED_LETTERS = select(Message).where(
    col(Message.id).in_(bindparam("messages", expanding=True)), col(Message.state) == MessageState.INTENDED
)

_SELECT_REQUESTED_INVOICES = (
    select(ContactRequest, Invoice, col(Case.holds), col(Case.disputed))
    .join(Invoice, col(Invoice.id) == col(ContactRequest.invoice_id))
    .outerjoin(Case, col(Case.case_id) == literal(ids.invoice_case_id("")) + col(Invoice.id))
    .where(
        col(ContactRequest.message_id).in_(bindparam("messages", expanding=True)),
        col(ContactRequest.state) == ContactRequestState.CLAIMED,
    )
    .order_by(col(Invoice.due_date), col(Invoice.id), col(ContactRequest.id))
)

_LOCK_REQUESTED_INVOICES = _SELECT_REQUESTED_INVOICES.with_for_update(of=(ContactRequest, Invoice), key_share=True)
"""In the order in which the ledger locks invoices."""

_ranked_letters = (
    select(
        col(Message.id).label("id"),
        col(Message.account_id).label("account_id"),
        col(Message.message_id).label("message_id"),
        func.row_number().over(partition_by=col(Message.account_id), order_by=col(Message.id).desc()).label("place"),
    )
    .where(
        col(Message.account_id).in_(bindparam("accounts", expanding=True)),
        col(Message.state).in_((MessageState.SENT, MessageState.UNKNOWN)),
    )
    .subquery()
)
_SELECT_THREADS = (
    select(_ranked_letters.c.account_id, _ranked_letters.c.message_id)
    .where(_ranked_letters.c.place <= THREAD_LENGTH)
    .order_by(_ranked_letters.c.id)
)
"""The Message-IDs of each account's last letters, oldest first."""


class LetterLoader:
    """Reads and renders letters."""

    def __init__(
        self, database: Database, templates: LetterTemplates, creditor: Creditor, collector: Collector, sender: str, reply_domain: str
    ) -> None:
        """`collector` signs where an account has none; `sender` is the address letters come from."""
        self._database, self._templates = database, templates
        self._creditor, self._collector = creditor, collector
        self.sender, self.reply_domain = sender, reply_domain

    def load_recipients(self, session: Session, accounts: Collection[str]) -> dict[str, LetterRecipient]:
        """The customers of these accounts, each with its first billing contact; an address that bounced counts as none."""
        found: dict[str, LetterRecipient] = {}
        for account, contact, zone in session.execute(_SELECT_RECIPIENTS, {"accounts": list(accounts)}):
            found.setdefault(account.id, _build_recipient(account, contact, ZoneInfo(zone)))
        return found

    def load_currencies(self, session: Session, invoices: Collection[str]) -> dict[str, str]:
        return dict(session.execute(select(col(Invoice.id), col(Invoice.currency)).where(col(Invoice.id).in_(invoices))).all())

    def load_letters(self, session: Session, messages: Collection[int], now: datetime) -> dict[int, LetterContent]:
        """The letters that are there to be sent. `now` is business time."""
        rows = session.scalars(_SELECT_INTENDED_LETTERS, {"messages": list(messages)}).all()
        customers = self.load_recipients(session, {row.account_id for row in rows})
        threads = self._load_threads(session, set(customers))
        stakes = self._load_requested_invoices(session, [row.id or 0 for row in rows if row.case_id is None])
        of_cases = load_case_invoices(session, [row for row in rows if row.case_id is not None])

        def as_it_stands(row: Message) -> LetterContent:
            customer, thread = customers[row.account_id], threads[row.account_id]
            if row.case_id is not None:
                return build_case_letter(row, customer, of_cases, thread, now)
            return build_reminder(row, customer, stakes[row.id or 0], thread, now)

        return {row.id or 0: as_it_stands(row) for row in rows}

    def load_version_stamps(self, session: Session, contents: Sequence[LetterContent]) -> dict[int, VersionStamps]:
        """What the letters rest on, as it stands in this transaction, and stays until its end."""
        letters = [reading.message for reading in contents]
        of_cases = self._load_case_letters(session, [reading.message for reading in contents if reading.case_id is not None])
        if of_cases:
            lock_invoices(session, of_cases, letters)
        stakes = load_case_invoices(session, of_cases)
        reminders = self._load_requested_invoices(session, [reading.message for reading in contents if reading.case_id is None], lock=True)
        return {letter: build_reminder_version_stamps(rests_on) for letter, rests_on in reminders.items()} | {
            row.id or 0: build_case_version_stamps(row, stakes) for row in of_cases
        }

    def _load_case_letters(self, session: Session, messages: Collection[int]) -> Sequence[Message]:
        return session.scalars(select(Message).where(col(Message.id).in_(messages))).all() if messages else []

    def _load_requested_invoices(
        self, session: Session, messages: Collection[int], lock: bool = False
    ) -> dict[int, list[RequestedInvoice]]:
        if not messages:
            return {}
        statement = _LOCK_REQUESTED_INVOICES if lock else _SELECT_REQUESTED_INVOICES
        stakes: dict[int, list[RequestedInvoice]] = {message: [] for message in messages}
        for request, invoice, holds, disputed in session.execute(statement, {"messages": list(messages)}):
            stakes[request.message_id].append(RequestedInvoice(request, invoice, holds, disputed or 0))
        return stakes

    def _load_threads(self, session: Session, accounts: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the Message-IDs of each account's last letters, oldest first."""
        threads: dict[str, tuple[str, ...]] = dict.fromkeys(accounts, ())
        for account, message_id in session.execute(_SELECT_THREADS, {"accounts": list(accounts)}):
            threads[account] = (*threads[account], message_id)
        return threads

    def compose(self, content: LetterContent, now: datetime) -> bytes:
        """The letter as it goes over the wire, dated in business time; notes its subject in the reading."""
        customer = content.customer
        collector, today = self._load_signing_collector(customer.collector), now.astimezone(customer.zone).date()
        letter = Letter(
            language=customer.language,
            country=customer.country,
            template=content.letter,
            currency=content.currency,
            letter_date=today,
            pay_by=_compute_notice_end(content, today),
            greeting_name=customer.contact,
            customer=customer.name,
            account_id=customer.account_id,
            lines=tuple(content.standing),
            collector=collector,
            creditor=self._creditor,
            case_id=content.case_id,
            details=content.details,
            names=content.names,
        )
        rendered = self._templates.render(letter)
        content.subject = rendered.subject
        envelope = Envelope(
            sender=Mailbox(name=self._creditor.name, address=self.sender),
            recipients=(Mailbox(name=customer.contact, address=customer.email),),
            reply_to=Mailbox(name=collector.name, address=collector.email),
            date=now.astimezone(customer.zone),
            message_id=content.message_id,
            in_reply_to=content.in_reply_to,
            references=content.thread,
            language=customer.language,
        )
        return build_message(envelope, rendered)

    def _load_signing_collector(self, collector: str | None) -> Collector:
        if collector is None:
            return self._collector
        with self._database.reading() as session:
            user = session.get(User, collector)
        if user is None or not user.email:
            return self._collector
        return Collector(name=user.full_name or user.name, email=user.email, phone=user.phone)


def _build_recipient(account: Account, contact: Contact | None, zone: ZoneInfo) -> LetterRecipient:
    reachable = contact is not None and contact.email and contact.undeliverable_since is None
    return LetterRecipient(
        account_id=account.id,
        name=account.name,
        country=account.country,
        zone=zone,
        language=(contact.language if contact else None) or account.language,
        contact=contact.name if contact else "",
        email=contact.email if contact and reachable else "",
        collector=account.collector,
    )


def _compute_notice_end(content: LetterContent, letter_date: date) -> date | None:
    """The last day of a warning's notice, which counts from its delivery, today; other letters say their days in words of their own."""
    days = content.details.get("notice_days")
    return letter_date + timedelta(days=days) if content.letter == SUSPENSION_WARNING_LETTER and isinstance(days, int) else None


__all__ = ["LetterContent", "LetterLoader", "LetterRecipient"]
