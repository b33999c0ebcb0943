"""What a connected system cannot book from here is a person's task, with the words to do it there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import select
from sqlmodel import col
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.case_effects import LONGEST_REST, CaseEffectActivities
from adapters.billing.errors import (
    BillingAwayError,
    RefusedByBillingError,
    UnknownAccountError,
    UnknownInvoiceError,
    UnsupportedOperationError,
)
from adapters.billing.port import CaseBilling
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.cases.tasks import close_task
from adapters.database.engine import Database
from adapters.database.row_states import TaskState
from adapters.database.tables import Note, Task
from domain.case.billing_results import SuspensionOrderOutcome
from domain.case.effects import BookWriteOff, ChargeInterest, IssueCreditNote, ReinstateInBilling, SuspendInBilling
from domain.clock import Clock
from domain.roles import Role
from tests.adapters.ledger.builders import add_account, add_invoice
from tests.api.portfolio_world import POLICY


class Refusing:
    """A system that answers each order with an error, or always the same."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error
        self.answer: object = None

    def __getattr__(self, name: str) -> Callable[..., object]:
        def refuse(*given: object, **named: object) -> object:
            if self.error is not None:
                raise self.error
            return self.answer

        return refuse


def build_effects(database: Database, error: Exception) -> CaseEffectActivities:
    return build_effects_of(database, Refusing(error))


def build_effects_of(database: Database, system: Refusing) -> CaseEffectActivities:
    billing = cast(CaseBilling, system)
    return CaseEffectActivities(billing, cast(Any, None), cast(Any, None), Clock.real_time(), BookingsByHand(database))


def list_tasks(database: Database) -> list[tuple[str, str, str | None, str]]:
    with database.reading() as session:
        return [tuple(row) for row in session.execute(select(col(Task.kind), col(Task.account_id), col(Task.invoice_id), col(Task.role)))]


CANNOT = UnsupportedOperationError("the billing system erp cannot do this from here: charge the interest there; Duecourse reads it")


ACCOUNT, INVOICE = "@erp:1:A1", "@erp:1:R1"


def close_task_of(database: Database, key: str) -> None:
    with database.reading() as session:
        task = session.execute(select(col(Task.id)).where(col(Task.key) == f"booking_by_hand:{key}")).scalar_one()
    assert close_task(database, task or 0, "done", "mia")


async def test_a_write_off_that_is_not_booked_is_a_task_with_the_words_and_waits_for_it(database: Database) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, account_id=ACCOUNT)
    refused = RefusedByBillingError("Tryton refuses this: the period is closed")
    system = Refusing(refused)
    effects = build_effects_of(database, system)
    effect = BookWriteOff(key="W1", invoice_id=INVOICE, amount=100, currency="EUR")
    for _ in range(2):
        with pytest.raises(ApplicationError, match=r"a person does this .+ the period is closed") as waiting:
            await ActivityEnvironment().run(effects.write_off, effect, f"write_off:{ACCOUNT}")
        assert (waiting.value.non_retryable, waiting.value.category) == (False, ApplicationErrorCategory.BENIGN)
    assert list_tasks(database) == [("booking_by_hand", ACCOUNT, INVOICE, Role.BILLING_OPS)]
    with database.reading() as session:
        assert session.execute(select(col(Note.text), col(Note.author))).all() == [(str(refused), "duecourse")]
    system.error, system.answer = None, 100
    assert (await ActivityEnvironment().run(effects.write_off, effect, f"write_off:{ACCOUNT}")).amount == 100
    assert BookingsByHand(database).find_state("W1") is TaskState.DROPPED, "it was booked from here after all"


async def test_a_write_off_that_is_still_refused_when_a_person_has_done_with_it_gave_up_nothing(database: Database) -> None:
    add_account(database, ACCOUNT)
    effects = build_effects(database, UnknownInvoiceError("it is gone"))
    effect = BookWriteOff(key="W1", invoice_id=INVOICE, amount=100, currency="EUR")
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(effects.write_off, effect, f"write_off:{ACCOUNT}")
    close_task_of(database, "W1")
    assert (await ActivityEnvironment().run(effects.write_off, effect, f"write_off:{ACCOUNT}")).amount == 0


