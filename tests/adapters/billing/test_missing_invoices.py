"""What a comparison misses is asked for again, one by one, and nothing is believed to be gone of a system that shows nothing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError, RefusedByBillingError, UnknownInvoiceError
from adapters.billing.external_records import ChangePage, ExternalInvoice, OpenReceivablePage
from adapters.connections.absences import vanished_invoices
from adapters.connections.absences.vanished_invoices import MOST_AT_ONCE
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.difference_store import keep_comparison, list_open_differences
from adapters.connections.oversight import missing_invoices
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


def test_what_is_hidden_from_a_moment_on_is_not_gone_though_others_were_shown_before(
    database: Database, house: LedgerConnectedWorld, there: Forgetful, sync: ConnectionSync, account: str
) -> None:
    """A right of the key's user is taken away while what is missing is read again."""
    invoices = [house.issue_invoice(account, 1_000, DUE) for _ in range(3)]
    sync.sync()
    there.is_silent, there.unlisted = True, set(invoices[:2])
    read_invoice, shown = there.read_invoice, list[str]()

    def show_one(external_id: str) -> ExternalInvoice:
        if shown:
            raise UnknownInvoiceError(external_id)
        shown.append(external_id)
        return read_invoice(external_id)

    there.read_invoice = show_one  # type: ignore[method-assign]
    named = compare_open_items(database, sync.connector)
    assert (len(named.differences), named.compared) == (2, 1)
    assert read_missing_again(database, sync, named, datetime.now(UTC)) == []
    assert {find_status(database, each) for each in invoices} == {InvoiceStatus.OPEN}


@pytest.mark.parametrize(("lost", "gone"), [(MOST_AT_ONCE, MOST_AT_ONCE), (MOST_AT_ONCE + 1, 0)])
def test_many_that_are_missing_at_once_are_named_and_not_believed_to_be_gone(
    database: Database, house: LedgerConnectedWorld, there: Forgetful, sync: ConnectionSync, account: str, lost: int, gone: int
) -> None:
    """A rule hides some of them from the key's user: others are shown before and afterwards."""
    invoices = [house.issue_invoice(account, 1_000, DUE) for _ in range(8)]
    sync.sync()
    there.lose(*invoices[2 : 2 + lost])
    named = compare_open_items(database, sync.connector)
    keep_comparison(database, sync.connector.key, named, datetime.now(UTC))
    assert len(read_missing_again(database, sync, named, datetime.now(UTC))) == gone
    assert sum(find_status(database, each) is InvoiceStatus.CANCELLED for each in invoices) == gone
    assert len(list_open_differences(database, sync.connector.key)) == lost - gone


