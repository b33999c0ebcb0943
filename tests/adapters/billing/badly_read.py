"""A house whose people are at work in their system, while it is read over a line on which calls fail."""

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from adapters.billing.connector import BillingConnector
from adapters.billing.errors import UnknownInvoiceError
from adapters.billing.external_key import ExternalKey
from adapters.billing.external_records import ChangePage, CreditPage
from adapters.connections.account_mirror import AccountDefaults
from adapters.connections.comparison import Difference, compare_open_items
from adapters.connections.connection_sync import ConnectionSync
from adapters.connections.oversight.missing_invoices import read_missing_again
from adapters.database.engine import Database
from adapters.database.tables import ExternalInvoiceRow, Invoice
from adapters.ledger.ledger import Ledger
from domain.billing.billing_events import InvoiceStatus
from tests.adapters.billing.connected_worlds import ConnectedWorld, HouseEvent, TrytonWorld
from tests.adapters.billing.faulty_lines import BadDay, open_on_bad_day
from tests.adapters.ledger.builders import find_unbalanced_invoices

DEFAULTS = AccountDefaults("DE", "Europe/Berlin", "de")


class HouseAtWork:
    """What people of the house do in their system, while it is read and between. `owed`: what is open of each of their invoices."""

    def __init__(self, world: ConnectedWorld, dice: Random) -> None:
        self._world, self._dice = world, dice
        self._due = world.today - timedelta(20)
        self.accounts = [world.add_account(f"Customer {number} Ltd") for number in range(2)]
        self.owed: dict[str, int] = {}
        self._deletions = 0 if world.unknown.get(HouseEvent.DELETED) else 2

    def work(self) -> None:
        payable = [invoice for invoice, left in self.owed.items() if left]
        chance = self._dice.random()
        if chance < 0.45 or len(payable) < 2:
            total = self._dice.randrange(100, 1_000)
            self.owed[self._world.issue_invoice(self._dice.choice(self.accounts), total, self._due)] = total
            return
        invoice = self._dice.choice(payable)
        if chance < 0.6 and self._deletions:
            self._deletions -= 1
            self._world.delete_invoice(invoice)
            del self.owed[invoice]
            return
        amount = self._dice.choice([self.owed[invoice], self._dice.randint(1, self.owed[invoice])])
        self._world.pay(invoice, amount)
        self.owed[invoice] -= amount

    def work_at_times(self) -> None:
        if self._dice.random() < 0.05:
            self.work()


class SmallPages:
    """A connector whose pages are small, and come again now and then as if their cursor had not been kept. `size`: of a page."""

    def __init__(self, connector: BillingConnector, dice: Random, size: int) -> None:
        self._connector, self._dice, self._size, self.is_bad = connector, dice, size, True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def read_changes(self, cursor: str | None, limit: int) -> ChangePage:
        page = self._connector.read_changes(cursor, self._size)
        if self.is_bad and cursor is not None and self._dice.random() < 0.2:
            return page._replace(cursor=cursor, has_more=True)
        return page

    def list_credits(self, cursor: str | None, limit: int) -> CreditPage:
        return self._connector.list_credits(cursor, self._size)


class BadlyRead:
    """A world that is read over a line on which calls fail."""

    def __init__(self, database: Database, world: ConnectedWorld, seed: str) -> None:
        dice = Random(seed)
        self.database, self.world = database, world
        self.house, self.day = HouseAtWork(world, dice), BadDay(dice)
        self.pages: Any = SmallPages(open_on_bad_day(world, self.day), dice, 20 if isinstance(world, TrytonWorld) else 3)
        self.sync = ConnectionSync(database, self.pages, DEFAULTS, real_now=self.day.clock)

    def read_through(self) -> None:
        while self.day.persist(lambda: self.sync.sync(3)).has_more:
            pass

    def calm_down(self) -> None:
        self.day.faults, self.day.between, self.pages.is_bad = (), lambda: None, False

    def name_differences(self) -> tuple[Difference, ...]:
        """As a night's comparison does, and what it reads again; of this house's customers alone, for others may be there."""
        named = compare_open_items(self.database, self.world.connector)
        read_missing_again(self.database, self.sync, named, self.day.clock())
        self.day.pass_time(3_600)
        self.read_through()
        mine = {self.name(each) for each in (*self.house.accounts, *self.list_seen())}
        return tuple(each for each in compare_open_items(self.database, self.world.connector).differences if each.id in mine)

    def name(self, external_id: str) -> str:
        return ExternalKey.build(self.world.connector.key, external_id).id

    def list_seen(self) -> dict[str, Invoice]:
        """The house's invoices that are here, by its own ids."""
        accounts = [self.name(each) for each in self.house.accounts]
        query = (
            select(col(ExternalInvoiceRow.external_id), Invoice)
            .join(Invoice, col(Invoice.id) == col(ExternalInvoiceRow.invoice_id))
            .where(col(Invoice.account_id).in_(accounts))
        )
        with self.database.reading() as session:
            return dict(tuple(row) for row in session.execute(query))

    def find_strays(self) -> list[str]:
        """The invoices that are otherwise here than there."""
        return [external_id for external_id, invoice in self.list_seen().items() if not self._stands_so(external_id, invoice)]

    def _stands_so(self, external_id: str, here: Invoice) -> bool:
        try:
            there = self.world.connector.read_invoice(external_id)
        except UnknownInvoiceError:
            return bool(here.status == InvoiceStatus.CANCELLED)
        said = (there.status, there.open_balance, there.total, there.due_date, there.number, there.currency)
        return bool((here.status, here.open_balance, here.total, here.due_date, here.number, here.currency) == said)

    def require_the_same(self) -> None:
        assert self.name_differences() == ()
        assert self.find_strays() == []
        seen = self.list_seen()
        assert {invoice for invoice, left in self.house.owed.items() if left} <= seen.keys()
        assert all(seen[invoice].open_balance == left for invoice, left in self.house.owed.items() if invoice in seen)
        told = Ledger(self.database).list_pending_events(10_000)
        issued = Counter(each.invoice_id for each in told if each.event.kind.value == "invoice.issued")
        assert set(issued.values()) == {1}
        assert find_unbalanced_invoices(self.database) == []
