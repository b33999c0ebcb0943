"""The applications of unapplied credit, as they are stored."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.billing.results import CreditApplication
from adapters.database.tables import Allocation, CreditApplicationRow
from domain.billing.credit_application import CreditShare


def load_application(session: Session, row: CreditApplicationRow) -> CreditApplication:
    """An application as it is booked, with what it gave to each invoice."""
    return build_application(row, _load_shares(session, [row.key])[row.key])


def load_applications(session: Session, account_id: str) -> tuple[CreditApplication, ...]:
    """All of an account's, and what was taken back of them, the latest first."""
    of_account = select(CreditApplicationRow).where(col(CreditApplicationRow.account_id) == account_id)
    rows = session.scalars(of_account.order_by(col(CreditApplicationRow.booked_on).desc(), col(CreditApplicationRow.key))).all()
    shares = _load_shares(session, [row.key for row in rows]) if rows else {}
    undone = {row.takes_back: row.key for row in rows if row.takes_back}
    return tuple(build_application(row, shares[row.key], undone.get(row.key)) for row in rows)


def _load_shares(session: Session, keys: Iterable[str]) -> dict[str, list[CreditShare]]:
    columns = (
        col(Allocation.application_key),
        col(Allocation.payment_id),
        col(Allocation.credit_note_id),
        col(Allocation.invoice_id),
        col(Allocation.amount),
    )
    shares = defaultdict[str, list[CreditShare]](list)
    given = select(*columns).where(col(Allocation.application_key).in_(list(keys))).order_by(col(Allocation.id))
    for key, payment, note, invoice, amount in session.execute(given):
        shares[key or ""].append(CreditShare(credit_id=payment or note or "", invoice_id=invoice, amount=abs(amount)))
    return shares


def build_application(row: CreditApplicationRow, shares: Iterable[CreditShare], taken_back_by: str | None = None) -> CreditApplication:
    return CreditApplication(
        key=row.key,
        account_id=row.account_id,
        currency=row.currency,
        amount=row.amount,
        booked_on=row.booked_on,
        recorded_by=row.recorded_by,
        takes_back=row.takes_back,
        reason=row.reason,
        shares=tuple(shares),
        taken_back_by=taken_back_by,
    )
