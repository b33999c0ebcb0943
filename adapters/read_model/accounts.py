"""Accounts: who owes what, per currency, and whom to talk to."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import and_, case, func, literal, or_, select, union_all
from sqlmodel import Session, col

from adapters.billing.external_key import show_account
from adapters.database.engine import Database
from adapters.database.kept_rows import find_kept_row
from adapters.database.tables import Account, Allocation, Case, Contact, CreditNote, Invoice, Payment
from adapters.read_model.cursors import decode_cursor, paginate_rows
from adapters.read_model.invoices import InvoiceRow, list_newest_invoices
from adapters.read_model.suspensions import STAGE_SUSPENDED, SuspensionStanding, load_account_suspensions
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.identifiers import CaseKind

AGE_LIMITS = (0, 30, 60, 90)
"""The last day past due of each age, in days; the oldest has none."""


class BalanceRow(BaseModel):
    """In minor units of one currency. `unapplied` is credit that no invoice took; `oldest_due`: of the open invoices."""

    currency: str
    open_balance: int = 0
    overdue: int = 0
    open_invoices: int = 0
    oldest_due: date | None = None
    unapplied: int = 0


class AgedBalance(BaseModel):
    """What is open in one currency, in its minor units. `ages`: by how long it is past due, as AGE_LIMITS has it: not yet due, up to
    30 days, up to 60, up to 90, and longer. `disputed`: so much of it is contested."""

    currency: str
    ages: list[int]
    disputed: int = 0

    @classmethod
    def empty(cls, currency: str) -> "AgedBalance":
        return cls(currency=currency, ages=[0] * (len(AGE_LIMITS) + 1))

    @property
    def not_due(self) -> int:
        return self.ages[0]


class ContactRow(BaseModel):
    """`language` and `time_zone` are the account's where they are None; `undeliverable_since`: since when its address takes no letters, in
    business time."""

    id: int
    role: str
    name: str
    email: str
    phone: str
    language: str | None
    time_zone: str | None = None
    undeliverable_since: datetime | None = None


class AccountRow(BaseModel):
    """`number`: by which the customer knows it, where that is not its id."""

    id: str
    number: str = ""
    name: str
    country: str
    time_zone: str
    language: str
    segment: str
    collector: str | None
    prepaid: bool = False
    suspended_on: date | None = None
    balances: list[BalanceRow] = []
    suspension: SuspensionStanding | None = None

    @property
    def shown_number(self) -> str:
        return show_account(self.id, self.number)


class AccountDetail(AccountRow):
    contacts: list[ContactRow]
    invoices: list[InvoiceRow]


class PaymentRow(BaseModel):
    """Money that came in. `amount` in minor units of `currency`; `reversed_on`: when it bounced."""

    id: str
    currency: str
    amount: int
    received_on: date
    reference: str
    reversed_on: date | None


def list_accounts(
    database: Database, today: date, limit: int, cursor: str | None, q: str | None, collector: str | None, stage: str | None = None
) -> tuple[list[AccountRow], str | None]:
    """By name. `stage`: that of its suspension, as `SuspensionStanding` says where it stands."""
    statement = select(Account).order_by(col(Account.name), col(Account.id)).limit(limit + 1)
    if collector is not None:
        statement = statement.where(col(Account.collector) == collector)
    if stage is not None:
        statement = statement.where(_match_stage(stage))
    if q:
        named = (col(Account.name), col(Account.id), col(Account.number))
        statement = statement.where(or_(*(column.icontains(q, autoescape=True) for column in named)))
    if place := decode_cursor(cursor, str, str):
        statement = statement.where(or_(col(Account.name) > place[0], and_(col(Account.name) == place[0], col(Account.id) > place[1])))
    with database.reading() as session:
        rows, following = paginate_rows(session.execute(statement).scalars().all(), limit, lambda row: (row.name, row.id))
        return _build_account_rows(session, rows, today), following


def load_account_rows(session: Session, account_ids: Sequence[str], today: date) -> list[AccountRow]:
    """Load the accounts of these ids, in their order."""
    found = {row.id: row for row in session.scalars(select(Account).where(col(Account.id).in_(account_ids)))}
    return _build_account_rows(session, [found[account_id] for account_id in account_ids if account_id in found], today)


def _build_account_rows(session: Session, rows: Sequence[Account], today: date) -> list[AccountRow]:
    accounts = [AccountRow(**row.model_dump()) for row in rows]
    balances = _load_balances(session, [account.id for account in accounts], today)
    suspensions = load_account_suspensions(session, [account.id for account in accounts])
    for account in accounts:
        account.balances, account.suspension = balances.get(account.id, []), suspensions.get(account.id)
    return accounts


def find_account(database: Database, account_id: str, today: date, invoices: int = 200) -> AccountDetail | None:
    with database.reading() as session:
        account = find_kept_row(session, Account, account_id)
        if account is None:
            return None
        contacts = session.execute(select(Contact).where(col(Contact.account_id) == account_id).order_by(col(Contact.id))).scalars()
        newest = list_newest_invoices(session, account_id, invoices) if invoices else []
        return AccountDetail(
            **account.model_dump(),
            balances=_load_balances(session, [account_id], today).get(account_id, []),
            contacts=[ContactRow(**contact.model_dump()) for contact in contacts],
            invoices=newest,
            suspension=newest[0].suspension if newest else load_account_suspensions(session, [account_id]).get(account_id),
        )


def load_account_names(database: Database, account_ids: Sequence[str]) -> dict[str, str]:
    statement = select(col(Account.id), col(Account.name)).where(col(Account.id).in_(account_ids))
    with database.reading() as session:
        return {row.id: row.name for row in session.execute(statement)}


def list_latest_payments(database: Database, account_id: str, limit: int) -> list[PaymentRow]:
    """What came in from an account, the latest first."""
    statement = select(Payment).where(col(Payment.account_id) == account_id)
    with database.reading() as session:
        rows = session.scalars(statement.order_by(col(Payment.received_on).desc(), col(Payment.id)).limit(limit))
        return [PaymentRow.model_validate(row.model_dump()) for row in rows]


def load_ages(database: Database, account_id: str, today: date) -> dict[str, AgedBalance]:
    """Load what is open by age, by currency."""
    statement: Any = (
        select(
            col(Invoice.currency),
            col(Invoice.due_date),
            col(Invoice.open_balance),
            col(Invoice.disputed),
            col(Case.disputed).label("contested"),
        )
        .outerjoin(Case, col(Case.case_id) == literal(ids.invoice_case_id("")) + col(Invoice.id))
        .where(col(Invoice.account_id) == account_id, col(Invoice.status) == InvoiceStatus.OPEN)
        .order_by(col(Invoice.currency))
    )
    found: dict[str, AgedBalance] = {}
    with database.reading() as session:
        for row in session.execute(statement):
            aged = found.setdefault(row.currency, AgedBalance.empty(row.currency))
            late = (today - row.due_date).days
            aged.ages[sum(late > limit for limit in AGE_LIMITS)] += row.open_balance
            aged.disputed += row.open_balance if row.disputed and not row.contested else row.contested or 0
    return found


def _match_stage(stage: str) -> Any:
    """A suspended account is found by that alone, whether or not it was handed over since."""
    if stage == STAGE_SUSPENDED:
        return col(Account.suspended_on).is_not(None)
    standing = select(col(Case.account_id)).where(
        col(Case.kind) == CaseKind.SUSPENSION, col(Case.stage) == stage, col(Case.outcome).is_(None)
    )
    return col(Account.id).in_(standing)


def _load_balances(session: Session, account_ids: list[str], today: date) -> dict[str, list[BalanceRow]]:
    found: dict[tuple[str, str], BalanceRow] = {}
    overdue = func.sum(case((col(Invoice.due_date) < today, col(Invoice.open_balance)), else_=0))
    owed = (
        select(
            col(Invoice.account_id),
            col(Invoice.currency),
            func.sum(col(Invoice.open_balance)),
            overdue,
            func.count(),
            func.min(col(Invoice.due_date)),
        )
        .where(col(Invoice.account_id).in_(account_ids), col(Invoice.status) == InvoiceStatus.OPEN)
        .group_by(col(Invoice.account_id), col(Invoice.currency))
    )
    for account, currency, balance, late, count, oldest in session.execute(owed):
        found[account, currency] = BalanceRow(
            currency=currency, open_balance=int(balance), overdue=int(late), open_invoices=count, oldest_due=oldest
        )
    for account, currency, amount in _load_unapplied_credit(session, account_ids):
        if amount:
            found.setdefault((account, currency), BalanceRow(currency=currency)).unapplied = amount
    by_account: dict[str, list[BalanceRow]] = {}
    for (account, _), balance in sorted(found.items()):
        by_account.setdefault(account, []).append(balance)
    return by_account


def _load_unapplied_credit(session: Session, account_ids: list[str]) -> list[tuple[str, str, int]]:
    """What came in or was credited, less what invoices took."""
    left: dict[tuple[str, str], int] = {}
    for account, currency, amount in session.execute(_select_credit(account_ids)):
        left[account, currency] = left.get((account, currency), 0) + int(amount)
    return [(account, currency, amount) for (account, currency), amount in left.items()]


def _select_credit(account_ids: list[str]) -> Any:
    """The parts of which it is the sum, by account and currency: what invoices took is below zero."""
    parts = []
    for table, link, counts in (
        (Payment, Allocation.payment_id, col(Payment.reversed_on).is_(None)),
        (CreditNote, Allocation.credit_note_id, col(CreditNote.id).is_not(None)),
    ):
        owner = (col(table.account_id), col(table.currency))
        mine = and_(col(table.account_id).in_(account_ids), counts)
        parts.append(select(*owner, func.sum(col(table.amount))).where(mine).group_by(*owner))
        taken = select(*owner, -func.sum(col(Allocation.amount))).join(Allocation, col(link) == table.id)
        parts.append(taken.where(mine).group_by(*owner))
    return union_all(*parts)
