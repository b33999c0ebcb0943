"""What must run: the read model's open cases and the ledger's open invoices, once they have rested."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from adapters.case_check.expected_cases import REST, load_expected_cases
from adapters.database.engine import Database
from adapters.database.tables import Case, LedgerEvent
from tests.api.portfolio_world import PortfolioWorld

NOW = datetime(2030, 1, 1, tzinfo=UTC)
"""Long after all that the tests write."""


@pytest.fixture
def world(database: Database) -> PortfolioWorld:
    world = PortfolioWorld(database)
    world.account()
    return world


def deliver(database: Database, invoice: str, at: datetime | None) -> None:
    with database.writing() as session:
        session.add(LedgerEvent(event_id=invoice, invoice_id=invoice, event={}, recorded_at=NOW, delivered_at=at))


def test_an_open_case_must_run_and_one_that_is_over_must_not(world: PortfolioWorld, database: Database) -> None:
    for name in ("OPEN", "OVER"):
        world.invoice(name)
        deliver(database, name, NOW - REST)
    with database.writing() as session:
        session.execute(update(Case).where(col(Case.case_id) == "invoice:OVER").values(outcome="paid"))

    expected = load_expected_cases(database, NOW)

    assert expected.open_cases == {"invoice:OPEN"}
    assert expected.uncollected == {"invoice:OVER"}, "its invoice is open"


def test_what_was_written_just_now_may_not_be_in_the_servers_list_yet(world: PortfolioWorld, database: Database) -> None:
    world.invoice("I-1")
    with database.writing() as session:
        session.execute(update(Case).values(updated_at=NOW - REST + timedelta(seconds=1)))

    assert load_expected_cases(database, NOW).open_cases == set()


@pytest.mark.parametrize("delivered", [None, NOW - REST + timedelta(seconds=1)])
def test_of_an_invoice_to_which_an_event_is_to_be_delivered_the_delivery_takes_care(
    world: PortfolioWorld, database: Database, delivered: datetime | None
) -> None:
    world.invoice("I-1")
    deliver(database, "I-1", delivered)
    with database.writing() as session:
        session.execute(update(Case).values(outcome="paid"))

    assert load_expected_cases(database, NOW).uncollected == set()
