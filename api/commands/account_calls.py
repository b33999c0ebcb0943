"""A call with the customer, as all the invoices hear of it that asked for one or that it is about."""

from collections.abc import Collection, Sequence
from typing import Any

from fastapi.concurrency import run_in_threadpool

from adapters.cases.account_call_store import AccountCallStore, LoggedCall
from adapters.cases.call_tasks import close_account_call, list_called_invoices, open_account_call
from adapters.read_model.account_debts import AccountKey, list_open_debts
from adapters.read_model.missing_addresses import find_missing_address
from adapters.temporal.case_commands import CaseNotRunning
from api.commands.call_planning import CallPlan, CallPlanner, PlannedPart
from api.commands.notes_and_tasks import save_note
from api.commands.part_submission import INVOICE_CLOSED, PartOutcome, submit_part
from api.context import ApiContext
from api.schemas.accounts import AccountCallAnswer, AccountCallIn, CallPartOut
from api.web.problems import FieldError, Problem, build_field_error
from domain.case.command import Command
from domain.dispute.commands import RaiseDispute
from domain.invoice.commands import AddNote, LogCall, MakePromise
from domain.refusal import Refusal
from domain.roles import Actor

SETTLED_NOW = Refusal("call.settled_now", "the invoice was settled in this moment")
_PART_COMMANDS: dict[str, type[Command]] = {command.journal_name: command for command in (LogCall, MakePromise, RaiseDispute, AddNote)}


async def tell_called_invoices(context: ApiContext, account_id: str, command: LogCall, known: Collection[str]) -> list[str]:
    """Tell every invoice that asks for the account's call that it was made, each by a command whose id derives from the call's, then end
    the call. `known`: those that were told already. Return the ids of those that were told.

    Repeated after a failure, it does what is left. Raises CasesUnreachable.
    """
    asking = await run_in_threadpool(list_called_invoices, context.database, account_id)
    told = [invoice_id for invoice_id in asking if invoice_id not in known]
    for invoice_id in told:
        try:
            await context.cases.submit_invoice_command(invoice_id, command.model_copy(update={"act_id": f"{command.call}:{invoice_id}"}))
        except CaseNotRunning:
            continue  # settled in this moment: it asks for nothing any more
    await run_in_threadpool(close_account_call, context.database, account_id, asking, command.outcome, command.actor, made_on=context.today)
    return told


async def log_account_call(context: ApiContext, account: AccountKey, body: AccountCallIn, call_id: str, actor: Actor) -> AccountCallAnswer:
    """Log a call for an account: everything is examined before anything is sent. Whoever sends the same call again, under its id, has what
    is left of it done, as it was worked out the first time.

    Raises Problem 422 or 409, which name the parts at fault; CasesUnreachable.
    """
    call = await run_in_threadpool(AccountCallStore(context.database).find, call_id)
    if call is None:
        plan = await run_in_threadpool(_plan_call, context, account, body, call_id, actor)
        if plan.faults:
            raise _build_fault_problem(422, "invalid", "The request cannot be read", plan.faults)
        await _examine_parts(context, plan.parts)
        call = await run_in_threadpool(_keep_call, context, account, body, call_id, actor, plan)
    parts = [_load_part(part) for part in call.parts]
    answers, waiting = list[CallPartOut](), False
    for part in parts:
        answers.append(await _send_part(context, part, nobody_answers=waiting))
        waiting = waiting or answers[-1].recorded == "will be applied"
    await run_in_threadpool(_end_call, context, account, call, parts)
    return AccountCallAnswer(act_id=call_id, recorded="will be applied" if waiting else "now", parts=answers)


def _plan_call(context: ApiContext, account: AccountKey, body: AccountCallIn, call_id: str, actor: Actor) -> CallPlan:
    debts = list_open_debts(context.database, account.id)
    called = list_called_invoices(context.database, account.id)
    lacks_address = find_missing_address(context.database, account.id) is not None
    return CallPlanner(body, call_id, actor, debts, called, lacks_address, context.today).plan()


async def _examine_parts(context: ApiContext, parts: Sequence[PlannedPart]) -> None:
    """Ask each invoice's case whether it would take its parts. One whose worker does not answer is asked nothing: it is sent the command,
    and may refuse it in its journal. Raises Problem 409."""
    faults: list[FieldError] = []
    for part in parts:
        if isinstance(part.command, MakePromise | RaiseDispute):
            try:
                reason = await context.cases.find_rejection_reason(part.invoice_id, part.command, context.today)
            except CaseNotRunning:
                reason = INVOICE_CLOSED
            if reason:
                why = Refusal("call.invoice_refuses", "invoice {invoice}: {why}", invoice=part.invoice_id, why=reason)
                faults.append(build_field_error(part.pointer, why))
    if faults:
        raise _build_fault_problem(409, "refused", "The case's state rules this out", faults)


def _build_fault_problem(status: int, kind: str, title: str, faults: list[FieldError]) -> Problem:
    detail = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults[:3])
    return Problem(status, kind, title, f"nothing was recorded: {detail}", errors=faults)


def _keep_call(context: ApiContext, account: AccountKey, body: AccountCallIn, call_id: str, actor: Actor, plan: CallPlan) -> LoggedCall:
    """Keep the texts, then the call with its commands: from here on it can be finished."""
    note_id = save_note(context, call_id, account.id, None, actor.user, body.note) if body.note else None
    for act_id, invoice_id, text in plan.texts:
        save_note(context, act_id, account.id, invoice_id, actor.user, text)
    call = LoggedCall(
        call_id=call_id,
        account_id=account.id,
        outcome=body.outcome,
        contact=body.contact,
        note_id=note_id,
        again_on=body.again_on,
        made_by=actor.user,
        made_at=context.business_now,
        parts=[_store_part(part) for part in plan.parts],
    )
    return AccountCallStore(context.database).save(call, context.now())


def _store_part(part: PlannedPart) -> dict[str, Any]:
    command = part.command.model_dump(mode="json")
    return {"pointer": part.pointer, "invoice_id": part.invoice_id, "what": part.command.journal_name, "command": command}


def _load_part(stored: dict[str, Any]) -> PlannedPart:
    command = _PART_COMMANDS[stored["what"]].model_validate(stored["command"])
    return PlannedPart(stored["pointer"], stored["invoice_id"], command)


async def _send_part(context: ApiContext, part: PlannedPart, nobody_answers: bool) -> CallPartOut:
    """`nobody_answers`: no worker took another part in time."""
    share = part.command.share if isinstance(part.command, MakePromise) else None
    promise_id = (share.promise_id if share else part.command.act_id) if isinstance(part.command, MakePromise) else None
    outcome = await submit_part(context, part.invoice_id, part.command, nobody_answers) or PartOutcome("refused", str(SETTLED_NOW))
    return CallPartOut(
        part=part.pointer,
        invoice_id=part.invoice_id,
        act_id=part.command.act_id,
        promise_id=promise_id,
        recorded=outcome.recorded,
        reason=outcome.reason,
    )


def _end_call(context: ApiContext, account: AccountKey, call: LoggedCall, parts: Sequence[PlannedPart]) -> None:
    """End the account's open call for those who were told, and have it made again on the day that was named."""
    told = [part.invoice_id for part in parts if isinstance(part.command, LogCall)]
    close_account_call(context.database, account.id, told, call.outcome, call.made_by, call_id=call.call_id, made_on=context.today)
    if call.again_on:
        open_account_call(context.database, account.id, call.call_id, told, account.collector, call.again_on)
