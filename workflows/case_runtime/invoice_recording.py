"""The part of an invoice's journal write beside its entries: letters, contacts, people's tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.case_write import CaseWrite, CaseWriteResult
    from domain.clock import Moment
    from domain.correspondence.letter_outcome import DropReason, LetterOutcome, LetterResult
    from domain.invoice.calls import mark_call_requested, record_call_escalated
    from domain.invoice.carried_state import CarriedState
    from domain.invoice.invoice_case import InvoiceCase
    from domain.invoice.shared_promise import apply_promise_money, build_promise_part

from workflows.case_runtime.case_session import CaseSession

LETTERS_MUST_ARRIVE = "letters-must-arrive"
"""Patch: a letter that was refused or is in doubt does not count. A run that heard of one before goes on as its history has it."""


def must_letter_arrive(outcome: LetterOutcome) -> bool:
    """Whether the run goes by the rule that a letter which did not arrive does not count. Asked only where it matters: it costs a search
    attribute."""
    return outcome.fate in (LetterResult.REFUSED, LetterResult.UNKNOWN) and workflow.patched(LETTERS_MUST_ARRIVE)


class _HasNow(Protocol):
    @property
    def now(self) -> Moment: ...


@dataclass(frozen=True, slots=True)
class InvoiceWriteHandlers:
    """An invoice's `WriteHandlers`. `must_arrive`: whether a letter that did not arrive does not count."""

    case: InvoiceCase
    time_source: _HasNow
    must_arrive: Callable[[LetterOutcome], bool] = must_letter_arrive

    def extend_write(self, write: CaseWrite) -> CaseWrite:
        """Add what is to be done about the invoice's letters, tasks and promise."""
        case = self.case
        more = {
            "withdraw": _letter_withdrawal_reason(case),
            "errands": list(case.errands),
            "heard": list(case.heard),
            "waived": list(case.waived),
            "promise_part": build_promise_part(case),
        }
        return write.model_copy(update=more)

    def apply_result(self, write: CaseWrite, answer: CaseWriteResult) -> None:
        """Take in what became of letters, calls and promises."""
        case, now = self.case, self.time_source.now
        if write.errands or write.waived:
            case.errands, case.waived = case.errands[len(write.errands) :], case.waived[len(write.waived) :]
        for step in answer.withdrawn:
            case.record_letter_withdrawal(step, _letter_withdrawal_reason(case) or DropReason.ON_HOLD, now)
        for outcome in answer.letters:
            case.apply_letter_outcome(outcome, now, self.must_arrive(outcome))
        for naming in answer.named:
            case.record_naming(naming, now)
        if write.ask and answer.contact_on:
            case.set_contact_date(write.ask.step, answer.contact_on)
        if write.ask and answer.call_task and answer.contact_on:
            mark_call_requested(case, write.ask.step, answer.call_task, answer.contact_on)
        for key in answer.raised:
            record_call_escalated(case, key, now)
        if answer.promise_money:
            apply_promise_money(case, answer.promise_money)

    def resume(self, carried: CarriedState) -> None:
        """Go on with an earlier run's chain."""
        self.case.reopen(carried, self.time_source.now)


def _letter_withdrawal_reason(case: InvoiceCase) -> DropReason | None:
    """Return the reason to withdraw a letter that was not sent: a hold, or the end of the case."""
    if case.is_settled:
        return DropReason.SETTLED
    return DropReason.ON_HOLD if case.holds.is_on_hold and case.is_last_letter_unresolved else None


async def check_last_letter(session: CaseSession[InvoiceCase]) -> None:
    """Ask the database about the last letter: it went, or it is still under way; then its end is signalled."""
    case, answer = session.case, await session.record(await_letter=True)
    case.letter_awaited = answer.under_way and case.is_last_letter_unresolved
    if case.is_last_letter_unresolved and not answer.under_way:
        case.record_unknown_letter(session.now, workflow.patched(LETTERS_MUST_ARRIVE))
