"""A letter that did not arrive, or may not have: what people say in its place counts as its step."""

from datetime import date

from domain.clock import Moment
from domain.correspondence.letter_outcome import SKIPPED, WaivedLetter
from domain.invoice.commands import CallOutcome, LogCall, ResendLetter, SkipLetter
from domain.invoice.invoice_case import InvoiceCase
from domain.invoice.untraced_letter import SENT_AGAIN, build_untraced_letter_task, build_untraced_outcome
from domain.journal.entry_kinds import EntryKind
from domain.refusal import Refusal

HEARD_OUTCOMES = (CallOutcome.REACHED, CallOutcome.REFUSES_TO_PAY)
"""The calls by which the customer has heard what the letter was to say."""


def find_undelivered_step(case: InvoiceCase, today: date, without_address: bool) -> str | None:
    """Find the step whose letter was refused or is in doubt, or waits for an address (`without_address`); None where there is none."""
    last = case.taken[-1] if case.taken else None
    if last is not None and last.in_doubt:
        return last.step
    if last is not None and case.is_last_letter_unresolved:
        return last.step if without_address or case.refused_step == last.step else None
    following = case.next_step(today)
    return case.refused_step if following is not None and following.step == case.refused_step else None


def skip_rejection_reason(case: InvoiceCase, command: SkipLetter, today: date) -> Refusal | None:
    if case.is_settled:
        return Refusal("invoice.nothing_to_go_on", "the invoice is {status}; there is nothing left to go on with", status=case.facts.status)
    if find_undelivered_step(case, today, command.without_address) is None:
        return Refusal("letter.none_undelivered", "no letter of this invoice was refused, is in doubt or waits for an address")
    return None


def skip_letter(case: InvoiceCase, command: SkipLetter, at: Moment) -> int | None:
    """A person decides to go on as if the letter had arrived."""
    step = find_undelivered_step(case, at.business.date(), command.without_address)
    return _count_step(case, step, SKIPPED, command.actor, at, act=command.act_id, reason=command.reason) if step else None


def count_call(case: InvoiceCase, command: LogCall, at: Moment) -> None:
    """Who was reached by phone has heard of what a letter did not bring."""
    step = find_undelivered_step(case, at.business.date(), command.without_address)
    if step and command.outcome in HEARD_OUTCOMES and not case.is_settled:
        _count_step(case, step, command.outcome.value, command.actor, at, outcome=command.outcome.value)


def _count_step(case: InvoiceCase, step: str, fate: str, actor: str, at: Moment, **facts: str) -> int:
    """The step counts as taken today, and its letter goes no more."""
    today = at.business.date()
    following = case.next_step(today)
    if following is not None and following.step == step:
        case.note_step_taken(following, at)
    if case.taken[-1].in_doubt:
        case.errands.append(build_untraced_letter_task(case.journal.case_id, step, today, done_by=actor))
    seq = case.write_entry(EntryKind.LETTER_SKIPPED, at, actor, step=step, **facts)
    case.update_taken_step(step, fate=fate, contact_on=today, in_doubt=False)
    case.refused_step, case.letter_awaited = None, False
    case.waived.append(WaivedLetter(step=step, by=actor))
    return seq


def resend_rejection_reason(case: InvoiceCase) -> Refusal | None:
    if case.is_settled:
        return Refusal("invoice.nothing_to_send", "the invoice is {status}; there is nothing left to send", status=case.facts.status)
    if not case.is_letter_in_doubt:
        return Refusal("letter.none_in_doubt", "no letter of this invoice is in doubt")
    if _find_untraced_key(case) not in case.heard:
        return Refusal("letter.known", "this letter is known: decide about it, by its number in the list of letters")
    return None


def resend_letter(case: InvoiceCase, command: ResendLetter, at: Moment) -> int:
    """The step was not carried out: it is due again, and asks for its letter anew; one that leaves no trace either is in doubt again."""
    step, today = case.taken[-1].step, at.business.date()
    case.errands.append(build_untraced_letter_task(case.journal.case_id, step, today, done_by=command.actor))
    case.heard.remove(_find_untraced_key(case))
    case.letter_awaited = False
    seq = case.write_entry(EntryKind.LETTER_WITHDRAWN, at, command.actor, step=step, reason=SENT_AGAIN, act=command.act_id)
    case.undo_step(step)
    return seq


def _find_untraced_key(case: InvoiceCase) -> str:
    last = case.taken[-1]
    return build_untraced_outcome(last.step, last.at, last.contact_on).key
