"""The steps by which an account's suspension goes on, and whom each of them tells."""

from collections.abc import Container, Iterable
from datetime import date, timedelta

from domain.approval.result import REVISED, SETTLED, WITHDRAWN
from domain.billing.receivables import find_largest_amount, list_other_amounts
from domain.case.effects import (
    HandOverAccount,
    LiftHold,
    NotifyInvoice,
    NotifyRole,
    PlaceHold,
    ReinstateInBilling,
    RequestApproval,
    ReviseApproval,
    SendLetter,
    SuspendInBilling,
    WithdrawApproval,
    WithdrawLetter,
)
from domain.clock import Moment
from domain.correspondence.letter_outcome import LetterResult
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.policy.approval_type import ApprovalType
from domain.roles import Role
from domain.suspension.state import (
    APPROVAL_SEQUENCE,
    LETTER_SEQUENCE,
    ORDER_SEQUENCE,
    PRE_SUSPENSION_STAGES,
    SUSPENDED_STAGES,
    SuspensionEnding,
    SuspensionStage,
)
from domain.suspension.suspension_case import SuspensionCase
from domain.timeline.holds import Hold, HoldKind

WARNING_LETTER, SUSPENDED_LETTER, REINSTATED_LETTER = "suspension_warning", "suspended", "reinstated"


def advance(case: SuspensionCase, at: Moment) -> None:
    """Go as far as the facts, the day and the words given allow."""
    if case.is_ended:
        return
    _track_fully_disputed_days(case, at)
    while not case.is_ended and _take_due_step(case, at):
        pass


def _take_due_step(case: SuspensionCase, at: Moment) -> bool:
    """Take one step, if one is due."""
    due = case.wakes_at()
    is_due = due is not None and due <= at.business
    if case.stage in PRE_SUSPENSION_STAGES:
        if case.prepaid or not case.owed_receivables():
            end_case(case, SuspensionEnding.SPARED if case.prepaid else SuspensionEnding.CURED, at)
        elif case.is_warning_obsolete:
            _restart(case, at)
        elif case.is_fully_disputed and case.approval_open:
            withdraw_approval_request(case, REVISED)
        elif is_due:
            _request_approval(case, at)
        else:
            return False
        return True
    if case.stage in SUSPENDED_STAGES and not case.owed_receivables(case.warned):
        order_reinstatement(case, at)
        return True
    if case.stage is SuspensionStage.SUSPENDED and is_due:
        hand_over_account(case, at)
    return False


def _track_fully_disputed_days(case: SuspensionCase, at: Moment) -> None:
    """The days on which everything was disputed do not count as notice."""
    today = at.business.date()
    if case.is_fully_disputed and case.spared_since is None:
        case.spared_since = today
        case.write_entry(EntryKind.SUSPENSION_SPARED, at, reason="disputed")
        if case.stage in SUSPENDED_STAGES:
            notify_role(case, Role.COLLECTIONS_MANAGER, "suspended_account_disputed", at)
    elif case.spared_since is not None and not case.is_fully_disputed:
        since, case.spared_since = case.spared_since, None
        case.write_entry(EntryKind.SUSPENSION_RESUMED, at)
        if case.stage is SuspensionStage.NOTICE and case.notice_ends and since <= case.notice_ends:
            case.notice_ends += today - since


def _request_approval(case: SuspensionCase, at: Moment) -> None:
    about_warning = case.stage is SuspensionStage.ASKED
    case.stage = SuspensionStage.WARNING_APPROVAL if about_warning else SuspensionStage.SIGN_OFF
    matter = ApprovalType.SUSPENSION_WARNING if about_warning else ApprovalType.SUSPENSION
    number = case.next_number(APPROVAL_SEQUENCE)
    case.approval_open, case.returned = True, False
    amounts = case.approval_amounts()
    amount, currency = find_largest_amount(amounts)
    requester = case.askers[-1] if case.askers else SYSTEM
    case.write_entry(
        EntryKind.SUSPENSION_APPROVAL_ASKED, at, requester, approval=number, matter=matter.value, amount=amount, currency=currency
    )
    case.add_effect(
        RequestApproval(
            number=number,
            matter=matter,
            amount=amount,
            currency=currency,
            other_amounts=list_other_amounts(amounts),
            requester=requester,
            also_asked=case.askers[:-1],
            invoice_ids=case.approval_invoice_ids(),
            details={f"owed_{code}": owed for code, owed in sorted(amounts.items())},
            invoices=case.approval_invoices(),
            reason=case.approval_reason,
        )
    )


