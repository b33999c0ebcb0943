"""One part of an act on an account: a command to one of its invoices, of which none that is refused stops another."""

from typing import Literal, NamedTuple

from adapters.temporal.case_commands import CaseNotRunning, CommandQueued, CommandRejected
from api.commands.case_commands import find_done_act
from api.context import ApiContext
from domain.case.command import Command
from domain.identifiers import invoice_case_id
from domain.refusal import Refusal

INVOICE_CLOSED = Refusal("call.invoice_closed", "the invoice is closed; nothing can be done to it any more")


class PartOutcome(NamedTuple):
    """`reason`: why it was refused, in words."""

    recorded: Literal["now", "will be applied", "refused"]
    reason: str = ""


async def submit_part(context: ApiContext, invoice_id: str, command: Command, nobody_answers: bool) -> PartOutcome | None:
    """Return what became of a command to an invoice; None where no case of it runs. `nobody_answers`: no worker took another part in time,
    and it is sent without waiting for one. Raises CasesUnreachable."""
    submit = context.cases.queue_invoice_command if nobody_answers else context.cases.submit_invoice_command
    try:
        outcome = await submit(invoice_id, command)
    except CommandRejected as error:
        return PartOutcome("refused", str(error))
    except CaseNotRunning:
        done = await find_done_act(context, invoice_case_id(invoice_id), command.act_id)
        return PartOutcome("now") if done else None
    return PartOutcome("will be applied" if isinstance(outcome, CommandQueued) else "now")
