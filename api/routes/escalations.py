"""Escalations by hand: people of another role are told of an invoice, and their answer is kept with it."""

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from api.commands.notes_and_tasks import save_invoice_note
from api.routes.account_lookup import CommandId
from api.routes.invoice_commands import ExistingInvoice, submit_invoice_command
from api.schemas.escalations import EscalationAnswerIn, EscalationIn
from api.schemas.replies import QUEUED_RESPONSE, CommandAnswer
from api.web.authentication import CollectingActor, Context, EscalationAnsweringActor
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES
from domain.invoice.commands import AnswerEscalation, EscalateInvoice

router = APIRouter(
    prefix="/v1/invoices/{invoice_id}/escalations", tags=["escalations"], route_class=IdempotentRoute, responses=PROBLEM_RESPONSES
)


@router.post("", operation_id="escalate_invoice", summary="Ask people of another role to look at an invoice", responses=QUEUED_RESPONSE)
async def escalate_invoice(
    actor: CollectingActor, invoice: ExistingInvoice, body: EscalationIn, command_id: CommandId, context: Context, response: Response
) -> CommandAnswer:
    """The invoice's history shows who was notified, when, and the answer. Collection goes on meanwhile."""
    note = await run_in_threadpool(save_invoice_note, context, command_id, invoice, actor.user, body.comment)
    return await submit_invoice_command(
        context, invoice, EscalateInvoice(act_id=command_id, actor=actor.user, role=body.role, note_id=note), response
    )


@router.post("/answer", operation_id="answer_escalation", summary="What those who were asked say to it", responses=QUEUED_RESPONSE)
async def answer_escalation(
    actor: EscalationAnsweringActor,
    invoice: ExistingInvoice,
    body: EscalationAnswerIn,
    command_id: CommandId,
    context: Context,
    response: Response,
) -> CommandAnswer:
    note = await run_in_threadpool(save_invoice_note, context, command_id, invoice, actor.user, body.comment)
    command = AnswerEscalation(act_id=command_id, actor=actor.user, role=actor.role, escalation=body.escalation, note_id=note)
    return await submit_invoice_command(context, invoice, command, response)
