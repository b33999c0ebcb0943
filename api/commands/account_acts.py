"""Acts on several of an account's invoices at once: each has a command of its own, and one that is refused stops no other."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fastapi.concurrency import run_in_threadpool

from adapters.read_model.account_debts import OpenDebt, list_open_debts
from adapters.read_model.invoices import find_invoice
from adapters.temporal.case_commands import CommandRejected
from api.commands.notes_and_tasks import withdraw_mentions
from api.commands.part_submission import INVOICE_CLOSED, submit_part
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
    """One that an act is about. `pointer`: the part of the request that names it, empty where all were meant. `is_open`: still to be paid,
    and under collection."""

    invoice_id: str
    number: str
    pointer: str = ""
    is_open: bool = True


async def choose_open_invoices(context: ApiContext, account_id: str, named: str | Sequence[str]) -> list[ChosenInvoice]:
    """Choose the invoices that are named, or all that are open and under collection, before anything is kept of an act on them.

    Raises Problem 422 for what is no invoice of the account, 409 where none of them is open.
    """
    chosen = await run_in_threadpool(_choose_invoices, context, account_id, named)
    _require_some(chosen, NOTHING_OPEN)
    if not any(each.is_open for each in chosen):
        parts = [await run_in_threadpool(_refuse_absent, context, each, "") for each in chosen]
        raise _build_fault_problem(409, "refused", CommandRejected.title, _list_faults(chosen, parts))
    return chosen


async def submit_to_invoices(
    context: ApiContext, chosen: Sequence[ChosenInvoice], act_id: str, build_command: BuildCommand
) -> AccountActAnswer:
    """Send a command to each of the invoices. Each command's id derives from the act's, so that an act that broke off is finished by the
    same request. Once one waits for a worker, those after it are sent without waiting for one.

    Raises Problem 409 where none of them takes it; CasesUnreachable.
    """
    parts: list[AccountActPartOut] = []
    for start in range(0, len(chosen), COMMANDS_AT_ONCE):
        some, nobody_answers = chosen[start : start + COMMANDS_AT_ONCE], _has_waiting(parts)
        sent = (_submit_part(context, each, build_command(f"{act_id}:{each.invoice_id}"), nobody_answers) for each in some)
        parts += await asyncio.gather(*sent)
    faults = _list_faults(chosen, parts)
    if len(faults) == len(parts):
        await run_in_threadpool(withdraw_mentions, context, act_id)
        raise _build_fault_problem(409, "refused", CommandRejected.title, faults)
    return AccountActAnswer(act_id=act_id, recorded="will be applied" if _has_waiting(parts) else "now", parts=parts)


async def submit_to_unpaused_invoices(
    context: ApiContext, account_id: str, named: str | Sequence[str], act_id: str, build_command: BuildCommand
) -> AccountActAnswer:
    """Send a command to each of the invoices that are named, or to all whose collection is not paused: who pauses an account does not
    shorten the pauses that stand. Raises what `choose_open_invoices` and `submit_to_invoices` raise."""
    chosen = await run_in_threadpool(_choose_invoices, context, account_id, named, lambda debt: not debt.is_paused)
    has_open = bool(chosen) or bool(await run_in_threadpool(list_open_debts, context.database, account_id))
    _require_some(chosen, ALL_PAUSED if has_open else NOTHING_OPEN)
    return await submit_to_invoices(context, chosen, act_id, build_command)


async def submit_to_paused_invoices(
    context: ApiContext, account_id: str, named: str | Sequence[str], act_id: str, build_command: BuildCommand
) -> AccountActAnswer:
    """Do the same to those that are named, or to all whose collection is paused."""
    chosen = await run_in_threadpool(_choose_invoices, context, account_id, named, lambda debt: debt.is_paused)
    _require_some(chosen, NOTHING_PAUSED)
    return await submit_to_invoices(context, chosen, act_id, build_command)


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
            chosen.append(ChosenInvoice(invoice_id, number, pointer, is_open=invoice_id in numbers))
    if faults:
        raise _build_fault_problem(422, "invalid", "The request cannot be read", faults)
    return chosen


def _require_some(chosen: Sequence[ChosenInvoice], none_chosen: Refusal) -> None:
    if not chosen:
        raise Problem(409, "refused", CommandRejected.title, none_chosen)


def _has_waiting(parts: Sequence[AccountActPartOut]) -> bool:
    return any(part.recorded == "will be applied" for part in parts)


def _list_faults(chosen: Sequence[ChosenInvoice], parts: Sequence[AccountActPartOut]) -> list[FieldError]:
    """What was refused, each by the part of the request that names it."""
    faults: list[FieldError] = []
    for each, part in zip(chosen, parts, strict=True):
        if part.recorded == "refused":
            why = Refusal("call.invoice_refuses", "invoice {invoice}: {why}", invoice=each.number, why=part.reason)
            faults.append(build_field_error(each.pointer, why))
    return faults


async def _submit_part(context: ApiContext, chosen: ChosenInvoice, command: Command, nobody_answers: bool) -> AccountActPartOut:
    """`nobody_answers`: no worker took the command to another invoice in time."""
    outcome = await submit_part(context, chosen.invoice_id, command, nobody_answers)
    if outcome is None:
        return await run_in_threadpool(_refuse_absent, context, chosen, command.act_id)
    return AccountActPartOut(
        invoice_id=chosen.invoice_id,
        invoice_number=chosen.number,
        act_id=command.act_id,
        recorded=outcome.recorded,
        reason=outcome.reason,
    )


def _refuse_absent(context: ApiContext, chosen: ChosenInvoice, act_id: str) -> AccountActPartOut:
    """The answer for an invoice that no running case has."""
    reason = str(_explain_absence(context, chosen.invoice_id))
    return AccountActPartOut(invoice_id=chosen.invoice_id, invoice_number=chosen.number, act_id=act_id, recorded="refused", reason=reason)


def _explain_absence(context: ApiContext, invoice_id: str) -> Refusal:
    """Why no case of the invoice runs."""
    row = find_invoice(context.database, invoice_id)
    if row and row.status == InvoiceStatus.OPEN:
        return Refusal("invoice.not_begun", "collection of this invoice has not begun yet; try again in a moment")
    return INVOICE_CLOSED


def _build_fault_problem(status: int, kind: str, title: str, faults: list[FieldError]) -> Problem:
    detail = "; ".join(fault.detail for fault in faults[:3])
    return Problem(status, kind, title, f"nothing was done: {detail}", errors=faults)
