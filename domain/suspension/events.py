"""What a suspension takes in from invoices, approvals, letters and the billing system; people's commands are in `command_rules`."""

from datetime import date, timedelta

from domain.approval.result import REVISED, WITHDRAWN, ApprovalOutcome, ApprovalResult
from domain.billing.receivables import Receivable
from domain.case.asked_invoice import list_invoice_ids
from domain.case.billing_results import SuspensionOrderOutcome
from domain.clock import Moment
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.roles import Role
from domain.suspension.state import APPROVAL_SEQUENCE, LETTER_SEQUENCE, ORDER_SEQUENCE, SUSPENDED_STAGES, SuspensionEnding, SuspensionStage
from domain.suspension.suspension_case import SuspensionCase
from domain.suspension.transitions import (
    REINSTATED_LETTER,
    SUSPENDED_LETTER,
    advance,
    end_case,
    hand_over_account,
    hand_over_invoices,
    lift_holds,
    notify_invoices,
    notify_role,
    order_suspension,
    place_holds,
    record_failed_delivery,
    request_letter,
    return_to_previous_stage,
    revise_approval,
    send_warning,
    start_notice,
    withdraw_approval_request,
)


def open_case(case: SuspensionCase, at: Moment) -> None:
    case.write_entry(EntryKind.CASE_OPENED, at, policy=case.snapshot.name, policy_version=case.snapshot.version, prepaid=case.prepaid)


def add_receivable(case: SuspensionCase, receivable: Receivable, at: Moment, by: str = SYSTEM, is_last: bool = True) -> None:
    """An invoice asks, by its step or by a person. The first of a day waits for the others of that day, a person does not; but what a
    person asks for together is gathered, and put to the approvers once the last of it has joined."""
    if case.is_ended:
        case.late.append(receivable)
        return
    if receivable.invoice_id in case.claims:
        update_receivable(case, receivable, at)
        return
    case.claims[receivable.invoice_id] = receivable
    case.write_entry(
        EntryKind.SUSPENSION_ASKED,
        at,
        by,
        invoice=receivable.invoice_id,
        open_balance=receivable.open_balance,
        currency=receivable.currency,
    )
    _place_hold_unless_handed_back(case, receivable.invoice_id, at)
    notify_invoices(case, [receivable.invoice_id], EntryKind.SUSPENSION_ASKED)
    _register_requester(case, by, at)
    if case.approval_open:
        revise_approval(case)
    if case.stage is SuspensionStage.HANDED_OVER and receivable.is_owed(case.policy):
        hand_over_invoices(case, [receivable.invoice_id])
    if is_last:
        advance(case, at)


def request_hand_over(case: SuspensionCase, receivable: Receivable, at: Moment) -> None:
    """The timeline's last step. A suspended account that was handed back is handed over anew; one that is paid in advance,
    and so is never suspended, without having been suspended. Any other must be warned first."""
    if case.is_ended:
        case.late_hand_overs.append(receivable)
        return
    if case.prepaid and receivable.is_owed(case.policy):
        case.claims.setdefault(receivable.invoice_id, receivable)
        hand_over_account(case, at)
        end_case(case, SuspensionEnding.SPARED, at)
        return
    add_receivable(case, receivable, at)
    if case.stage is SuspensionStage.SUSPENDED and case.hand_over_on is None and not case.is_fully_disputed:
        hand_over_account(case, at)


def _register_requester(case: SuspensionCase, by: str, at: Moment) -> None:
    """Whoever asked may not approve: one who asks later joins those who ask. A case that cannot revise its approval takes it back, and asks
    anew."""
    today = at.business.date()
    case.asks_on = case.asks_on or today + timedelta(days=1)
    if by == SYSTEM:
        return
    case.asks_on = min(case.asks_on, today)
    if by not in case.askers:
        case.askers.append(by)
        if not case.binds_facts:
            withdraw_approval_request(case, REVISED)


def update_receivable(case: SuspensionCase, receivable: Receivable, at: Moment) -> None:
    """Take in an invoice's facts. Those older than what is known change nothing, nor do those of invoices outside the case.

    A dispute changes what is contested without a new version of the facts.
    """
    known = case.claims.get(receivable.invoice_id)
    if case.is_ended or known is None or receivable.version < known.version or receivable == known:
        return
    case.claims[receivable.invoice_id] = receivable
    if known.settled and not receivable.settled:
        _place_hold_unless_handed_back(case, receivable.invoice_id, at)
    case.write_entry(
        EntryKind.SUSPENSION_FACTS_CHANGED,
        at,
        invoice=receivable.invoice_id,
        open_balance=receivable.open_balance,
        currency=receivable.currency,
        disputed=receivable.disputed,
        settled=receivable.settled,
    )
    if case.approval_open and case.collectable_receivables():
        revise_approval(case)
    advance(case, at)


def _place_hold_unless_handed_back(case: SuspensionCase, invoice_id: str, at: Moment) -> None:
    """Of an account that the write-off team gave back the invoices go on by their own timelines, to the hand-over."""
    if case.stage is not SuspensionStage.SUSPENDED or case.hand_over_on is not None:
        place_holds(case, [invoice_id], at)


