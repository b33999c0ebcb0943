"""The stage of an account's cases other than invoices, and whom each waits for: a function of each case's journal entries alone."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.approval.result import ApprovalResult, ApprovalStage
from domain.credit_review.review_case import CreditReviewStage
from domain.dispute.state import DisputeStage
from domain.identifiers import CaseKind, find_case_kind
from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.payment_plan.state import PlanStage
from domain.policy.approval_type import ApprovalType
from domain.projection.state_models import CaseState
from domain.suspension.state import SuspensionStage
from domain.write_off.commands import WriteOffDecision
from domain.write_off.write_off_case import WriteOffStage

ANSWERED = "answered"
"""The stage of a dispute whose department has answered, and of a request to credit an invoice: its approval's own case shows whether that
waits for approval or is being booked."""


_PLAN_ENDS = {
    EntryKind.PLAN_BROKEN.value: PlanStage.BROKEN,
    EntryKind.PLAN_COMPLETED.value: PlanStage.COMPLETED,
    EntryKind.PLAN_CANCELLED.value: PlanStage.CANCELLED,
}
_APPROVAL_ENDS = {
    EntryKind.APPROVAL_REJECTED.value: ApprovalStage.REJECTED,
    EntryKind.APPROVAL_RETURNED.value: ApprovalStage.RETURNED,
    EntryKind.APPROVAL_LAPSED.value: ApprovalStage.LAPSED,
}


class CasePosition(NamedTuple):
    """A case's stage and whom it waits for. `due_on`: the day by which they are to act, where an entry names one."""

    stage: str
    waiting_for: str
    due_on: date | None = None


def dispute_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of a dispute; it waits for the department that it is assigned to."""
    department, position = "", CasePosition(DisputeStage.OPEN, "")
    for entry in entries:
        match entry.kind:
            case EntryKind.DISPUTE_RAISED.value:
                department = entry.get_text("department")
                position = CasePosition(DisputeStage.OPEN, department)
            case EntryKind.DISPUTE_ASSIGNED.value if entry.get_text("department") != department:
                department = entry.get_text("department")
                position = CasePosition(DisputeStage.OPEN, department)
            case EntryKind.DISPUTE_REMINDED.value:
                position = position._replace(due_on=entry.get_date("deadline"))
            case EntryKind.DISPUTE_ESCALATED.value:
                position = CasePosition(DisputeStage.OPEN, entry.get_text("role"), entry.get_date("deadline"))
            case EntryKind.DISPUTE_RESOLUTION_PROPOSED.value:
                position = CasePosition(ANSWERED, "approval")
            case EntryKind.DISPUTE_RETURNED.value:
                position = CasePosition(DisputeStage.OPEN, department)
            case EntryKind.DISPUTE_RESOLVED.value:
                position = CasePosition(DisputeStage.CLOSED, "nothing")
    return position


def plan_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of a payment plan. While terms in force are renegotiated, it is that of the negotiation; when that fails,
    the terms stay in force."""
    position, in_force = CasePosition(PlanStage.APPROVAL, "approval"), False
    for entry in entries:
        match entry.kind:
            case EntryKind.PLAN_PROPOSED.value | EntryKind.PLAN_REVISED.value:
                position = CasePosition(PlanStage.APPROVAL, "approval")
            case EntryKind.PLAN_RETURNED.value:
                position = CasePosition(PlanStage.PROPOSED, "author", entry.get_date("until"))
            case EntryKind.PLAN_OFFERED.value:
                position = CasePosition(PlanStage.OFFERED, "customer", entry.get_date("until"))
            case EntryKind.PLAN_ACCEPTED.value:
                position, in_force = CasePosition(PlanStage.ACTIVE, "payment"), True
            case EntryKind.PLAN_REJECTED.value | EntryKind.PLAN_DECLINED.value:
                position = CasePosition(PlanStage.ACTIVE, "payment") if in_force else CasePosition(PlanStage.REJECTED, "nothing")
            case EntryKind.PLAN_LAPSED.value:
                position = CasePosition(PlanStage.ACTIVE, "payment") if in_force else CasePosition(PlanStage.CANCELLED, "nothing")
            case EntryKind.PLAN_INSTALMENT_RECALLED.value if position.stage == PlanStage.ACTIVE:
                position = position._replace(due_on=entry.get_date("due_on"))
            case EntryKind.PLAN_INSTALMENT_MISSED.value if position.stage == PlanStage.ACTIVE:
                position = position._replace(due_on=entry.get_date("grace_until"))
            case EntryKind.PLAN_INSTALMENT_PAID.value if position.stage == PlanStage.ACTIVE:
                position = position._replace(due_on=None)
            case EntryKind.PLAN_BROKEN.value | EntryKind.PLAN_COMPLETED.value | EntryKind.PLAN_CANCELLED.value:
                position = CasePosition(_PLAN_ENDS[entry.kind], "nothing")
    return position


