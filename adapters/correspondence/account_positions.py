"""The position of accounts at one moment: every open invoice of an account in one currency, as letters may have to name it."""

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import bindparam, literal, or_, select
from sqlmodel import Session, col

from adapters.correspondence.missing_there import find_missing_there
from adapters.database.row_states import MessageState
from adapters.database.tables import Case, ExternalInvoiceRow, Invoice, Message, MessageLine
from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.correspondence.naming import ASKED_FOR, NamedAs, classify_open_invoice, compute_undisputed_rest

AccountCurrency = tuple[str, str]
"""Account and currency: what a letter tells the position of."""


class HowToPay(NamedTuple):
    """What a connected system says of how an invoice is paid there: its whole `number` where this is a part of it, the reference that the
    payer is asked to state, and the page on which it can be paid; empty where it says nothing."""

    whole_number: str = ""
    reference: str = ""
    payment_link: str = ""

    @classmethod
    def build(cls, number: str, reference: str | None, payment_link: str | None) -> "HowToPay":
        """`reference` is None for an invoice that is of no connected system."""
        if reference is None:
            return BY_TRANSFER
        return cls(_DUE_PART.sub("", number), reference, payment_link or "")


_DUE_PART = re.compile(r" \([0-9]+/[0-9]+\)$")
"""What is put behind the number of an invoice of several due dates (`adapters/connections/due_parts.py`)."""
BY_TRANSFER = HowToPay()


class PositionInvoice(NamedTuple):
    """An open invoice, with what its case says of it. Amounts in minor units; `disputed_amount` is the part that letters must not ask for,
    `is_disputed` that all of it is. `next_step` and `next_on` are its next step and that step's business date, where it has one."""

    id: str
    account_id: str
    number: str
    issue_date: date
    due_date: date
    currency: str
    total: int
    open_balance: int
    version: int
    is_disputed: bool
    case_id: str | None
    outcome: str | None
    holds: Any
    disputed_amount: int | None
    next_step: str | None
    next_on: date | None
    policy: str | None
    policy_version: int | None
    reference: str | None
    payment_link: str | None

    @property
    def paying(self) -> HowToPay:
        return HowToPay.build(self.number, self.reference, self.payment_link)

    @property
    def hold_kinds(self) -> set[str]:
        return {hold["kind"] for hold in self.holds or ()}

    @property
    def undisputed_rest(self) -> int:
        """The undisputed part of the open balance, in minor units."""
        return compute_undisputed_rest(self.open_balance, self.disputed_amount or 0)

    @property
    def stamp(self) -> tuple[Any, ...]:
        """The version of all that a letter says of it."""
        return (self.id, self.version, self.disputed_amount or 0, [hold["hold_id"] for hold in self.holds or ()])

    def classify(self, today: date) -> NamedAs | None:
        """As what a letter of the customer's date `today` names it where it asked for none; None: it is left out. An invoice whose
        collection has not begun, or is over, is left out."""
        if self.case_id is None or self.outcome is not None:
            return None
        return classify_open_invoice((today - self.due_date).days, self.hold_kinds, self.is_disputed, self.undisputed_rest)


Positions = Mapping[AccountCurrency, dict[str, PositionInvoice]]
"""The open invoices of each account and currency, by id, the first due first."""


_SELECT_POSITIONS = (
    select(
        col(Invoice.id),
        col(Invoice.account_id),
        col(Invoice.number),
        col(Invoice.issue_date),
        col(Invoice.due_date),
        col(Invoice.currency),
        col(Invoice.total),
        col(Invoice.open_balance),
        col(Invoice.version),
        col(Invoice.disputed),
        col(Case.case_id),
        col(Case.outcome),
        col(Case.holds),
        col(Case.disputed),
        col(Case.next_step),
        col(Case.next_on),
        col(Case.policy),
        col(Case.policy_version),
        col(ExternalInvoiceRow.reference),
        col(ExternalInvoiceRow.payment_link),
    )
    .outerjoin(Case, col(Case.case_id) == literal(ids.invoice_case_id("")) + col(Invoice.id))
    .outerjoin(ExternalInvoiceRow, col(ExternalInvoiceRow.invoice_id) == col(Invoice.id))
    .where(col(Invoice.account_id).in_(bindparam("accounts", expanding=True)), col(Invoice.status) == InvoiceStatus.OPEN)
    .order_by(col(Invoice.due_date), col(Invoice.id))
)

_LOCK_POSITIONS = _SELECT_POSITIONS.with_for_update(of=Invoice, key_share=True)
"""In the order in which the ledger locks invoices."""

_LINES, _MESSAGES = MessageLine.__table__, Message.__table__  # type: ignore[attr-defined]
_SELECT_REMINDED_INVOICES = (
    select(_LINES.c.invoice_id)
    .join(_MESSAGES, _MESSAGES.c.id == _LINES.c.message_id)
    .where(
        _MESSAGES.c.account_id.in_(bindparam("accounts", expanding=True)),
        _MESSAGES.c.state == MessageState.SENT,
        _MESSAGES.c.case_id.is_(None),
        _LINES.c.days_past_due > 0,
        or_(*(_LINES.c.named_as == named_as.value for named_as in sorted(ASKED_FOR))),
    )
    .distinct()
)


def load_positions(session: Session, accounts: Collection[str], lock: bool = False) -> Positions:
    """Load the positions of accounts, without what is missing in their connected system. `lock`: nothing in them changes until the end of
    the transaction."""
    positions: dict[AccountCurrency, dict[str, PositionInvoice]] = {}
    if accounts:
        statement = _LOCK_POSITIONS if lock else _SELECT_POSITIONS
        found = [PositionInvoice._make(row) for row in session.connection().execute(statement, {"accounts": list(accounts)})]
        missing = find_missing_there(session, [each.id for each in found if each.reference is not None])
        for invoice in found:
            if invoice.id in missing:
                continue
            positions.setdefault((invoice.account_id, invoice.currency), {})[invoice.id] = invoice
    return positions


def load_reminded_invoices(session: Session, accounts: Collection[str]) -> set[str]:
    """Load the ids of the invoices that a letter which arrived has asked for, when they were overdue."""
    if not accounts:
        return set()
    return set(session.connection().scalars(_SELECT_REMINDED_INVOICES, {"accounts": list(accounts)}))
