"""What the letter of a case says at the moment it goes: its invoices as they stand by then, or nothing, when it has lost its object."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, literal, or_, select
from sqlmodel import Session, col

from adapters.correspondence.account_positions import HowToPay
from adapters.correspondence.missing_there import find_missing_there
from adapters.correspondence.reminder_content import (
    LetterContent,
    LetterRecipient,
    VersionStamps,
    build_letter_line,
    build_line_row,
)
from adapters.database.tables import Case, ExternalInvoiceRow, Invoice, Message
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.case.letter_order import DEMAND_LETTERS, DROPPABLE_LETTERS
from domain.correspondence.letter_outcome import DropReason
from domain.correspondence.naming import compute_undisputed_rest
from domain.correspondence.written_letters import STATEMENT_LETTER


class NamedInvoice(NamedTuple):
    """An invoice that letters of cases are about, how much of it is in dispute (minor units), and how it is paid."""

    invoice: Invoice
    disputed: int
    paying: HowToPay

    @property
    def demanded_amount(self) -> int:
        """What may be asked for: nothing of a settled or wholly disputed invoice."""
        standing = self.invoice.status == InvoiceStatus.OPEN and not self.invoice.disputed
        return compute_undisputed_rest(self.invoice.open_balance, self.disputed) if standing else 0

    @property
    def contested_amount(self) -> int:
        """What is open of it, and in dispute."""
        return self.invoice.open_balance - self.demanded_amount if self.invoice.status == InvoiceStatus.OPEN else 0


class LoadedCaseInvoices(NamedTuple):
    """What the letters of cases rest on: the invoices that they name, by id, and the cases that are over."""

    invoices: dict[str, NamedInvoice]
    closed_cases: set[str]


def load_case_invoices(session: Session, letters: Sequence[Message]) -> LoadedCaseInvoices:
    """Looked up together for all of them; nothing is asked where no case wrote."""
    if not letters:
        return LoadedCaseInvoices({}, set())
    invoices = {invoice for letter in letters for invoice in letter.invoice_ids}
    stated = and_(col(Invoice.account_id).in_(list_stated_accounts(letters)), col(Invoice.status) == InvoiceStatus.OPEN)
    its_case = col(Case.case_id) == literal(ids.invoice_case_id("")) + col(Invoice.id)
    paying = (col(ExternalInvoiceRow.reference), col(ExternalInvoiceRow.payment_link))
    statement = select(Invoice, col(Case.disputed), *paying).outerjoin(Case, its_case)
    statement = statement.outerjoin(ExternalInvoiceRow, col(ExternalInvoiceRow.invoice_id) == col(Invoice.id))
    statement = statement.where(or_(col(Invoice.id).in_(invoices), stated))
    found = session.execute(statement.order_by(col(Invoice.due_date), col(Invoice.id))).all()
    missing = find_missing_there(session, [invoice.id for invoice, _, reference, _ in found if reference is not None]) - invoices
    found = [row for row in found if row[0].id not in missing]
    cases = {letter.case_id for letter in letters}
    over = session.scalars(select(col(Case.case_id)).where(col(Case.case_id).in_(cases), col(Case.outcome).is_not(None)))
    named = {invoice.id: NamedInvoice(invoice, disputed or 0, HowToPay.build(invoice.number, *says)) for invoice, disputed, *says in found}
    return LoadedCaseInvoices(named, set(over))


def list_stated_accounts(letters: Sequence[Message]) -> set[str]:
    """The accounts of which a letter states all that is open."""
    return {letter.account_id for letter in letters if letter.letter == STATEMENT_LETTER}


def _is_named(letter: Message, invoice: Invoice) -> bool:
    if letter.letter == STATEMENT_LETTER:
        return (invoice.account_id, invoice.currency, invoice.status) == (letter.account_id, letter.currency, InvoiceStatus.OPEN)
    return invoice.id in letter.invoice_ids


def lock_invoices(session: Session, letters: Sequence[Message], accounts: Collection[str]) -> None:
    """Of letters of cases, and of the accounts that reminders tell the position of, in the one order in which the ledger locks invoices."""
    named = {invoice for letter in letters for invoice in letter.invoice_ids}
    in_position = and_(col(Invoice.account_id).in_({*accounts, *list_stated_accounts(letters)}), col(Invoice.status) == InvoiceStatus.OPEN)
    wanted = select(col(Invoice.id)).where(or_(col(Invoice.id).in_(named), in_position))
    session.execute(wanted.order_by(col(Invoice.due_date), col(Invoice.id)).with_for_update(key_share=True))


def build_case_letter(
    row: Message,
    customer: LetterRecipient,
    loaded: LoadedCaseInvoices,
    reminded: Collection[str],
    thread: tuple[str, ...],
    now: datetime,
    credit: int = 0,
) -> LetterContent:
    """It names what is owed of its invoices by now. Unlike a reminder it is stopped by no hold: the case that holds them wrote it.
    `reminded` are the ids of the invoices that a letter which arrived has asked for. A statement, which a person writes, names all that is
    open, in dispute or not, and the account's unapplied `credit` in its currency (minor units)."""
    today = now.astimezone(customer.zone).date()
    named = [named_invoice for named_invoice in loaded.invoices.values() if _is_named(row, named_invoice.invoice)]
    is_statement = row.letter == STATEMENT_LETTER
    lines = [
        (
            build_letter_line(
                each.invoice, each.invoice.open_balance if is_statement else each.demanded_amount, row.letter, today, paying=each.paying
            ),
            each.invoice.version,
        )
        for each in named
    ]
    contested = sum(each.contested_amount for each in named) if is_statement else 0
    return LetterContent(
        message=row.id or 0,
        message_id=row.message_id,
        customer=customer,
        currency=row.currency,
        letter=row.letter,
        dropped=[],
        lines=[build_line_row(line, row.number, version) for line, version in lines],
        marks=build_case_version_stamps(row, loaded),
        standing=[line for line, _ in lines if line.open_minor > 0],
        thread=thread,
        attempts=row.attempts,
        opens=row.opens,
        closes=row.closes,
        case_id=row.case_id,
        credit=min(credit, sum(line.open_minor for line, _ in lines)) if is_statement else 0,
        details={**row.details, "contested": contested} if contested else row.details,
        names={named_invoice.invoice.id: named_invoice.invoice.number for named_invoice in named},
        dropped_for=_find_drop_reason(row, named, loaded),
        reminded_before=all(line.invoice_id in reminded for line, _ in lines if line.open_minor > 0),
        all_settled=all(named_invoice.invoice.status != InvoiceStatus.OPEN for named_invoice in named),
    )


def build_case_version_stamps(row: Message, loaded: LoadedCaseInvoices) -> VersionStamps:
    versions = [
        (invoice, named.invoice.version, named.disputed) for invoice, named in loaded.invoices.items() if _is_named(row, named.invoice)
    ]
    return [(row.id, row.wanted, row.case_id in loaded.closed_cases), *versions]


def _find_drop_reason(row: Message, named: Sequence[NamedInvoice], loaded: LoadedCaseInvoices) -> DropReason | None:
    """Its case took it back or is over, or nothing is owed any more of what it asks for."""
    if not row.wanted or (row.letter in DROPPABLE_LETTERS and row.case_id in loaded.closed_cases):
        return DropReason.LAPSED
    if row.letter not in DEMAND_LETTERS or not named or any(named_invoice.demanded_amount > 0 for named_invoice in named):
        return None
    settled = all(named_invoice.invoice.status != InvoiceStatus.OPEN for named_invoice in named)
    return DropReason.SETTLED if settled else DropReason.DISPUTED
