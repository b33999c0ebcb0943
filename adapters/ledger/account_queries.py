"""What the ledger lets be read: an invoice, and the money of an account."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, bindparam, exists, func, select, union_all
from sqlmodel import Session, col

from adapters.billing.results import CreditApplication, OpenInvoice, RecordedPayment, UnappliedSource
from adapters.database.kept_rows import find_kept_row
from adapters.database.tables import Account, Allocation, CreditNote, Invoice, Payment
from adapters.ledger.application_rows import load_applications
from adapters.ledger.invoice_queries import build_unknown_account_error, build_unknown_invoice_error, load_unapplied
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.unit_of_work import load_invoices
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus

_taken = func.coalesce(func.sum(col(Allocation.amount)), 0)


def _select_unapplied(of_payments: ColumnElement[bool], of_credit_notes: ColumnElement[bool]) -> CompoundSelect[Any]:
    """What is left of each payment and credit note: (account, currency, amount), more than nothing."""
    return union_all(
        select(col(Payment.account_id), col(Payment.currency), (col(Payment.amount) - _taken).label("left"))
        .outerjoin(Allocation, col(Allocation.payment_id) == col(Payment.id))
        .where(of_payments, col(Payment.reversed_on).is_(None))
        .group_by(col(Payment.id), col(Payment.account_id), col(Payment.currency), col(Payment.amount))
        .having(col(Payment.amount) - _taken > 0),
        select(col(CreditNote.account_id), col(CreditNote.currency), (col(CreditNote.amount) - _taken).label("left"))
        .outerjoin(Allocation, col(Allocation.credit_note_id) == col(CreditNote.id))
        .where(of_credit_notes)
        .group_by(col(CreditNote.id), col(CreditNote.account_id), col(CreditNote.currency), col(CreditNote.amount))
        .having(col(CreditNote.amount) - _taken > 0),
    )


def _has_open_invoice(account_id: Any, currency: Any) -> ColumnElement[bool]:
    is_open = col(Invoice.status) == InvoiceStatus.OPEN.value
    return exists().where(col(Invoice.account_id) == account_id, is_open, col(Invoice.currency) == currency)


_ACCOUNTS: Any = bindparam("accounts", expanding=True)
_SELECT_UNAPPLIED = _select_unapplied(col(Payment.account_id).in_(_ACCOUNTS), col(CreditNote.account_id).in_(_ACCOUNTS))
"""Built once: it is asked for every batch of letters."""

_SELECT_APPLICABLE = _select_unapplied(
    _has_open_invoice(col(Payment.account_id), col(Payment.currency)),
    _has_open_invoice(col(CreditNote.account_id), col(CreditNote.currency)),
)


class AccountQueries:
    def __init__(self, transactions: LedgerTransactions) -> None:
        self._transactions = transactions

    def get_invoice_facts(self, invoice_id: str) -> InvoiceFacts:
        with self._transactions.read() as session:
            found = load_invoices(session, col(Invoice.id) == invoice_id)
        if invoice_id not in found:
            raise build_unknown_invoice_error(invoice_id)
        return found[invoice_id].to_facts()

    def list_open_invoices(self, account_id: str) -> tuple[OpenInvoice, ...]:
        with self._transactions.read() as session:
            _require_account(session, account_id)
            found = load_invoices(session, col(Invoice.account_id) == account_id, col(Invoice.status) == InvoiceStatus.OPEN.value)
        return tuple(OpenInvoice(invoice.id, invoice.to_facts()) for invoice in found.values())

    def list_payments(self, account_id: str) -> tuple[RecordedPayment, ...]:
        columns = (
            col(Payment.id),
            col(Payment.currency),
            col(Payment.amount),
            col(Payment.received_on),
            col(Payment.reference),
            col(Payment.invoice_id),
            col(Payment.reversed_on),
        )
        query = select(*columns).where(col(Payment.account_id) == account_id).order_by(col(Payment.received_on), col(Payment.id))
        with self._transactions.read() as session:
            _require_account(session, account_id)
            return tuple(RecordedPayment(*row) for row in session.execute(query))

    def get_unapplied_credit(self, account_id: str) -> dict[str, int]:
        with self._transactions.read() as session:
            _require_account(session, account_id)
            credit: dict[str, int] = {}
            for source in load_unapplied(session, account_id):
                credit[source.currency] = credit.get(source.currency, 0) + source.left
            return credit

    def list_unapplied_credit(self, account_ids: Collection[str]) -> dict[tuple[str, str], int]:
        with self._transactions.read() as session:
            return _sum_by_account(session.execute(_SELECT_UNAPPLIED, {"accounts": list(account_ids)}))

    def list_applicable_credit(self) -> dict[tuple[str, str], int]:
        with self._transactions.read() as session:
            return _sum_by_account(session.execute(_SELECT_APPLICABLE))

    def list_unapplied_sources(self, account_id: str) -> tuple[UnappliedSource, ...]:
        with self._transactions.read() as session:
            _require_account(session, account_id)
            return tuple(load_unapplied(session, account_id))

    def list_credit_applications(self, account_id: str) -> tuple[CreditApplication, ...]:
        with self._transactions.read() as session:
            _require_account(session, account_id)
            return load_applications(session, account_id)


def _sum_by_account(rows: Iterable[Any]) -> dict[tuple[str, str], int]:
    credit: dict[tuple[str, str], int] = {}
    for account_id, currency, left in rows:
        credit[account_id, currency] = credit.get((account_id, currency), 0) + int(left)
    return credit


def _require_account(session: Session, account_id: str) -> None:
    """Raises UnknownAccountError."""
    if find_kept_row(session, Account, account_id) is None:
        raise build_unknown_account_error(account_id)
