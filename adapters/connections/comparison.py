"""The full comparison of what a connected system says is open with what is open here. It names every difference, and changes nothing."""

from collections import Counter
from typing import NamedTuple

from sqlalchemy import select
from sqlmodel import col

from adapters.billing.connector import BillingConnector, ConnectorCapability, find_balance_checker, find_credits_interval
from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import ExternalKey, can_be_key, find_whole_id
from adapters.billing.external_records import BalanceCheck, OpenReceivable
from adapters.connections.connection_sync import CREDITS_REFUSED, PAGE_SIZE, ConnectionSync
from adapters.connections.credit_mirror import find_known_accounts, load_unapplied_of
from adapters.database.engine import Database
from adapters.database.row_states import DifferenceKind
from adapters.database.tables import ExternalInvoiceRow, Invoice
from domain.billing.billing_events import InvoiceStatus

MOST_REASON = 300
"""Characters of why something cannot be read."""


class Difference(NamedTuple):
    """`id` is Duecourse's, of the invoice, or of the account whose credit differs. `here` and `there` as people read them; an amount is in
    minor units of `currency`, where there is nothing it is 0; of what cannot be read, `there` says why."""

    kind: DifferenceKind
    id: str
    number: str
    currency: str
    here: str
    there: str


CREDITS_FAILED = (*CREDITS_REFUSED, BillingAwayError)
"""By which what is unapplied is not compared, and all else is."""


class Comparison(NamedTuple):
    """`compared`: how many open items the system has. `balances`: what a sample of its balances showed, where they need one.
    `compared_credits`: False where it does not list what is unapplied, be it that it refuses or fails."""

    compared: int
    differences: tuple[Difference, ...]
    balances: BalanceCheck | None = None
    compared_credits: bool = True


class _OpenHere(NamedTuple):
    account_id: str
    number: str
    currency: str
    open_balance: int


def compare_system(database: Database, sync: ConnectionSync) -> Comparison:
    """As `compare_open_items`; what is unapplied is read anew for it, where it is not after each reading."""
    if find_credits_interval(sync.connector) is not None:
        try:
            sync.sync_credits()
        except CREDITS_FAILED as error:
            _raise_where_it_asks_for_rest(error)
    return compare_open_items(database, sync.connector)


def compare_open_items(database: Database, connector: BillingConnector) -> Comparison:
    """Raises what the connector raises. What is booked there while it is read may be named once and not the next time."""
    (there, unread), here = _list_there(connector), _list_here(database, connector)
    differences: list[Difference] = []
    for invoice_id, reason in unread.items():
        mine = here.pop(invoice_id, None) or _OpenHere("", "", "", 0)
        differences.append(Difference(DifferenceKind.UNREAD, invoice_id, mine.number, mine.currency, str(mine.open_balance), reason))
    for invoice_id, item in there.items():
        known = here.pop(invoice_id, None)
        account_id = ExternalKey.build(connector.key, item.account_id).id
        if known is None:
            differences.append(Difference(DifferenceKind.MISSING_HERE, invoice_id, item.number, item.currency, "0", str(item.open_balance)))
        elif known.currency != item.currency:
            differences.append(Difference(DifferenceKind.CURRENCY, invoice_id, item.number, item.currency, known.currency, item.currency))
        elif known.open_balance != item.open_balance:
            balances = str(known.open_balance), str(item.open_balance)
            differences.append(Difference(DifferenceKind.BALANCE, invoice_id, item.number, item.currency, *balances))
        elif known.account_id != account_id:
            differences.append(Difference(DifferenceKind.ACCOUNT, invoice_id, item.number, item.currency, known.account_id, account_id))
    for invoice_id, mine in here.items():
        owed = str(mine.open_balance)
        differences.append(Difference(DifferenceKind.MISSING_THERE, invoice_id, mine.number, mine.currency, owed, "0"))
    compared_credits = True
    if ConnectorCapability.LIST_CREDITS in connector.capabilities:
        try:
            differences += _compare_credits(database, connector)
        except CREDITS_FAILED as error:
            _raise_where_it_asks_for_rest(error)
            compared_credits = False
    checker = find_balance_checker(connector)
    in_order = tuple(sorted(differences, key=lambda each: (each.id, each.kind)))
    return Comparison(len(there), in_order, checker.check_balances() if checker is not None else None, compared_credits)


def _raise_where_it_asks_for_rest(error: Exception) -> None:
    """Raise the error of a system that asks to be left alone with all else, too."""
    if isinstance(error, BillingAwayError) and error.rest is not None:
        raise error


def _list_there(connector: BillingConnector) -> tuple[dict[str, OpenReceivable], dict[str, str]]:
    """What is owed there, and why what cannot be read cannot."""
    found: dict[str, OpenReceivable] = {}
    unread: dict[str, str] = {}
    cursor = None
    while True:
        page = connector.list_open_items(cursor, PAGE_SIZE)
        found |= {ExternalKey.build(connector.key, item.external_id).id: item for item in page.items}
        unread |= {
            ExternalKey.build(connector.key, each.external_id).id: each.reason[:MOST_REASON]
            for each in page.unread
            if can_be_key(connector.key, each.external_id)
        }
        if (cursor := page.cursor) is None:
            return found, unread


def _list_here(database: Database, connector: BillingConnector) -> dict[str, _OpenHere]:
    """By the id of the whole invoice, where it is several here."""
    columns = (col(Invoice.account_id), col(Invoice.number), col(Invoice.currency), col(Invoice.open_balance))
    query = (
        select(col(ExternalInvoiceRow.external_id), *columns)
        .join(ExternalInvoiceRow, col(ExternalInvoiceRow.invoice_id) == col(Invoice.id))
        .where(col(ExternalInvoiceRow.system) == connector.key.system, col(ExternalInvoiceRow.company) == connector.key.company)
        .where(col(Invoice.status) == InvoiceStatus.OPEN.value)
    )
    found: dict[str, _OpenHere] = {}
    with database.reading() as session:
        for external_id, *values in session.execute(query.order_by(col(Invoice.id))):
            invoice_id = ExternalKey.build(connector.key, find_whole_id(external_id)).id
            part, earlier = _OpenHere(*values), found.get(invoice_id)
            found[invoice_id] = earlier._replace(open_balance=earlier.open_balance + part.open_balance) if earlier else part
    return found


def _compare_credits(database: Database, connector: BillingConnector) -> list[Difference]:
    """By account and currency. Customers who have no invoice here are left out."""
    there: Counter[tuple[str, str]] = Counter()
    cursor = None
    while True:
        page = connector.list_credits(cursor, PAGE_SIZE)
        for credit in page.credits:
            there[ExternalKey.build(connector.key, credit.account_id).id, credit.currency] += credit.left
        if (cursor := page.cursor) is None:
            break
    with database.reading() as session:
        here = load_unapplied_of(session, connector.key)
        known = find_known_accounts(session, {account for account, _ in there})
    return [
        Difference(DifferenceKind.CREDIT, account_id, "", currency, str(here[account_id, currency]), str(there[account_id, currency]))
        for account_id, currency in sorted(here.keys() | {key for key in there if key[0] in known})
        if here[account_id, currency] != there[account_id, currency]
    ]
