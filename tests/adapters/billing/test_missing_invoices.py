"""What a comparison misses is asked for again, one by one, and nothing is believed to be gone of a system that shows nothing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.billing.errors import BillingAwayError, RefusedByBillingError, UnknownInvoiceError
from adapters.billing.external_records import ChangePage, ExternalInvoice, OpenReceivablePage
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.difference_store import keep_comparison, list_open_differences
from adapters.connections.oversight.missing_invoices import read_missing_again
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld

DUE = date(2026, 11, 10)


class Forgetful:
    """The house's system, which may have lost invoices, and tells no change of any from then on. `answers`: what it answers when it is
    asked for one."""

    def __init__(self, house: LedgerConnectedWorld) -> None:
        self._connector, self.is_silent, self.unlisted = house.connector, False, set[str]()
        self.answers: dict[str, Exception] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def lose(self, *invoices: str) -> None:
        self.is_silent = True
        self.unlisted |= set(invoices)
        self.answers |= {each: UnknownInvoiceError(each) for each in invoices}

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        page = self._connector.read_changes(cursor, limit)
        return page._replace(invoices=()) if self.is_silent else page

    def read_invoice(self, external_id: str) -> ExternalInvoice:
        if external_id in self.answers:
            raise self.answers[external_id]
        return self._connector.read_invoice(external_id)

    def list_open_items(self, cursor: str | None, limit: int) -> OpenReceivablePage:
        page = self._connector.list_open_items(cursor, limit)
        return page._replace(items=tuple(each for each in page.items if each.external_id not in self.unlisted))


@pytest.fixture
def house(house_database: Database) -> LedgerConnectedWorld:
    return LedgerConnectedWorld(house_database)


@pytest.fixture
def account(house: LedgerConnectedWorld) -> str:
    return house.add_account("Customer Ltd")


@pytest.fixture
def there(house: LedgerConnectedWorld) -> Any:
    return Forgetful(house)


@pytest.fixture
def sync(database: Database, there: Any) -> ConnectionSync:
    return ConnectionSync(database, there, AccountDefaults("DE", "Europe/Berlin", "de"))


def find_status(database: Database, invoice: str) -> InvoiceStatus:
    return Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}").status


def test_an_invoice_at_which_the_system_fails_shows_nothing_of_the_others(
    database: Database, house: LedgerConnectedWorld, there: Forgetful, sync: ConnectionSync, account: str
) -> None:
    invoices = [house.issue_invoice(account, 1_000, DUE) for _ in range(3)]
    sync.sync()
    there.lose(*invoices)
    there.answers[invoices[0]] = RefusedByBillingError("it cannot be read")
    there.answers[invoices[1]] = KeyError("a row without an id")
    named = compare_open_items(database, sync.connector)
    assert len(named.differences) == 3
    assert read_missing_again(database, sync, named, datetime.now(UTC)) == []
    assert {find_status(database, each) for each in invoices} == {InvoiceStatus.OPEN}


def test_an_invoice_that_came_back_is_owed_again(
    database: Database, house: LedgerConnectedWorld, there: Forgetful, sync: ConnectionSync, account: str
) -> None:
    invoice, now = house.issue_invoice(account, 1_000, DUE), datetime.now(UTC)
    sync.sync()
    there.is_silent = True
    sync.take_gone(invoice)
    assert find_status(database, invoice) is InvoiceStatus.CANCELLED
    named = compare_open_items(database, sync.connector)
    keep_comparison(database, sync.connector.key, named, now)
    assert [each.kind.value for each in list_open_differences(database, sync.connector.key)] == ["missing_here"]
    read_missing_again(database, sync, named, now)
    assert find_status(database, invoice) is InvoiceStatus.OPEN
    assert list_open_differences(database, sync.connector.key) == ()


def test_a_comparison_that_was_broken_off_goes_on_with_what_it_missed(
    database: Database, house: LedgerConnectedWorld, there: Forgetful, sync: ConnectionSync, account: str
) -> None:
    lost, paid, _ = (house.issue_invoice(account, 1_000, DUE) for _ in range(3))
    key, store, now = sync.connector.key, SetAsideStore(database), datetime.now(UTC) + timedelta(hours=1)
    sync.sync()
    there.lose(lost)
    there.answers[lost] = BillingAwayError("429")
    house.pay(paid, 1_000)
    reading = ConnectedReading({key: sync}, database, ZoneInfo("UTC"), lambda: now)
    reading.run()
    (failed,) = store.list_waiting(SetAsideStage.BILLING_SYSTEM).values()
    assert failed.item_id == "ledger:1:comparison"
    there.lose(lost)
    reading.run()
    assert store.list_waiting(SetAsideStage.BILLING_SYSTEM) == {}
    assert (find_status(database, lost), find_status(database, paid)) == (InvoiceStatus.CANCELLED, InvoiceStatus.PAID)
    assert list_open_differences(database, key) == ()
