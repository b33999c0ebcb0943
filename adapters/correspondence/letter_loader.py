"""What a letter says at the moment it goes: its invoices are read again, and what no longer stands is left out."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, func, select
from sqlmodel import Session, col

from adapters.billing.external_key import parse_external_key
from adapters.billing.invoice_documents import InvoiceDocuments
from adapters.billing.port import UnappliedCreditReader
from adapters.correspondence.account_positions import Positions, load_positions, load_reminded_invoices
from adapters.correspondence.attached_invoices import fetch_attachments
from adapters.correspondence.case_letter_content import (
    LoadedCaseInvoices,
    build_case_letter,
    build_case_version_stamps,
    list_stated_accounts,
    load_case_invoices,
    lock_invoices,
)
from adapters.correspondence.customer_zones import BILLING_CONTACT_ORDER, select_customer_zone
from adapters.correspondence.reminder_content import (
    LetterContent,
    LetterPosition,
    LetterRecipient,
    VersionStamps,
    build_reminder,
    build_reminder_version_stamps,
)
from adapters.database.engine import Database
from adapters.database.row_states import ContactRequestState, MessageState
from adapters.database.tables import Account, Contact, ContactRequest, Invoice, Message, User
from adapters.letters.letter_templates import Collector, Creditor, Letter, LetterTemplates
from adapters.letters.rendering_fault import LetterRenderingError
from adapters.mail.message_builder import Envelope, Mailbox, build_message
from domain.case.letter_order import SUSPENSION_WARNING_LETTER
from domain.correspondence.written_letters import WRITTEN_LETTERS

THREAD_LENGTH = 10
"""How many earlier letters of the account a letter refers to."""


ADDRESSEE_DETAIL = "contact"
"""Under which name a letter that a person wrote keeps the number of the contact that it is for."""

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

_SELECT_CLAIMED_REQUESTS = (
    select(ContactRequest)
    .where(
        col(ContactRequest.message_id).in_(bindparam("messages", expanding=True)),
        col(ContactRequest.state) == ContactRequestState.CLAIMED,
    )
    .order_by(col(ContactRequest.id))
)

_REQUESTS = ContactRequest.__table__  # type: ignore[attr-defined]
_LOCK_CLAIMED_REQUESTS = (
    select(_REQUESTS.c.message_id, _REQUESTS.c.id, _REQUESTS.c.attempt)
    .where(_REQUESTS.c.message_id.in_(bindparam("messages", expanding=True)), _REQUESTS.c.state == ContactRequestState.CLAIMED)
    .order_by(_REQUESTS.c.id)
    .with_for_update()
)

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


class LetterDrafts(NamedTuple):
    """What letters rest on, read in one session: their rows, customers and threads; of reminders the requests by letter, the positions of
    their accounts, and which invoices earlier letters have asked for; and the invoices of the letters of cases. `addressees`: to whom a
    person writes, by letter."""

    rows: Sequence[Message]
    customers: dict[str, LetterRecipient]
    threads: dict[str, tuple[str, ...]]
    requests: dict[int, list[ContactRequest]]
    positions: Positions
    reminded: set[str]
    case_invoices: LoadedCaseInvoices
    addressees: dict[int, Contact]


class LetterLoader:
    """Reads and renders letters."""

    def __init__(
        self,
        database: Database,
        billing: UnappliedCreditReader,
        templates: LetterTemplates,
        creditor: Creditor,
        collector: Collector,
        sender: str,
        reply_domain: str,
        documents: InvoiceDocuments | None = None,
    ) -> None:
        """`collector` signs where an account has none; `sender` is the address letters come from. `documents`: where the printed invoices
        come from that go with a letter; without them none does, as in a preview."""
        self._database, self._billing, self._templates = database, billing, templates
        self._creditor, self._collector = creditor, collector
        self._documents = documents
        self.sender, self.reply_domain = sender, reply_domain

    def load_recipients(self, session: Session, accounts: Collection[str]) -> dict[str, LetterRecipient]:
        """The customers of these accounts, each with its first billing contact; an address that bounced counts as none."""
        found: dict[str, LetterRecipient] = {}
        for account, contact, zone in session.execute(_SELECT_RECIPIENTS, {"accounts": list(accounts)}):
            found.setdefault(account.id, _build_recipient(account, contact, ZoneInfo(zone)))
        return found

    def load_currencies(self, session: Session, invoices: Collection[str]) -> dict[str, str]:
        return dict(session.execute(select(col(Invoice.id), col(Invoice.currency)).where(col(Invoice.id).in_(invoices))).all())

    def load_drafts(self, session: Session, messages: Collection[int]) -> LetterDrafts:
        """Load all that the letters that are there to be sent rest on, but for the credit, which is billing's."""
        return self.load_drafts_of(session, session.scalars(_SELECT_INTENDED_LETTERS, {"messages": list(messages)}).all())

    def load_drafts_of(self, session: Session, rows: Sequence[Message]) -> LetterDrafts:
        """Load what letters rest on that may not be stored yet; each has a number of its own."""
        accounts = {row.account_id for row in rows}
        reminders = [row for row in rows if row.case_id is None]
        reminded_accounts = {row.account_id for row in reminders}
        warned_accounts = {row.account_id for row in rows if row.letter == SUSPENSION_WARNING_LETTER}
        return LetterDrafts(
            rows=rows,
            customers=self.load_recipients(session, accounts),
            threads=self._load_threads(session, accounts),
            requests=self._load_requests(session, [row.id or 0 for row in reminders]),
            positions=load_positions(session, reminded_accounts),
            reminded=load_reminded_invoices(session, reminded_accounts | warned_accounts),
            case_invoices=load_case_invoices(session, [row for row in rows if row.case_id is not None]),
            addressees=_load_addressees(session, [row for row in rows if row.letter in WRITTEN_LETTERS]),
        )

    def build_letters(self, drafts: LetterDrafts, now: datetime) -> dict[int, LetterContent]:
        """The letters, by number. `now` is business time. Asks billing for the accounts' credit, and so belongs outside of a session."""
        accounts = {account for account, _ in drafts.positions} | list_stated_accounts(drafts.rows)
        credit = self._billing.list_unapplied_credit(accounts) if accounts else {}

        def build_letter(row: Message) -> LetterContent:
            customer, thread, key = drafts.customers[row.account_id], drafts.threads[row.account_id], (row.account_id, row.currency)
            if row.case_id is not None:
                addressee = _address(row, customer, drafts.addressees)
                return build_case_letter(row, addressee, drafts.case_invoices, drafts.reminded, thread, now, credit.get(key, 0))
            position = LetterPosition(drafts.positions.get(key, {}), credit.get(key, 0))
            return build_reminder(row, customer, drafts.requests[row.id or 0], position, drafts.reminded, thread, now)

        return {row.id or 0: build_letter(row) for row in drafts.rows}

    def load_version_stamps(self, session: Session, contents: Sequence[LetterContent]) -> dict[int, VersionStamps]:
        """What the letters rest on, as it stands in this transaction, and stays until its end. Credit is not locked: where it is applied,
        an invoice changes."""
        of_cases = self._load_case_letters(session, [content.message for content in contents if content.case_id is not None])
        reminders = {content.message: (content.customer.account_id, content.currency) for content in contents if content.case_id is None}
        accounts = {account for account, _ in reminders.values()}
        if of_cases:
            lock_invoices(session, of_cases, accounts)
        stakes = load_case_invoices(session, of_cases)
        positions, requests = load_positions(session, accounts, lock=True), self._load_request_attempts(session, list(reminders))
        return {
            number: build_reminder_version_stamps(requests[number], positions.get(key, {}).values()) for number, key in reminders.items()
        } | {row.id or 0: build_case_version_stamps(row, stakes) for row in of_cases}

    def _load_case_letters(self, session: Session, messages: Collection[int]) -> Sequence[Message]:
        return session.scalars(select(Message).where(col(Message.id).in_(messages))).all() if messages else []

    def _load_requests(self, session: Session, messages: Collection[int]) -> dict[int, list[ContactRequest]]:
        requests: dict[int, list[ContactRequest]] = {message: [] for message in messages}
        if messages:
            for request in session.scalars(_SELECT_CLAIMED_REQUESTS, {"messages": list(messages)}):
                requests[request.message_id or 0].append(request)
        return requests

    def _load_request_attempts(self, session: Session, messages: Collection[int]) -> dict[int, list[tuple[int, int]]]:
        """Lock the requests of letters; the id and attempt of each, by letter."""
        attempts: dict[int, list[tuple[int, int]]] = {message: [] for message in messages}
        if messages:
            for message, request, attempt in session.connection().execute(_LOCK_CLAIMED_REQUESTS, {"messages": list(messages)}):
                attempts[message].append((request, attempt))
        return attempts

    def _load_threads(self, session: Session, accounts: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the Message-IDs of each account's last letters, oldest first."""
        threads: dict[str, tuple[str, ...]] = dict.fromkeys(accounts, ())
        for account, message_id in session.execute(_SELECT_THREADS, {"accounts": list(accounts)}):
            threads[account] = (*threads[account], message_id)
        return threads

    def compose(self, content: LetterContent, now: datetime) -> bytes:
        """The letter as it goes over the wire, dated in business time; notes its subject in the reading. Raises LetterRenderingError,
        ValueError for an address that cannot be written, and what fetching a printed invoice raises: no letter goes without it."""
        customer = content.customer
        collector, today = self._load_signing_collector(customer.collector), now.astimezone(customer.zone).date()
        letter = Letter(
            language=customer.language,
            country=customer.country,
            template=content.letter,
            currency=content.currency,
            letter_date=today,
            pay_by=_compute_deadline(content, today),
            greeting_name=customer.contact,
            customer=customer.name,
            account_id=customer.number,
            lines=tuple(content.standing),
            credit_minor=content.credit,
            collector=collector,
            creditor=self._creditor,
            case_id=content.case_id,
            details=content.details,
            names=content.names,
            reminded_before=content.reminded_before,
            all_settled=content.all_settled,
        )
        try:
            rendered = self._templates.render(letter)
        except Exception as error:
            raise LetterRenderingError(f"{content.letter} ({customer.language}): {type(error).__name__}: {error}") from error
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
        return build_message(envelope, rendered, fetch_attachments(self._documents, content.details) if self._documents else ())

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
        number=account.number or ("" if parse_external_key(account.id) else account.id),
        name=account.name,
        country=account.country,
        zone=zone,
        language=(contact.language if contact else None) or account.language,
        contact=contact.name if contact else "",
        email=contact.email if contact and reachable else "",
        collector=account.collector,
    )


