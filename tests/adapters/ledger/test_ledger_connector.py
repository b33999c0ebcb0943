"""The embedded ledger as a connected system: what commits late is read all the same."""

from datetime import UTC, date, datetime, timedelta

from adapters.database.engine import Database
from adapters.database.tables import LedgerEvent
from adapters.ledger.ledger_connector import OVERLAP, LedgerConnector
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.ledger.builders import AT

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_an_event_that_commits_while_later_ones_are_read_is_read_by_the_next_pass(database: Database) -> None:
    house = LedgerConnectedWorld(database)
    account = house.add_account("Customer Ltd")
    early, *others, late = (house.issue_invoice(account, 1_000, date(2013, 5, 1)) for _ in range(6))

    def record(number: int, invoice: str, ago: timedelta = timedelta(minutes=1)) -> None:
        with database.writing() as session:
            session.add(LedgerEvent(id=number, event_id=f"E{number}", invoice_id=invoice, event={}, recorded_at=NOW - ago))

    record(101, early, 2 * OVERLAP)
    for number, invoice in zip((102, 103, 105, 106), others, strict=True):
        record(number, invoice)
    now = NOW
    connector = LedgerConnector("ledger", database, lambda: AT, lambda: now)

    def read(cursor: str) -> tuple[str, bool, list[str]]:
        page = connector.read_changes(cursor, 2)
        return page.cursor, page.has_more, [invoice.external_id for invoice in page.invoices]

    def read_pass(cursor: str) -> tuple[str, list[str]]:
        has_more, found = True, list[str]()
        while has_more:
            cursor, has_more, invoices = read(cursor)
            found += invoices
        return cursor, found

    cursor, _, _ = read("100")
    cursor, _, invoices = read(cursor)
    assert invoices == sorted(others[1:3])
    record(104, late)
    now += 2 * OVERLAP  # the pass takes long
    cursor, found = read_pass(cursor)
    assert late not in found
    cursor, found = read_pass(cursor)
    assert late in found
    assert early not in found
    assert read_pass(cursor) == (cursor, []), "all is told by now"