def test_of_more_than_are_read_again_in_a_night_all_count(
    database: Database, house: LedgerConnectedWorld, there: Forgetful, sync: ConnectionSync, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule hides half of them, of which only a few are read again: no night takes a part of them away."""
    monkeypatch.setattr(missing_invoices, "MOST_READ_AGAIN", 2)
    invoices = [house.issue_invoice(account, 1_000, DUE) for _ in range(8)]
    sync.sync()
    there.lose(*invoices[4:])
    named = compare_open_items(database, sync.connector)
    for _ in range(3):
        assert read_missing_again(database, sync, named, datetime.now(UTC)) == []


def test_what_was_believed_to_be_gone_within_the_last_day_counts(
    database: Database, house: LedgerConnectedWorld, there: Forgetful, account: str
) -> None:
    """Pages and hints see a part each: of what a rule hides, each part alone would be few."""
    clock = [datetime.now(UTC)]
    sync = ConnectionSync(database, there, AccountDefaults("DE", "Europe/Berlin", "de"), real_now=lambda: clock[0])
    invoices = [house.issue_invoice(account, 1_000, DUE) for _ in range(8)]
    sync.sync()
    there.lose(*invoices[2:])

    def take_gone(*unknown: str) -> list[str]:
        clock[0] += timedelta(minutes=1)
        gone = sync.find_gone(unknown)
        for each in gone:
            sync.take_gone(each)
        return gone

    assert take_gone(*invoices[2:4]) == invoices[2:4]
    assert take_gone(*invoices[4:6]) == []
    assert take_gone(invoices[4]) == invoices[4:5]
    clock[0] += timedelta(days=1)
    assert take_gone(*invoices[5:7]) == invoices[5:7]


def test_a_page_of_many_open_invoices_believes_no_more_than_a_few(
    database: Database, house: LedgerConnectedWorld, there: Forgetful, sync: ConnectionSync, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenth of all is for a comparison, which sees all."""
    monkeypatch.setattr(vanished_invoices, "LARGEST_SHARE", 1.0)
    invoices = [house.issue_invoice(account, 1_000, DUE) for _ in range(6)]
    sync.sync()
    there.lose(*invoices[2:])
    assert sync.find_gone(invoices[2:]) == []
    assert sync.find_gone(invoices[2:], missing=4) == invoices[2:]


def test_an_invoice_that_is_refused_holds_up_no_other(
    database: Database, house: LedgerConnectedWorld, there: Forgetful, sync: ConnectionSync, account: str
) -> None:
    """Neither one that is missing, nor one of those by which it is seen whether anything is shown."""
    invoices = [house.issue_invoice(account, 1_000, DUE) for _ in range(5)]
    sync.sync()
    there.lose(*invoices[:2])
    refusal = ConnectionRefusedByBillingError("403")
    there.answers |= {invoices[0]: refusal, invoices[2]: refusal, invoices[3]: refusal}
    named = compare_open_items(database, sync.connector)
    assert read_missing_again(database, sync, named, datetime.now(UTC)) == [f"@ledger:1:{invoices[1]}"]
    assert find_status(database, invoices[0]) is InvoiceStatus.OPEN
    there.answers |= dict.fromkeys(invoices, refusal)
    with pytest.raises(ConnectionRefusedByBillingError):
        read_missing_again(database, sync, named, datetime.now(UTC))


def test_a_customer_whose_record_is_refused_holds_up_no_other(
    house: LedgerConnectedWorld, there: Any, sync: ConnectionSync, account: str
) -> None:
    secret, read_account = house.add_account("Secret Ltd"), there.read_account
    refused = {secret}

    def refuse(account_id: str) -> Any:
        if account_id in refused:
            raise ConnectionRefusedByBillingError("403")
        return read_account(account_id)

    there.read_account = refuse
    named, _ = house.issue_invoice(secret, 1_000, DUE), house.issue_invoice(account, 1_000, DUE)
    refused.add(account)
    with pytest.raises(ConnectionRefusedByBillingError):
        sync.sync()
    refused.remove(account)
    house.issue_invoice(account, 1_000, DUE)
    assert {(each.external_id, each.reason) for each in sync.sync().left_out} == {(named, "403")}


@pytest.mark.parametrize(("hides_others", "expected"), [(False, InvoiceStatus.CANCELLED), (True, InvoiceStatus.OPEN)])
def test_what_a_reading_names_and_does_not_know_is_gone_where_others_are_shown(
    database: Database,
    house: LedgerConnectedWorld,
    there: Forgetful,
    sync: ConnectionSync,
    account: str,
    hides_others: bool,
    expected: InvoiceStatus,
) -> None:
    invoice, other = (house.issue_invoice(account, 1_000, DUE) for _ in range(2))
    sync.sync()
    there.lose(invoice, *([other] if hides_others else []))
    read_changes = there.read_changes
    there.read_changes = lambda cursor, limit: read_changes(cursor, limit)._replace(unknown=(invoice,))  # type: ignore[method-assign]
    sync.sync()
    assert find_status(database, invoice) is expected
    assert find_status(database, other) is InvoiceStatus.OPEN


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
