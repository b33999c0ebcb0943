"""From rows to verdicts: what each row changes in the ledger, a batch in one transaction.

An import is how the embedded ledger gets its invoices, so it books into that ledger's unit of work, two thousand rows at a time: no other
billing system is fed by files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from secrets import token_hex
from typing import NamedTuple

from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import AllocationCause, TaskState
from adapters.database.tables import Allocation, CreditNote, Invoice, Payment, Task
from adapters.imports.account_batch import AccountBatch, ContactClearing
from adapters.imports.column_sources import RowRejectedError
from adapters.imports.credit_note_booking import CreditNoteBooking
from adapters.imports.invoice_identity import KnownInvoice
from adapters.imports.row_reader import ImportedInvoice
from adapters.ledger.unit_of_work import AllocationSource, BookedInvoice, LedgerUnitOfWork, load_invoices
from adapters.portfolio.assignments import AssignmentContext
from domain.billing.billing_events import BillingEventKind, InvoiceStatus
from domain.case.case_view import TaskKind
from domain.refusal import Refusal
from domain.roles import Role


class ImportVerdict(StrEnum):
    """What an import did with a row."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    NOT_YET_ISSUED = "not_yet_issued"
    SETTLED = "settled"
    CREDITED = "credited"
    DUPLICATE = "duplicate"
    LEFT_OUT = "left_out"
    REJECTED = "rejected"


@dataclass(frozen=True)
class ImportContext:
    """What all rows of an import share. `at` is business time; `reductions` as the mapping says. `held_by`: the import, where it holds the
    accounts that are new for release. `cleared_fields`: those of a contact that an empty cell clears."""

    business_date: date
    at: datetime
    recorded_at: datetime
    recorded_by: str
    reductions: str = "payment"
    held_by: str | None = None
    cleared_fields: frozenset[str] = frozenset()
    stated_contacts: set[tuple[str, str]] = field(default_factory=set)
    """The accounts and fields of a contact for which a row of this import had a value: a later empty cell clears none of them."""


class BookingVerdict(NamedTuple):
    """What was done with a row, and what a person should look at."""

    verdict: ImportVerdict
    warnings: tuple[str, ...] = ()


