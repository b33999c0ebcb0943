"""The billing systems that the contract is played on. A new one joins by a world of its own in `WORLDS`."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from adapters.billing.connector import ConnectorCapability as Can
from adapters.billing.port import BillingSystem
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from tests.adapters.billing.connected_worlds import ConnectedWorld, LedgerConnectedWorld, TrytonWorld
from tests.adapters.billing.tryton_server.server import TrytonServer, run_tryton
from tests.adapters.killbill.killbill_world import KillBillWorld
from tests.adapters.ledger.builders import add_account, add_invoice
from tests.adapters.odoo.odoo_world import OdooWorld
from tests.adapters.plain_http.sample_world import SampleWorld
from tests.databases import open_sqlite_database

if TYPE_CHECKING:
    from tests.adapters.billing.badly_read import BadlyRead


class BillingWorld(Protocol):
    """A billing system that can be filled: what its own people would do in it."""

    billing: BillingSystem

    def add_account(self, account_id: str) -> None: ...

    def issue_invoice(self, invoice_id: str, total: int, due: date, account_id: str, currency: str) -> None: ...


class EmbeddedLedgerWorld:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.billing: BillingSystem = Ledger(database)

    def add_account(self, account_id: str) -> None:
        add_account(self._database, account_id)

    def issue_invoice(self, invoice_id: str, total: int, due: date, account_id: str, currency: str) -> None:
        add_invoice(self._database, invoice_id, total, due, account_id, currency)


WORLDS: dict[str, Callable[[Database], BillingWorld]] = {"embedded_ledger": EmbeddedLedgerWorld}


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest, database: Database) -> BillingWorld:
    return WORLDS[request.param](database)


@pytest.fixture
def billing(request: pytest.FixtureRequest, world: BillingWorld) -> BillingSystem:
    """With account A1 and its invoices R1 (EUR 100.00, due 1 May 2013) and R2 (EUR 50.00, due 1 June 2013).

    A test that is marked with capabilities is left out for a system that lacks one of them.
    """
    for mark in request.node.iter_markers("needs"):
        if missing := set(mark.args) - world.billing.capabilities:
            pytest.skip(f"the system cannot {', '.join(sorted(missing))}")
    world.add_account("A1")
    world.issue_invoice("R1", 10_000, date(2013, 5, 1), "A1", "EUR")
    world.issue_invoice("R2", 5_000, date(2013, 6, 1), "A1", "EUR")
    return world.billing


@pytest.fixture(scope="session")
def tryton_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    """One for all tests of this process: each has customers of its own in it. Skips where there is no Tryton."""
    with run_tryton(tmp_path_factory.mktemp("tryton")) as server:
        yield server


@pytest.fixture
def house_database(tmp_path: Path) -> Iterator[Database]:
    """Of another house's embedded ledger."""
    with open_sqlite_database(tmp_path / "house.db") as database:
        yield database


def _open_stripe() -> ConnectedWorld:
    """Its library is loaded here, for whoever plays the contract on another system alone."""
    from tests.adapters.stripe.stripe_world import StripeWorld

    return StripeWorld()


def _open_salesforce(*, counts_applied: bool) -> ConnectedWorld:
    from tests.adapters.salesforce.salesforce_world import SalesforceWorld

    return SalesforceWorld(counts_applied=counts_applied)


CONNECTED_WORLDS: dict[str, Callable[[pytest.FixtureRequest], ConnectedWorld]] = {
    "embedded_ledger": lambda request: LedgerConnectedWorld(request.getfixturevalue("house_database")),
    "tryton": lambda request: TrytonWorld(request.getfixturevalue("tryton_server")),
    "stripe": lambda request: _open_stripe(),
    "odoo": lambda request: OdooWorld(),
    "killbill": lambda request: KillBillWorld(),
    "plain_http": lambda request: SampleWorld(),
    "salesforce": lambda request: _open_salesforce(counts_applied=True),
    "salesforce_computed": lambda request: _open_salesforce(counts_applied=False),
}


LACKING: dict[str, frozenset[Can]] = {
    "embedded_ledger": frozenset({Can.FETCH_DOCUMENT, Can.RECORD_NOTE, Can.VERIFY_WEBHOOK}),
    "tryton": frozenset({Can.VERIFY_WEBHOOK}),
    "stripe": frozenset({Can.RECORD_NOTE}),
    "killbill": frozenset({Can.LIST_CREDITS}),
    "plain_http": frozenset({Can.VERIFY_WEBHOOK}),
    "odoo": frozenset({Can.SUSPEND, Can.REINSTATE, Can.VERIFY_WEBHOOK}),
    **dict.fromkeys(
        ("salesforce", "salesforce_computed"),
        frozenset({Can.FETCH_DOCUMENT, Can.BOOK_CREDIT_NOTE, Can.BOOK_WRITE_OFF, Can.VERIFY_WEBHOOK}),
    ),
}
"""What a connected system cannot do: that part of the contract is not played on it."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that is marked with capabilities is not there for a connected system that lacks one of them."""
    unplayed = [item for item in items if _find_lacking(item)]
    if unplayed:
        config.hook.pytest_deselected(items=unplayed)
        items[:] = [item for item in items if item not in set(unplayed)]


def _find_lacking(item: pytest.Item) -> set[Can]:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return set()
    needed = {capability for mark in item.iter_markers("needs") for capability in mark.args}
    return needed & LACKING.get(str(item.callspec.params.get("connected")), frozenset())


@pytest.fixture(params=CONNECTED_WORLDS)
def connected(request: pytest.FixtureRequest) -> ConnectedWorld:
    """A system that is connected, by its connector."""
    world = CONNECTED_WORLDS[request.param](request)
    assert frozenset(Can) - world.connector.capabilities == LACKING[request.param]
    return world


@pytest.fixture
def badly(house_database: Database, connected: ConnectedWorld, request: pytest.FixtureRequest) -> "BadlyRead":
    """A connected system that is read over a faulty line; `house_database` is Duecourse's own here. Its libraries are loaded here, too."""
    from tests.adapters.billing.badly_read import BadlyRead

    return BadlyRead(house_database, connected, request.node.name)
