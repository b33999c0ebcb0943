"""Says of each step that an invoice's timeline took what became of it, or what it waits for."""

from adapters.read_model.suspensions import SuspensionStanding
from api.presenters.account_suspensions import describe_suspension
from api.presenters.phrases import Phrases
from domain.case.case_view import CaseView
from domain.invoice.commands import CallOutcome
from domain.invoice.linked_cases import SUSPENSION_STEP_ACTS
from domain.policy.collection_policy import StepAction
from domain.timeline.step_schedule import TakenStep


def describe_taken_step(
    step: TakenStep, case: CaseView, suspension: SuspensionStanding | None, words: Phrases, is_stopped: bool = False
) -> str:
    """A letter's fate, that a call was asked for, or where the account's suspension stands that the step asked for. `is_stopped`: the
    account's letters are held back."""
    if step.act in SUSPENSION_STEP_ACTS:
        return describe_account_step(step, case, suspension, words)
    if step.act is StepAction.LETTER and step.fate:
        return words.translate("calls" if step.fate in set(CallOutcome) else "letters", step.fate)
    if step.act is StepAction.LETTER:
        return words.taken["stopped" if is_stopped else "letter"]
    return words.taken["call"]


def describe_account_step(step: TakenStep, case: CaseView, suspension: SuspensionStanding | None, words: Phrases) -> str:
    """The last step that asked something of the account waits for what its suspension waits for; those before it have been asked."""
    last = next(past for past in reversed(case.taken) if past.act in SUSPENSION_STEP_ACTS)
    is_held_by_it = suspension is not None and (case.invoice_id in suspension.invoices or suspension.is_suspended)
    if suspension is None or step != last or not is_held_by_it or case.outcome is not None:
        return words.taken["account"]
    return describe_suspension(suspension, words)