def approval_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of an approval; it waits for the role of its tier."""
    position = CasePosition(ApprovalStage.ASKED, "")
    for entry in entries:
        match entry.kind:
            case EntryKind.APPROVAL_ASKED.value:
                position = CasePosition(ApprovalStage.ASKED, entry.get_text("role"), entry.get_date("due_on"))
            case EntryKind.APPROVAL_ESCALATED.value:
                position = CasePosition(ApprovalStage.ESCALATED, entry.get_text("to"), position.due_on)
            case EntryKind.APPROVAL_GRANTED.value:
                position = CasePosition(ApprovalStage.APPROVED, "nothing")
            case EntryKind.APPROVAL_REJECTED.value | EntryKind.APPROVAL_RETURNED.value | EntryKind.APPROVAL_LAPSED.value:
                position = CasePosition(_APPROVAL_ENDS[entry.kind], "nothing")
    return position


def credit_review_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of a credit review; between two verdicts it waits for the next review's day."""
    position = CasePosition(CreditReviewStage.REFERRED, "verdict")
    for entry in entries:
        match entry.kind:
            case EntryKind.CREDIT_REVIEW_REFERRED.value | EntryKind.CREDIT_REVIEW_DUE.value:
                position = CasePosition(CreditReviewStage.REFERRED, "verdict")
            case EntryKind.CREDIT_REVIEW_VERDICT.value:
                position = CasePosition(CreditReviewStage.REVIEWED, "time", entry.get_date("next_review_on"))
            case EntryKind.CREDIT_REVIEW_ENDED.value:
                position = CasePosition(CreditReviewStage.ENDED, "nothing")
    return position


def credit_request_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of the last request to credit or cancel an invoice: they follow one another on one chain."""
    position = CasePosition(ANSWERED, "approval")
    for entry in entries:
        match entry.kind:
            case EntryKind.CREDIT_ASKED.value:
                position = CasePosition(ANSWERED, "approval")
            case EntryKind.CREDIT_ENDED.value:
                position = CasePosition(entry.get_text("ending"), "nothing")
    return position


def write_off_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of a write-off. Invoices that join while the whole is being booked are still to be decided afterwards."""
    position, has_joined = CasePosition(WriteOffStage.DECIDING, "decision"), False
    for entry in entries:
        match entry.kind:
            case EntryKind.WRITE_OFF_HANDED_OVER.value:
                has_joined = position.stage == WriteOffStage.BOOKING
                position = (
                    CasePosition(WriteOffStage.DECIDING, "decision")
                    if position.stage in (WriteOffStage.DECIDED, WriteOffStage.ENDED)
                    else position
                )
            case EntryKind.WRITE_OFF_APPROVAL_ASKED.value:
                position = CasePosition(WriteOffStage.APPROVAL, "approval")
            case EntryKind.WRITE_OFF_APPROVAL_ANSWERED.value if entry.get_text("result") != ApprovalResult.APPROVED:
                position = CasePosition(WriteOffStage.DECIDING, "decision")
            case EntryKind.WRITE_OFF_BOOKING_ORDERED.value:
                position, has_joined = CasePosition(WriteOffStage.BOOKING, "billing"), False
            case EntryKind.WRITE_OFF_DECIDED.value:
                must_decide_again = has_joined and entry.get_text("decision") == WriteOffDecision.WHOLE
                position = (
                    CasePosition(WriteOffStage.DECIDING, "decision")
                    if must_decide_again
                    else CasePosition(WriteOffStage.DECIDED, "payment")
                )
            case EntryKind.WRITE_OFF_ENDED.value:
                position = CasePosition(WriteOffStage.ENDED, "nothing")
    return position


