"""The stage of an account's cases other than invoices, and whom each waits for: a function of each case's journal entries alone."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.identifiers import CaseKind, find_case_kind
from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_type import ApprovalType
from domain.projection.state_models import CaseState

DISPUTE_ANSWERED = "answered"
"""The stage of a dispute whose department has answered; its approval's own case shows if that waits for approval or is being booked."""


class CasePosition(NamedTuple):
    """A case's stage and whom it waits for. `due_on`: the day by which they are to act, where an entry names one."""

    stage: str
    waiting_for: str
    due_on: date | None = None


def dispute_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of a dispute; it waits for the department that it is assigned to."""
    department, position = "", CasePosition("open", "")
    for entry in entries:
        match entry.kind:
            case EntryKind.DISPUTE_RAISED.value:
                department = entry.get_text("department")
                position = CasePosition("open", department)
            case EntryKind.DISPUTE_ASSIGNED.value if entry.get_text("department") != department:
                department = entry.get_text("department")
                position = CasePosition("open", department)
            case EntryKind.DISPUTE_REMINDED.value:
                position = position._replace(due_on=entry.get_date("deadline"))
            case EntryKind.DISPUTE_ESCALATED.value:
                position = CasePosition("open", entry.get_text("role"), entry.get_date("deadline"))
            case EntryKind.DISPUTE_RESOLUTION_PROPOSED.value:
                position = CasePosition(DISPUTE_ANSWERED, "approval")
            case EntryKind.DISPUTE_RETURNED.value:
                position = CasePosition("open", department)
            case EntryKind.DISPUTE_RESOLVED.value:
                position = CasePosition("closed", "nothing")
    return position


def plan_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of a payment plan. While terms in force are renegotiated, it is that of the negotiation; when that fails,
    the terms stay in force."""
    position, in_force = CasePosition("approval", "approval"), False
    for entry in entries:
        match entry.kind:
            case EntryKind.PLAN_PROPOSED.value | EntryKind.PLAN_REVISED.value:
                position = CasePosition("approval", "approval")
            case EntryKind.PLAN_RETURNED.value:
                position = CasePosition("proposed", "author", entry.get_date("until"))
            case EntryKind.PLAN_OFFERED.value:
                position = CasePosition("offered", "customer", entry.get_date("until"))
            case EntryKind.PLAN_ACCEPTED.value:
                position, in_force = CasePosition("active", "payment"), True
            case EntryKind.PLAN_REJECTED.value | EntryKind.PLAN_DECLINED.value:
                position = CasePosition("active", "payment") if in_force else CasePosition("rejected", "nothing")
            case EntryKind.PLAN_LAPSED.value:
                position = CasePosition("active", "payment") if in_force else CasePosition("cancelled", "nothing")
            case EntryKind.PLAN_INSTALMENT_RECALLED.value if position.stage == "active":
                position = position._replace(due_on=entry.get_date("due_on"))
            case EntryKind.PLAN_INSTALMENT_MISSED.value if position.stage == "active":
                position = position._replace(due_on=entry.get_date("grace_until"))
            case EntryKind.PLAN_INSTALMENT_PAID.value if position.stage == "active":
                position = position._replace(due_on=None)
            case EntryKind.PLAN_BROKEN.value | EntryKind.PLAN_COMPLETED.value | EntryKind.PLAN_CANCELLED.value:
                position = CasePosition(entry.kind.removeprefix("plan."), "nothing")
    return position


def approval_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of an approval; it waits for the role of its tier."""
    position = CasePosition("asked", "")
    for entry in entries:
        match entry.kind:
            case EntryKind.APPROVAL_ASKED.value:
                position = CasePosition("asked", entry.get_text("role"), entry.get_date("due_on"))
            case EntryKind.APPROVAL_ESCALATED.value:
                position = CasePosition("escalated", entry.get_text("to"), position.due_on)
            case EntryKind.APPROVAL_GRANTED.value:
                position = CasePosition("approved", "nothing")
            case EntryKind.APPROVAL_REJECTED.value | EntryKind.APPROVAL_RETURNED.value | EntryKind.APPROVAL_LAPSED.value:
                position = CasePosition(entry.kind.removeprefix("approval."), "nothing")
    return position


def credit_review_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of a credit review; between two verdicts it waits for the next review's day."""
    position = CasePosition("referred", "verdict")
    for entry in entries:
        match entry.kind:
            case EntryKind.CREDIT_REVIEW_REFERRED.value | EntryKind.CREDIT_REVIEW_DUE.value:
                position = CasePosition("referred", "verdict")
            case EntryKind.CREDIT_REVIEW_VERDICT.value:
                position = CasePosition("reviewed", "time", entry.get_date("next_review_on"))
            case EntryKind.CREDIT_REVIEW_ENDED.value:
                position = CasePosition("ended", "nothing")
    return position


