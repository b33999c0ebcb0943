"""What is unapplied is read beside the invoices: a list of it that fails, or that is long, keeps no invoice from being read."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from adapters.billing.connector import ConnectorCapability
from adapters.billing.errors import BillingAwayError, ConnectionRefusedByBillingError, RefusedByBillingError
from adapters.billing.external_records import CreditPage, ExternalAccount
from adapters.connections import connected_reading
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_system
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.connection_states import load_connection_state
from adapters.connections.connection_sync import CREDITS_KEPT_FOR, ConnectionSync
from adapters.connections.difference_store import keep_comparison
from adapters.correspondence.reading_gaps import load_reading_gaps
from adapters.database.engine import Database
from adapters.database.tables import Payment
from adapters.ledger.ledger import Ledger
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.ledger.builders import AT

DUE = date(2026, 11, 10)


class SlowCreditList:
    """The house's system, whose list of credits is read a customer at a time. `calls`: so many pages of it may be read before it asks for
    patience."""

    def __init__(self, house: LedgerConnectedWorld) -> None:
        self._connector, self.calls = house.connector, 1_000
        self.asked: list[str | None] = []
        self.error: Exception | None = None
        self.tries = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        self.tries += 1
        if self.error is not None:
            raise self.error
        if not self.calls:
            raise BillingAwayError("429", 30)
        self.calls -= 1
        self.asked.append(cursor)
        return self._connector.list_credits(cursor, 1)


@pytest.fixture
def house(house_database: Database) -> LedgerConnectedWorld:
    return LedgerConnectedWorld(house_database)


@pytest.fixture
def slow(house: LedgerConnectedWorld) -> SlowCreditList:
    return SlowCreditList(house)


@pytest.fixture
def clock() -> list[datetime]:
    return [AT]


@pytest.fixture
def sync(database: Database, slow: Any, clock: list[datetime]) -> ConnectionSync:
    def tick() -> datetime:
        clock[0] += timedelta(seconds=1)
        return clock[0]

    return ConnectionSync(database, slow, AccountDefaults("DE", "Europe/Berlin", "de"), real_now=tick)


def find_open(database: Database, invoice: str) -> int:
    return Ledger(database).get_invoice_facts(f"@ledger:1:{invoice}").open_balance


@pytest.mark.parametrize("error", [BillingAwayError("500"), BillingAwayError("429", 30)])
def test_a_list_of_credits_that_fails_keeps_no_payment_from_being_read(
    database: Database, house: LedgerConnectedWorld, slow: SlowCreditList, sync: ConnectionSync, error: Exception
) -> None:
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, DUE)
    slow.error = error
    for owed in (1_000, 900, 800, 700):
        for _ in range(2):  # at most every second reading begins with what is unapplied
            with pytest.raises(type(error)):
                sync.sync()
        assert find_open(database, invoice) == owed
        house.pay(invoice, 100)


@pytest.mark.parametrize("was_read", [True, False])
def test_letters_wait_where_a_list_of_credits_fails_for_hours_while_all_else_goes_on(
    database: Database, house: LedgerConnectedWorld, slow: SlowCreditList, monkeypatch: pytest.MonkeyPatch, was_read: bool
) -> None:
    noted: list[int] = []
    monkeypatch.setattr(connected_reading, "leave_notes", lambda *_: noted.append(1))
    invoice, start = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, DUE), datetime.now(UTC)
    clock, key = [start], house.connector.key
    sync = ConnectionSync(database, cast(Any, slow), AccountDefaults("DE", "Europe/Berlin", "de"), real_now=lambda: clock[0])
    reading = ConnectedReading({key: sync}, database, ZoneInfo("UTC"), lambda: clock[0])

    def read_in(hours: int) -> list[tuple[object, bool]]:
        clock[0] += timedelta(hours=hours)
        reading.read_system("ledger:1")
        with database.reading() as session:
            return [(gap.since, gap.of_credits) for gap in load_reading_gaps(session, clock[0])]

    slow.error = None if was_read else BillingAwayError("500")
    assert read_in(0) == ([] if was_read else [(None, True)])
    slow.error = BillingAwayError("500")
    assert read_in(1) == ([] if was_read else [(None, True)])
    house.pay(invoice, 100)
    assert read_in(5) == [(start if was_read else None, True)]
    assert (find_open(database, invoice), len(noted), load_connection_state(database, key).away_since) == (900, 3, None)
    assert reading.compare_system("ledger:1")
    slow.error = None
    assert read_in(1) == []


@pytest.mark.parametrize("error", [ConnectionRefusedByBillingError("403"), RefusedByBillingError("404")])
def test_a_list_of_credits_that_is_refused_is_named_and_all_else_is_read_and_compared(
    database: Database, house: LedgerConnectedWorld, slow: SlowCreditList, sync: ConnectionSync, error: Exception
) -> None:
    """Letters wait for it: who has paid might be asked."""
    account, key, set_aside = house.add_account("Customer Ltd"), sync.connector.key, SetAsideStore(database)
    invoice, start = house.issue_invoice(account, 1_000, DUE), datetime.now(UTC)
    clock = [start]
    sync = ConnectionSync(database, cast(Any, slow), AccountDefaults("DE", "Europe/Berlin", "de"), real_now=lambda: clock[0])
    reading = ConnectedReading({key: sync}, database, ZoneInfo("UTC"), lambda: clock[0])
    house.receive(account, 70)
    reading.run()
    with database.writing() as session:
        session.execute(update(Payment).values(amount=71))
    keep_comparison(database, key, compare_system(database, sync), clock[0])
    slow.error = error
    house.pay(invoice, 100)
    clock[0] += timedelta(days=1)
    reading.run()
    state = load_connection_state(database, key)
    assert (find_open(database, invoice), state.away_since, state.compared_at) == (900, None, clock[0])
    assert (state.credits_refused_since is not None, str(error) in state.credits_refused) == (True, True)
    assert [each.kind.value for each in state.differences] == ["credit"], "what could not be compared stays as it was named last"
    with database.reading() as session:
        (gap,) = load_reading_gaps(session, clock[0])
    assert (gap.system, gap.since, gap.of_credits) == (key, start, True)
    slow.error = None
    clock[0] += timedelta(minutes=1)
    reading.run()
    assert set_aside.list_waiting(SetAsideStage.BILLING_SYSTEM) == {}
    with database.reading() as session:
        assert load_reading_gaps(session, clock[0]) == ()


def test_a_list_of_credits_that_fails_is_left_alone_for_longer_each_time(
    database: Database, house: LedgerConnectedWorld, slow: SlowCreditList
) -> None:
    sync = ConnectionSync(database, cast(Any, slow), AccountDefaults("DE", "Europe/Berlin", "de"))
    reading = ConnectedReading({sync.connector.key: sync}, database, ZoneInfo("UTC"))
    invoice = house.issue_invoice(house.add_account("Customer Ltd"), 1_000, DUE)
    for error, tries in ((BillingAwayError("500"), 2), (RefusedByBillingError("404"), 4)):
        slow.error, slow.tries, sync.credits_failure = error, 0, None
        SetAsideStore(database).settle(SetAsideStage.BILLING_SYSTEM, ["ledger:1:credits"])
        for _ in range(4):
            house.pay(invoice, 100)
            reading.read_system("ledger:1")
        assert slow.tries == tries
    assert find_open(database, invoice) == 200


def test_a_list_of_credits_that_a_comparison_has_read_is_refused_no_more(
    house: LedgerConnectedWorld, slow: SlowCreditList, sync: ConnectionSync
) -> None:
    slow.error = RefusedByBillingError("404")
    assert sync.sync().credits_refused is slow.error
    slow.error = None
    sync.sync_credits()
    assert (sync.sync().credits_refused, sync.has_read_credits) == (None, True)


def test_a_list_of_credits_that_was_refused_and_is_asked_for_no_more_keeps_no_letter(
    database: Database, house: LedgerConnectedWorld, slow: Any
) -> None:
    def read() -> int:
        sync = ConnectionSync(database, slow, AccountDefaults("DE", "Europe/Berlin", "de"))
        ConnectedReading({sync.connector.key: sync}, database, ZoneInfo("UTC")).read_system("ledger:1")
        with database.reading() as session:
            return len(load_reading_gaps(session))

    slow.error = RefusedByBillingError("404")
    assert read() == 1
    slow.capabilities = house.connector.capabilities - {ConnectorCapability.LIST_CREDITS}
    assert read() == 0


def test_a_list_of_credits_that_is_longer_than_what_may_be_asked_is_read_to_the_end(
    database: Database, house: LedgerConnectedWorld, slow: SlowCreditList, sync: ConnectionSync
) -> None:
    accounts = [house.add_account(f"Customer {number} Ltd") for number in range(5)]
    for account in accounts:
        house.issue_invoice(account, 1_000, DUE)
        house.receive(account, 70)
    for _ in range(2):
        slow.calls = 2
        with pytest.raises(BillingAwayError):
            sync.sync()
    slow.calls = 2
    assert sync.sync().credits_changed == 5
    assert slow.asked == [None, *accounts], "each page once"
    assert Ledger(database).get_unapplied_credit(f"@ledger:1:{accounts[4]}") == {"EUR": 70}


def test_a_list_of_credits_that_was_begun_long_ago_is_begun_anew(
    house: LedgerConnectedWorld, slow: SlowCreditList, sync: ConnectionSync, clock: list[datetime]
) -> None:
    house.issue_invoice(house.add_account("Customer Ltd"), 1_000, DUE)
    slow.calls = 1
    with pytest.raises(BillingAwayError):
        sync.sync()
    clock[0] += CREDITS_KEPT_FOR + timedelta(seconds=1)
    slow.calls = 2
    sync.sync()
    assert [cursor is None for cursor in slow.asked] == [True, True, False]


def test_a_reading_whose_time_is_over_leaves_the_rest_of_a_long_list_to_the_next(
    database: Database, house: LedgerConnectedWorld, slow: SlowCreditList, sync: ConnectionSync
) -> None:
    for number in range(2):
        account = house.add_account(f"Customer {number} Ltd")
        house.issue_invoice(account, 1_000, DUE)
        house.receive(account, 70)
    assert [sync.sync(until=lambda: True).credits_changed for _ in range(3)] == [0, 0, 2]
    assert len(slow.asked) == 3


def test_a_reading_whose_time_is_over_reads_no_customer_again(
    house: LedgerConnectedWorld, slow: Any, sync: ConnectionSync, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.issue_invoice(house.add_account("Customer Ltd"), 1_000, DUE)
    sync.sync()
    clock[0] += timedelta(days=30)
    read: list[str] = []

    def note(account: str) -> ExternalAccount:
        read.append(account)
        return house.connector.read_account(account)

    monkeypatch.setattr(slow, "read_account", note, raising=False)
    sync.sync(until=lambda: True)
    assert read == []
    sync.sync()
    assert len(read) == 1
