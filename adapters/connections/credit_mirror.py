"""The mirror of what connected systems have of customers' unapplied payments and credit notes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import and_, func, select, update
from sqlmodel import Session, col

from adapters.billing.external_key import MARK, SystemKey
from adapters.billing.external_records import ExternalCredit
from adapters.connections.invoice_mirror import MirrorContext
from adapters.database.tables import Account, Allocation, CreditNote, Payment

IDS_PER_STATEMENT = 500
_TAKEN = func.coalesce(func.sum(Allocation.amount), 0)


def take_in_credits(session: Session, context: MirrorContext, credits: Sequence[ExternalCredit]) -> int:
    """Make the unapplied credit of the system's customers what this whole list says; how many changed.

    A payment is what invoices have of it and what is left. One that is no longer in the list has nothing left: an invoice took it, which
    the invoice tells, or it was taken back. Customers without an invoice here are left out.
    """
    known = find_known_accounts(session, {context.build_id(credit.account_id) for credit in credits})
    left = {context.build_id(each.external_id): each for each in credits if context.build_id(each.account_id) in known}
    changed = 0
    for table in (Payment, CreditNote):
        rows = {row[0]: row for row in (*_load_unapplied(session, table, context.system), *_load_named(session, table, left))}
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
        for _, amount, taken, account_id, currency in _load_unapplied(session, table, system):
            unapplied[account_id, currency] += amount - int(taken)
    return +unapplied


def find_known_accounts(session: Session, ids: Iterable[str]) -> set[str]:
    """Return those that are here."""
    known: set[str] = set()
    for some in _divide(ids):
        known.update(session.execute(select(col(Account.id)).where(col(Account.id).in_(some))).scalars())
    return known


def _load_unapplied(session: Session, table: type[Payment | CreditNote], system: SystemKey) -> Sequence[Any]:
    """As `_select_sources`, what came from the system and is not exactly what invoices have of it: a system's payments of many years are
    all here, and few of them are that."""
    query = _select_sources(table).where(_is_of(session, col(table.id), system)).having(col(table.amount) != _TAKEN)
    return session.execute(query).all()


def _load_named(session: Session, table: type[Payment | CreditNote], ids: Iterable[str]) -> list[Any]:
    return [row for some in _divide(ids) for row in session.execute(_select_sources(table).where(col(table.id).in_(some)))]


def _select_sources(table: type[Payment | CreditNote]) -> Any:
    """(id, amount, what invoices have of it, account, currency) of payments or credit notes."""
    allocated_to = col(Allocation.payment_id) if table is Payment else col(Allocation.credit_note_id)
    return (
        select(col(table.id), col(table.amount), _TAKEN, col(table.account_id), col(table.currency))
        .outerjoin(Allocation, allocated_to == col(table.id))
        .group_by(col(table.id), col(table.amount), col(table.account_id), col(table.currency))
    )


def _is_of(session: Session, id: Any, system: SystemKey) -> Any:
    """Whether an id begins as the system's do. Asked as a range, by code points, which SQLite finds in the index of ids."""
    plain = id if session.get_bind().dialect.name == "sqlite" else id.collate("C")
    begin = f"{MARK}{system.system}:{system.company}"
    return and_(plain >= f"{begin}:", plain < f"{begin};")


def _divide(ids: Iterable[str]) -> Iterator[list[str]]:
    every = sorted(ids)
    for begin in range(0, len(every), IDS_PER_STATEMENT):
        yield every[begin : begin + IDS_PER_STATEMENT]


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
