"""Escalations by hand: people of another role are told of an invoice, and their answer is kept with it."""

from fastapi import APIRouter, Response
from fastapi.concurrency import run_in_threadpool

from adapters.portfolio.rule_store import COLLECTING_ROLES
from api.commands.call_escalations import answer_call_escalation
from api.commands.notes_and_tasks import save_invoice_note
from api.routes.account_lookup import CommandId
from api.routes.invoice_commands import ExistingInvoice, submit_invoice_command
from api.schemas.command_answer import QUEUED_RESPONSE, CommandAnswer
from api.schemas.escalations import EscalationAnswerIn, EscalationIn
from api.web.authentication import CollectingActor, Context, EscalationAnsweringActor
from api.web.idempotency import IdempotentRoute
from api.web.problems import PROBLEM_RESPONSES, invalid_request_problem
from domain.invoice.commands import AnswerEscalation, EscalateInvoice
from domain.invoice.requested_call import ESCALATED_CALL_PREFIX

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
    """Its task is done with it. A call that nobody made may be given to somebody, and is escalated again if
    they do not make it in time either; or be called off; who makes it themselves logs it,
    which ends the escalation too."""
    if body.assignee and not COLLECTING_ROLES & await run_in_threadpool(context.identity.get_roles, body.assignee):
        raise invalid_request_problem("/assignee", f"{body.assignee!r} is no active user who collects; name one who is collector")
    note = await run_in_threadpool(save_invoice_note, context, command_id, invoice, actor.user, body.comment)
    command = AnswerEscalation(
        act_id=command_id,
        actor=actor.user,
        role=actor.role,
        escalation=body.escalation,
        note_id=note,
        course=body.course,
        assignee=body.assignee or "",
        expects_call=bool(body.assignee),
    )
    if not body.escalation.startswith(ESCALATED_CALL_PREFIX):
        return await submit_invoice_command(context, invoice, command, response)
    answer = await answer_call_escalation(context, invoice.account_id, command)
    if answer.recorded == "will be applied":
        response.status_code = 202
    return answer
