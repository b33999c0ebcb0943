"""What people may do to an invoice's collection: what rules an act out, and what it changes."""

from datetime import date

from domain.case.command import Act
from domain.clock import Moment, start_of_day
from domain.dispute.commands import RaiseDispute
from domain.invoice.commands import AddNote, AnswerEscalation, Escalate, LogCall, MakePromise, Pause, Resume
from domain.invoice.dispute_record import raise_refusal
from domain.invoice.disputes import raise_dispute
from domain.invoice.escalation_rules import answer_escalation, answer_refusal, escalate
from domain.invoice.invoice_case import PAUSE_HOLD, PROMISE_HOLD, InvoiceCase
from domain.invoice.promise import Promise
from domain.journal.entry_kinds import EntryKind
from domain.timeline.holds import Hold, HoldKind


def refusal(case: InvoiceCase, act: Act, today: date) -> str | None:
    """Why the act cannot be accepted, in words; None when it can. `today` is the business date. An act that was done is not refused."""
    if act.act_id in case.seen:
        return None
    match act:
        case MakePromise():
            return _promise_refusal(case, act, today)
        case RaiseDispute():
            return raise_refusal(act, case.facts, case.disputes)
        case Pause() if case.settled:
            return f"the invoice is {case.facts.status}; there is nothing left to pause"
        case Pause() if act.until is not None and act.until <= today:
            return "a pause must end after today; give a later date, or none"
        case Escalate() if case.settled:
            return f"the invoice is {case.facts.status}; there is nothing left to escalate"
        case AnswerEscalation():
            return answer_refusal(case, act)
        case Resume() if PAUSE_HOLD not in case.holds.standing:
            return "the invoice is not paused"
    return None


def _promise_refusal(case: InvoiceCase, act: MakePromise, today: date) -> str | None:
    rules = case.policy.promise
    since = case.promise.first_made_on if case.promise else today
    if case.settled:
        return f"the invoice is {case.facts.status}; there is nothing left to promise"
    if act.amount > case.facts.open_balance:
        return "the promised amount is more than the open balance"
    if act.by < today:
        return "the promised day has passed"
    if (act.by - since).days > rules.longest_days:
        return f"the policy allows promises up to {rules.longest_days} days ahead, counted from the first one"
    if case.broken_promises >= rules.most_broken:
        return f"{case.broken_promises} promises were broken; the policy accepts no further one"
    return None


def carry_out(case: InvoiceCase, act: Act, at: Moment) -> int | None:
    """Do the act once. The number of its journal entry, or None if it was done before.

    An act that came as a signal has passed no validator: what rules it out is then journalled as its refusal.
    """
    if act.act_id in case.seen:
        return None
    reason = refusal(case, act, at.business.date())
    case.seen.append(act.act_id)
    if reason:
        return case.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=act.journal_name, reason=reason)
    match act:
        case MakePromise():
            return _make_promise(case, act, at)
        case LogCall():
            return case.note(EntryKind.CALL_LOGGED, at, act.actor, act=act.act_id, outcome=act.outcome.value, note=act.note_id)
        case Pause():
            return _pause(case, act, at)
        case Resume():
            return case.lift_hold(PAUSE_HOLD, at, act.actor, act.act_id)
        case AddNote():
            return case.note(EntryKind.NOTE_ADDED, at, act.actor, act=act.act_id, note=act.note_id)
        case RaiseDispute():
            return raise_dispute(case, act, at)
        case Escalate():
            return escalate(case, act, at)
        case AnswerEscalation():
            return answer_escalation(case, act, at)
        case _:
            raise TypeError(f"no rule says what a {type(act).__name__} does to an invoice")


def _make_promise(case: InvoiceCase, act: MakePromise, at: Moment) -> int:
    """A new promise takes the place of an open one, but keeps its first day: nobody is put off for ever."""
    since = case.promise.first_made_on if case.promise else at.business.date()
    replaces = case.promise.promise_id if case.promise else None
    case.promise = Promise(promise_id=act.act_id, amount=act.amount, by=act.by, first_made_on=since)
    seq = case.note(EntryKind.PROMISE_MADE, at, act.actor, act=act.act_id, amount=act.amount, by=act.by.isoformat(), replaces=replaces)
    case.place_hold(Hold(hold_id=PROMISE_HOLD, kind=HoldKind.PROMISE, since=at.business), at, act.actor)
    return seq


def _pause(case: InvoiceCase, act: Pause, at: Moment) -> int | None:
    """A pause while one stands takes its place."""
    until = start_of_day(act.until) if act.until else None
    case.lift_hold(PAUSE_HOLD, at, act.actor, act.act_id)
    hold = Hold(hold_id=PAUSE_HOLD, kind=HoldKind.PAUSE, since=at.business, until=until, reason=act.reason)
    return case.place_hold(hold, at, act.actor, act.act_id)
