"""What an account owed at the end of a day: its invoices and balances, from the ledger.

The open balance of a past day is today's, with what was allocated since given back; a total that was corrected since counts as corrected.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Row, and_, func, or_, select
from sqlmodel import Session, col

from adapters.database.tables import Allocation, CreditNote, Invoice, Payment
from domain.dossier import DossierBalance, DossierInvoice, SettledInvoiceTotals
from domain.projection.case_facts import WriteOffFacts

AGEING_BUCKETS = ((0, "current"), (30, "days_1_to_30"), (60, "days_31_to_60"), (90, "days_61_to_90"))
"""Days past due up to which an open balance stands in the bucket; all that is older, over 90."""


class OwedInvoices:
    """The invoices of an account that were issued by a day, each with what was open of it at that day's end."""

    def __init__(self, session: Session, account_id: str, on: date) -> None:
        self.day = on
        since = (
            select(col(Allocation.invoice_id), func.sum(col(Allocation.amount)))
            .join(Invoice, col(Invoice.id) == col(Allocation.invoice_id))
            .where(col(Invoice.account_id) == account_id, col(Allocation.allocated_on) > on)
            .group_by(col(Allocation.invoice_id))
        )
        given_back = {invoice: int(amount) for invoice, amount in session.execute(since)}
        columns: tuple[Any, ...] = (
            Invoice.id,
            Invoice.number,
            Invoice.issue_date,
            Invoice.due_date,
            Invoice.currency,
            Invoice.total,
            Invoice.open_balance,
            Invoice.disputed,
            Invoice.settled_on,
        )
        rows = select(*columns).where(col(Invoice.account_id) == account_id, col(Invoice.issue_date) <= on)
        self.rows: list[Row[Any]] = list(session.execute(rows.order_by(col(Invoice.due_date), col(Invoice.id))).all())
        self.open_balances: dict[str, int] = {row.id: max(row.open_balance + given_back.get(row.id, 0), 0) for row in self.rows}

    @property
    def currencies(self) -> dict[str, str]:
        return {row.id: row.currency for row in self.rows}

    @property
    def numbers(self) -> dict[str, str]:
        return {row.id: row.number for row in self.rows}

    def build_lines(self, contested: Mapping[str, int], stages: Mapping[str, str], also: set[str]) -> list[DossierInvoice]:
        """Build the lines of the invoices that were open, and of those in `also`; the oldest due date first."""
        return [
            DossierInvoice(
                id=row.id,
                number=row.number,
                issued=row.issue_date,
                due=row.due_date,
                days_past_due=(self.day - row.due_date).days,
                currency=row.currency,
                original=row.total,
                open=self.open_balances[row.id],
                disputed=self._disputed_amount(row, contested),
                stage=stages.get(row.id, "new"),
            )
            for row in self.rows
            if self.open_balances[row.id] > 0 or row.id in also
        ]

    def _disputed_amount(self, row: Row[Any], contested: Mapping[str, int]) -> int:
        owed = self.open_balances[row.id]
        return owed if row.disputed else min(contested.get(row.id, 0), owed)

    def sum_settled(self, listed: set[str]) -> list[SettledInvoiceTotals]:
        found: dict[str, SettledInvoiceTotals] = {}
        for row in self.rows:
            if row.id in listed:
                continue
            known = found.get(row.currency) or SettledInvoiceTotals(currency=row.currency, invoices=0, original=0, last_settled_on=None)
            last = max((day for day in (known.last_settled_on, row.settled_on) if day), default=None)
            found[row.currency] = SettledInvoiceTotals(
                currency=row.currency, invoices=known.invoices + 1, original=known.original + row.total, last_settled_on=last
            )
        return [found[currency] for currency in sorted(found)]


def build_balances(lines: list[DossierInvoice], unapplied: Mapping[str, int], write_off: WriteOffFacts) -> list[DossierBalance]:
    """Build the balances per currency, in minor units; they are never added across currencies."""
    sums: dict[str, dict[str, int]] = {currency: {"unapplied": amount} for currency, amount in unapplied.items() if amount}

    def add(currency: str, name: str, amount: int) -> None:
        of_currency = sums.setdefault(currency, {})
        of_currency[name] = of_currency.get(name, 0) + amount

    for line in lines:
        if line.open <= 0:
            continue
        for name, amount in (("open_invoices", 1), ("original", line.original), ("open", line.open), ("disputed", line.disputed)):
            add(line.currency, name, amount)
        add(line.currency, ageing_bucket(line.days_past_due), line.open)
        add(line.currency, "overdue", line.open if line.days_past_due > 0 else 0)
    for name, bookings in (("written_off", write_off.booked), ("recovered", write_off.recovered)):
        for booking in bookings:
            add(booking.currency, name, booking.amount)
    return [DossierBalance(currency=currency, **sums[currency]) for currency in sorted(sums)]


def ageing_bucket(days_past_due: int) -> str:
    return next((name for most, name in AGEING_BUCKETS if days_past_due <= most), "days_over_90")


def sum_unapplied_credit(session: Session, account_id: str, on: date) -> dict[str, int]:
    """Sum per currency, in minor units, the payments and credit notes up to the end of a day, less what invoices had taken by then."""
    left: dict[str, int] = {}
    not_reversed = or_(col(Payment.reversed_on).is_(None), col(Payment.reversed_on) > on)
    sources: tuple[tuple[Any, Any, Any], ...] = (
        (Payment, Allocation.payment_id, and_(col(Payment.received_on) <= on, not_reversed)),
        (CreditNote, Allocation.credit_note_id, col(CreditNote.issued_on) <= on),
    )
    for table, link, counts in sources:
        of_account = and_(col(table.account_id) == account_id, counts)
        received = select(col(table.currency), func.sum(col(table.amount))).where(of_account).group_by(col(table.currency))
        allocated = (
            select(col(table.currency), func.sum(col(Allocation.amount)))
            .join(Allocation, col(link) == table.id)
            .where(of_account, col(Allocation.allocated_on) <= on)
            .group_by(col(table.currency))
        )
        for sign, statement in ((1, received), (-1, allocated)):
            for currency, amount in session.execute(statement):
                left[currency] = left.get(currency, 0) + sign * int(amount)
    return left
