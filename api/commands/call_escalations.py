"""The answer to a call that was escalated because nobody made it: every invoice hears of it that asks for the account's call."""

from fastapi.concurrency import run_in_threadpool

from adapters.cases.call_tasks import assign_account_call, close_account_call, list_called_invoices
from adapters.temporal.case_commands import CaseNotRunning, CommandQueued, CommandRejected
from api.context import ApiContext
from api.schemas.command_answer import CommandAnswer
from api.web.problems import Problem
from domain.invoice.commands import AnswerEscalation, CallCourse
from domain.refusal import Refusal


async def answer_call_escalation(context: ApiContext, account_id: str, command: AnswerEscalation) -> CommandAnswer:
    """Send the answer to each of these invoices, under an id that derives from the command's; then give the account's call to somebody, or
    end it for those that were told. Repeated after a failure, it does what is left.

    Raises CommandRejected when none of them takes it; Problem 409 when nobody need make the call any more; CasesUnreachable.
    """
    asking = await run_in_threadpool(list_called_invoices, context.database, account_id)
    told, queued, refused = list[str](), False, None
    for invoice_id in asking:
        try:
            own = command.model_copy(update={"act_id": f"{command.act_id}:{invoice_id}"})
            queued |= isinstance(await context.cases.submit_invoice_command(invoice_id, own), CommandQueued)
            told.append(invoice_id)
        except CommandRejected as error:
            refused = error
        except CaseNotRunning:
            continue  # settled in this moment: it asks for nothing any more
    if not told:
        raise refused or Problem(
            409, "closed", "The call is over", Refusal("call.over", "nobody need make this call any more: it was made, or all was settled")
        )
    await run_in_threadpool(_change_call, context, account_id, command, told)
    return CommandAnswer(act_id=command.act_id, recorded="will be applied" if queued else "now")


def _change_call(context: ApiContext, account_id: str, command: AnswerEscalation, told: list[str]) -> None:
    match command.course:
        case CallCourse.ASSIGNED:
            assign_account_call(context.database, account_id, command.assignee)
        case CallCourse.CALLED_OFF:
            close_account_call(context.database, account_id, told, command.course, command.actor)
