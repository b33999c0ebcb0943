"""What the ledger lets be read: an invoice, and the money of an account."""

from collections.abc import Collection

from sqlalchemy import bindparam, func, select, union_all
from sqlmodel import Session, col

from adapters.billing.results import OpenInvoice, RecordedPayment
from adapters.database.tables import Account, Allocation, CreditNote, Invoice, Payment
from adapters.ledger.invoice_queries import build_unknown_account_error, build_unknown_invoice_error, load_unapplied_sources
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.unit_of_work import load_invoices
from domain.billing.billing_events import InvoiceFacts, InvoiceStatus

_taken = func.coalesce(func.sum(col(Allocation.amount)), 0)

_SELECT_UNAPPLIED = union_all(
    select(col(Payment.account_id), col(Payment.currency), (col(Payment.amount) - _taken).label("left"))
    .outerjoin(Allocation, col(Allocation.payment_id) == col(Payment.id))
    .where(col(Payment.account_id).in_(bindparam("accounts", expanding=True)), col(Payment.reversed_on).is_(None))
    .group_by(col(Payment.id), col(Payment.account_id), col(Payment.currency), col(Payment.amount))
    .having(col(Payment.amount) - _taken > 0),
    select(col(CreditNote.account_id), col(CreditNote.currency), (col(CreditNote.amount) - _taken).label("left"))
    .outerjoin(Allocation, col(Allocation.credit_note_id) == col(CreditNote.id))
    .where(col(CreditNote.account_id).in_(bindparam("accounts", expanding=True)))
    .group_by(col(CreditNote.id), col(CreditNote.account_id), col(CreditNote.currency), col(CreditNote.amount))
    .having(col(CreditNote.amount) - _taken > 0),
)
"""What is left of each payment and credit note. Built once: it is asked for every batch of letters."""


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
            for currency, _, left in load_unapplied_sources(session, account_id):
                credit[currency] = credit.get(currency, 0) + left
            return credit

    def list_unapplied_credit(self, account_ids: Collection[str]) -> dict[tuple[str, str], int]:
        credit: dict[tuple[str, str], int] = {}
        with self._transactions.read() as session:
            for account_id, currency, left in session.execute(_SELECT_UNAPPLIED, {"accounts": list(account_ids)}):
                credit[account_id, currency] = credit.get((account_id, currency), 0) + int(left)
        return credit


def _require_account(session: Session, account_id: str) -> None:
    """Raises UnknownAccountError."""
    if session.get(Account, account_id) is None:
        raise build_unknown_account_error(account_id)