class BatchBooking:
    """The rows of one batch against the books. Nothing is written before `write`."""

    def __init__(
        self,
        session: Session,
        database: Database,
        rows: Sequence[ImportedInvoice],
        known: Mapping[str, KnownInvoice],
        context: ImportContext,
        lock: bool,
    ) -> None:
        """`known`: what the ledger has of their invoices. Only what is new or has changed is looked up in whole."""
        self._session, self._database, self._context, self._known = session, database, context, known
        self._moved_invoices: list[BookedInvoice] = []
        self._unit_of_work = LedgerUnitOfWork(session, context.at, context.recorded_at)
        stirring = [row for row in rows if row.is_credit_note or not self._is_unchanged(row)]
        accounts = {row.account.id for row in stirring}
        changed = [row.invoice_id for row in stirring if not row.is_credit_note and row.invoice_id in known]
        if lock:
            self._unit_of_work.lock_accounts(accounts | {known[invoice_id].account_id for invoice_id in changed})
        self._known_invoices = load_invoices(session, col(Invoice.id).in_(changed), lock=lock) if changed else {}
        self._credit_notes = CreditNoteBooking(session, self._unit_of_work, [row for row in rows if row.is_credit_note], lock)
        doing = AssignmentContext(f"import:{token_hex(16)}", context.recorded_by, context.at, context.recorded_at)
        self._accounts = AccountBatch(
            session, database, accounts, doing, context.held_by, ContactClearing(context.cleared_fields, context.stated_contacts)
        )

    def book_row(self, row: ImportedInvoice) -> BookingVerdict:
        """Raises RowRejectedError when the row contradicts the ledger."""
        if row.is_credit_note:
            return self._book_credit_note(row)
        if self._is_unchanged(row):
            self._accounts.note_stated_contact(row.account)
            return BookingVerdict(ImportVerdict.UNCHANGED)
        invoice = self._known_invoices.get(row.invoice_id)
        if invoice is None:
            return self._issue_invoice(row)
        contradiction = self._check_row(row, invoice)
        if contradiction:
            self._update_invoice(row, invoice, terms=False)
            self._moved_invoices.append(invoice)
            return BookingVerdict(ImportVerdict.CHANGED, (contradiction, *row.warnings))
        cleared = self._accounts.merge_account(row.account)
        self._update_invoice(row, invoice)
        return BookingVerdict(ImportVerdict.CHANGED, (*row.warnings, *cleared))

    def _is_unchanged(self, row: ImportedInvoice) -> bool:
        known = self._known.get(row.invoice_id)
        return known is not None and known.source_sha256 == row.fingerprint

    def _book_credit_note(self, row: ImportedInvoice) -> BookingVerdict:
        if row.issue_date > self._context.business_date:
            return BookingVerdict(ImportVerdict.NOT_YET_ISSUED)
        if row.cancelled or not self._credit_notes.get_amount(row):
            return BookingVerdict(ImportVerdict.SETTLED)
        if self._credit_notes.is_known(row):
            return BookingVerdict(ImportVerdict.UNCHANGED)
        if first := self._credit_notes.find_repeated(row):
            warning = Refusal(
                "row.credit_note_booked",
                "the credit note {number} of this account, amount and day is booked as {first}; it was not booked again",
                number=repr(row.number),
                first=repr(first),
            )
            return BookingVerdict(ImportVerdict.DUPLICATE, (*row.warnings, warning))
        warnings = self._credit_notes.book(row, self._context.recorded_by)
        cleared = self._accounts.merge_account(row.account)
        return BookingVerdict(ImportVerdict.CREDITED, (*row.warnings, *warnings, *cleared))

    def write(self) -> None:
        self._accounts.write()
        self._unit_of_work.write()
        if self._moved_invoices:
            self._session.connection().execute(self._database.build_insert_or_ignore(Task), [*map(self._build_task, self._moved_invoices)])

    def _build_task(self, invoice: BookedInvoice) -> dict[str, object]:
        """A person decides about an invoice that the file has under another account; once for an invoice."""
        return {
            "key": f"{TaskKind.MOVED_INVOICE}:{invoice.id}",
            "kind": TaskKind.MOVED_INVOICE,
            "account_id": invoice.account_id,
            "invoice_id": invoice.id,
            "role": Role.COLLECTIONS_MANAGER,
            "due_on": self._context.business_date,
            "state": TaskState.OPEN,
            "outcome": "",
        }

    def count_held_accounts(self) -> int:
        """How many accounts of the batch are held for release."""
        return self._accounts.count_held()

    def _issue_invoice(self, row: ImportedInvoice) -> BookingVerdict:
        if row.issue_date > self._context.business_date:
            return BookingVerdict(ImportVerdict.NOT_YET_ISSUED, row.warnings)
        warnings = (*row.warnings, *self._accounts.merge_account(row.account))
        invoice = BookedInvoice(
            id=row.invoice_id,
            account_id=row.account.id,
            number=row.number,
            issue_date=row.issue_date,
            due_date=row.due_date,
            currency=row.currency,
            total=row.total,
            open_balance=row.total,
            disputed=bool(row.disputed),
            source_sha256=row.fingerprint,
            source_paid=row.paid,
        )
        self._unit_of_work.open_invoice(invoice)
        if row.cancelled:
            self._unit_of_work.void_invoice(invoice, row.settled_on or self._context.business_date, self._context.recorded_by)
            return BookingVerdict(ImportVerdict.SETTLED, warnings)
        if row.paid:
            self._book_payment(row, invoice, min(row.paid, row.total), invoice.version)
        elif not row.total:
            self._unit_of_work.close_invoice(invoice, InvoiceStatus.PAID, self._get_settlement_day(row))
        if invoice.status.is_settled:
            return BookingVerdict(ImportVerdict.SETTLED, warnings)
        self._unit_of_work.publish_event(invoice, BillingEventKind.INVOICE_ISSUED)
        return BookingVerdict(ImportVerdict.NEW, warnings)

    def _check_row(self, row: ImportedInvoice, invoice: BookedInvoice) -> str:
        """What the row contradicts though its money is taken; empty when it contradicts nothing. Raises RowRejectedError."""
        if invoice.currency != row.currency:
            raise RowRejectedError(
                Refusal(
                    "row.other_currency",
                    "currency: the invoice {invoice} is in {currency}, not in {given}",
                    invoice=repr(invoice.id),
                    currency=invoice.currency,
                    given=row.currency,
                )
            )
        if invoice.status is InvoiceStatus.CANCELLED and not row.cancelled:
            raise RowRejectedError(
                Refusal(
                    "row.cancelled",
                    "the invoice {invoice} was cancelled and cannot be reopened; issue it again under a new number",
                    invoice=repr(invoice.id),
                )
            )
        if invoice.account_id == row.account.id:
            return ""
        facts = {"invoice": repr(invoice.id), "account": repr(invoice.account_id), "given": repr(row.account.id)}
        if min(row.paid, row.total) == min(invoice.source_paid, invoice.total) and not row.cancelled:
            raise RowRejectedError(
                Refusal("row.other_account", "account: the invoice {invoice} belongs to the account {account}, not to {given}", **facts)
            )
        return Refusal(
            "row.moved",
            "account: the invoice {invoice} belongs to the account {account}, not to {given}; "
            "what the row says of its money was booked, and it stays with its account until a person decides",
            **facts,
        )

    def _update_invoice(self, row: ImportedInvoice, invoice: BookedInvoice, terms: bool = True) -> None:
        """Only what the file says anew is followed: a payment recorded here stands until the file speaks of payments itself. `terms` False:
        its money alone is."""
        self._unit_of_work.mark_changed(invoice)
        if terms:
            invoice.source_sha256, invoice.number, invoice.issue_date = row.fingerprint, row.number, row.issue_date
        if row.cancelled:
            self._unit_of_work.cancel_invoice(invoice, row.settled_on or self._context.business_date, self._context.recorded_by)
            return
        said_before, invoice.source_paid = min(invoice.source_paid, invoice.total), row.paid
        if terms:
            self._unit_of_work.change_invoice(invoice, row.due_date, row.total, row.disputed, self._context.business_date)
        says_now = min(row.paid, invoice.total)
        if says_now == said_before:
            return
        difference = says_now - invoice.paid
        if difference > 0:
            source, paid = self._book_payment(row, invoice, difference, invoice.version + 1)
            kind = BillingEventKind.CREDIT_NOTE_ISSUED if source.is_credit_note else BillingEventKind.PAYMENT_RECEIVED
            if paid:
                self._unit_of_work.publish_change(invoice, kind, paid, source.reference)
            if difference > paid:
                self._unit_of_work.book_recovery(invoice, difference - paid, source, self._get_settlement_day(row))
                self._unit_of_work.publish_change(
                    invoice, BillingEventKind.PAYMENT_RECOVERED, difference - paid, source.reference, source.id
                )
        elif difference < 0:
            self._reverse_payments(invoice, -difference)

    def _book_payment(self, row: ImportedInvoice, invoice: BookedInvoice, amount: int, version: int) -> tuple[AllocationSource, int]:
        """`version` is the one that it leads to; how much of it was open is returned. What was paid beyond the total becomes unapplied
        credit when it closes the invoice."""
        on = self._get_settlement_day(row)
        is_note = self._context.reductions == "credit_note"
        source = AllocationSource(f"import:{invoice.id}:{version}", is_credit_note=is_note, reference="import")
        excess = max(row.paid - row.total, 0)
        money = {"id": source.id, "account_id": invoice.account_id, "currency": invoice.currency, "amount": amount + excess}
        if is_note:
            self._unit_of_work.add_row(CreditNote, **money, issued_on=on, reason="import", recorded_by=self._context.recorded_by)
        else:
            self._add_payment(money, invoice, on)
        paid = min(amount, invoice.open_balance)
        if paid:
            self._unit_of_work.allocate(invoice, paid, source, on, AllocationCause.RECEIVED)
        return source, paid

    def _reverse_payments(self, invoice: BookedInvoice, amount: int) -> None:
        """The file does not say which payment bounced: a negative one stands against them all, recoveries first."""
        on = self._context.business_date
        source = AllocationSource(f"import:{invoice.id}:{invoice.version + 1}", reference="import")
        self._add_payment({"id": source.id, "account_id": invoice.account_id, "currency": invoice.currency, "amount": -amount}, invoice, on)
        lost = min(amount, self._unit_of_work.load_recovered_amounts(col(Allocation.invoice_id) == invoice.id).get(invoice.id, 0))
        if lost:
            self._unit_of_work.book_recovery(invoice, -lost, source, on)
            self._unit_of_work.publish_change(invoice, BillingEventKind.PAYMENT_RECOVERED, -lost, source.reference, source.id)
        if amount > lost:
            self._unit_of_work.allocate(invoice, lost - amount, source, on, AllocationCause.REVERSED)
            self._unit_of_work.publish_change(invoice, BillingEventKind.PAYMENT_REVERSED, amount - lost, source.reference)

    def _add_payment(self, money: dict[str, object], invoice: BookedInvoice, on: date) -> None:
        self._unit_of_work.add_row(
            Payment, **money, received_on=on, invoice_id=invoice.id, reference="import", recorded_by=self._context.recorded_by
        )

    def _get_settlement_day(self, row: ImportedInvoice) -> date:
        return row.settled_on or self._context.business_date
