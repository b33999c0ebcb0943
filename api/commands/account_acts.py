"""Acts on several of an account's invoices at once: each has a command of its own, and one that is refused stops no other."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fastapi.concurrency import run_in_threadpool

from adapters.read_model.account_debts import OpenDebt, list_open_debts
from adapters.read_model.invoices import find_invoice
from adapters.temporal.case_commands import CaseNotRunning, CommandQueued, CommandRejected
from api.context import ApiContext
from api.schemas.accounts import AccountActAnswer, AccountActPartOut
from api.web.problems import FieldError, Problem, build_field_error
from domain.billing.billing_events import InvoiceStatus
from domain.case.command import Command
from domain.refusal import Refusal

COMMANDS_AT_ONCE = 8
NOTHING_OPEN = Refusal("account.nothing_open", "no invoice of this account is open and under collection")
ALL_PAUSED = Refusal(
    "account.all_paused", "every open invoice of this account is paused already; name those whose pause you want to replace"
)
NOTHING_PAUSED = Refusal("account.nothing_paused", "none of this account's invoices is paused")

BuildCommand = Callable[[str], Command]
"""From the id that a command gets."""


class ChosenInvoice(NamedTuple):
    """One that an act is about. `pointer`: the part of the request that names it, empty where all were meant."""

    invoice_id: str
    number: str
    pointer: str = ""


async def submit_to_open_invoices(
    context: ApiContext, account_id: str, named: str | Sequence[str], act_id: str, build_command: BuildCommand
) -> AccountActAnswer:
    """Send a command to each of the invoices that are named, or to all that are open and under collection. Each command's id derives from
    the act's, so that an act that broke off is finished by the same request.

    Raises Problem 422 for what is no invoice of the account, 409 where none of them takes it; CasesUnreachable.
    """
    chosen = await run_in_threadpool(_choose_invoices, context, account_id, named)
    return await _submit_to_each(context, chosen, act_id, build_command, NOTHING_OPEN)


async def submit_to_unpaused_invoices(
    context: ApiContext, account_id: str, named: str | Sequence[str], act_id: str, build_command: BuildCommand
) -> AccountActAnswer:
    """Do the same to those that are named, or to all whose collection is not paused: who pauses an account does not shorten the pauses that
    stand."""
    chosen = await run_in_threadpool(_choose_invoices, context, account_id, named, lambda debt: not debt.is_paused)
    none_chosen = ALL_PAUSED if await run_in_threadpool(list_open_debts, context.database, account_id) else NOTHING_OPEN
    return await _submit_to_each(context, chosen, act_id, build_command, none_chosen)


async def submit_to_paused_invoices(
    context: ApiContext, account_id: str, named: str | Sequence[str], act_id: str, build_command: BuildCommand
) -> AccountActAnswer:
    """Do the same to those that are named, or to all whose collection is paused."""
    chosen = await run_in_threadpool(_choose_invoices, context, account_id, named, lambda debt: debt.is_paused)
    return await _submit_to_each(context, chosen, act_id, build_command, NOTHING_PAUSED)


def _choose_invoices(
    context: ApiContext, account_id: str, named: str | Sequence[str], is_meant: Callable[[OpenDebt], bool] = lambda _: True
) -> list[ChosenInvoice]:
    """`is_meant`: of which of the open ones an act on all of them is. One that was settled meanwhile is among those that are named."""
    debts = list_open_debts(context.database, account_id)
    if isinstance(named, str):
        return [ChosenInvoice(debt.invoice_id, debt.number) for debt in debts if is_meant(debt)]
    numbers = {debt.invoice_id: debt.number for debt in debts}
    chosen, faults = list[ChosenInvoice](), list[FieldError]()
    for place, invoice_id in enumerate(dict.fromkeys(named)):
        pointer, number = f"/invoices/{place}", numbers.get(invoice_id)
        if number is None:
            row = find_invoice(context.database, invoice_id)
            number = row.number if row and row.account_id == account_id else None
        if number is None:
            unknown = Refusal("account.no_invoice", "{invoice} is no invoice of this account", invoice=repr(invoice_id))
            faults.append(build_field_error(pointer, unknown))
        else:
            chosen.append(ChosenInvoice(invoice_id, number, pointer))
    if faults:
        raise _build_fault_problem(422, "invalid", "The request cannot be read", faults)
    return chosen


async def _submit_to_each(
    context: ApiContext, chosen: Sequence[ChosenInvoice], act_id: str, build_command: BuildCommand, none_chosen: Refusal
) -> AccountActAnswer:
    if not chosen:
        raise Problem(409, "refused", CommandRejected.title, none_chosen)
    parts: list[AccountActPartOut] = []
    faults: list[FieldError] = []
    for start in range(0, len(chosen), COMMANDS_AT_ONCE):
        some = chosen[start : start + COMMANDS_AT_ONCE]
        parts += await asyncio.gather(*(_submit_part(context, each, build_command(f"{act_id}:{each.invoice_id}")) for each in some))
    for each, part in zip(chosen, parts, strict=True):
        if part.recorded == "refused":
            why = Refusal("call.invoice_refuses", "invoice {invoice}: {why}", invoice=each.number, why=part.reason)
            faults.append(build_field_error(each.pointer, why))
    if len(faults) == len(parts):
        raise _build_fault_problem(409, "refused", CommandRejected.title, faults)
    waits = any(part.recorded == "will be applied" for part in parts)
    return AccountActAnswer(act_id=act_id, recorded="will be applied" if waits else "now", parts=parts)


async def _submit_part(context: ApiContext, chosen: ChosenInvoice, command: Command) -> AccountActPartOut:
    part = AccountActPartOut(invoice_id=chosen.invoice_id, invoice_number=chosen.number, act_id=command.act_id, recorded="now")
    try:
        outcome = await context.cases.submit_invoice_command(chosen.invoice_id, command)
    except CommandRejected as error:
        return part.model_copy(update={"recorded": "refused", "reason": str(error)})
    except CaseNotRunning:
        reason = await run_in_threadpool(_explain_absence, context, chosen.invoice_id)
        return part.model_copy(update={"recorded": "refused", "reason": str(reason)})
    return part.model_copy(update={"recorded": "will be applied"}) if isinstance(outcome, CommandQueued) else part


def _explain_absence(context: ApiContext, invoice_id: str) -> Refusal:
    """Why no case of the invoice runs."""
    row = find_invoice(context.database, invoice_id)
    if row and row.status == InvoiceStatus.OPEN:
        return Refusal("invoice.not_begun", "collection of this invoice has not begun yet; try again in a moment")
    return Refusal("call.invoice_closed", "the invoice is closed; nothing can be done to it any more")


def _build_fault_problem(status: int, kind: str, title: str, faults: list[FieldError]) -> Problem:
    detail = "; ".join(fault.detail for fault in faults[:3])
    return Problem(status, kind, title, f"nothing was done: {detail}", errors=faults)