_STAGE_BEFORE = {SuspensionStage.WARNING_APPROVAL: SuspensionStage.ASKED, SuspensionStage.SIGN_OFF: SuspensionStage.NOTICE}
"""The stage to which a case goes back whose approval failed."""

_PAST_NOTICE_STAGES = (SuspensionStage.SUSPENDING, SuspensionStage.REINSTATING, SuspensionStage.HANDED_OVER)


class _SuspensionProjection:
    """One suspension, from its opening to its end."""

    def __init__(self) -> None:
        self.stage = SuspensionStage.ASKED
        self.returned, self.undelivered = False, False
        self.spared_since: date | None = None
        self.notice_ends: date | None = None
        self.hand_over_on: date | None = None

    def apply_entry(self, entry: AccountEntry) -> None:
        match entry.kind:
            case EntryKind.SUSPENSION_ASKED.value if self.returned and entry.facts.keys() == {"act"}:
                self._return_to_previous_stage()
            case EntryKind.SUSPENSION_APPROVAL_ASKED.value:
                about_warning = entry.get_text("matter") == ApprovalType.SUSPENSION_WARNING
                self.stage, self.returned = SuspensionStage.WARNING_APPROVAL if about_warning else SuspensionStage.SIGN_OFF, False
            case EntryKind.SUSPENSION_APPROVAL_ANSWERED.value if entry.get_text("result") == ApprovalResult.RETURNED:
                self.returned = True
            case EntryKind.SUSPENSION_APPROVAL_ANSWERED.value if entry.get_text("result") == ApprovalResult.LAPSED:
                self._return_to_previous_stage()
            case EntryKind.SUSPENSION_WARNING_REQUESTED.value:
                self.stage, self.undelivered = SuspensionStage.WARNING, False
            case EntryKind.SUSPENSION_WARNING_DELIVERED.value:
                self.stage, self.undelivered, self.notice_ends = SuspensionStage.NOTICE, False, entry.get_date("notice_ends")
                self.spared_since = entry.business_date if self.spared_since else None
            case EntryKind.SUSPENSION_WARNING_UNDELIVERED.value:
                self.stage, self.undelivered, self.returned, self.notice_ends = SuspensionStage.WARNING, True, False, None
            case EntryKind.SUSPENSION_NOTICE_EXTENDED.value:
                self.stage, self.returned, self.notice_ends = SuspensionStage.NOTICE, False, entry.get_date("until")
            case EntryKind.SUSPENSION_SPARED.value:
                self.spared_since = entry.business_date
                if not self.returned:
                    self._return_to_previous_stage()
            case EntryKind.SUSPENSION_RESUMED.value:
                self._resume_notice(entry.business_date)
            case EntryKind.SUSPENSION_BEGUN_ANEW.value:
                self.stage, self.undelivered, self.returned, self.notice_ends = SuspensionStage.ASKED, False, False, None
            case EntryKind.SUSPENSION_ORDERED.value:
                self.stage = SuspensionStage.SUSPENDING
            case EntryKind.SUSPENSION_SUSPENDED.value:
                self.stage, self.hand_over_on = SuspensionStage.SUSPENDED, entry.get_date("hand_over_on")
            case EntryKind.SUSPENSION_REINSTATEMENT_ORDERED.value:
                self.stage = SuspensionStage.REINSTATING
            case EntryKind.SUSPENSION_HANDED_OVER.value:
                self.stage = SuspensionStage.HANDED_OVER
            case EntryKind.SUSPENSION_HANDED_BACK.value:
                self.stage, self.hand_over_on = SuspensionStage.SUSPENDED, None
            case EntryKind.SUSPENSION_ENDED.value:
                self.stage, self.returned = SuspensionStage.ENDED, False

    def _return_to_previous_stage(self) -> None:
        self.returned = False
        self.stage = _STAGE_BEFORE.get(self.stage, self.stage)

    def _resume_notice(self, on: date) -> None:
        """Move the end of the notice: the days on which everything was disputed do not count."""
        since, self.spared_since = self.spared_since, None
        if self.stage == SuspensionStage.NOTICE and self.notice_ends and since and since <= self.notice_ends:
            self.notice_ends += on - since

    def build_position(self) -> CasePosition:
        if self.stage == SuspensionStage.ENDED:
            return CasePosition(SuspensionStage.ENDED, "nothing")
        if self.returned:
            return CasePosition(self.stage, "requester")
        if self.spared_since and self.stage not in _PAST_NOTICE_STAGES:
            return CasePosition(self.stage, "dispute")
        match self.stage:
            case SuspensionStage.WARNING_APPROVAL | SuspensionStage.SIGN_OFF:
                return CasePosition(self.stage, "approval")
            case SuspensionStage.WARNING:
                return CasePosition(self.stage, "address" if self.undelivered else "letter")
            case SuspensionStage.SUSPENDING | SuspensionStage.REINSTATING:
                return CasePosition(self.stage, "billing")
            case SuspensionStage.HANDED_OVER:
                return CasePosition(self.stage, "write_off")
            case SuspensionStage.SUSPENDED if self.hand_over_on is None:
                return CasePosition(self.stage, "payment")
            case SuspensionStage.SUSPENDED:
                return CasePosition(self.stage, "time", self.hand_over_on)
        return CasePosition(self.stage, "time", self.notice_ends + timedelta(days=1) if self.notice_ends else None)


