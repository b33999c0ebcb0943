"""Promises to pay, on skipped time. Invoices fall due on a Monday: the first reminder goes on Tuesday, the second a week after it."""

from datetime import date, timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from adapters.temporal import case_commands
from adapters.temporal.case_commands import TemporalCaseCommands
from domain.case.command import COMMAND_REJECTED, CommandReceipt
from domain.invoice.commands import MakePromise
from tests.patience import PATIENCE
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from workflows.invoice_collection import InvoiceCollection


async def promise(environment: CollectionEnvironment, invoice: str, by: date, amount: int = 10_000, act_id: str = "p1") -> CommandReceipt:
    command = MakePromise(act_id=f"{invoice}-{act_id}", actor="mia", amount=amount, by=by)
    return await environment.case(invoice).execute_update(InvoiceCollection.make_promise, command)


async def refusal(environment: CollectionEnvironment, invoice: str, by: date, amount: int = 10_000) -> str:
    """The words in which a promise is refused."""
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await promise(environment, invoice, by, amount, act_id="refused")
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == COMMAND_REJECTED
    return cause.message


async def test_a_promise_kept_closes_the_invoice_and_no_letter_goes_meanwhile(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    before = environment.letters(invoice)
    await promise(environment, invoice, by=monday + 10 * DAY)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 9 * DAY)
    await environment.pay(invoice, 10_000)
    assert environment.letters(invoice) == before
    assert await environment.outcome(invoice) == "paid"
    assert environment.entry_kinds(invoice)[-4:] == ["payment.received", "promise.kept", "hold.lifted", "case.closed"]


async def test_a_promise_of_part_that_is_kept_early_lets_the_timeline_go_on_where_it_stopped(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await promise(environment, invoice, by=monday + 14 * DAY, amount=4_000)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 8 * DAY)
    await environment.pay(invoice, 4_000)
    assert environment.entry_kinds(invoice)[-3:] == ["payment.received", "promise.kept", "hold.lifted"]
    # held from day 2 to day 8: the second reminder's day 7 comes on day 13, a Sunday at that hour, and goes on Monday
    await environment.play.run_mornings(monday + 9 * DAY, monday + 14 * DAY)
    assert environment.letters(invoice)[-1] == ("second_reminder", monday + 14 * DAY)


async def test_a_broken_promise_is_judged_after_the_days_of_grace(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await promise(environment, invoice, by=monday + 4 * DAY)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 6 * DAY)
    assert "promise.broken" not in environment.entry_kinds(invoice)
    await environment.play.run_mornings(monday + 7 * DAY, monday + 14 * DAY)
    assert environment.entry_kinds(invoice).count("promise.broken") == 1
    # held from day 2 to day 7: five days later than without the promise
    assert environment.letters(invoice)[-1] == ("second_reminder", monday + 14 * DAY)


async def test_a_promise_partly_kept_is_neither_kept_nor_broken(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await promise(environment, invoice, by=monday + 4 * DAY)
    await environment.play.run_mornings(monday + 3 * DAY, monday + 3 * DAY)
    await environment.pay(invoice, 3_000)
    await environment.play.run_mornings(monday + 4 * DAY, monday + 7 * DAY)
    assert environment.entry_facts(invoice, "promise.partly_kept") == [{"act": f"{invoice}-p1", "amount": 10_000, "received": 3_000}]
    assert not {"promise.kept", "promise.broken"} & set(environment.entry_kinds(invoice))


async def test_a_new_promise_takes_the_place_of_the_open_one(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await promise(environment, invoice, by=monday + 4 * DAY)
    await promise(environment, invoice, by=monday + 9 * DAY, act_id="p2")
    await environment.play.run_mornings(monday + 3 * DAY, monday + 11 * DAY)
    assert "promise.broken" not in environment.entry_kinds(invoice)
    await environment.play.run_mornings(monday + 12 * DAY, monday + 12 * DAY)
    assert [facts["act"] for facts in environment.entry_facts(invoice, "promise.broken")] == [f"{invoice}-p2"]
    assert environment.entry_facts(invoice, "promise.made")[1]["replaces"] == f"{invoice}-p1"


async def test_a_promise_that_the_policy_rules_out_is_refused_with_the_reason_and_leaves_no_trace(
    environment: CollectionEnvironment,
) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    before = environment.entry_kinds(invoice)
    assert await refusal(environment, invoice, monday + DAY) == "the promised day has passed"
    assert await refusal(environment, invoice, monday + 5 * DAY, amount=10_001) == "the promised amount is more than the open balance"
    too_long = monday + timedelta(days=2 + 22)
    assert "up to 21 days ahead" in await refusal(environment, invoice, too_long)
    assert environment.entry_kinds(invoice) == before


async def test_after_two_broken_promises_a_third_is_refused(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await promise(environment, invoice, by=monday + 2 * DAY)
    await environment.pass_to(monday + 5 * DAY)
    await environment.wait_for_entries(invoice, "promise.broken")
    await promise(environment, invoice, by=monday + 5 * DAY, act_id="p2")
    await environment.pass_to(monday + 8 * DAY)
    await environment.wait_for_entries(invoice, "promise.broken", 2)
    assert environment.entry_kinds(invoice).count("promise.broken") == 2
    assert await refusal(environment, invoice, monday + 9 * DAY) == "2 promises were broken; the policy accepts no further one"


async def test_an_open_promise_cannot_be_put_off_beyond_the_limit_counted_from_the_first(environment: CollectionEnvironment) -> None:
    invoice, monday = await environment.open_reminded_invoice()
    await promise(environment, invoice, by=monday + 20 * DAY)
    await environment.pass_to(monday + 19 * DAY)
    assert "counted from the first one" in await refusal(environment, invoice, monday + 24 * DAY)
    assert (await promise(environment, invoice, by=monday + 23 * DAY, act_id="p2")).seq


async def test_who_asks_whether_a_promise_would_do_is_answered_as_of_today(
    environment: CollectionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The case has slept since its reminder: to a question, it knows no later time than that of its last task."""
    monkeypatch.setattr(case_commands, "QUERY_TIMEOUT_SECONDS", PATIENCE)
    invoice, monday = await environment.open_reminded_invoice()
    today = monday + 6 * DAY
    await environment.pass_to(today)
    commands = TemporalCaseCommands(environment.play.client)
    for days, said in ((20, None), (22, "the policy allows promises up to 21 days ahead, counted from the first one"), (-1, "has passed")):
        command = MakePromise(act_id=f"asked-{days}", actor="mia", amount=10_000, by=today + days * DAY)
        reason = await commands.find_rejection_reason(invoice, command, today)
        assert (reason is None) if said is None else said in (reason or "")
