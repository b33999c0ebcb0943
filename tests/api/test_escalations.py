"""Escalations by hand over HTTP: told to people of a role, answered once."""

from datetime import date

from sqlmodel import select

from adapters.database.tables import Note
from domain.billing.billing_events import InvoiceStatus
from domain.invoice.commands import AnswerEscalation, EscalateInvoice
from domain.roles import Role
from tests.api.conftest import As, Client, Problem
from tests.api.portfolio_world import PortfolioWorld

ESCALATE = "/v1/invoices/I-1/escalations"
ASKED = {"role": "sales", "comment": "Did Ms Jones promise a discount?"}


def an_invoice(world: PortfolioWorld, status: InvoiceStatus = InvoiceStatus.OPEN) -> PortfolioWorld:
    world.account()
    world.invoice("I-1", due=date(2013, 2, 10), status=status)
    return world


async def test_an_escalation_and_its_answer_reach_the_case_and_their_words_stay_in_the_database(
    collector: Client, as_role: As, world: PortfolioWorld
) -> None:
    an_invoice(world)
    asked = (await collector.post(ESCALATE, json=ASKED)).json()
    async with as_role(Role.SALES) as sales:
        answer = await sales.post(f"{ESCALATE}/answer", json={"escalation": asked["act_id"], "comment": "No."})
    assert (answer.status_code, answer.json()["recorded"]) == (200, "now"), answer.text
    question, body = world.cases.acts
    assert isinstance(question, EscalateInvoice)
    assert isinstance(body, AnswerEscalation)
    assert (question.role, question.actor, body.escalation, body.actor) == (Role.SALES, "collector-1", question.act_id, "sales-1")
    assert "Jones" not in question.model_dump_json()
    with world.database.reading() as session:
        notes = {note.id: note.text for note in session.exec(select(Note))}
    assert [notes[str(question.note_id)], notes[str(body.note_id)]] == [ASKED["comment"], "No."]


async def test_an_escalation_is_answered_once_and_by_those_who_were_asked(
    collector: Client, manager: Client, as_role: As, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world)
    asked = (await collector.post(ESCALATE, json=ASKED)).json()
    body = {"escalation": asked["act_id"], "comment": "No."}
    assert "who escalated it cannot answer it" in problem(await collector.post(f"{ESCALATE}/answer", json=body), 409)["detail"]
    assert "was escalated to sales" in problem(await manager.post(f"{ESCALATE}/answer", json=body), 409)["detail"]
    async with as_role(Role.SALES) as sales:
        assert (await sales.post(f"{ESCALATE}/answer", json=body)).status_code == 200
        assert "has answered this escalation already" in problem(await sales.post(f"{ESCALATE}/answer", json=body), 409)["detail"]
        unknown = {"escalation": "act:nowhere", "comment": "No."}
        assert "no such escalation" in problem(await sales.post(f"{ESCALATE}/answer", json=unknown), 409)["detail"]


async def test_a_repeated_escalation_is_told_once_and_without_a_worker_waits(collector: Client, world: PortfolioWorld) -> None:
    an_invoice(world).cases.answers = False
    answers = [await collector.post(ESCALATE, json=ASKED, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert len(world.cases.acts) == 1


async def test_what_cannot_be_escalated_is_said(collector: Client, auditor: Client, problem: Problem, world: PortfolioWorld) -> None:
    problem(await collector.post(ESCALATE, json=ASKED), 404)
    an_invoice(world, InvoiceStatus.PAID)
    assert problem(await collector.post(ESCALATE, json=ASKED), 409)["detail"].startswith("the invoice is closed as paid")
    document = problem(await collector.post(ESCALATE, json={"role": "boss", "comment": ""}), 422)
    assert {fault["pointer"] for fault in document["errors"]} == {"/role", "/comment"}
    problem(await auditor.post(ESCALATE, json=ASKED), 403)
    problem(await auditor.post(f"{ESCALATE}/answer", json={}), 403)


async def test_only_a_call_is_given_to_somebody_or_called_off_and_never_both(
    collector: Client, as_role: As, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world)
    asked = (await collector.post(ESCALATE, json=ASKED)).json()
    body = {"escalation": asked["act_id"], "comment": "No."}
    async with as_role(Role.SALES) as sales:
        refused = problem(await sales.post(f"{ESCALATE}/answer", json={**body, "call_off": True}), 409)
        assert refused["detail"].startswith("only a call that was escalated")
        problem(await sales.post(f"{ESCALATE}/answer", json={**body, "call_off": True, "assignee": "collector-1"}), 422)


async def test_an_answer_to_a_call_that_nobody_need_make_any_more_is_refused(
    manager: Client, problem: Problem, world: PortfolioWorld
) -> None:
    an_invoice(world)
    body = {"escalation": "escalation:call:invoice:I-1:phone_call", "comment": "I call them."}
    assert problem(await manager.post(f"{ESCALATE}/answer", json=body), 409)["detail"].startswith("nobody need make this call")
