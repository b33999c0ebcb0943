"""A call logged for an account: examined whole, sent in parts, and finished when it is sent again."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from adapters.cases.call_tasks import close_account_call
from adapters.database.tables import AccountCall, CallRequest, Contact, Note, Task
from domain.billing.billing_events import InvoiceStatus
from domain.invoice.commands import CallOutcome, LogCall, MakePromise
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld

CALLS = "/v1/accounts/A-1/calls"
OVERDUE = {"invoices": "overdue", "currency": "EUR", "by": "2013-03-08"}
DISPUTE = {"invoice_id": "I-1", "amount": "1.00", "currency": "EUR", "reason": "tax", "look_again_on": "2013-03-11"}


@pytest.fixture
def owing(world: PortfolioWorld) -> PortfolioWorld:
    """An account with EUR 250 and EUR 90 overdue, USD 40 overdue, a paid invoice, and another account."""
    world.account()
    world.account("A-2")
    world.invoice("I-1")
    world.invoice("I-2", total=9_000)
    world.invoice("U-1", total=4_000, currency="USD")
    world.invoice("P-1", status=InvoiceStatus.PAID)
    world.invoice("B-1", account="A-2")
    return world


def promises(world: PortfolioWorld) -> list[tuple[int, str]]:
    """(part, whose promise) of those that were sent."""
    made = (command for command in world.cases.acts if isinstance(command, MakePromise))
    return [(command.amount, command.share.promise_id if command.share else command.act_id) for command in made]


async def test_all_that_is_overdue_is_promised_in_parts_under_one_id(collector: Client, owing: PortfolioWorld) -> None:
    answer = (await collector.post(CALLS, json={"outcome": "reached", "promises": [OVERDUE]})).json()
    promise_id = f"{answer['act_id']}:promise:0"
    assert sorted(promises(owing)) == [(9_000, promise_id), (25_000, promise_id)]
    assert answer["recorded"] == "now"
    assert {part["invoice_id"] for part in answer["parts"]} == {"I-1", "I-2"}


async def test_a_smaller_amount_goes_to_the_oldest_and_what_gets_nothing_is_no_part(collector: Client, owing: PortfolioWorld) -> None:
    promise = {"invoices": ["I-2", "I-1"], "currency": "EUR", "amount": "100.00", "by": "2013-03-08"}
    answer = (await collector.post(CALLS, json={"outcome": "reached", "promises": [promise]})).json()
    assert promises(owing) == [(10_000, f"{answer['act_id']}:promise:0")]


async def test_who_was_spoken_to_and_what_was_said_stay_beside_the_journal(collector: Client, owing: PortfolioWorld) -> None:
    body = {"outcome": "reached", "contact": "Mr Berg", "note": "pays soon", "notes": [{"invoice_id": "I-1", "text": "two boxes"}]}
    assert (await collector.post(CALLS, json=body)).status_code == 200
    with owing.database.reading() as session:
        (call,) = session.exec(select(AccountCall)).all()
        texts = {(note.invoice_id, note.text) for note in session.exec(select(Note))}
    assert (call.contact, call.made_by) == ("Mr Berg", "collector-1")
    assert texts == {(None, "pays soon"), ("I-1", "two boxes")}
    assert not any("Berg" in command.model_dump_json() or "boxes" in command.model_dump_json() for command in owing.cases.acts)


async def test_a_call_without_parts_is_told_to_all_that_is_overdue(collector: Client, owing: PortfolioWorld) -> None:
    await collector.post(CALLS, json={"outcome": "no_answer"})
    assert len([command for command in owing.cases.acts if isinstance(command, LogCall)]) == 3


@pytest.mark.parametrize("path", [CALLS, "/v1/invoices/I-1/calls"])
@pytest.mark.parametrize("lacks_address", [True, False])
async def test_every_invoice_hears_whether_its_letters_wait_for_an_address(
    collector: Client, owing: PortfolioWorld, path: str, lacks_address: bool
) -> None:
    owing.task("I-2")
    if lacks_address:
        with owing.database.writing() as session:
            session.exec(select(Contact).where(Contact.account_id == "A-1")).one().email = ""
        owing.add(Task(key="no_address:A-1", kind="no_address", account_id="A-1", due_on=TODAY))
    await collector.post(path, json={"outcome": "reached"})
    heard = [command.without_address for command in owing.cases.acts if isinstance(command, LogCall)]
    assert heard == [lacks_address] * (1 if path == CALLS else 2)


@pytest.mark.parametrize(
    ("part", "pointer", "status"),
    [
        ({"promises": [{**OVERDUE, "currency": "GBP"}]}, "/promises/0/invoices", 422),
        ({"promises": [{**OVERDUE, "amount": "340.01"}]}, "/promises/0/amount", 422),
        ({"promises": [{**OVERDUE, "by": "2013-02-01"}]}, "/promises/0/by", 422),
        ({"promises": [{**OVERDUE, "invoices": ["I-1", "U-1"]}]}, "/promises/0/invoices/1", 422),
        ({"promises": [{**OVERDUE, "invoices": ["B-1"]}]}, "/promises/0/invoices/0", 422),
        ({"promises": [{**OVERDUE, "invoices": ["P-1"]}]}, "/promises/0/invoices/0", 422),
        ({"promises": [OVERDUE, {**OVERDUE, "invoices": ["I-1"]}]}, "/promises/1/invoices", 422),
        ({"promises": [{**OVERDUE, "by": "2013-09-01"}]}, "/promises/0", 409),
        ({"disputes": [{"invoice_id": "I-1", "amount": "1.00", "currency": "USD", "reason": "tax"}]}, "/disputes/0/currency", 422),
        ({"disputes": [{"invoice_id": "I-1", "amount": "1.00", "currency": "EUR", "reason": "tax"}]}, "/disputes/0/look_again_on", 422),
        ({"disputes": [{**DISPUTE, "look_again_on": "2013-03-01"}]}, "/disputes/0/look_again_on", 422),
        ({"disputes": [{**DISPUTE, "amount": "900.00"}]}, "/disputes/0", 409),
        ({"notes": [{"invoice_id": "nowhere", "text": "x"}]}, "/notes/0/invoice_id", 422),
        ({"look_again_on": "2013-03-01"}, "/look_again_on", 422),
        ({"promises": [{**OVERDUE, "invoices": []}]}, "/promises/0", 422),
        ({"promises": [{**OVERDUE, "amount": "0"}]}, "/promises/0", 422),
    ],
)
async def test_a_part_at_fault_is_named_and_nothing_is_recorded(
    collector: Client, owing: PortfolioWorld, problem: Problem, part: dict[str, Any], pointer: str, status: int
) -> None:
    good = {"notes": [{"invoice_id": "I-2", "text": "x"}]}
    document = problem(await collector.post(CALLS, json={"outcome": "reached", "note": "hm", **good, **part}), status)
    assert pointer in {error["pointer"] for error in document["errors"]}
    assert owing.cases.acts == []
    with owing.database.reading() as session:
        assert session.exec(select(AccountCall)).all() == [] == session.exec(select(Note)).all()


async def test_a_call_that_broke_off_is_finished_by_the_same_request_as_it_was_worked_out_first(
    collector: Client, owing: PortfolioWorld, problem: Problem
) -> None:
    call = owing.task("I-1")
    body, key = {"outcome": "reached", "promises": [OVERDUE], "look_again_on": "2013-03-11"}, {"Idempotency-Key": "k"}
    owing.cases.unreachable = {"I-2"}
    problem(await collector.post(CALLS, json=body, headers=key), 503)
    owing.cases.unreachable = set()
    answer = await collector.post(CALLS, json=body, headers=key)
    assert answer.status_code == 200, answer.text
    made = {id: [str(entry.kind) for entry in case.journal.pending].count("promise.made") for id, case in owing.cases.cases.items()}
    assert (made["I-1"], made["I-2"]) == (1, 1)
    with owing.database.reading() as session:
        assert session.get_one(Task, call).state == "done"
        (again,) = session.exec(select(Task).where(Task.state == "open")).all()
    assert again.due_on.isoformat() == "2013-03-11"


@pytest.mark.parametrize(
    ("call_day", "dispute_day", "due"),
    [(None, "2013-03-11", "2013-03-11"), ("2013-03-06", None, "2013-03-06"), ("2013-03-20", "2013-03-11", "2013-03-11")],
)
async def test_a_dispute_is_looked_at_again_on_its_day_or_on_the_calls(
    collector: Client, owing: PortfolioWorld, call_day: str | None, dispute_day: str | None, due: str
) -> None:
    body = {"outcome": "reached", "disputes": [{**DISPUTE, "look_again_on": dispute_day}], "look_again_on": call_day}
    assert (await collector.post(CALLS, json=body)).status_code == 200
    with owing.database.reading() as session:
        (again,) = session.exec(select(Task).where(Task.state == "open")).all()
    assert again.due_on.isoformat() == due
    assert {str(command.again_on) for command in owing.cases.acts if isinstance(command, LogCall)} == {due}


async def test_a_call_today_leaves_the_later_day_of_a_dispute_and_one_made_on_that_day_ends_it(
    collector: Client, owing: PortfolioWorld
) -> None:
    call = owing.task("I-2")
    body = {"amount": "1.00", "currency": "EUR", "reason": "tax", "look_again_on": "2013-03-11"}
    assert (await collector.post("/v1/invoices/I-1/disputes", json=body)).status_code == 200
    for path in (CALLS, "/v1/invoices/I-2/calls"):
        assert (await collector.post(path, json={"outcome": "reached"})).status_code == 200
        with owing.database.reading() as session:
            kept = session.get_one(Task, call)
            requests = {request.invoice_id: request.state for request in session.exec(select(CallRequest))}
        assert (kept.state, kept.due_on.isoformat()) == ("open", "2013-03-11")
        assert requests == {"I-1": "open", "I-2": "done"}
    close_account_call(owing.database, "A-1", ["I-1"], CallOutcome.REACHED, "mia", made_on=date(2013, 3, 11))
    with owing.database.reading() as session:
        assert session.get_one(Task, call).state == "done"


async def test_a_call_that_no_worker_takes_is_recorded_for_later(collector: Client, owing: PortfolioWorld) -> None:
    owing.cases.answers = False
    answer = await collector.post(CALLS, json={"outcome": "reached", "promises": [OVERDUE]})
    assert (answer.status_code, answer.json()["recorded"]) == (202, "will be applied")


async def test_who_may_not_collect_logs_no_call(as_role: As, auditor: Client, owing: PortfolioWorld, problem: Problem) -> None:
    problem(await auditor.post(CALLS, json={"outcome": "reached"}), 403)
    async with as_role(Role.COLLECTOR) as client:
        problem(await client.post("/v1/accounts/nowhere/calls", json={"outcome": "reached"}), 404)
    assert owing.cases.acts == []