async def test_what_the_ledger_refuses_to_write_off_is_not_booked(database: Database) -> None:
    add_account(database)
    effects = build_effects(database, UnknownInvoiceError("it is gone"))
    effect = BookWriteOff(key="W1", invoice_id="R1", amount=100, currency="EUR")
    assert (await ActivityEnvironment().run(effects.write_off, effect, "write_off:A1")).amount == 0
    assert list_tasks(database) == []


async def test_a_suspension_and_a_reinstatement_wait_for_the_person_who_does_it(database: Database) -> None:
    add_account(database, ACCOUNT)
    system = Refusing(CANNOT)
    effects, run = build_effects_of(database, system), ActivityEnvironment().run
    suspend = SuspendInBilling(account_id=ACCOUNT, number=1, invoice_ids=[INVOICE])
    reinstate = ReinstateInBilling(account_id=ACCOUNT)
    for _ in range(2):
        with pytest.raises(ApplicationError, match="a person does this"):
            await run(effects.suspend, suspend, f"suspension:{ACCOUNT}", POLICY)
    with pytest.raises(ApplicationError, match="a person does this"):
        await run(effects.reinstate, reinstate, "N1")
    assert [task[0] for task in list_tasks(database)] == ["booking_by_hand", "booking_by_hand"]
    system.error, system.answer = None, SuspensionOrderOutcome.NOT_IN_ARREARS
    assert (await run(effects.suspend, suspend, f"suspension:{ACCOUNT}", POLICY)).answer is SuspensionOrderOutcome.NOT_IN_ARREARS
    state = BookingsByHand(database).find_state
    assert (state(f"suspension:{ACCOUNT}:1"), state("N1")) == (TaskState.DROPPED, TaskState.OPEN), "it was paid: nobody need suspend it"


async def test_a_customer_who_is_gone_there_is_a_task_and_not_tried_for_ever(database: Database) -> None:
    add_account(database, ACCOUNT)
    effects, run = build_effects(database, UnknownAccountError("Stripe has no customer A1")), ActivityEnvironment().run
    suspend = SuspendInBilling(account_id=ACCOUNT, number=1, invoice_ids=[INVOICE])
    with pytest.raises(ApplicationError, match="a person does this"):
        await run(effects.suspend, suspend, f"suspension:{ACCOUNT}", POLICY)
    with pytest.raises(ApplicationError, match="a person does this"):
        await run(effects.reinstate, ReinstateInBilling(account_id=ACCOUNT), "N1")
    assert len(list_tasks(database)) == 2


async def test_interest_that_cannot_be_charged_is_a_task(database: Database) -> None:
    add_account(database)
    effects, run = build_effects(database, CANNOT), ActivityEnvironment().run
    charge = ChargeInterest(key="I1", account_id="A1", amount=100, currency="EUR")
    assert await run(effects.charge_interest, charge, "plan:A1:1") == ""
    assert [task[0] for task in list_tasks(database)] == ["booking_by_hand"]


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


@pytest.mark.parametrize(("seconds", "rest"), [(300.0, timedelta(minutes=5)), (86_400.0, LONGEST_REST)])
async def test_a_system_that_says_when_to_come_again_is_left_alone_until_then(database: Database, seconds: float, rest: timedelta) -> None:
    effects, run = build_effects(database, BillingAwayError("away", seconds)), ActivityEnvironment().run
    credit = IssueCreditNote(key="C1", invoice_id="R1", amount=100, currency="EUR")
    give_up = BookWriteOff(key="W1", invoice_id="@erp:1:R1", amount=100, currency="EUR")
    for booking in (run(effects.issue_credit_note, credit), run(effects.write_off, give_up, "write_off:A1")):
        with pytest.raises(ApplicationError, match="away") as caught:
            await booking
        assert (caught.value.next_retry_delay, caught.value.non_retryable) == (rest, False)
    assert list_tasks(database) == []
