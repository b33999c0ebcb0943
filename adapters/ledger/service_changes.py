"""The service that an account gets: suspended while it is in arrears, reinstated, or paid in advance."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select, update
from sqlmodel import Session, col

from adapters.billing.port import DUECOURSE
from adapters.database.row_states import ServiceChangeKind
from adapters.database.tables import Account, Case, Invoice, ServiceChange
from adapters.ledger.invoice_queries import build_conflicting_booking_error
from adapters.ledger.transactions import LedgerTransactions
from adapters.ledger.unit_of_work import BookedInvoice, LedgerUnitOfWork
from domain.billing.receivables import Receivable
from domain.case.billing_results import SuspensionOrderOutcome
from domain.identifiers import CaseKind


class ServiceChanges:
    def __init__(self, transactions: LedgerTransactions) -> None:
        self._transactions = transactions

    def suspend_account(
        self,
        key: str,
        account_id: str,
        invoice_ids: Sequence[str],
        minimums: Mapping[str, int],
        *,
        recorded_by: str = DUECOURSE,
        at: datetime,
    ) -> SuspensionOrderOutcome:
        """Turn the service off, if in this moment at least one of the invoices is in arrears: past due, with an undisputed rest of at
        least the minimum of its currency (`minimums`, minor units; 1 for a currency that is not there).

        The look and the change are one transaction that holds the account, so no payment comes between them. A prepaid account is never in
        arrears: its service ends with its money. The same key gives the same answer, whatever has happened since. Raises
        UnknownAccountError, ConflictingBookingError.
        """
        with self._transactions.hold_account(at, account_id) as (session, unit_of_work):
            if (known := _find_earlier_change(session, key, account_id)) is not None:
                return SuspensionOrderOutcome(known)
            answer = _weigh_suspension(session, unit_of_work, account_id, invoice_ids, minimums, at.date())
            if answer is SuspensionOrderOutcome.SUSPENDED:
                _note_suspension(session, account_id, at.date())
            unit_of_work.add_row(ServiceChange, key=key, account_id=account_id, what=answer.value, at=at, recorded_by=recorded_by)
            return answer

    def weigh_suspension(
        self, key: str, account_id: str, invoice_ids: Sequence[str], minimums: Mapping[str, int], *, at: datetime
    ) -> SuspensionOrderOutcome:
        """Return what `suspend_account` would answer; nothing is changed. Raises UnknownAccountError, ConflictingBookingError."""
        with self._transactions.hold_account(at, account_id) as (session, unit_of_work):
            if (known := _find_earlier_change(session, key, account_id)) is not None:
                return SuspensionOrderOutcome(known)
            return _weigh_suspension(session, unit_of_work, account_id, invoice_ids, minimums, at.date())

    def note_suspension(self, key: str, account_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> None:
        """The service was turned off elsewhere, whatever the account owes by now. Once by its key. Raises UnknownAccountError,
        ConflictingBookingError."""
        with self._transactions.hold_account(at, account_id) as (session, unit_of_work):
            if _find_earlier_change(session, key, account_id) is None:
                _note_suspension(session, account_id, at.date())
                what = SuspensionOrderOutcome.SUSPENDED.value
                unit_of_work.add_row(ServiceChange, key=key, account_id=account_id, what=what, at=at, recorded_by=recorded_by)

    def reinstate_account(self, key: str, account_id: str, *, recorded_by: str = DUECOURSE, at: datetime) -> None:
        """Turn the service on again. The same key again changes nothing, not even what was suspended since. Raises UnknownAccountError,
        ConflictingBookingError."""
        with self._transactions.hold_account(at, account_id) as (session, unit_of_work):
            if _find_earlier_change(session, key, account_id) is None:
                _update_account(session, account_id, suspended_on=None)
                unit_of_work.add_row(
                    ServiceChange, key=key, account_id=account_id, what=ServiceChangeKind.REINSTATED.value, at=at, recorded_by=recorded_by
                )

    def set_prepaid(self, account_id: str, prepaid: bool, *, at: datetime) -> None:
        """Whether it is served in advance of its money, or after. Raises UnknownAccountError."""
        with self._transactions.hold_account(at, account_id) as (session, _):
            _update_account(session, account_id, prepaid=prepaid)


def _weigh_suspension(
    session: Session,
    unit_of_work: LedgerUnitOfWork,
    account_id: str,
    invoice_ids: Sequence[str],
    minimums: Mapping[str, int],
    today: date,
) -> SuspensionOrderOutcome:
    invoices = unit_of_work.load_locked_invoices(col(Invoice.id).in_(list(invoice_ids)), col(Invoice.account_id) == account_id)
    disputed = _load_disputed_amounts(session, list(invoices))
    late = any(_is_in_arrears(each, disputed.get(each.id, 0), minimums, today) for each in invoices.values())
    spared = not late or session.get_one(Account, account_id).prepaid
    return SuspensionOrderOutcome.NOT_IN_ARREARS if spared else SuspensionOrderOutcome.SUSPENDED


def _note_suspension(session: Session, account_id: str, today: date) -> None:
    """One that is suspended already is so since then."""
    if session.get_one(Account, account_id).suspended_on is None:
        _update_account(session, account_id, suspended_on=today)


def _is_in_arrears(invoice: BookedInvoice, disputed: int, minimums: Mapping[str, int], today: date) -> bool:
    """Billing's own word that an invoice is disputed means the whole of it."""
    facts = invoice.to_facts()
    claim = Receivable.from_facts(invoice.id, facts, facts.open_balance if facts.disputed else disputed)
    undisputed = claim.open_balance - claim.disputed
    return not claim.settled and facts.days_past_due(today) > 0 and undisputed >= max(minimums.get(claim.currency, 1), 1)


def _load_disputed_amounts(session: Session, invoice_ids: list[str]) -> dict[str, int]:
    """How much of each the customer contests, as its case last said."""
    cases = select(col(Case.invoice_id), col(Case.disputed)).where(
        col(Case.kind) == CaseKind.INVOICE, col(Case.invoice_id).in_(invoice_ids)
    )
    return {invoice_id: amount for invoice_id, amount in session.execute(cases) if invoice_id}


def _find_earlier_change(session: Session, key: str, account_id: str) -> str | None:
    """Raises ConflictingBookingError."""
    known = session.get(ServiceChange, key)
    if known is not None and known.account_id != account_id:
        raise build_conflicting_booking_error(key)
    return known.what if known else None


def _update_account(session: Session, account_id: str, **values: object) -> None:
    session.connection().execute(update(Account).where(col(Account.id) == account_id).values(**values))
