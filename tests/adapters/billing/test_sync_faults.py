"""A system that is away, slow, busy, that gives a page twice, or changes while it is read: what is here in the end is the same, and nothing
is booked twice."""

from collections import Counter
from datetime import date
from random import Random
from typing import Any

import pytest

from adapters.billing.errors import BillingAwayError
from adapters.billing.external_key import ExternalKey
from adapters.billing.external_records import ChangePage
from adapters.cases.begun_orders import BegunOrders
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import compare_open_items
from adapters.connections.connected_billing import ConnectedBilling
from adapters.connections.connection_sync import ConnectionSync
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from tests.adapters.billing.connected_worlds import LedgerConnectedWorld
from tests.adapters.ledger.builders import AT, find_unbalanced_invoices, list_events

DUE = date(2013, 5, 1)
DEFAULTS = AccountDefaults("DE", "Europe/Berlin", "de")
PATIENCE = 300
"""Calls that fail before one gives up: far more than the dice ask for."""


class Troubled:
    """The house's system on a bad day. `is_bad`: until somebody has mended it."""

    def __init__(self, house: LedgerConnectedWorld, seed: int) -> None:
        self.house, self.dice, self.is_bad = house, Random(seed), True
        self.accounts = [house.add_account(f"Customer {number}") for number in range(3)]
        self.open: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        known = getattr(self.house.connector, name)
        return self._trouble(known) if callable(known) else known

    def _trouble(self, ask: Any) -> Any:
        """It fails before the call is carried out, or afterwards, so that nobody hears what came of it."""

        def call(*given: Any) -> Any:
            trouble = self.dice.random() if self.is_bad else 1.0
            if trouble < 0.15:
                raise BillingAwayError("429", 30)
            answer = ask(*given)
            if trouble < 0.3:
                raise BillingAwayError("the answer was lost")
            return answer

        return call

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        page: ChangePage = self._trouble(self.house.connector.read_changes)(cursor, 2)
        if self.is_bad:
            self.work()
            if cursor is not None and self.dice.random() < 0.2:
                return page._replace(cursor=cursor, has_more=True)
        return page

    def work(self) -> None:
        """What people of the house do while it is read."""
        payable = [invoice for invoice, left in self.open.items() if left]
        if not payable or self.dice.random() < 0.4:
            total = self.dice.randrange(100, 1_000)
            self.open[self.house.issue_invoice(self.dice.choice(self.accounts), total, DUE)] = total
            return
        invoice = self.dice.choice(payable)
        amount = self.dice.choice([self.open[invoice], self.dice.randint(1, self.open[invoice])])
        self.open[invoice] -= amount
        self.house.pay(invoice, amount)


def persist(attempt: Any) -> Any:
    for _ in range(PATIENCE):
        try:
            return attempt()
        except BillingAwayError:
            continue
    raise AssertionError("it never came to an end")


@pytest.mark.parametrize("seed", range(3))
def test_the_same_is_here_in_the_end(house_database: Database, database: Database, seed: int) -> None:
    house = LedgerConnectedWorld(house_database)
    troubled: Any = Troubled(house, seed)
    for _ in range(8):
        persist(lambda: ConnectionSync(database, troubled, DEFAULTS).sync(5))
    troubled.is_bad = False
    ConnectionSync(database, troubled, DEFAULTS).sync()
    assert compare_open_items(database, house.connector).differences == ()
    assert find_unbalanced_invoices(database) == []
    there = {f"@ledger:1:{invoice}": left for invoice, left in troubled.open.items()}
    issued = Counter(name for name, event in list_named_events(database) if event == "invoice.issued")
    assert set(issued.values()) <= {1}
    assert {name: Ledger(database).get_invoice_facts(name).open_balance for name in issued} == {name: there[name] for name in issued}
    assert {name for name, left in there.items() if left} <= set(issued)


def list_named_events(database: Database) -> list[tuple[str, str]]:
    return [(pending.invoice_id, pending.event.kind.value) for pending in Ledger(database).list_pending_events(10_000)]


@pytest.mark.parametrize("seed", range(2))
def test_what_is_ordered_is_booked_once(house_database: Database, database: Database, seed: int) -> None:
    """Tried again with its key, as an activity is, until an answer comes back."""
    house = LedgerConnectedWorld(house_database)
    troubled: Any = Troubled(house, seed)
    account = troubled.accounts[0]
    invoice = house.issue_invoice(account, 10_000, DUE)
    sync, ledger = ConnectionSync(database, troubled, DEFAULTS), Ledger(database)
    persist(sync.sync)
    billing = ConnectedBilling(troubled, sync, ledger, BookingsByHand(database), BegunOrders(database))
    mine, customer = (ExternalKey.build(house.connector.key, name) for name in (invoice, account))
    persist(lambda: billing.issue_credit_note("C1", mine, 4_000, "too dear"))
    persist(lambda: billing.suspend_account("S1", customer, [mine.id], {}, at=AT))
    assert not house.is_served(account)
    persist(lambda: billing.reinstate_account("N1", customer, at=AT))
    assert persist(lambda: billing.write_off("W1", mine, 6_000, "EUR", DUE)) == 6_000
    assert (house.count_credit_notes(account), house.is_served(account)) == (1, True)
    told = [(event.kind.value, event.amount) for event in list_events(database) if event.amount in (4_000, 6_000)]
    assert told == [("credit_note.issued", 4_000), ("invoice.written_off", 6_000)]
    assert find_unbalanced_invoices(database) == []
