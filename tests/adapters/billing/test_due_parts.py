"""An invoice of several due dates is one for each, and what was paid on it is shared out among them."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from adapters.billing.external_key import find_whole_id
from adapters.billing.external_records import ChangePage, DuePart, ExternalInvoice, Settlement, SettlementKind
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.due_parts import name_part, split_due_parts
from adapters.database.engine import Database
from adapters.database.tables import Invoice
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.ledger.builders import find_unbalanced_invoices

DAY = date(2013, 5, 1)
LATER = DAY + timedelta(30)


def build_invoice(open_balance: int, parts: tuple[DuePart, ...], *settlements: Settlement, total: int = 100) -> ExternalInvoice:
    status = InvoiceStatus.OPEN if open_balance else InvoiceStatus.PAID
    return ExternalInvoice("R1", "1", "A1", "N-1", DAY, "EUR", total, open_balance, status, parts, settlements, "EUR")


def paid(amount: int, external_id: str = "P1", kind: SettlementKind = SettlementKind.PAYMENT) -> Settlement:
    return Settlement(external_id, kind, amount, DAY)


def test_each_due_date_has_what_was_paid_of_it() -> None:
    invoice = build_invoice(30, (DuePart(DAY, 60, 0), DuePart(LATER, 40, 30)), paid(50), paid(20, "W1", SettlementKind.WRITE_OFF))
    first, second = split_due_parts(invoice)
    assert [(each.external_id, each.number, each.due_date, each.total, each.open_balance) for each in (first, second)] == [
        ("R1", "N-1 (1/2)", DAY, 60, 0),
        ("R1~due2", "N-1 (2/2)", LATER, 40, 30),
    ]
    assert [(each.external_id, each.amount) for each in first.settlements] == [("P1", 50), ("W1", 10)]
    assert [(each.external_id, each.amount) for each in second.settlements] == [("W1~due2", 10)]
    assert (first.status, second.status) == (InvoiceStatus.WRITTEN_OFF, InvoiceStatus.OPEN)


@pytest.mark.parametrize(
    "parts",
    [
        (DuePart(DAY, 100, 30),),
        (DuePart(DAY, 60, 0), DuePart(LATER, 30, 30)),
        (DuePart(DAY, 110, 30), DuePart(LATER, -10, 0)),
        (DuePart(DAY, 60, 10), DuePart(LATER, 40, 30)),
    ],
)
def test_what_is_one_or_does_not_add_up_stays_whole(parts: tuple[DuePart, ...]) -> None:
    invoice = build_invoice(30, parts, paid(70))
    assert split_due_parts(invoice) == (invoice,)


def test_a_part_is_known_by_the_invoice_that_it_is_of() -> None:
    assert [find_whole_id(name_part("a~due2b", place)) for place in (1, 2, 12)] == ["a~due2b"] * 3


def test_parts_come_and_go_with_the_invoice(database: Database, house_database: Database) -> None:
    """As when it is paid in part, put on one date again, and paid."""
    house = LedgerConnectedWorld(house_database)
    external = house.issue_invoice(house.add_account("Customer Ltd"), 10_000, DAY)

    class Parted:
        shares: tuple[int, ...] = (5_000, 3_000, 2_000)

        def __getattr__(self, name: str) -> object:
            return getattr(house.connector, name)

        def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
            page = house.connector.read_changes(cursor, limit)
            return page._replace(invoices=tuple(self.divide(invoice) for invoice in page.invoices))

        def divide(self, invoice: ExternalInvoice) -> ExternalInvoice:
            parts, settled = [], invoice.total - invoice.open_balance
            for place, share in enumerate(self.shares):
                parts.append(DuePart(DAY + timedelta(30 * place), share, share - min(settled, share)))
                settled -= min(settled, share)
            return invoice._replace(due_parts=tuple(parts))

    parted: Any = Parted()

    def read() -> list[tuple[str, str, int, date]]:
        ConnectionSync(database, parted, AccountDefaults("DE", "Europe/Berlin", "de")).sync()
        assert compare_open_items(database, parted).differences == ()
        assert find_unbalanced_invoices(database) == []
        with database.reading() as session:
            columns = (col(Invoice.id), col(Invoice.status), col(Invoice.open_balance), col(Invoice.due_date))
            return [tuple(row) for row in session.execute(select(*columns).order_by(col(Invoice.id)))]

    key = f"@ledger:1:{external}"
    second, third = DAY + timedelta(30), DAY + timedelta(60)
    assert read() == [(key, "open", 5_000, DAY), (f"{key}~due2", "open", 3_000, second), (f"{key}~due3", "open", 2_000, third)]
    house.pay(external, 6_000)
    assert [row[1:3] for row in read()] == [("paid", 0), ("open", 2_000), ("open", 2_000)]
    assert [payment.amount for payment in Ledger(database).list_payments("@ledger:1:A1")] == [6_000]
    parted.shares = (10_000,)
    house.pay(external, 1_000)
    assert [row[1:3] for row in read()] == [("open", 3_000), ("cancelled", 0), ("cancelled", 0)]
    house.pay(external, 3_000)
    assert [row[1] for row in read()] == ["paid", "cancelled", "cancelled"]