def write_off_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Return the position of a write-off. Invoices that join while the whole is being booked are still to be decided afterwards."""
    position, has_joined = CasePosition("deciding", "decision"), False
    for entry in entries:
        match entry.kind:
            case EntryKind.WRITE_OFF_HANDED_OVER.value:
                has_joined = position.stage == "booking"
                position = CasePosition("deciding", "decision") if position.stage in ("decided", "ended") else position
            case EntryKind.WRITE_OFF_APPROVAL_ASKED.value:
                position = CasePosition("approval", "approval")
            case EntryKind.WRITE_OFF_APPROVAL_ANSWERED.value if entry.get_text("result") != "approved":
                position = CasePosition("deciding", "decision")
            case EntryKind.WRITE_OFF_BOOKING_ORDERED.value:
                position, has_joined = CasePosition("booking", "billing"), False
            case EntryKind.WRITE_OFF_DECIDED.value:
                must_decide_again = has_joined and entry.get_text("decision") == "whole"
                position = CasePosition("deciding", "decision") if must_decide_again else CasePosition("decided", "payment")
            case EntryKind.WRITE_OFF_ENDED.value:
                position = CasePosition("ended", "nothing")
    return position


class _SuspensionProjection:
    """One suspension, from its opening to its end."""

    def __init__(self) -> None:
        self.stage, self.returned, self.undelivered = "asked", False, False
        self.spared_since: date | None = None
        self.notice_ends: date | None = None
        self.hand_over_on: date | None = None

    def apply_entry(self, entry: AccountEntry) -> None:
        match entry.kind:
            case EntryKind.SUSPENSION_ASKED.value if self.returned and entry.facts.keys() == {"act"}:
                self._return_to_previous_stage()
            case EntryKind.SUSPENSION_APPROVAL_ASKED.value:
                about_warning = entry.get_text("matter") == ApprovalType.SUSPENSION_WARNING
                self.stage, self.returned = "warning_approval" if about_warning else "sign_off", False
            case EntryKind.SUSPENSION_APPROVAL_ANSWERED.value if entry.get_text("result") == "returned":
                self.returned = True
            case EntryKind.SUSPENSION_APPROVAL_ANSWERED.value if entry.get_text("result") == "lapsed":
                self._return_to_previous_stage()
            case EntryKind.SUSPENSION_WARNING_REQUESTED.value:
                self.stage, self.undelivered = "warning", False
            case EntryKind.SUSPENSION_WARNING_DELIVERED.value:
                self.stage, self.undelivered, self.notice_ends = "notice", False, entry.get_date("notice_ends")
                self.spared_since = entry.business_date if self.spared_since else None
            case EntryKind.SUSPENSION_WARNING_UNDELIVERED.value:
                self.stage, self.undelivered, self.returned, self.notice_ends = "warning", True, False, None
            case EntryKind.SUSPENSION_NOTICE_EXTENDED.value:
                self.stage, self.returned, self.notice_ends = "notice", False, entry.get_date("until")
            case EntryKind.SUSPENSION_SPARED.value:
                self.spared_since = entry.business_date
                if not self.returned:
                    self._return_to_previous_stage()
            case EntryKind.SUSPENSION_RESUMED.value:
                self._resume_notice(entry.business_date)
            case EntryKind.SUSPENSION_BEGUN_ANEW.value:
                self.stage, self.undelivered, self.returned, self.notice_ends = "asked", False, False, None
            case EntryKind.SUSPENSION_ORDERED.value:
                self.stage = "suspending"
            case EntryKind.SUSPENSION_SUSPENDED.value:
                self.stage, self.hand_over_on = "suspended", entry.get_date("hand_over_on")
            case EntryKind.SUSPENSION_REINSTATEMENT_ORDERED.value:
                self.stage = "reinstating"
            case EntryKind.SUSPENSION_HANDED_OVER.value:
                self.stage = "handed_over"
            case EntryKind.SUSPENSION_HANDED_BACK.value:
                self.stage, self.hand_over_on = "suspended", None
            case EntryKind.SUSPENSION_ENDED.value:
                self.stage, self.returned = "ended", False

    def _return_to_previous_stage(self) -> None:
        self.returned = False
        self.stage = {"warning_approval": "asked", "sign_off": "notice"}.get(self.stage, self.stage)

    def _resume_notice(self, on: date) -> None:
        """Move the end of the notice: the days on which everything was disputed do not count."""
        since, self.spared_since = self.spared_since, None
        if self.stage == "notice" and self.notice_ends and since and since <= self.notice_ends:
            self.notice_ends += on - since

    def build_position(self) -> CasePosition:
        if self.stage == "ended":
            return CasePosition("ended", "nothing")
        if self.returned:
            return CasePosition(self.stage, "requester")
        if self.spared_since and self.stage not in ("suspending", "reinstating", "handed_over"):
            return CasePosition(self.stage, "dispute")
        match self.stage:
            case "warning_approval" | "sign_off":
                return CasePosition(self.stage, "approval")
            case "warning":
                return CasePosition(self.stage, "address" if self.undelivered else "letter")
            case "suspending" | "reinstating":
                return CasePosition(self.stage, "billing")
            case "handed_over":
                return CasePosition(self.stage, "write_off")
            case "suspended" if self.hand_over_on is None:
                return CasePosition(self.stage, "payment")
            case "suspended":
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