def _load_addressees(session: Session, letters: Sequence[Message]) -> dict[int, Contact]:
    """The contacts to whom a person writes, by letter; one who was removed since is left out."""
    wanted = {row.id or 0: row.details.get(ADDRESSEE_DETAIL) for row in letters}
    if not wanted:
        return {}
    contacts = {contact.id: contact for contact in session.scalars(select(Contact).where(col(Contact.id).in_(wanted.values())))}
    return {number: contacts[contact] for number, contact in wanted.items() if contact in contacts}


def _address(row: Message, customer: LetterRecipient, addressees: dict[int, Contact]) -> LetterRecipient:
    """The customer, by whom the letter is for: the chosen contact, in its language, or the one that the account's letters go to."""
    if row.letter not in WRITTEN_LETTERS:
        return customer
    contact = addressees.get(row.id or 0)
    if contact is None:
        return customer._replace(contact="", email="", language=row.language)
    email = contact.email if contact.undeliverable_since is None else ""
    return customer._replace(contact=contact.name, email=email, language=row.language)


def _compute_deadline(content: LetterContent, letter_date: date) -> date:
    """The day by which a letter asks to be paid. Of a warning it is the last day of the notice, which counts from its delivery, today."""
    days = content.details.get("notice_days")
    is_notice = content.letter == SUSPENSION_WARNING_LETTER and isinstance(days, int)
    return letter_date + timedelta(days=days if is_notice and isinstance(days, int) else content.days_to_pay)


__all__ = ["LetterContent", "LetterLoader", "LetterRecipient"]
