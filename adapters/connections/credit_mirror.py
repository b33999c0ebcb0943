"""The mirror of what connected systems have of customers' unapplied payments and credit notes."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from adapters.billing.external_key import MARK, SystemKey
from adapters.billing.external_records import ExternalCredit
from adapters.connections.invoice_mirror import MirrorContext
from adapters.database.tables import Account, Allocation, CreditNote, Payment

_TAKEN = func.coalesce(func.sum(Allocation.amount), 0)


def take_in_credits(session: Session, context: MirrorContext, credits: Sequence[ExternalCredit]) -> int:
    """Make the unapplied credit of the system's customers what this whole list says; how many changed.

    A payment is what invoices have of it and what is left. One that is no longer in the list has nothing left: an invoice took it, which
    the invoice tells, or it was taken back. Customers without an invoice here are left out.
    """
    ids = {context.build_id(credit.account_id) for credit in credits}
    known = set(session.execute(select(col(Account.id)).where(col(Account.id).in_(ids))).scalars()) if ids else set()
    left = {context.build_id(each.external_id): each for each in credits if context.build_id(each.account_id) in known}
    changed = 0
    for table in (Payment, CreditNote):
        rows = {row[0]: row for row in _load_sources(session, table, context.system)}
        wanted = {key: credit for key, credit in left.items() if credit.is_credit_note is (table is CreditNote)}
        changed += _update_sources(session, table, rows.values(), wanted)
        for key, credit in wanted.items():
            if key not in rows:
                session.add(_build_source(table, key, credit, context))
                changed += 1
    return changed


def load_unapplied_of(session: Session, system: SystemKey) -> Counter[tuple[str, str]]:
    """What is unapplied here of the system's customers, in minor units by account and currency."""
    unapplied: Counter[tuple[str, str]] = Counter()
    for table in (Payment, CreditNote):
        for _, amount, taken, account_id, currency in _load_sources(session, table, system):
            unapplied[account_id, currency] += amount - int(taken)
    return +unapplied


def _load_sources(session: Session, table: type[Payment | CreditNote], system: SystemKey) -> Sequence[Any]:
    """(id, amount, what invoices have of it, account, currency) of all that came from the system."""
    allocated_to = col(Allocation.payment_id) if table is Payment else col(Allocation.credit_note_id)
    prefix = f"{MARK}{system.system}:{system.company}:"
    query = (
        select(col(table.id), col(table.amount), _TAKEN, col(table.account_id), col(table.currency))
        .outerjoin(Allocation, allocated_to == col(table.id))
        .where(col(table.id).startswith(prefix, autoescape=True))
        .group_by(col(table.id), col(table.amount), col(table.account_id), col(table.currency))
    )
    return session.execute(query).all()


def _update_sources(session: Session, table: type[Payment | CreditNote], rows: Iterable[Any], wanted: dict[str, ExternalCredit]) -> int:
    changed = 0
    for key, amount, taken, *_ in rows:
        now = int(taken) + (wanted[key].left if key in wanted else 0)
        if now != amount:
            session.execute(update(table).where(col(table.id) == key).values(amount=now))
            changed += 1
    return changed


def _build_source(table: type[Payment | CreditNote], key: str, credit: ExternalCredit, context: MirrorContext) -> Payment | CreditNote:
    money: dict[str, Any] = {
        "id": key,
        "account_id": context.build_id(credit.account_id),
        "currency": credit.currency,
        "amount": credit.left,
    }
    by = context.system.system
    if table is Payment:
        return Payment(**money, received_on=credit.came_on, reference=credit.reference, recorded_by=by)
    return CreditNote(**money, issued_on=credit.came_on, recorded_by=by)
