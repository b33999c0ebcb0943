"""The letters that a person writes to a customer now: a statement of account, or the copy of a letter that went. They go through the letter
outbox, in the customer's contact hours, once each; what became of them is the same as of any letter, and no case is told."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.billing.invoice_documents import InvoiceDocuments
from adapters.correspondence.attached_invoices import name_attached, require_printed
from adapters.correspondence.business_days import get_business_day_check
from adapters.correspondence.letter_loader import ADDRESSEE_DETAIL, LetterLoader, LetterRecipient
from adapters.database.engine import Database
from adapters.database.tables import Account, AccountNoteRecord, Contact, Invoice, Message, Note
from adapters.mail.local_inbox import InboxMessage, read_mail
from adapters.mail.message_builder import derive_message_id
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.contact_slots import find_first_slot
from domain.correspondence.written_letters import COPY_LETTER, STATEMENT_LETTER
from domain.errors import UserError
from domain.policy.collection_policy import ContactHours


class AddresseeError(UserError):
    """A letter is for contacts of the account that have an address which takes letters."""

    title = "A letter cannot go to these contacts"
    status = 422
    problem_type = "addressee"


class NothingToSendError(UserError):
    """There is no such letter to this customer, or nothing of which an account could be stated."""

    title = "There is nothing to send"
    status = 409
    problem_type = "nothing-to-send"


class LetterToWrite(NamedTuple):
    """What a person writes. `copy_of`: the letter of which a copy goes; None for a statement of account. `contacts` are those that get it,
    each a letter of their own; `sentence` stands above. `invoice_copies`: the invoices of which a printed copy goes along. `hours`: when
    the customer may be written to, and whether the hour of the day means anything."""

    account_id: str
    contacts: Sequence[int]
    sentence: str
    copy_of: int | None
    hours: ContactHours
    hours_matter: bool
    invoice_copies: Sequence[str] = ()


class Writer(NamedTuple):
    """Who writes, by which command, and when: `at` is business time, `now` real time, both UTC. `opening`: the words with which the note
    about it begins."""

    act_id: str
    user: str
    at: datetime
    now: datetime
    opening: str


class WrittenLetter(NamedTuple):
    """A letter as it would go now."""

    slot: datetime
    recipient: str
    language: str
    mail: InboxMessage


class WrittenLetterStore:
    def __init__(self, database: Database, loader: LetterLoader, documents: InvoiceDocuments | None = None) -> None:
        """`documents`: whether a printed copy of an invoice can be had; None: it is not looked for before the letter goes."""
        self._database, self._loader, self._documents = database, loader, documents
        self._insert_message = database.build_insert_or_ignore(Message)

    def preview(self, wanted: LetterToWrite, at: datetime) -> list[WrittenLetter]:
        """Write the letters, and store none. `at` is business time. Raises AddresseeError, NothingToSendError, NoDocumentError, and what
        fetching a printed invoice raises."""
        require_printed(self._documents, wanted.invoice_copies)
        with self._database.reading() as session:
            rows = self._build_rows(session, wanted, "preview", at)
            drafts = self._loader.load_drafts_of(session, rows)
            session.expunge_all()
        contents = self._loader.build_letters(drafts, at)
        written = []
        for row in rows:
            content = contents[row.id or 0]
            mail = read_mail(self._loader.compose(content, at))
            written.append(WrittenLetter(row.slot, content.customer.email, row.language, mail))
        return written

    def write(self, wanted: LetterToWrite, writer: Writer) -> list[int]:
        """Intend the letters, and note who wrote them, in one transaction; the letters' numbers. The same act again writes nothing anew.

        Raises AddresseeError, NothingToSendError, NoDocumentError.
        """
        case_id = ids.written_letter_id(writer.act_id)
        mine = select(col(Message.id)).where(col(Message.case_id) == case_id).order_by(col(Message.id))
        require_printed(self._documents, wanted.invoice_copies)
        with self._database.writing() as session:
            if known := session.scalars(mine).all():
                return [number for number in known if number is not None]
            rows = self._build_rows(session, wanted, writer.act_id, writer.at)
            for row in rows:
                session.execute(self._insert_message, [row.model_dump(exclude={"id"})])
            self._note(session, wanted, writer)
            return [number for number in session.scalars(mine) if number is not None]

    def _note(self, session: Session, wanted: LetterToWrite, writer: Writer) -> None:
        """The account's own record of who wrote what to whom."""
        names = session.scalars(select(Contact).where(col(Contact.id).in_(wanted.contacts)).order_by(col(Contact.id)))
        to = ", ".join(contact.email for contact in names)
        text = f"{writer.opening}: {to}" + (f"\n{wanted.sentence}" if wanted.sentence else "")
        note = {"id": f"note:{writer.act_id}", "account_id": wanted.account_id, "invoice_id": None, "author": writer.user}
        written = {**note, "text": text, "written_at": writer.at}
        session.execute(self._database.build_insert_or_ignore(Note).values(**written))
        record = {key: value for key, value in note.items() if key != "id"}
        session.execute(
            self._database.build_insert_or_ignore(AccountNoteRecord).values(
                **record, note_id=note["id"], written_at=writer.at, recorded_at=writer.now
            )
        )

    # --- the rows

    def _build_rows(self, session: Session, wanted: LetterToWrite, act_id: str, at: datetime) -> list[Message]:
        """One for each contact and, of a statement, each currency in which something is open. Each has a number of its own for now."""
        account = session.get_one(Account, wanted.account_id)
        customer = self._loader.load_recipients(session, {account.id})[account.id]
        contacts = _require_contacts(session, wanted)
        original = _require_original(session, wanted) if wanted.copy_of is not None else None
        currencies = [original.currency] if original else _list_currencies(session, account.id)
        attached = name_attached(session, account.id, wanted.invoice_copies)
        slot = _find_slot(customer, wanted, at)
        copied = _copy(original, customer) if original else {}
        rows: list[Message] = []
        for contact in contacts:
            for currency in currencies:
                key = ids.case_letter_key(ids.written_letter_id(act_id), f"{contact.id}:{currency}")
                row = Message(
                    id=len(rows) + 1,
                    key=key,
                    account_id=account.id,
                    language=contact.language or account.language,
                    currency=currency,
                    letter=COPY_LETTER if original else STATEMENT_LETTER,
                    slot=slot,
                    message_id=derive_message_id(key, self._loader.reply_domain),
                    case_id=ids.written_letter_id(act_id),
                    number=1,
                    details={ADDRESSEE_DETAIL: contact.id, "sentence": wanted.sentence, **attached, **copied},
                    opens=wanted.hours.opens.isoformat("minutes"),
                    closes=wanted.hours.closes.isoformat("minutes"),
                    told=None,
                )
                rows.append(row)
        return rows


