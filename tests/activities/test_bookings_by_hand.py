"""What a connected system cannot book from here is a person's task, with the words to do it there."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.testing import ActivityEnvironment

from activities.case_effects import CaseEffectActivities
from adapters.billing.errors import BillingAwayError, RefusedByBillingError, UnsupportedOperationError
from adapters.billing.port import CaseBilling
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.database.engine import Database
from adapters.database.tables import Note, Task
from domain.case.effects import BookWriteOff, ChargeInterest, IssueCreditNote, ReinstateInBilling
from domain.clock import Clock
from domain.roles import Role
from tests.adapters.ledger.builders import add_account, add_invoice


class Refusing:
    """A system that answers each order with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Callable[..., object]:
        def refuse(*given: object, **named: object) -> object:
            raise self.error

        return refuse


def build_effects(database: Database, error: Exception) -> CaseEffectActivities:
    billing = cast(CaseBilling, Refusing(error))
    return CaseEffectActivities(billing, cast(Any, None), cast(Any, None), Clock.real_time(), BookingsByHand(database))


def list_tasks(database: Database) -> list[tuple[str, str, str | None, str]]:
    with database.reading() as session:
        return [tuple(row) for row in session.execute(select(col(Task.kind), col(Task.account_id), col(Task.invoice_id), col(Task.role)))]


CANNOT = UnsupportedOperationError("the billing system erp cannot do this from here: charge the interest there; Duecourse reads it")


@pytest.mark.parametrize("error", [CANNOT, RefusedByBillingError("Tryton refuses this: the period is closed")])
async def test_a_write_off_that_is_not_booked_is_a_task_with_the_words(database: Database, error: Exception) -> None:
    add_account(database)
    add_invoice(database, "R1")
    effects = build_effects(database, error)
    effect = BookWriteOff(key="W1", invoice_id="R1", amount=100, currency="EUR")
    for _ in range(2):
        result = await ActivityEnvironment().run(effects.write_off, effect, "write_off:A1")
        assert result.amount == 0
    assert list_tasks(database) == [("booking_by_hand", "A1", "R1", Role.BILLING_OPS)]
    with database.reading() as session:
        assert session.execute(select(col(Note.text), col(Note.author))).all() == [(str(error), "duecourse")]


async def test_interest_and_a_reinstatement_that_cannot_be_booked_are_tasks(database: Database) -> None:
    add_account(database)
    effects, run = build_effects(database, CANNOT), ActivityEnvironment().run
    charge = ChargeInterest(key="I1", account_id="A1", amount=100, currency="EUR")
    assert await run(effects.charge_interest, charge, "plan:A1:1") == ""
    await run(effects.reinstate, ReinstateInBilling(account_id="A1"), "N1")
    assert [task[0] for task in list_tasks(database)] == ["booking_by_hand", "booking_by_hand"]


async def test_a_refused_credit_note_goes_back_to_who_decided_it(database: Database) -> None:
    effects = build_effects(database, CANNOT)
    effect = IssueCreditNote(key="C1", invoice_id="R1", amount=100, currency="EUR")
    result = await ActivityEnvironment().run(effects.issue_credit_note, effect)
    assert (result.refused, list_tasks(database)) == (str(CANNOT), [])


async def test_a_system_that_is_away_is_tried_again(database: Database) -> None:
    effects = build_effects(database, BillingAwayError("away"))
    with pytest.raises(BillingAwayError):
        await ActivityEnvironment().run(effects.reinstate, ReinstateInBilling(account_id="A1"), "N1")
    assert list_tasks(database) == []
