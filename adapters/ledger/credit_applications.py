"""Unapplied credit: what of it there is, how it is applied to invoices, by rule or by hand, and how that is taken back.

See docs/decisions/0042-unapplied-credit-is-proposed-and-booked-as-an-application.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.billing.errors import (
    ApplicationTakenBackError,
    ConflictingBookingError,
    CurrencyMismatchError,
    ExcessiveCreditError,
    UnknownApplicationError,
    UnknownCreditError,
    UnknownInvoiceError,
)
from adapters.billing.results import CreditApplication
from adapters.database.row_states import AllocationCause
from adapters.database.tables import Allocation, CreditApplicationRow, Invoice, Payment
from adapters.ledger.application_rows import build_application, load_application
from adapters.ledger.invoice_queries import (
    build_conflicting_booking_error,
    build_open_items,
    load_payable_invoices,
    load_unapplied_sources,
    require_open_balance,
    require_positive_amount,
)
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.unit_of_work import AllocationSource, BookedInvoice, LedgerUnitOfWork
from domain.billing.billing_events import BillingEventKind, CreditMove
from domain.billing.credit_application import CreditShare, allocate_credits
from domain.money import Money


class CreditApplications:
    def __init__(self, transactions: LedgerTransactions) -> None:
        self._transactions = transactions

    def apply_credit(
        self, account_id: str, currency: str, shares: Sequence[CreditShare] | None, *, key: str | None, recorded_by: str, at: datetime
    ) -> CreditApplication:
        """Apply the account's unapplied credit: these shares, or by the rule all that there is, the oldest credit first to the oldest due
        first. Nothing is booked where nothing can be applied. The port says what is refused."""
        key = key or f"application:{uuid4().hex}"
        with self._transactions.hold_account(at, account_id) as (session, unit_of_work):
            if (known := session.get(CreditApplicationRow, key)) is not None:
                original = load_application(session, known)
                if (known.account_id, known.currency, known.takes_back) != (account_id, currency, None) or (
                    shares is not None and _merge_shares(shares) != _merge_shares(original.shares)
                ):
                    raise build_conflicting_booking_error(key)
                return original
            invoices = load_payable_invoices(unit_of_work, account_id, currency, None)
            sources = {source.id: (source, left) for source, left in load_unapplied_sources(session, account_id, currency)}
            if shares is None:
                chosen = allocate_credits([(name, left) for name, (_, left) in sources.items()], build_open_items(invoices))
            else:
                chosen = _merge_shares(shares)
                _require_known_invoices(session, account_id, currency, chosen)
                _require_applicable(account_id, currency, chosen, sources, invoices)
            row = CreditApplicationRow(
                key=key,
                account_id=account_id,
                currency=currency,
                amount=sum(share.amount for share in chosen),
                booked_on=at.date(),
                recorded_by=recorded_by,
            )
            if chosen:
                moved = [(sources[share.credit_id][0], invoices[share.invoice_id], share.amount) for share in chosen]
                _book_moves(unit_of_work, row, moved)
            return build_application(row, chosen)

    def take_back_application(self, key: str, application: str, reason: str, *, recorded_by: str, at: datetime) -> CreditApplication:
        """Undo an application, as far as its invoices still have what it gave. The port says what is refused."""
        with self._transactions.read() as session:
            row = session.get(CreditApplicationRow, application)
            account_id = row.account_id if row is not None and row.takes_back is None else None
        if account_id is None:
            raise UnknownApplicationError(f"there is no application {application!r}; the account's unapplied credit lists them")
        with self._transactions.hold_account(at, account_id) as (session, unit_of_work):
            original = session.get_one(CreditApplicationRow, application)
            undone = select(CreditApplicationRow).where(col(CreditApplicationRow.takes_back) == application)
            if (known := session.scalars(undone).one_or_none()) is not None:
                if known.key == key:
                    return load_application(session, known)
                raise ApplicationTakenBackError(f"{application!r} was taken back on {known.booked_on} by {known.recorded_by}")
            if session.get(CreditApplicationRow, key) is not None:
                raise build_conflicting_booking_error(key)
            moved = _find_what_is_left(session, unit_of_work, application)
            if not moved:
                raise ConflictingBookingError(
                    f"nothing of {application!r} is left to take back: its payment bounced, or its invoices were cancelled or lowered"
                )
            row = CreditApplicationRow(
                key=key,
                account_id=account_id,
                currency=original.currency,
                amount=sum(amount for _, _, amount in moved),
                booked_on=at.date(),
                recorded_by=recorded_by,
                takes_back=application,
                reason=reason,
            )
            _book_moves(unit_of_work, row, moved)
            given = [CreditShare(credit_id=source.id, invoice_id=invoice.id, amount=amount) for source, invoice, amount in moved]
            return build_application(row, given)


Move = tuple[AllocationSource, BookedInvoice, int]
"""The credit, the invoice, and how much of it, positive."""


def _book_moves(unit_of_work: LedgerUnitOfWork, row: CreditApplicationRow, moved: Iterable[Move]) -> None:
    """Book an application or its taking back, and tell each invoice of it."""
    unit_of_work.add_row(CreditApplicationRow, **row.model_dump())
    undoes = row.takes_back is not None
    kind = BillingEventKind.CREDIT_TAKEN_BACK if undoes else BillingEventKind.CREDIT_APPLIED
    cause = AllocationCause.TAKEN_BACK if undoes else AllocationCause.APPLIED
    for source, invoice, amount in moved:
        unit_of_work.allocate(invoice, -amount if undoes else amount, source, row.booked_on, cause, row.key)
        move = CreditMove(
            application=row.key,
            credit_id=source.id,
            is_credit_note=source.is_credit_note,
            by=row.recorded_by,
            takes_back=row.takes_back or "",
            reason=row.reason,
        )
        unit_of_work.publish_change(invoice, kind, amount, source.reference, credit=move)


def _find_what_is_left(session: Session, unit_of_work: LedgerUnitOfWork, application: str) -> list[Move]:
    """Of what an application gave, what its invoices have not given back since: a payment may have bounced, an invoice been cancelled."""
    given = unit_of_work.load_allocations(col(Allocation.application_key) == application)
    names = sorted({invoice_id for _, invoice_id, _ in given})
    invoices = unit_of_work.load_locked_invoices(col(Invoice.id).in_(names))
    held = {
        (source.id, invoice_id): amount
        for source, invoice_id, amount in unit_of_work.load_allocations(col(Allocation.invoice_id).in_(names))
    }
    paid = {name: invoice.paid for name, invoice in invoices.items()}
    payments = select(col(Payment.id), col(Payment.reference)).where(col(Payment.id).in_({source.id for source, _, _ in given}))
    references = {row.id: row.reference for row in session.execute(payments)}
    left: list[Move] = []
    for source, invoice_id, amount in sorted(given, key=lambda each: (each[1], each[0].id)):
        back = min(amount, held.get((source.id, invoice_id), 0), paid[invoice_id])
        if back > 0:
            paid[invoice_id] -= back
            named = AllocationSource(source.id, source.is_credit_note, reference=references.get(source.id, source.id))
            left.append((named, invoices[invoice_id], back))
    return left


def _require_applicable(
    account_id: str,
    currency: str,
    shares: Iterable[CreditShare],
    sources: Mapping[str, tuple[AllocationSource, int]],
    invoices: Mapping[str, BookedInvoice],
) -> None:
    """Raises UnknownCreditError, ExcessiveCreditError."""
    taken, given = dict[str, int](), dict[str, int]()
    for share in shares:
        if share.credit_id not in sources:
            raise UnknownCreditError(
                f"account {account_id!r} has no unapplied {currency} credit {share.credit_id!r}; its unapplied credit lists what is left"
            )
        taken[share.credit_id] = taken.get(share.credit_id, 0) + share.amount
        given[share.invoice_id] = given.get(share.invoice_id, 0) + share.amount
    for credit_id, amount in taken.items():
        left = sources[credit_id][1]
        if amount > left:
            owed = Money(minor=left, currency=currency).major
            raise ExcessiveCreditError(f"no more than {currency} {owed} is left of {credit_id!r} by now; apply no more than that")
    for invoice_id, amount in given.items():
        if invoice_id not in invoices:
            raise ExcessiveCreditError(f"invoice {invoice_id!r} owes nothing by now; choose another, or leave the credit where it is")
        require_open_balance(invoices[invoice_id], amount)


def _require_known_invoices(session: Session, account_id: str, currency: str, shares: Iterable[CreditShare]) -> None:
    """Raises UnknownInvoiceError, CurrencyMismatchError."""
    for invoice_id in sorted({share.invoice_id for share in shares}):
        invoice = session.get(Invoice, invoice_id)
        if invoice is None or invoice.account_id != account_id:
            raise UnknownInvoiceError(f"account {account_id!r} has no invoice {invoice_id!r}; its page lists those that it has")
        if invoice.currency != currency:
            raise CurrencyMismatchError(f"invoice {invoice_id!r} is in {invoice.currency}; credit in {currency} cannot pay it")


def _merge_shares(shares: Iterable[CreditShare]) -> tuple[CreditShare, ...]:
    """One share for each credit and invoice, in order of their ids."""
    amounts: dict[tuple[str, str], int] = {}
    for share in shares:
        require_positive_amount(share.amount)
        amounts[share.credit_id, share.invoice_id] = amounts.get((share.credit_id, share.invoice_id), 0) + share.amount
    return tuple(CreditShare(credit_id=name, invoice_id=invoice, amount=amount) for (name, invoice), amount in sorted(amounts.items()))
