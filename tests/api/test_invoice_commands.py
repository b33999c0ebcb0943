"""A person's act: applied once, refused in words, never lost."""

from datetime import date

from sqlmodel import select

from adapters.database.tables import CallRequest, Note, Task
from domain.billing.billing_events import InvoiceStatus
from domain.invoice.commands import AddNote, LogCall, MakePromise, PauseCollection, SkipLetter
from tests.api.conftest import Client, Problem
from tests.api.portfolio_world import TODAY, PortfolioWorld

PROMISE = {"amount": "250.00", "currency": "EUR", "by": "2013-03-10"}


def an_invoice(world: PortfolioWorld, status: InvoiceStatus = InvoiceStatus.OPEN, started: bool = True) -> PortfolioWorld:
    world.account()
    world.invoice("I-1", status=status, started=started)
    return world


async def test_a_promise_reaches_the_case_in_minor_units_and_in_the_name_of_who_signed_in(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    answer = await collector.post("/v1/invoices/I-1/promises", json=PROMISE)
    [command] = world.cases.acts
    assert isinstance(command, MakePromise)
    assert (command.amount, command.by, command.actor) == (25_000, date(2013, 3, 10), "collector-1")
    assert answer.json() == {"act_id": command.act_id, "recorded": "now", "seq": 2, "repeated": False}


async def test_the_actor_cannot_be_set_in_the_body(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    document = problem(await collector.post("/v1/invoices/I-1/notes", json={"text": "x", "actor": "boss"}), 422)
    assert document["errors"][0]["pointer"] == "/actor"
    assert world.cases.acts == []


async def test_what_the_case_refuses_is_a_conflict_in_its_own_words(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    document = problem(await collector.post("/v1/invoices/I-1/promises", json={**PROMISE, "amount": "250.01"}), 409)
    assert document["detail"] == "the promised amount is more than the open balance"


async def test_a_promise_in_another_currency_is_refused(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world)
    document = problem(await collector.post("/v1/invoices/I-1/promises", json={**PROMISE, "currency": "USD"}), 422)
    assert document["errors"][0]["pointer"] == "/currency"


async def test_an_act_that_no_worker_takes_is_recorded_for_later(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world).cases.answers = False
    answer = await collector.post("/v1/invoices/I-1/pause", json={"reason": "stock"})
    assert answer.status_code == 202
    assert answer.json()["recorded"] == "will be applied"
    assert isinstance(world.cases.acts[0], PauseCollection)


async def test_when_nothing_gets_through_the_caller_is_asked_to_send_it_again(
    collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world).cases.is_reachable = False
    assert "same Idempotency-Key" in problem(await collector.post("/v1/invoices/I-1/pause", json={"reason": "stock"}), 503)["detail"]


async def test_a_letter_is_gone_on_without_for_a_reason_only(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world).cases.answers = False
    assert problem(await collector.post("/v1/invoices/I-1/letter-skips", json={}), 422)["errors"][0]["pointer"] == "/reason"
    answer = await collector.post("/v1/invoices/I-1/letter-skips", json={"reason": "spoken to at the fair"})
    assert answer.status_code == 202
    (skip,) = world.cases.acts
    assert isinstance(skip, SkipLetter)
    assert (skip.reason, skip.actor, skip.without_address) == ("spoken to at the fair", "collector-1", False)


async def test_while_every_letter_arrives_there_is_nothing_to_be_gone_on_without(
    collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world)
    document = problem(await collector.post("/v1/invoices/I-1/letter-skips", json={"reason": "spoken to"}), 409)
    assert document["detail"] == "no letter of this invoice was refused, is in doubt or waits for an address"


async def test_a_repeated_request_carries_the_same_act(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world).cases.answers = False
    for _ in range(2):
        await collector.post("/v1/invoices/I-1/pause", json={"reason": "stock"}, headers={"Idempotency-Key": "k"})
    await collector.post("/v1/invoices/I-1/pause", json={"reason": "stock"}, headers={"Idempotency-Key": "other"})
    assert len({command.act_id for command in world.cases.acts}) == 2


async def test_a_closed_invoice_says_how_it_was_closed(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    an_invoice(world, InvoiceStatus.PAID)
    document = problem(await collector.post("/v1/invoices/I-1/pause", json={"reason": "stock"}), 409)
    assert document["detail"].startswith("the invoice is closed as paid")


async def test_an_invoice_whose_collection_has_not_begun_asks_for_patience(
    collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world, started=False)
    assert "has not begun yet" in problem(await collector.post("/v1/invoices/I-1/resume"), 409)["detail"]


async def test_an_unknown_invoice_is_not_found(collector: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await collector.post("/v1/invoices/nowhere/notes", json={"text": "x"}), 404)


async def test_a_notes_text_stays_in_the_database(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    await collector.post("/v1/invoices/I-1/notes", json={"text": "Mr Smith is away"})
    [command] = world.cases.acts
    with world.database.reading() as session:
        note = session.exec(select(Note)).one()
        assert (note.text, note.author, note.invoice_id) == ("Mr Smith is away", "collector-1", "I-1")
    assert isinstance(command, AddNote)
    assert command.note_id == note.id
    assert "Smith" not in command.model_dump_json()


async def test_a_logged_call_closes_the_open_call_task(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    call, escalation = world.task("I-1"), world.task("I-1", "escalation")
    await collector.post("/v1/invoices/I-1/calls", json={"outcome": "reached", "note": "pays on Friday"})
    with world.database.reading() as session:
        closed, still_open = session.get_one(Task, call), session.get_one(Task, escalation)
        assert (closed.state, closed.outcome, closed.closed_by) == ("done", "reached", "collector-1")
        assert still_open.state == "open"
    assert isinstance(world.cases.acts[0], LogCall)


async def test_a_call_that_did_not_reach_every_invoice_stays_open_and_the_same_request_finishes_it(
    collector: Client, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world)
    world.invoice("I-2")
    call = world.task("I-1")
    world.add(CallRequest(invoice_id="I-2", step="phone_call", task_id=call, due_on=TODAY))
    body, key = {"outcome": "reached"}, {"Idempotency-Key": "k"}
    world.cases.unreachable = {"I-2"}
    problem(await collector.post("/v1/invoices/I-1/calls", json=body, headers=key), 503)
    with world.database.reading() as session:
        assert session.get_one(Task, call).state == "open"
    world.cases.unreachable = set()
    assert (await collector.post("/v1/invoices/I-1/calls", json=body, headers=key)).status_code == 200
    with world.database.reading() as session:
        assert session.get_one(Task, call).state == "done"
    logged = {
        invoice: [str(e.facts["act"]) for e in case.journal.pending if e.kind == "call.logged"]
        for invoice, case in world.cases.cases.items()
    }
    assert [len(acts) for acts in logged.values()] == [1, 1]
    assert logged["I-2"] == [f"{logged['I-1'][0]}:I-2"]


async def test_a_note_appears_in_the_history_with_its_text(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world)
    await collector.post("/v1/invoices/I-1/notes", json={"text": "Mr Smith is away"})
    world.write(world.cases.cases["I-1"])
    last = (await collector.get("/v1/invoices/I-1/history")).json()["entries"][-1]
    assert (last["kind"], last["text"], last["actor"]) == ("note.added", "Mr Smith is away", "collector-1")
