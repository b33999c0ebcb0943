"""The calls that an invoice asks for, as parts of its account's, and what it knows of those that were made."""

from domain.clock import Moment
from domain.invoice.commands import LogCall
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.requested_call import RequestedCall
from domain.invoice.undelivered_letters import count_call
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind


def mark_call_requested(case: InvoiceCase, step: str, task: str) -> None:
    """The step's call is part of the account's, which is to be made."""
    case.requested_call = RequestedCall(step=step, task=task)


def log_call(case: InvoiceCase, command: LogCall, at: Moment) -> int:
    """The customer was called. Where the invoice asked for a call, its step counts as made: the entry names the step and the call."""
    facts: dict[str, FactValue] = {"act": command.act_id, "outcome": command.outcome.value, "note": command.note_id}
    if command.call:
        facts["call"] = command.call
    if command.again_on:
        facts["again_on"] = command.again_on.isoformat()
    if requested := case.requested_call:
        facts["step"] = requested.step
        case.record_call_made(requested.step, command.outcome)
        case.requested_call = None
    seq = case.write_entry(EntryKind.CALL_LOGGED, at, command.actor, **facts)
    count_call(case, command, at)
    return seq
