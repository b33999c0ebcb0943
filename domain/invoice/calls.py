"""The calls that an invoice asks for, as parts of its account's, and what it knows of those that were made."""

from datetime import date

from domain.case.case_view import TaskKind, TaskRequest
from domain.case.effects import NotifyRole
from domain.clock import Moment
from domain.invoice.commands import LogCall
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.requested_call import RequestedCall
from domain.invoice.undelivered_letters import count_call
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.roles import Role


def mark_call_requested(case: InvoiceCase, step: str, task: str, due_on: date) -> None:
    """The step's call is part of the account's, which is to be made."""
    case.requested_call = RequestedCall(step=step, task=task, due_on=due_on)


def note_overdue_call(case: InvoiceCase, at: Moment) -> None:
    """Nobody has called within the policy's days, or within as many since the call was given to somebody. Every invoice notes it; the first
    escalates the account's call, if it is still open."""
    call = case.requested_call
    if call is None or call.due_on is None or not case.is_call_overdue(at.business):
        return
    case.requested_call = call.model_copy(update={"is_overdue": True})
    given = {"assignee": call.assignee} if call.assignee else {}
    case.write_entry(EntryKind.CALL_OVERDUE, at, step=call.step, due_on=call.due_on.isoformat(), **given)
    case.errands.append(
        TaskRequest(
            key=call.escalation_key,
            kind=TaskKind.ESCALATION,
            role=Role.COLLECTIONS_MANAGER,
            due_on=at.business.date(),
            while_open=call.task,
        )
    )


def record_call_escalated(case: InvoiceCase, key: str, at: Moment) -> None:
    """It was this invoice that escalated the account's call: the manager is told."""
    call, today = case.requested_call, at.business.date()
    if call is None or call.due_on is None or call.escalation_key != key:
        return
    case.write_entry(EntryKind.ESCALATED, at, act=key, step=call.step, role=Role.COLLECTIONS_MANAGER.value)
    details: dict[str, FactValue] = {
        "account": case.journal.account_id,
        "due_on": call.due_on.isoformat(),
        "days": (today - call.due_on).days,
        "escalation": key,
    }
    if call.assignee:
        details["assignee"] = call.assignee
    case.outbox.append(NotifyRole(role=Role.COLLECTIONS_MANAGER, template="call_overdue", details=details))


def log_call(case: InvoiceCase, command: LogCall, at: Moment) -> int:
    """The customer was called. Where the invoice asked for a call, its step counts as made: the entry names the step and the call."""
    facts: dict[str, FactValue] = {"act": command.act_id, "outcome": command.outcome.value, "note": command.note_id}
    if command.call:
        facts["call"] = command.call
    if command.again_on:
        facts["again_on"] = command.again_on.isoformat()
    if requested := case.requested_call:
        facts["step"] = requested.step
        case.update_taken_step(requested.step, fate=command.outcome.value)
        case.requested_call = None
    seq = case.write_entry(EntryKind.CALL_LOGGED, at, command.actor, **facts)
    count_call(case, command, at)
    return seq
