"""Letters to an account are stopped for a while, and go again: through the real workflows and the real mail server."""

import asyncio
from datetime import UTC, date, datetime, time
from uuid import uuid4

from adapters.correspondence.letter_stop_store import BrakeContext, LetterStopStore
from domain.correspondence.letter_stop import StopScope
from tests.workflows.collection_environment import DAY, CollectionEnvironment, InvoiceSpec


def context(day: date) -> BrakeContext:
    at = datetime.combine(day, time(6), UTC)
    return BrakeContext(uuid4().hex, "maria", at, at)


async def test_what_fell_due_while_letters_were_stopped_makes_one_letter_and_the_timeline_goes_on_from_it(
    environment: CollectionEnvironment,
) -> None:
    monday = await environment.pass_to_monday()
    store = LetterStopStore(environment.database)
    first, second = await environment.open_invoices(
        InvoiceSpec(monday - DAY, account="STOPPED"), InvoiceSpec(monday + 2 * DAY, account="STOPPED")
    )
    stop = await asyncio.to_thread(store.stop, StopScope.ACCOUNT, "STOPPED", "a wrong price list", None, context(monday))
    await environment.play.run_mornings(monday, monday + 10 * DAY)
    assert environment.sent_letters("STOPPED") == []
    assert environment.steps_with_dates(first)[0] == ("reminder", monday)  # it waits: nothing is asked for after it
    assert len(environment.steps_with_dates(first)) == 1
    await asyncio.to_thread(store.end, stop.stop_id, context(monday + 11 * DAY))
    await environment.play.run_mornings(monday + 11 * DAY, monday + 25 * DAY)
    letters = environment.sent_letters("STOPPED")
    assert [(letter.on, letter.letter) for letter in letters[:2]] == [
        (monday + 11 * DAY, "reminder"),
        (monday + 18 * DAY, "second_reminder"),
    ]
    assert {invoice for invoice, _, _ in letters[0].named} == {first, second}
    assert letters[0].asked_for == 20_000
    assert len(letters) <= 3
