"""What a letter says at the moment it goes: its invoices are read again, and what no longer stands is left out."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, literal, select
from sqlmodel import Session, col

from adapters.correspondence.case_letter_content import case_letter, case_marks, case_stakes, lock_invoices
from adapters.correspondence.reminder_content import Customer, Marks, Reading, Stake, reminder, reminder_marks
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, Contact, ContactRequest, Invoice, Message, User
from adapters.letters.letter_templates import Collector, Creditor, Letter, LetterBook
from adapters.mail.message_builder import Envelope, Mailbox, compose
from domain import identifiers as ids
from domain.case.letter_order import WARNING

THREAD_LENGTH = 10
"""How many earlier letters of the account a letter refers to."""


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
        threads = self._threads(session, set(customers))
        stakes = self._stakes(session, [row.id or 0 for row in rows if row.case_id is None])
        of_cases = case_stakes(session, [row for row in rows if row.case_id is not None])

        def as_it_stands(row: Message) -> Reading:
            customer, thread = customers[row.account_id], threads[row.account_id]
            if row.case_id is not None:
                return case_letter(row, customer, of_cases, thread, now)
            return reminder(row, customer, stakes[row.id or 0], thread, now)

        return {row.id or 0: as_it_stands(row) for row in rows}

    def marks(self, session: Session, readings: Sequence[Reading]) -> dict[int, Marks]:
        """What the letters rest on, as it stands in this transaction, and stays until its end."""
        letters = [reading.message for reading in readings]
        of_cases = self._letters_of_cases(session, [reading.message for reading in readings if reading.case_id is not None])
        if of_cases:
            lock_invoices(session, of_cases, letters)
        stakes = case_stakes(session, of_cases)
        reminders = self._stakes(session, [reading.message for reading in readings if reading.case_id is None], lock=True)
        return {letter: reminder_marks(rests_on) for letter, rests_on in reminders.items()} | {
            row.id or 0: case_marks(row, stakes) for row in of_cases
        }

    def _letters_of_cases(self, session: Session, messages: Collection[int]) -> Sequence[Message]:
        return session.scalars(select(Message).where(col(Message.id).in_(messages))).all() if messages else []

    def _stakes(self, session: Session, messages: Collection[int], lock: bool = False) -> dict[int, list[Stake]]:
        if not messages:
            return {}
        its_case = col(Case.case_id) == literal(ids.invoice_case("")) + col(Invoice.id)
        statement = (
            select(ContactRequest, Invoice, col(Case.holds), col(Case.disputed))
            .join(Invoice, col(Invoice.id) == col(ContactRequest.invoice_id))
            .outerjoin(Case, its_case)
            .where(col(ContactRequest.message_id).in_(messages), col(ContactRequest.state) == "claimed")
            .order_by(col(Invoice.due_date), col(Invoice.id), col(ContactRequest.id))
        )
        if lock:  # in the order in which the ledger locks invoices
            statement = statement.with_for_update(of=(ContactRequest, Invoice), key_share=True)
        stakes: dict[int, list[Stake]] = {message: [] for message in messages}
        for request, invoice, holds, disputed in session.execute(statement):
            stakes[request.message_id].append(Stake(request, invoice, holds, disputed or 0))
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
        collector, today = self._signed_by(customer.collector), now.astimezone(customer.zone).date()
        letter = Letter(
            language=customer.language, country=customer.country, template=reading.letter, currency=reading.currency,
            letter_date=today, pay_by=_notice_ends(reading, today), greeting_name=customer.contact, customer=customer.name,
            account_id=customer.account_id, lines=tuple(reading.standing), collector=collector, creditor=self._creditor,
            case_id=reading.case_id, details=reading.details, names=reading.names,
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


def _notice_ends(reading: Reading, letter_date: date) -> date | None:
    """The last day of a warning's notice, which counts from its delivery, today; other letters say their days in words of their own."""
    days = reading.details.get("notice_days")
    return letter_date + timedelta(days=days) if reading.letter == WARNING and isinstance(days, int) else None


__all__ = ["Customer", "LetterReading", "Reading"]
