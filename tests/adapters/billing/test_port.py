"""The port itself: a remote system must be able to implement it."""

import inspect
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest

from adapters.billing.port import BillingCapability, BillingSystem
from adapters.database.engine import Database
from adapters.ledger.ledger import Ledger

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


@pytest.mark.parametrize("name", METHODS)
def test_the_embedded_ledger_takes_what_the_port_names(name: str) -> None:
    assert inspect.signature(getattr(Ledger, name)) == inspect.signature(METHODS[name])


def test_the_embedded_ledger_can_do_everything(database: Database) -> None:
    assert Ledger(database).capabilities == frozenset(BillingCapability)
