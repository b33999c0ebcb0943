"""Letters that wait for a decision, and tasks."""

import pytest
from sqlmodel import select

from adapters.database.tables import ContactRequest, Message, Task
from domain.case.case_view import TaskKind
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld, moment_on


@pytest.fixture
def letters(world: PortfolioWorld) -> PortfolioWorld:
    world.account()
    world.invoice("I-1")
    world.invoice("I-2")
    return world


def ask(world: PortfolioWorld, letter: int, state: str) -> None:
    """The request that the letter answers; its invoice has heard of its end."""
    world.add(
        ContactRequest(
            invoice_id="I-1",
            account_id="A-1",
            step="reminder",
            policy="standard",
            policy_version=1,
            rank=1,
            letter="reminder",
            slot=moment_on(TODAY).business,
            state=state,
            message_id=letter,
            reason="554",
            ended_at=moment_on(TODAY).business,
            told=True,
        )
    )


async def test_letters_are_listed_by_state_the_newest_first(auditor: Client, letters: PortfolioWorld) -> None:
    sent, unknown, later = letters.letter("I-1"), letters.letter("I-2", "unknown"), letters.letter("I-2", step="second_reminder")
    for query, found in (("", [later, unknown, sent]), ("?state=unknown", [unknown]), ("?state=sent", [later, sent])):
        assert [row["id"] for row in (await auditor.get(f"/v1/letters{query}")).json()["items"]] == found


async def test_one_letter_shows_its_text_and_lines(auditor: Client, letters: PortfolioWorld) -> None:
    letter = (await auditor.get(f"/v1/letters/{letters.letter('I-1')}")).json()
    assert letter["text"].strip() == "Guten Tag"
    assert letter["lines"] == [
        {
            "invoice_id": "I-1",
            "number": "N-I-1",
            "step": "reminder",
            "days_past_due": 19,
            "named_as": "due",
            "open_balance": {"amount": "250.00", "currency": "EUR"},
        }
    ]


@pytest.mark.parametrize("state", ["unknown", "refused"])
async def test_a_letter_that_did_arrive_counts_as_sent_and_its_invoice_shall_hear(
    collector: Client, letters: PortfolioWorld, state: str
) -> None:
    item_id = letters.letter("I-1", state)
    ask(letters, item_id, state)
    answer = await collector.post(f"/v1/letters/{item_id}/decision", json={"decision": "delivered", "comment": "they have it"})
    assert (answer.json()["state"], answer.json()["decided_by"]) == ("sent", "collector-1")
    with letters.database.reading() as session:
        request = session.exec(select(ContactRequest)).one()
        assert (request.state, request.told, request.reason) == ("sent", False, "")
        assert request.ended_at == session.get_one(Message, item_id).sent_at == moment_on(TODAY).business
        task = session.exec(select(Task)).one()
        assert (task.state, task.closed_by, task.outcome) == ("done", "collector-1", "delivered: they have it")


async def test_a_letter_that_goes_again_keeps_its_identity_and_its_attempts(collector: Client, letters: PortfolioWorld) -> None:
    item_id = letters.letter("I-1", "unknown")
    ask(letters, item_id, "unknown")
    await collector.post(f"/v1/letters/{item_id}/decision", json={"decision": "resend"})
    with letters.database.reading() as session:
        letter, request = session.get_one(Message, item_id), session.exec(select(ContactRequest)).one()
        assert (letter.state, letter.next_attempt_at, letter.attempts, letter.message_id) == ("intended", None, 1, "<I-1.reminder@x>")
        assert (request.state, request.ended_at, request.told) == ("claimed", None, False)


@pytest.mark.parametrize("state", ["sent", "intended", "transmitting", "void"])
async def test_a_letter_that_waits_for_nobody_cannot_be_decided(
    collector: Client, problem: Problem, letters: PortfolioWorld, state: str
) -> None:
    item_id = letters.letter("I-1", state)
    document = problem(await collector.post(f"/v1/letters/{item_id}/decision", json={"decision": "resend"}), 409)
    assert state in document["detail"]
    with letters.database.reading() as session:
        assert session.get_one(Message, item_id).state == state


async def test_a_letter_is_decided_once(collector: Client, problem: Problem, letters: PortfolioWorld) -> None:
    item_id = letters.letter("I-1", "unknown")
    await collector.post(f"/v1/letters/{item_id}/decision", json={"decision": "resend"})
    problem(await collector.post(f"/v1/letters/{item_id}/decision", json={"decision": "delivered"}), 409)


async def test_an_unknown_letter_is_not_found(collector: Client, problem: Problem, letters: PortfolioWorld) -> None:
    problem(await collector.get("/v1/letters/77"), 404)
    problem(await collector.post("/v1/letters/77/decision", json={"decision": "resend"}), 404)


async def test_tasks_come_by_the_day_they_are_due(auditor: Client, letters: PortfolioWorld) -> None:
    later = letters.task("I-1", due=TODAY)
    sooner = letters.task("I-2", "escalation", due=TODAY.replace(day=1, month=2))
    first = (await auditor.get("/v1/tasks?limit=1")).json()
    second = (await auditor.get(f"/v1/tasks?limit=1&cursor={first['next']}")).json()
    assert [first["items"][0]["id"], second["items"][0]["id"], second["next"]] == [sooner, later, None]
    assert [row["id"] for row in (await auditor.get("/v1/tasks?kind=call")).json()["items"]] == [later]
    assert (await auditor.get("/v1/tasks?state=done")).json()["items"] == []


async def test_a_task_is_closed_once_and_names_who_did(collector: Client, problem: Problem, letters: PortfolioWorld) -> None:
    item_id = letters.task("I-1", "escalation")
    done = (await collector.post(f"/v1/tasks/{item_id}/done", json={"outcome": "spoke to them"})).json()
    assert (done["state"], done["closed_by"], done["outcome"]) == ("done", "collector-1", "spoke to them")
    problem(await collector.post(f"/v1/tasks/{item_id}/done", json={}), 409)
    problem(await collector.post("/v1/tasks/77/done", json={}), 404)


async def test_billing_closes_the_tasks_that_wait_for_it_and_no_others(as_role: As, problem: Problem, letters: PortfolioWorld) -> None:
    """Whoever is asked to book by hand what could not be booked from here says when it is done."""
    theirs, call = letters.task("I-1", TaskKind.BOOKING_BY_HAND), letters.task("I-2")
    with letters.database.writing() as session:
        session.get_one(Task, theirs).role = Role.BILLING_OPS
    async with as_role(Role.BILLING_OPS) as billing:
        assert (await billing.post(f"/v1/tasks/{theirs}/done", json={"outcome": "booked there"})).json()["state"] == "done"
        problem(await billing.post(f"/v1/tasks/{call}/done", json={}), 403)
