"""What comes of a call with a customer, over HTTP and on the real workflows: promises over several invoices, disputes, notes.

An account owes EUR 100 and EUR 50, both due on a Monday; the call falls due on the Monday two weeks later.
"""

from typing import Any

import pytest

from domain.roles import Role
from tests.databases import KINDS
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from tests.workflows.people import People
from tests.workflows.test_account_calls import called, calls

pytestmark = pytest.mark.parametrize("shared_environment", KINDS, indirect=True)


async def log(people: People, account: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
    mia = await people("mia", Role.COLLECTOR)
    answer = await mia.post(f"/v1/accounts/{account}/calls", json={"outcome": "reached", **body}, headers=headers)
    return answer.status_code, answer.json()


async def test_one_call_leaves_promises_disputes_and_notes_on_the_invoices_that_they_are_about(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), monday = await called(environment, people, "RESULT-1")
    by = (monday + 4 * DAY).isoformat()
    status, answer = await log(
        people,
        "RESULT-1",
        {
            "contact": "Mr Berg",
            "note": "pays on Friday",
            "promises": [{"invoices": [first], "currency": "EUR", "amount": "60.00", "by": by}],
            "disputes": [
                {
                    "invoice_id": second,
                    "amount": "20.00",
                    "currency": "EUR",
                    "reason": "wrong_price",
                    "look_again_on": (monday + 8 * DAY).isoformat(),
                }
            ],
            "notes": [{"invoice_id": second, "text": "two boxes"}],
        },
    )
    assert (status, answer["recorded"]) == (200, "now"), answer
    call = answer["act_id"]
    assert [facts["call"] for invoice in (first, second) for facts in environment.entry_facts(invoice, "call.logged")] == [call, call]
    (promise,) = environment.entry_facts(first, "promise.made")
    assert (promise["amount"], promise["by"], "promise" in promise) == (6_000, by, False)
    (dispute,) = environment.entry_facts(second, "dispute.opened")
    assert (dispute["amount"], dispute["dispute_reason"]) == (2_000, "wrong_price")
    assert len(environment.entry_facts(second, "note.added")) == 1
    assert calls(environment, "RESULT-1")[0][0] == "done"


async def test_a_promise_over_all_that_is_overdue_is_one_and_kept_when_all_of_its_money_came_wherever_it_went(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), monday = await called(environment, people, "RESULT-2")
    promise = {"invoices": "overdue", "currency": "EUR", "amount": "120.00", "by": (monday + 2 * DAY).isoformat()}
    status, answer = await log(people, "RESULT-2", {"promises": [promise]})
    assert status == 200, answer
    parts = {part["invoice_id"]: part["promise_id"] for part in answer["parts"] if part["promise_id"]}
    (promise_id,) = set(parts.values())
    made = {invoice: environment.entry_facts(invoice, "promise.made")[0] for invoice in (first, second)}
    assert {facts["promise"] for facts in made.values()} == {promise_id}
    assert [(made[invoice]["amount"], made[invoice]["of"]) for invoice in (first, second)] == [(10_000, 12_000), (2_000, 12_000)]
    await environment.pay(second, 4_000)
    await environment.pay(first, 8_000)
    await environment.wait_for_entries(first, "promise.kept")
    (kept,) = environment.entry_facts(first, "promise.kept")
    assert (kept["received"], kept["received_of"], kept["of"]) == (8_000, 12_000, 12_000)
    await environment.pass_to(monday + 6 * DAY)
    await environment.wait_for_entries(second, "promise.kept")
    assert environment.entry_facts(second, "promise.broken") == []


async def test_a_promise_over_several_invoices_is_not_kept_when_only_one_of_them_is_paid(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), monday = await called(environment, people, "RESULT-3")
    promise = {"invoices": [first, second], "currency": "EUR", "by": (monday + 2 * DAY).isoformat()}
    status, answer = await log(people, "RESULT-3", {"promises": [promise]})
    assert status == 200, answer
    await environment.pay(first, 10_000)
    assert await environment.outcome(first) == "paid"
    (paid,) = environment.entry_facts(first, "promise.part_paid")
    assert (paid["amount"], paid["received"]) == (10_000, 10_000)
    assert environment.entry_facts(first, "promise.kept") == []
    await environment.pass_to(monday + 6 * DAY)
    await environment.wait_for_entries(second, "promise.partly_kept")
    (partly,) = environment.entry_facts(second, "promise.partly_kept")
    assert (partly["received"], partly["received_of"], partly["of"]) == (0, 10_000, 15_000)


async def test_nothing_is_recorded_when_one_part_is_at_fault_and_the_fault_names_it(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), monday = await called(environment, people, "RESULT-4")
    before = {invoice: environment.entry_kinds(invoice) for invoice in (first, second)}
    far = {"invoices": [first], "currency": "EUR", "by": (monday + 60 * DAY).isoformat()}
    note = {"invoice_id": second, "text": "x"}
    status, answer = await log(people, "RESULT-4", {"promises": [far], "notes": [note]})
    assert (status, [fault["pointer"] for fault in answer["errors"]]) == (409, ["/promises/0"])
    assert "up to 21 days ahead" in answer["detail"]
    assert {invoice: environment.entry_kinds(invoice) for invoice in (first, second)} == before
    assert calls(environment, "RESULT-4")[0][0] == "open"


async def test_a_call_may_be_due_again_on_a_day_and_is_sent_twice_without_counting_twice(
    environment: CollectionEnvironment, people: People
) -> None:
    (first, second), monday = await called(environment, people, "RESULT-5")
    body = {"outcome": "call_back_later", "look_again_on": (monday + 3 * DAY).isoformat()}
    for _ in range(2):
        status, answer = await log(people, "RESULT-5", body, **{"Idempotency-Key": "again"})
        assert status == 200, answer
    assert [(state, due) for state, due, *_ in calls(environment, "RESULT-5")] == [("done", monday), ("open", monday + 3 * DAY)]
    assert [len(environment.entry_facts(invoice, "call.logged")) for invoice in (first, second)] == [1, 1]
    await environment.pay(first, 10_000)
    await environment.pay(second, 5_000)
    await environment.outcome(second)
    assert calls(environment, "RESULT-5")[1][0] == "dropped"
