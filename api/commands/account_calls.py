"""A call with the customer, as all the invoices hear of it that asked for one."""

from collections.abc import Collection

from fastapi.concurrency import run_in_threadpool

from adapters.cases.call_tasks import close_account_call, list_called_invoices
from adapters.temporal.case_commands import CaseNotRunning
from api.context import ApiContext
from domain.invoice.commands import LogCall


async def tell_called_invoices(context: ApiContext, account_id: str, command: LogCall, known: Collection[str]) -> list[str]:
    """Tell every invoice that asks for the account's call that it was made, each by a command whose id derives from the call's, then end
    the call. `known`: those that were told already. Return the ids of those that were told.

    Repeated after a failure, it does what is left. Raises CasesUnreachable.
    """
    asking = await run_in_threadpool(list_called_invoices, context.database, account_id)
    told = [invoice_id for invoice_id in asking if invoice_id not in known]
    for invoice_id in told:
        try:
            await context.cases.submit_invoice_command(
                invoice_id, command.model_copy(update={"act_id": derive_part_id(command.call, invoice_id)})
            )
        except CaseNotRunning:
            continue  # settled in this moment: it asks for nothing any more
    await run_in_threadpool(close_account_call, context.database, account_id, asking, command.outcome, command.actor)
    return told


def derive_part_id(call: str, part: str) -> str:
    """Derive the id of a command that is part of a call: the same whenever the call is sent again."""
    return f"{call}:{part}"
