"""Which invoice a row is about: the id that it gives, or its number, or account and number where two accounts have the same number.

A number that belongs to another account is either another customer's invoice, or the same invoice under a new account. It is the same when
the issue date, currency and total are, and no other row of the file has the number for the account that it belonged to.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.tables import Invoice
from adapters.imports.column_sources import RowRejectedError
from adapters.imports.row_reader import ImportedInvoice
from domain.accepted_texts import find_id_fault
from domain.refusal import Refusal


class KnownInvoice(NamedTuple):
    """What the ledger has of an invoice that a row may be about."""

    account_id: str
    source_sha256: str | None
    issue_date: date
    currency: str
    total: int


class _FirstRow(NamedTuple):
    number: int
    fingerprint: bytes
    account_id: str


class RepeatedCreditNote(NamedTuple):
    """A row that has the same credit note as an earlier one of the file, by that one's number."""

    first_row: int


ReadRow = ImportedInvoice | RowRejectedError | RepeatedCreditNote | None
"""A row that was read, the reason why it is rejected, or None for the repetition of an earlier one, unless that is a credit note."""


def load_known_invoices(session: Session, ids: Collection[str]) -> dict[str, KnownInvoice]:
    columns = (
        col(Invoice.id),
        col(Invoice.account_id),
        col(Invoice.source_sha256),
        col(Invoice.issue_date),
        col(Invoice.currency),
        col(Invoice.total),
    )
    found = session.connection().execute(select(*columns).where(col(Invoice.id).in_(ids))) if ids else ()
    return {row[0]: KnownInvoice(*row[1:]) for row in found}


class InvoiceIdentities:
    """The ids of a file's rows, batch after batch."""

    def __init__(self, find_shared_numbers: Callable[[], Collection[str]]) -> None:
        """`find_shared_numbers` reads the file for the numbers that several accounts have; it is asked once, and only when needed."""
        self._find_shared_numbers = find_shared_numbers
        self._shared_numbers: Collection[str] | None = None
        self._first_rows: dict[str, _FirstRow] = {}

    def has_seen(self, invoice_id: str) -> bool:
        """Whether a row of the file is about the invoice."""
        return invoice_id in self._first_rows

    def identify(self, session: Session, rows: Sequence[tuple[int, ReadRow]]) -> tuple[list[ReadRow], dict[str, KnownInvoice]]:
        """Give each row its invoice's id; a repetition becomes None, a contradiction to an earlier row its rejection. Also what the ledger
        knows of them."""
        invoices = [row for _, row in rows if isinstance(row, ImportedInvoice) and not row.is_credit_note]
        known = load_known_invoices(session, [row.invoice_id for row in invoices])
        known |= load_known_invoices(session, self._list_derived_ids(invoices, known))
        return [self._identify_row(number, row, known) if isinstance(row, ImportedInvoice) else row for number, row in rows], known

    def _list_derived_ids(self, invoices: list[ImportedInvoice], known: dict[str, KnownInvoice]) -> list[str]:
        """The ids by account and number that may be needed."""
        holders: dict[str, str] = {}
        derived = []
        for row in invoices:
            if row.has_own_id:
                continue
            holder = self._find_holder(row.invoice_id, known) or holders.setdefault(row.invoice_id, row.account.id)
            if holder != row.account.id:
                derived.append(_derive_id(row))
        return derived

    def _find_holder(self, invoice_id: str, known: dict[str, KnownInvoice]) -> str | None:
        first = self._first_rows.get(invoice_id)
        if first is not None:
            return first.account_id
        return known[invoice_id].account_id if invoice_id in known else None

    def _identify_row(self, number: int, row: ImportedInvoice, known: dict[str, KnownInvoice]) -> ReadRow:
        if not row.has_own_id and not row.is_credit_note:
            holder = self._find_holder(row.invoice_id, known)
            if holder not in (None, row.account.id) and not self._is_same_invoice(row, known):
                row = replace(row, invoice_id=_derive_id(row))
                fault = find_id_fault(row.invoice_id)
                if fault or self._find_holder(row.invoice_id, known) not in (None, row.account.id):
                    return RowRejectedError(
                        Refusal(
                            "row.number_taken",
                            "the number {number} belongs to an invoice of another account, and {invoice} cannot be its id; "
                            "map 'invoice_id' to what names each invoice",
                            number=repr(row.number),
                            invoice=repr(row.invoice_id),
                        )
                    )
        return self._check_repetition(number, row)

    def _is_same_invoice(self, row: ImportedInvoice, known: dict[str, KnownInvoice]) -> bool:
        """Return true when the invoice of another account is this one, which moved."""
        if row.invoice_id in self._first_rows or row.invoice_id not in known:
            return False
        before = known[row.invoice_id]
        if (before.issue_date, before.currency, before.total) != (row.issue_date, row.currency, row.total):
            return False
        if self._shared_numbers is None:
            self._shared_numbers = self._find_shared_numbers()
        return row.number not in self._shared_numbers

    def _check_repetition(self, number: int, row: ImportedInvoice) -> ReadRow:
        key = f"credit note {row.invoice_id}" if row.is_credit_note else row.invoice_id
        fingerprint = bytes.fromhex(row.fingerprint[:16])
        first = self._first_rows.setdefault(key, _FirstRow(number, fingerprint, row.account.id))
        if first.number == number:
            return row
        if first.fingerprint == fingerprint:
            return RepeatedCreditNote(first.number) if row.is_credit_note else None
        facts = {"invoice": repr(row.invoice_id), "row": first.number}
        if first.account_id != row.account.id:
            return RowRejectedError(
                Refusal(
                    "row.repeated_elsewhere",
                    "the invoice {invoice} is in row {row} already, with other content; keep the one that is right; "
                    "if they are two, map 'invoice_id' to what names each",
                    **facts,
                )
            )
        return RowRejectedError(
            Refusal(
                "row.repeated",
                "the invoice {invoice} is in row {row} already, with other content; keep the one that is right",
                **facts,
            )
        )


def _derive_id(row: ImportedInvoice) -> str:
    return f"{row.account.id}-{row.number}"
