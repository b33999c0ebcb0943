"""Escalations by hand: people of another role are told of an invoice, and their answer is kept with it."""

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from api.commands.notes_and_tasks import keep_note
from api.routes.account_lookup import ActId
from api.routes.invoice_commands import WAITS, Existing, do_on_invoice
from api.schemas.cases import EscalationAnswerIn, EscalationIn
from api.schemas.responses import ActAnswer
from api.web.authentication import AnsweringEscalations, Collecting, Parts
from api.web.idempotency import OnceRoute
from api.web.problems import RESPONSES
from domain.invoice.commands import AnswerEscalation, Escalate

router = APIRouter(prefix="/v1/invoices/{invoice_id}/escalations", tags=["escalations"], route_class=OnceRoute, responses=RESPONSES)


@router.post("", operation_id="escalate_invoice", summary="Ask people of another role to look at an invoice", responses=WAITS)
async def escalate(
    actor: Collecting, invoice: Existing, said: EscalationIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    """Whom it was told, when, and what they answer stands in the invoice's history. Collection goes on meanwhile."""
    note = await run_in_threadpool(keep_note, parts, id, invoice, actor.user, said.comment)
    return await do_on_invoice(parts, invoice, Escalate(act_id=id, actor=actor.user, role=said.role, note_id=note), response)


@router.post("/answer", operation_id="answer_escalation", summary="What those who were asked say to it", responses=WAITS)
async def answer(
    actor: AnsweringEscalations, invoice: Existing, said: EscalationAnswerIn, id: ActId, parts: Parts, response: Response
) -> ActAnswer:  # fmt: skip
    note = await run_in_threadpool(keep_note, parts, id, invoice, actor.user, said.comment)
    act = AnswerEscalation(act_id=id, actor=actor.user, role=actor.role, escalation=said.escalation, note_id=note)
    return await do_on_invoice(parts, invoice, act, response)