def revise_approval(case: SuspensionCase) -> None:
    amounts = case.approval_amounts()
    if amounts:
        amount, currency = find_largest_amount(amounts)
        case.add_revision(
            ReviseApproval(
                number=case.last_number(APPROVAL_SEQUENCE),
                amount=amount,
                currency=currency,
                other_amounts=list_other_amounts(amounts),
                invoices=case.approval_invoices(),
                requester=case.askers[-1] if case.askers else SYSTEM,
                also_asked=case.askers[:-1],
                reason=case.approval_reason,
            )
        )


def send_warning(case: SuspensionCase, at: Moment, actor: str = SYSTEM, approved: Container[str] | None = None, **facts: str) -> int:
    """Ask for the letter, or ask for it again under a new number. The entry's number. `approved`: the invoices that it may name; None: all
    that joined the case."""
    case.warned = [name for name in case.approval_invoice_ids() if approved is None or name in approved]
    case.stage, case.undelivered = SuspensionStage.WARNING, False
    number = case.next_number(LETTER_SEQUENCE)
    seq = case.write_entry(EntryKind.SUSPENSION_WARNING_REQUESTED, at, actor, letter=number, invoices=len(case.warned), **facts)
    request_letter(case, WARNING_LETTER, case.warned, at, key=f"warning:{number}", number=number)
    return seq


def start_notice(case: SuspensionCase, number: int, on: date, at: Moment) -> None:
    case.stage, case.undelivered, case.delivered_on, case.extended_days = SuspensionStage.NOTICE, False, on, 0
    case.notice_ends = on + timedelta(days=case.policy.suspension.notice_days)
    case.spared_since = at.business.date() if case.is_fully_disputed else None
    case.write_entry(
        EntryKind.SUSPENSION_WARNING_DELIVERED, at, letter=number, delivered_on=on.isoformat(), notice_ends=case.notice_ends.isoformat()
    )
    notify_invoices(case, case.warned, EntryKind.SUSPENSION_WARNING_DELIVERED)


def record_failed_delivery(case: SuspensionCase, number: int, result: LetterResult, at: Moment, reason: str) -> None:
    withdraw_approval_request(case, REVISED)
    case.stage, case.undelivered, case.delivered_on, case.notice_ends = SuspensionStage.WARNING, True, None, None
    case.returned = False
    case.write_entry(EntryKind.SUSPENSION_WARNING_UNDELIVERED, at, letter=number, fate=result.value, reason=reason)
    notify_role(case, Role.COLLECTOR, "suspension_warning_undelivered", at)


def order_suspension(case: SuspensionCase, at: Moment) -> None:
    case.stage = SuspensionStage.SUSPENDING
    number = case.next_number(ORDER_SEQUENCE)
    case.write_entry(EntryKind.SUSPENSION_ORDERED, at, order=number)
    case.add_effect(SuspendInBilling(account_id=case.journal.account_id, number=number, invoice_ids=list(case.warned)))