def suspension_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of the account's last suspension: they follow one another on one chain."""
    suspension = _SuspensionProjection()
    for entry in entries:
        if entry.kind == EntryKind.CASE_OPENED.value:
            suspension = _SuspensionProjection()
        suspension.apply_entry(entry)
    return suspension.build_position()


POSITION_READERS: dict[CaseKind, Callable[[Sequence[AccountEntry]], CasePosition]] = {
    CaseKind.DISPUTE: dispute_position,
    CaseKind.PAYMENT_PLAN: plan_position,
    CaseKind.APPROVAL: approval_position,
    CaseKind.SUSPENSION: suspension_position,
    CaseKind.CREDIT_REVIEW: credit_review_position,
    CaseKind.WRITE_OFF: write_off_position,
    CaseKind.CREDIT_REQUEST: credit_request_position,
}
"""By the kind of case: the function that computes its position."""


def build_case_state(entries: Sequence[AccountEntry]) -> CaseState | None:
    """Return the state of the case that wrote these entries; None for one of no account, such as the case of the seals."""
    first = entries[0]
    kind = find_case_kind(first.case_id)
    if kind not in POSITION_READERS:
        return None
    position = POSITION_READERS[kind](entries)
    return CaseState(
        case_id=first.case_id,
        kind=kind,
        invoice_id=first.invoice_id,
        stage=position.stage,
        waiting_for=position.waiting_for,
        due_on=position.due_on,
        begun_on=first.business_date,
        changed_on=entries[-1].business_date,
    )


def is_suspended(suspension_entries: Sequence[AccountEntry], write_off_entries: Sequence[AccountEntry]) -> bool:
    """Return true while the service is off. It stays off after a write-off until the write-off team has it switched on again."""
    suspended = False
    entries = sorted([*suspension_entries, *write_off_entries], key=lambda entry: (entry.at, entry.case_id, entry.seq))
    for entry in entries:
        match entry.kind:
            case EntryKind.SUSPENSION_SUSPENDED.value:
                suspended = True
            case EntryKind.SUSPENSION_REINSTATED.value:
                suspended = False
            case EntryKind.SUSPENSION_REINSTATEMENT_ORDERED.value if find_case_kind(entry.case_id) is CaseKind.WRITE_OFF:
                suspended = False
    return suspended