def _require_contacts(session: Session, wanted: LetterToWrite) -> list[Contact]:
    found = session.scalars(select(Contact).where(col(Contact.id).in_(wanted.contacts), col(Contact.account_id) == wanted.account_id))
    contacts = {contact.id: contact for contact in found}
    if not wanted.contacts or set(wanted.contacts) - contacts.keys():
        raise AddresseeError("name contacts of this account; GET /v1/accounts/{account_id} lists them")
    for contact in contacts.values():
        if not contact.email or contact.undeliverable_since is not None:
            raise AddresseeError(f"{contact.name or contact.role} has no e-mail address that takes letters; correct the contact first")
    return [contacts[number] for number in dict.fromkeys(wanted.contacts)]


def _require_original(session: Session, wanted: LetterToWrite) -> Message:
    letter = session.get(Message, wanted.copy_of)
    if letter is None or letter.account_id != wanted.account_id or letter.sent_at is None or not letter.content:
        raise NothingToSendError(f"no letter {wanted.copy_of} that went to this customer is kept; GET /v1/letters?account= lists them")
    return letter


def _copy(original: Message, customer: LetterRecipient) -> dict[str, str]:
    """What a copy says of its letter: the day on which it went, by the customer's calendar, and its text."""
    mail = read_mail(original.content)
    sent_on = (original.sent_at or original.slot).astimezone(customer.zone).date().isoformat()
    return {"copied_on": sent_on, "copied_subject": mail.subject, "copied_to": original.recipient, "copied_text": mail.text.strip()}


def _list_currencies(session: Session, account_id: str) -> list[str]:
    """Those in which something is open; where nothing is, that of the last invoice."""
    mine = select(col(Invoice.currency)).where(col(Invoice.account_id) == account_id)
    owed = session.scalars(mine.where(col(Invoice.status) == InvoiceStatus.OPEN).distinct().order_by(col(Invoice.currency))).all()
    if owed:
        return list(owed)
    last = session.scalars(mine.order_by(col(Invoice.issue_date).desc(), col(Invoice.id)).limit(1)).first()
    if last is None:
        raise NothingToSendError("this account has never had an invoice; there is no account to state")
    return [last]


def _find_slot(customer: LetterRecipient, wanted: LetterToWrite, at: datetime) -> datetime:
    moment = at if wanted.hours_matter else None
    today = at.astimezone(customer.zone).date()
    return find_first_slot(today, moment, customer.zone, wanted.hours, get_business_day_check(customer.country))
