"""What a connected system cannot book from here is a person's task, with the words to do it there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import delete, select
from sqlmodel import col
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.case_effects import LONGEST_REST, NOT_SEEN, CaseEffectActivities
from adapters.billing.errors import (
    BillingAwayError,
    BillingError,
    CancelledInvoiceError,
    ConflictingCreditNoteError,
    ExcessiveCreditError,
    RefusedByBillingError,
    UnknownAccountError,
    UnknownInvoiceError,
    UnsupportedOperationError,
)
from adapters.billing.port import CaseBilling
from adapters.cases.begun_orders import BegunOrders
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.cases.tasks import close_task
from adapters.database.engine import Database
from adapters.database.row_states import AllocationCause, TaskState
from adapters.database.tables import Allocation, ExternalOrderRow, Invoice, Note, Task
from adapters.ledger.ledger import Ledger
from domain.case.billing_results import SuspensionOrderOutcome
from domain.case.effects import (
    BookWriteOff,
    CancelInvoice,
    ChangeInvoice,
    ChargeInterest,
    IssueCreditNote,
    ReinstateInBilling,
    SuspendInBilling,
)
from domain.clock import Clock
from domain.roles import Role
from tests.adapters.ledger.builders import AT, add_account, add_invoice
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


RULES = (
    ExcessiveCreditError("it owes less"),
    CancelledInvoiceError("it is cancelled"),
    ConflictingCreditNoteError("the key was used for another"),
)


@pytest.mark.parametrize("error", RULES, ids=[type(error).__name__ for error in RULES])
async def test_what_a_rule_of_ours_refuses_is_no_task_of_a_connected_system(database: Database, error: BillingError) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, account_id=ACCOUNT)
    effect = IssueCreditNote(key="C1", invoice_id=INVOICE, amount=100, currency="EUR")
    result = await ActivityEnvironment().run(build_effects(database, error).issue_credit_note, effect)
    assert (result.refused, list_tasks(database)) == (str(error), [])


def credit_there(database: Database, amount: int) -> None:
    """As the next reading takes in what somebody booked there."""
    Ledger(database).issue_credit_note(f"@erp:1:C{amount}", INVOICE, amount, AT.date(), at=AT)


def cancel_there(database: Database) -> None:
    Ledger(database).cancel_invoice(INVOICE, at=AT)


def lower_there(database: Database) -> None:
    Ledger(database).change_invoice(INVOICE, total=9_000, at=AT)


CREDIT = IssueCreditNote(key="B1", invoice_id=INVOICE, amount=1_000, currency="EUR")
LOWER = ChangeInvoice(key="B1", invoice_id=INVOICE, total=9_000, currency="EUR")
CANCEL = CancelInvoice(key="B1", invoice_id=INVOICE)
BY_HAND: dict[str, tuple[str, tuple[Any, ...], Callable[[Database], None]]] = {
    "credit": ("issue_credit_note", (CREDIT,), lambda database: credit_there(database, 1_000)),
    "total": ("change_invoice", (LOWER,), lower_there),
    "total by a credit note": ("change_invoice", (LOWER,), lambda database: credit_there(database, 1_000)),
    "cancellation": ("cancel_invoice", (CANCEL, "dispute:R1:1"), cancel_there),
    "cancellation by a credit note": ("cancel_invoice", (CANCEL, "dispute:R1:1"), lambda database: credit_there(database, 10_000)),
}


@pytest.fixture(params=BY_HAND)
def decided(request: pytest.FixtureRequest, database: Database) -> tuple[Callable[[], Any], Callable[[], None]]:
    """A decision that a connected system cannot book: how its case orders it, and what a person does there."""
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, 10_000, account_id=ACCOUNT)
    method, given, book_there = BY_HAND[request.param]
    order = getattr(build_effects(database, CANNOT), method)
    return lambda: ActivityEnvironment().run(order, *given), lambda: book_there(database)


Decided = tuple[Callable[[], Any], Callable[[], None]]


async def test_what_a_dispute_decided_is_a_task_until_it_is_to_be_seen_there(database: Database, decided: Decided) -> None:
    order, book_there = decided
    for _ in range(2):
        with pytest.raises(ApplicationError, match="a person does this"):
            await order()
    assert list_tasks(database) == [("booking_by_hand", ACCOUNT, INVOICE, Role.BILLING_OPS)]
    book_there()
    close_task_of(database, "B1")
    assert (await order()).refused == ""


async def test_what_was_booked_there_needs_no_closing(database: Database, decided: Decided) -> None:
    order, book_there = decided
    with pytest.raises(ApplicationError, match="a person does this"):
        await order()
    book_there()
    assert (await order()).refused == ""
    assert BookingsByHand(database).find_state("B1") is TaskState.DROPPED


async def test_what_was_seen_there_is_not_booked_once_more_where_the_worker_died_before_it_told_so(database: Database) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, 10_000, account_id=ACCOUNT)
    system = Refusing(CANNOT)
    order = build_effects_of(database, system).issue_credit_note
    with pytest.raises(ApplicationError, match="a person does this"):
        await ActivityEnvironment().run(order, CREDIT)
    credit_there(database, 1_000)
    for _ in range(2):
        assert (await ActivityEnvironment().run(order, CREDIT)).refused == ""
        system.error = AssertionError("the period is open again, and this is a second credit note")


OLDER = (500, 1_500)
"""What was credited of the invoice before anything was decided."""

BESIDE_OLDER: dict[str, tuple[str, tuple[Any, ...], int]] = {
    "credit": ("issue_credit_note", (CREDIT,), 1_000),
    "total by a credit note": ("change_invoice", (LOWER.model_copy(update={"total": 10_000 - sum(OLDER)}),), sum(OLDER)),
}


@pytest.mark.parametrize("name", BESIDE_OLDER)
async def test_what_was_credited_before_a_person_was_asked_is_not_what_they_were_asked_for(database: Database, name: str) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, 10_000, account_id=ACCOUNT)
    for older in OLDER:
        credit_there(database, older)
    method, given, wanted = BESIDE_OLDER[name]
    order = getattr(build_effects(database, CANNOT), method)
    for _ in range(3):
        with pytest.raises(ApplicationError, match="a person does this"):
            await ActivityEnvironment().run(order, *given)
    assert BookingsByHand(database).find_state("B1") is TaskState.OPEN
    credit_there(database, wanted)
    assert (await ActivityEnvironment().run(order, *given)).refused == ""


def build_credit(key: str, amount: int) -> IssueCreditNote:
    return IssueCreditNote(key=key, invoice_id=INVOICE, amount=amount, currency="EUR")


async def test_of_two_credits_that_people_were_asked_for_at_once_one_credit_note_is_one(database: Database) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, 10_000, account_id=ACCOUNT)
    order, run = build_effects(database, CANNOT).issue_credit_note, ActivityEnvironment().run
    first, second, third = build_credit("B1", 1_000), build_credit("B2", 1_000), build_credit("B3", 1_000)
    for each in (first, second):
        with pytest.raises(ApplicationError, match="a person does this"):
            await run(order, each)
    credit_there(database, 1_000)
    for _ in range(2):
        assert (await run(order, second)).refused == ""
        with pytest.raises(ApplicationError, match="not to be seen there"):
            await run(order, first)
    with pytest.raises(ApplicationError, match="a person does this"):
        await run(order, third)
    Ledger(database).issue_credit_note("@erp:1:C2", INVOICE, 1_000, AT.date(), at=AT)
    assert (await run(order, first)).refused == ""
    with pytest.raises(ApplicationError, match="not to be seen there"):
        await run(order, third)
    Ledger(database).issue_credit_note("@erp:1:C3", INVOICE, 1_000, AT.date(), at=AT)
    assert (await run(order, third)).refused == ""


async def test_a_credit_that_another_one_leaves_no_room_for_goes_back_to_who_decided_it(database: Database) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, 10_000, account_id=ACCOUNT)
    order, run = build_effects(database, CANNOT).issue_credit_note, ActivityEnvironment().run
    large, small = build_credit("B1", 6_000), build_credit("B2", 5_000)
    for each in (large, small):
        with pytest.raises(ApplicationError, match="a person does this"):
            await run(order, each)
    credit_there(database, 5_000)
    with pytest.raises(ApplicationError, match="not to be seen there"):
        await run(order, large)
    assert (await run(order, small)).refused == ""
    assert (await run(order, large)).refused == "it owes no more than EUR 50.00 by now, for another credit was booked; credit less"
    assert BookingsByHand(database).find_state("B1") is TaskState.DROPPED


def take_credit_off_there(database: Database, amount: int) -> None:
    """As the next reading takes in that a credit note was taken off the invoice there."""
    with database.writing() as session:
        note: dict[str, Any] = {"credit_note_id": f"@erp:1:C{amount}", "cause": AllocationCause.RELEASED}
        session.add(Allocation(invoice_id=INVOICE, amount=-amount, allocated_on=AT.date(), **note))
        session.get_one(Invoice, INVOICE).open_balance += amount


async def test_a_credit_that_was_seen_and_taken_off_again_is_no_reason_to_see_none_of_the_next(database: Database) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, 6_000, account_id=ACCOUNT)
    order, run = build_effects(database, CANNOT).issue_credit_note, ActivityEnvironment().run
    first, second, before = build_credit("B1", 5_000), build_credit("B2", 3_000), build_credit("B0", 2_000)
    for each in (before, first):
        with pytest.raises(ApplicationError, match="a person does this"):
            await run(order, each)
    credit_there(database, 5_000)
    assert (await run(order, first)).refused == ""
    take_credit_off_there(database, 5_000)
    for words in ("a person does this", "not to be seen there"):
        with pytest.raises(ApplicationError, match=words):
            await run(order, second)
    with pytest.raises(ApplicationError, match="not to be seen there"):
        await run(order, before)
    credit_there(database, 3_000)
    assert (await run(order, second)).refused == ""


async def test_an_invoice_that_is_believed_to_be_gone_is_no_credit(database: Database) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, 10_000, account_id=ACCOUNT)
    order, run = build_effects(database, CANNOT).issue_credit_note, ActivityEnvironment().run
    for _ in range(2):
        with pytest.raises(ApplicationError, match=r"a person does this|not to be seen there"):
            await run(order, CREDIT)
        cancel_there(database)


async def test_a_credit_that_was_ordered_from_here_meanwhile_is_not_what_a_person_was_asked_for(database: Database) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, 10_000, account_id=ACCOUNT)
    orders, order, run = BegunOrders(database), build_effects(database, CANNOT).issue_credit_note, ActivityEnvironment().run
    earlier, later = build_credit("B1", 1_000), build_credit("B2", 1_000)
    with pytest.raises(ApplicationError, match="a person does this"):
        await run(order, earlier)
    orders.begin_credit("credit_note:1", INVOICE, 1_000, "mia", None)
    credit_there(database, 1_000)
    for each, words in ((earlier, "not to be seen there"), (later, "a person does this"), (later, "not to be seen there")):
        with pytest.raises(ApplicationError, match=words):
            await run(order, each)
    Ledger(database).issue_credit_note("@erp:1:C2", INVOICE, 1_000, AT.date(), at=AT)
    assert (await run(order, earlier)).refused == ""
    with pytest.raises(ApplicationError, match="not to be seen there"):
        await run(order, later)


async def test_where_it_was_not_kept_what_was_credited_before_the_person_says_that_it_is_done(database: Database) -> None:
    add_account(database, ACCOUNT)
    add_invoice(database, INVOICE, 10_000, account_id=ACCOUNT)
    order = build_effects(database, CANNOT).issue_credit_note
    with pytest.raises(ApplicationError, match="a person does this"):
        await ActivityEnvironment().run(order, CREDIT)
    with database.writing() as session:
        session.execute(delete(ExternalOrderRow))
    credit_there(database, 1_000)
    with pytest.raises(ApplicationError, match="not to be seen there"):
        await ActivityEnvironment().run(order, CREDIT)


async def test_what_was_closed_and_is_not_to_be_seen_is_asked_once_more_and_then_believed(database: Database, decided: Decided) -> None:
    order, _ = decided
    with pytest.raises(ApplicationError, match="a person does this"):
        await order()
    close_task_of(database, "B1")
    for _ in range(2):
        with pytest.raises(ApplicationError, match="not to be seen there"):
            await order()
    assert BookingsByHand(database).find_state("B1") is TaskState.OPEN
    with database.reading() as session:
        assert NOT_SEEN in session.execute(select(col(Note.text))).scalars().all()
    close_task_of(database, "B1")
    assert (await order()).refused == ""


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
