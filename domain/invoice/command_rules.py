"""What people may do to an invoice's collection: what rules an act out, and what it changes."""

from datetime import date

from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.clock import Moment, start_of_day
from domain.dispute.commands import RaiseDispute
from domain.invoice.calls import log_call
from domain.invoice.commands import (
    AddNote,
    AnswerEscalation,
    EscalateInvoice,
    LogCall,
    MakePromise,
    PauseCollection,
    ResendLetter,
    ResumeCollection,
    SkipLetter,
)
from domain.invoice.dispute_record import dispute_rejection_reason
from domain.invoice.disputes import raise_dispute
from domain.invoice.escalation_rules import answer_escalation, answer_rejection_reason, escalate_invoice
from domain.invoice.invoice_case import PAUSE_HOLD, PROMISE_HOLD, InvoiceCase
from domain.invoice.promise import Promise
from domain.invoice.undelivered_letters import resend_letter, resend_rejection_reason, skip_letter, skip_rejection_reason
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.refusal import Refusal
from domain.timeline.holds import Hold, HoldKind

PROMISED_DAY_PASSED = Refusal("promise.day_passed", "the promised day has passed")
PAUSE_DAY_PASSED = Refusal("pause.day", "a pause must end after today; give a later date, or none")


def _find_rejection_reason(case: InvoiceCase, command: Command, today: date) -> Refusal | None:
    match command:
        case MakePromise():
            return _promise_rejection_reason(case, command, today)
        case RaiseDispute():
            return dispute_rejection_reason(command, case.facts, case.disputes)
        case PauseCollection() if case.is_settled:
            return Refusal("invoice.nothing_to_pause", "the invoice is {status}; there is nothing left to pause", status=case.facts.status)
        case PauseCollection() if command.until is not None and command.until <= today:
            return PAUSE_DAY_PASSED
        case EscalateInvoice() if case.is_settled:
            return Refusal(
                "invoice.nothing_to_escalate", "the invoice is {status}; there is nothing left to escalate", status=case.facts.status
            )
        case AnswerEscalation():
            return answer_rejection_reason(case, command)
        case SkipLetter():
            return skip_rejection_reason(case, command, today)
        case ResendLetter():
            return resend_rejection_reason(case)
        case ResumeCollection() if PAUSE_HOLD not in case.holds.standing:
            return Refusal("pause.none", "the invoice is not paused")
    return None


def _promise_rejection_reason(case: InvoiceCase, command: MakePromise, today: date) -> Refusal | None:
    rules = case.policy.promise
    since = case.promise.first_made_on if case.promise else today
    if case.is_settled:
        return Refusal("invoice.nothing_to_promise", "the invoice is {status}; there is nothing left to promise", status=case.facts.status)
    if command.amount > case.facts.open_balance:
        return Refusal("promise.too_much", "the promised amount is more than the open balance")
    if command.by < today:
        return PROMISED_DAY_PASSED
    if (command.by - since).days > rules.longest_days:
        return Refusal(
            "promise.too_late", "the policy allows promises up to {days} days ahead, counted from the first one", days=rules.longest_days
        )
    if case.broken_promises >= rules.most_broken:
        return Refusal(
            "promise.broken_before", "{count} promises were broken; the policy accepts no further one", count=case.broken_promises
        )
    return None


def _apply_accepted_command(case: InvoiceCase, command: Command, at: Moment) -> int | None:
    match command:
        case MakePromise():
            return _make_promise(case, command, at)
        case LogCall():
            return log_call(case, command, at)
        case PauseCollection():
            return _pause_collection(case, command, at)
        case ResumeCollection():
            return case.lift_hold(PAUSE_HOLD, at, command.actor, command.act_id)
        case AddNote():
            return case.write_entry(EntryKind.NOTE_ADDED, at, command.actor, act=command.act_id, note=command.note_id)
        case RaiseDispute():
            return raise_dispute(case, command, at)
        case EscalateInvoice():
            return escalate_invoice(case, command, at)
        case AnswerEscalation():
            return answer_escalation(case, command, at)
        case SkipLetter():
            return skip_letter(case, command, at)
        case ResendLetter():
            return resend_letter(case, command, at)
        case _:
            raise TypeError(f"no rule says what a {type(command).__name__} does to an invoice")


def _make_promise(case: InvoiceCase, command: MakePromise, at: Moment) -> int:
    """A new promise takes the place of an open one, but keeps its first day: nobody is put off for ever."""
    since = case.promise.first_made_on if case.promise else at.business.date()
    replaces = case.promise.promise_id if case.promise else None
    case.promise = Promise(promise_id=command.act_id, amount=command.amount, by=command.by, first_made_on=since, share=command.share)
    facts: dict[str, FactValue] = {"amount": command.amount, "by": command.by.isoformat(), "replaces": replaces}
    if command.share:
        facts |= {"promise": command.share.promise_id, "of": command.share.amount}
    seq = case.write_entry(EntryKind.PROMISE_MADE, at, command.actor, act=command.act_id, **facts)
    case.place_hold(Hold(hold_id=PROMISE_HOLD, kind=HoldKind.PROMISE, since=at.business), at, command.actor)
    return seq


def _pause_collection(case: InvoiceCase, command: PauseCollection, at: Moment) -> int | None:
    """A pause while one stands takes its place."""
    until = start_of_day(command.until) if command.until else None
    case.lift_hold(PAUSE_HOLD, at, command.actor, command.act_id)
    hold = Hold(hold_id=PAUSE_HOLD, kind=HoldKind.PAUSE, since=at.business, until=until, reason=command.reason)
    return case.place_hold(hold, at, command.actor, command.act_id)


RULES = CommandRules(_find_rejection_reason, _apply_accepted_command)
rejection_reason, apply_command = RULES.rejection_reason, RULES.apply_command
