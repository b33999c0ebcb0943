"""Why an invoice's next step comes when it does: read from the case and the policy it pins, said in words by `api.presenters.phrases`."""

from datetime import date, timedelta
from typing import Any, NamedTuple

from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import CaseView
from domain.correspondence.letter_stop import LetterBrake
from domain.invoice.view import WAITING_FOR_BILLING
from domain.policy.collection_policy import Policy, Step, StepAction
from domain.timeline.holds import HoldKind

SENTENCES_OF_WAITING_LETTERS = ("slot", "letter_under_way")
"""By which the journal explains that a letter was asked for and had not gone."""

LETTER_IN_DOUBT, LETTER_WITHOUT_ADDRESS = "letter_in_doubt", "letter_without_address"
"""The phrases for a letter that is in doubt, and for one that waits for an address."""

LETTERS_STOPPED, AWAITS_RELEASE, BILLING_UNREAD = "letters_stopped", "awaits_release", "billing_unread"
"""The phrases for a letter that is held back."""


class NextStepReason(NamedTuple):
    """A phrase's name, and the facts it speaks of."""

    reason: str
    facts: dict[str, Any]


def explain_next_step(
    view: CaseView | None,
    status: str,
    policy: Policy | None,
    brake: LetterBrake | None = None,
    suspension: str | None = None,
    no_address_since: date | None = None,
    is_letter_resent: bool = False,
) -> NextStepReason:
    """`view` is None for an invoice whose collection has not begun; `status` is the ledger's. `brake` holds the account's letters back;
    `suspension` says in words where that of its account stands; `no_address_since`, since when its letters wait for an address;
    `is_letter_resent`: its last letter was in doubt, and goes again."""
    if view is None:
        return NextStepReason("not_started", {}) if status == InvoiceStatus.OPEN else NextStepReason("settled", {"stage": status})
    if view.outcome is not None:
        return NextStepReason("settled", {"stage": view.outcome})
    if view.holds:
        return _explain_hold(view, suspension)
    if brake is not None and has_letter_under_way(view):
        return explain_brake(brake, view.taken[-1].step)
    if view.taken and view.taken[-1].in_doubt and is_letter_resent:
        return NextStepReason("letter_resent", {"step": view.taken[-1].step})
    if view.taken and view.taken[-1].in_doubt:
        return NextStepReason(LETTER_IN_DOUBT, {"step": view.taken[-1].step, "on": view.taken[-1].contact_on})
    if no_address_since is not None and has_letter_under_way(view):
        return NextStepReason(LETTER_WITHOUT_ADDRESS, {"step": view.taken[-1].step, "since": no_address_since})
    if view.waiting_for == "letter":
        return NextStepReason("letter_under_way", {})
    if view.waiting_for == WAITING_FOR_BILLING:
        return NextStepReason("billing_awaited", {})
    step = _find_step(policy, view.next_step)
    if step is None or policy is None or view.next_on is None:
        return NextStepReason("end", {})
    return _explain_date(view, step, view.next_on, policy)


def has_letter_under_way(view: CaseView) -> bool:
    """Return true while the letter of the case's last step has not gone."""
    return bool(view.taken) and view.taken[-1].act is StepAction.LETTER and view.taken[-1].fate is None


def explain_brake(brake: LetterBrake, step: str) -> NextStepReason:
    """Explain that a step's letter waits until letters go again."""
    facts = {"step": step, "since": brake.since, "until": brake.until, "reason": brake.reason, "actor": brake.by}
    if brake.unread_system:
        return NextStepReason(BILLING_UNREAD, {"step": step, "since": brake.since, "system": brake.unread_system})
    return NextStepReason(AWAITS_RELEASE if brake.awaits_release else LETTERS_STOPPED, facts)


def explain_waiting_letter(brake: LetterBrake | None, sentence: str, facts: dict[str, Any]) -> NextStepReason:
    """Replace the explanation of a day on which a letter waited by what held it back, where something did; any other stays."""
    if brake is None or sentence not in SENTENCES_OF_WAITING_LETTERS:
        return NextStepReason(sentence, facts)
    return explain_brake(brake, facts["step"])


def _explain_hold(view: CaseView, suspension: str | None) -> NextStepReason:
    hold = view.holds[0]
    if hold.kind is HoldKind.SUSPENSION and suspension:
        return NextStepReason("held_for_suspension", {"suspension": suspension})
    if hold.kind is HoldKind.PROMISE and view.promised_by and view.promised_amount:
        return NextStepReason("promised", {"amount": view.promised_amount, "by": view.promised_by})
    return NextStepReason(
        "held", {"waiting": hold.kind.value, "since": hold.since.date(), "until": hold.until and hold.until.date(), "reason": hold.reason}
    )


def _explain_date(view: CaseView, step: Step, next_on: date, policy: Policy) -> NextStepReason:
    if step.is_before_due:
        return NextStepReason("before_due", {"day": step.day, "days": -step.day})
    if view.due_date and next_on <= view.due_date + timedelta(days=step.day):
        return NextStepReason("due_day", {"day": step.day})
    last = view.taken[-1].contact_on if view.taken else None
    if last and next_on <= last + timedelta(days=policy.catch_up_days):
        return NextStepReason("catch_up", {"days": policy.catch_up_days, "on": last})
    return NextStepReason("held_before", {"day": step.day})


def _find_step(policy: Policy | None, name: str | None) -> Step | None:
    return policy.find_step(name) if policy and name else None
