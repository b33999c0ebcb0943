"""The port itself: a remote system must be able to implement it."""

import inspect
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest

from adapters.billing.connector import BillingConnector, ConnectedReader, ConnectorCapability
from adapters.billing.port import BillingCapability, BillingSystem
from adapters.connections.routed_billing import RoutedBilling
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger
from adapters.ledger.ledger_connector import LedgerConnector
from adapters.odoo.odoo_connector import OdooConnector
from adapters.salesforce.salesforce_connector import SalesforceConnector
from adapters.stripe.stripe_connector import StripeConnector
from adapters.tryton.tryton_connector import TrytonConnector

ALWAYS = {"get_invoice_facts", "list_unapplied_credit", "list_pending_events", "acknowledge_events"}
METHODS = {name: method for name, method in inspect.getmembers(BillingSystem, inspect.isfunction) if not name.startswith("_")}


def list_types(hint: Any) -> Iterator[Any]:
    yield hint
    for part in get_args(hint):
        yield from list_types(part)


def test_each_method_is_a_capability_or_always_there() -> None:
    assert METHODS.keys() - ALWAYS == {capability.value for capability in BillingCapability}


@pytest.mark.parametrize("name", METHODS)
def test_no_method_speaks_of_this_database(name: str) -> None:
    types = [part for hint in get_type_hints(METHODS[name]).values() for part in list_types(hint) if isinstance(part, type)]
    homes = {part.__module__.partition(".")[0] for part in types}
    assert homes <= {"builtins", "collections", "datetime", "types", "typing", "domain", "adapters"}
    assert {part.__module__ for part in types if part.__module__.startswith("adapters")} <= {"adapters.billing.results"}


@pytest.mark.parametrize("system", [Ledger, RoutedBilling])
@pytest.mark.parametrize("name", METHODS)
def test_a_system_takes_what_the_port_names(name: str, system: type) -> None:
    assert inspect.signature(getattr(system, name)) == inspect.signature(METHODS[name])


def test_each_method_of_a_connector_is_a_capability_or_always_there() -> None:
    always = {name for name, _ in inspect.getmembers(ConnectedReader, inspect.isfunction) if not name.startswith("_")}
    methods = {name for name, _ in inspect.getmembers(BillingConnector, inspect.isfunction) if not name.startswith("_")}
    assert methods - always == {capability.value for capability in ConnectorCapability}


@pytest.mark.parametrize("connector", [LedgerConnector, OdooConnector, SalesforceConnector, StripeConnector, TrytonConnector])
def test_a_connector_takes_what_the_protocol_names(connector: type) -> None:
    for name, method in inspect.getmembers(BillingConnector, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(connector, name)) == inspect.signature(method), name


def test_the_embedded_ledger_can_do_everything(database: Database) -> None:
    assert Ledger(database).capabilities == frozenset(BillingCapability)