def set_prepaid(case: SuspensionCase, prepaid: bool, at: Moment) -> None:
    """The account's service is, or is no longer, paid in advance."""
    case.prepaid = prepaid
    advance(case, at)


def apply_approval_outcome(case: SuspensionCase, outcome: ApprovalOutcome, at: Moment) -> None:
    """Only the approval that was asked for last counts, and once."""
    if case.is_ended or not case.approval_open or outcome.number != case.last_number(APPROVAL_SEQUENCE):
        return
    case.approval_open = False
    case.write_entry(
        EntryKind.SUSPENSION_APPROVAL_ANSWERED,
        at,
        outcome.by,
        approval=outcome.number,
        result=outcome.result.value,
        reason=outcome.reason,
    )
    match outcome.result:
        case ApprovalResult.APPROVED if case.stage is SuspensionStage.WARNING_APPROVAL:
            _send_approved_warning(case, list_invoice_ids(outcome.invoices), at)
        case ApprovalResult.APPROVED:
            order_suspension(case, at)
        case ApprovalResult.REJECTED:
            end_case(case, SuspensionEnding.REJECTED, at)
        case ApprovalResult.RETURNED:
            case.returned = True
            notify_role(case, Role.COLLECTOR, "suspension_returned", at)
        case ApprovalResult.LAPSED if outcome.reason == WITHDRAWN:
            end_case(case, SuspensionEnding.WITHDRAWN, at)
        case ApprovalResult.LAPSED:
            return_to_previous_stage(case)
    advance(case, at)


def _send_approved_warning(case: SuspensionCase, approved: list[str], at: Moment) -> None:
    """It names what was decided, and not what joined the case in that moment. Where nothing of it is left, the rest is asked for anew."""
    if not approved:
        send_warning(case, at)
    elif any(name in approved for name in case.approval_invoice_ids()):
        send_warning(case, at, approved=approved)
    else:
        return_to_previous_stage(case)


def apply_warning_outcome(case: SuspensionCase, number: int, result: LetterResult, on: date, at: Moment, reason: str = "") -> None:
    """What became of the warning, on a date of the customer's. Only `sent` starts the notice; a bounce afterwards ends it."""
    if number != case.last_number(LETTER_SEQUENCE) or case.stage not in (
        SuspensionStage.WARNING,
        SuspensionStage.NOTICE,
        SuspensionStage.SIGN_OFF,
    ):
        return
    if result is LetterResult.SENT and case.stage is SuspensionStage.WARNING:
        start_notice(case, number, on, at)
    elif result is not LetterResult.SENT:
        record_failed_delivery(case, number, result, at, reason)
    advance(case, at)


def apply_billing_result(case: SuspensionCase, order: int, outcome: SuspensionOrderOutcome, at: Moment) -> None:
    if case.stage is not SuspensionStage.SUSPENDING or order != case.last_number(ORDER_SEQUENCE):
        return
    if outcome is SuspensionOrderOutcome.NOT_IN_ARREARS:
        end_case(case, SuspensionEnding.CURED, at)
        return
    case.stage, case.suspended_on = SuspensionStage.SUSPENDED, at.business.date()
    case.hand_over_on = case.suspended_on + timedelta(days=case.policy.suspension.hand_over_days)
    case.write_entry(EntryKind.SUSPENSION_SUSPENDED, at, hand_over_on=case.hand_over_on.isoformat())
    notify_invoices(case, case.claims, EntryKind.SUSPENSION_SUSPENDED)
    if case.owed_receivables(case.warned):
        request_letter(case, SUSPENDED_LETTER, case.warned, at, key=f"suspended:{order}")
    advance(case, at)


def apply_reinstatement(case: SuspensionCase, at: Moment) -> None:
    if case.stage is not SuspensionStage.REINSTATING:
        return
    case.write_entry(EntryKind.SUSPENSION_REINSTATED, at)
    notify_invoices(case, case.claims, EntryKind.SUSPENSION_REINSTATED)
    request_letter(case, REINSTATED_LETTER, case.warned, at, key=f"reinstated:{case.last_number(ORDER_SEQUENCE)}")
    end_case(case, SuspensionEnding.REINSTATED, at)


def apply_hand_back(case: SuspensionCase, at: Moment) -> None:
    """The write-off team gave the account back: it stays suspended until paid, and its invoices are collected again."""
    if case.stage is not SuspensionStage.HANDED_OVER:
        return
    case.stage, case.hand_over_on = SuspensionStage.SUSPENDED, None
    case.write_entry(EntryKind.SUSPENSION_HANDED_BACK, at)
    lift_holds(case)


def apply_write_off(case: SuspensionCase, at: Moment) -> None:
    """Nothing is left to be paid: the service stays off, and the case is over."""
    if case.stage in SUSPENDED_STAGES:
        end_case(case, SuspensionEnding.WRITTEN_OFF, at)