def order_reinstatement(case: SuspensionCase, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
    case.stage = SuspensionStage.REINSTATING
    seq = case.write_entry(EntryKind.SUSPENSION_REINSTATEMENT_ORDERED, at, actor, **facts)
    case.add_effect(ReinstateInBilling(account_id=case.journal.account_id))
    return seq


def hand_over_account(case: SuspensionCase, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
    case.stage = SuspensionStage.HANDED_OVER
    names = [claim.invoice_id for claim in case.owed_receivables()]
    seq = case.write_entry(EntryKind.SUSPENSION_HANDED_OVER, at, actor, invoices=len(names), **facts)
    place_holds(case, names, at)
    hand_over_invoices(case, names)
    return seq


def hand_over_invoices(case: SuspensionCase, invoice_ids: list[str]) -> None:
    """To the write-off team."""
    notify_invoices(case, invoice_ids, EntryKind.SUSPENSION_HANDED_OVER)
    case.add_effect(HandOverAccount(account_id=case.journal.account_id, invoice_ids=invoice_ids))


def _restart(case: SuspensionCase, at: Moment) -> None:
    """What the warning named is settled or disputed, and something else is not: that needs a warning of its own."""
    withdraw_approval_request(case, REVISED)
    _withdraw_warning_letter(case)
    case.stage, case.asks_on, case.undelivered, case.returned = SuspensionStage.ASKED, at.business.date(), False, False
    case.warned, case.delivered_on, case.notice_ends = [], None, None
    case.write_entry(EntryKind.SUSPENSION_BEGUN_ANEW, at)


def withdraw_approval_request(case: SuspensionCase, reason: str) -> None:
    if case.approval_open:
        case.add_effect(WithdrawApproval(number=case.last_number(APPROVAL_SEQUENCE), reason=reason))
        case.approval_open = False
        return_to_previous_stage(case)


def _withdraw_warning_letter(case: SuspensionCase) -> None:
    """A warning that is still under way."""
    if case.stage is SuspensionStage.WARNING:
        case.add_effect(WithdrawLetter(key=f"{case.journal.case_id}:warning:{case.last_number(LETTER_SEQUENCE)}"))


def request_approval_again(case: SuspensionCase, by: str) -> None:
    """After a return: whoever asks now is the requester."""
    case.returned = False
    case.askers = [*(asker for asker in case.askers if asker != by), by]
    return_to_previous_stage(case)


def return_to_previous_stage(case: SuspensionCase) -> None:
    """To where the approval is asked for anew as soon as it may be."""
    case.stage = SuspensionStage.ASKED if case.stage is SuspensionStage.WARNING_APPROVAL else SuspensionStage.NOTICE


def end_case(case: SuspensionCase, ending: SuspensionEnding, at: Moment, actor: str = SYSTEM, **facts: str) -> int:
    withdraw_approval_request(case, SETTLED if ending is SuspensionEnding.CURED else WITHDRAWN)
    _withdraw_warning_letter(case)
    case.stage, case.ending, case.returned = SuspensionStage.ENDED, ending, False
    seq = case.write_entry(EntryKind.SUSPENSION_ENDED, at, actor, ending=ending.value, **facts)
    notify_invoices(case, case.claims, EntryKind.SUSPENSION_ENDED)
    lift_holds(case)
    return seq


# --- whom it tells


def request_letter(case: SuspensionCase, template: str, invoice_ids: list[str], at: Moment, key: str, number: int = 0) -> None:
    """`warned_on` is the day on which the current warning went, None in the warning itself."""
    details: dict[str, FactValue] = {
        "notice_days": case.policy.suspension.notice_days,
        "warned_on": case.delivered_on.isoformat() if case.delivered_on and template != WARNING_LETTER else None,
    }
    case.add_effect(
        SendLetter(
            template=template,
            on=at.business.date(),
            key=f"{case.journal.case_id}:{key}",
            number=number,
            invoice_ids=list(invoice_ids),
            details=details,
        )
    )


def notify_invoices(case: SuspensionCase, invoice_ids: Iterable[str], kind: EntryKind) -> None:
    for invoice_id in invoice_ids:
        case.add_effect(NotifyInvoice(invoice_id=invoice_id, what=kind.value))


def notify_role(case: SuspensionCase, role: Role, template: str, at: Moment) -> None:
    details: dict[str, FactValue] = {"account": case.journal.account_id, "on": at.business.date().isoformat()}
    case.add_effect(NotifyRole(role=role, template=template, details=details))


def lift_holds(case: SuspensionCase) -> None:
    for invoice_id in case.claims:
        case.add_effect(LiftHold(invoice_id=invoice_id, hold_id=case.hold_id))


def place_holds(case: SuspensionCase, invoice_ids: Iterable[str], at: Moment) -> None:
    hold = Hold(hold_id=case.hold_id, kind=HoldKind.SUSPENSION, since=at.business)
    for invoice_id in invoice_ids:
        case.add_effect(PlaceHold(invoice_id=invoice_id, hold=hold))
