"""Where an account's other cases stand, and whom they wait for, as their journals tell: a function of each case's entries alone."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_type import ApprovalType
from domain.projection.state_models import CaseState

DISPUTE_ANSWERED = "answered"
"""A dispute whose department has answered: whether the answer waits for approval or is being booked, its approval's own case says."""


class CasePosition(NamedTuple):
    """Where a case stands. `due_on`: by when whoever it waits for is to act, where an entry names a day."""

    stage: str
    waiting_for: str
    due_on: date | None = None


def dispute_position(entries: Sequence[AccountEntry]) -> CasePosition:
    department, place = "", CasePosition("open", "")
    for entry in entries:
        match entry.kind:
            case EntryKind.DISPUTE_RAISED.value:
                department = entry.get_text("department")
                place = CasePosition("open", department)
            case EntryKind.DISPUTE_ASSIGNED.value if entry.get_text("department") != department:
                department = entry.get_text("department")
                place = CasePosition("open", department)
            case EntryKind.DISPUTE_REMINDED.value:
                place = place._replace(due_on=entry.get_date("deadline"))
            case EntryKind.DISPUTE_ESCALATED.value:
                place = CasePosition("open", entry.get_text("role"), entry.get_date("deadline"))
            case EntryKind.DISPUTE_RESOLUTION_PROPOSED.value:
                place = CasePosition(DISPUTE_ANSWERED, "approval")
            case EntryKind.DISPUTE_RETURNED.value:
                place = CasePosition("open", department)
            case EntryKind.DISPUTE_RESOLVED.value:
                place = CasePosition("closed", "nothing")
    return place


def plan_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """While terms in force are renegotiated, the negotiation shows; when it comes to nothing, they go on."""
    place, in_force = CasePosition("approval", "approval"), False
    for entry in entries:
        match entry.kind:
            case EntryKind.PLAN_PROPOSED.value | EntryKind.PLAN_REVISED.value:
                place = CasePosition("approval", "approval")
            case EntryKind.PLAN_RETURNED.value:
                place = CasePosition("proposed", "author", entry.get_date("until"))
            case EntryKind.PLAN_OFFERED.value:
                place = CasePosition("offered", "customer", entry.get_date("until"))
            case EntryKind.PLAN_ACCEPTED.value:
                place, in_force = CasePosition("active", "payment"), True
            case EntryKind.PLAN_REJECTED.value | EntryKind.PLAN_DECLINED.value:
                place = CasePosition("active", "payment") if in_force else CasePosition("rejected", "nothing")
            case EntryKind.PLAN_LAPSED.value:
                place = CasePosition("active", "payment") if in_force else CasePosition("cancelled", "nothing")
            case EntryKind.PLAN_INSTALMENT_RECALLED.value if place.stage == "active":
                place = place._replace(due_on=entry.get_date("due_on"))
            case EntryKind.PLAN_INSTALMENT_MISSED.value if place.stage == "active":
                place = place._replace(due_on=entry.get_date("grace_until"))
            case EntryKind.PLAN_INSTALMENT_PAID.value if place.stage == "active":
                place = place._replace(due_on=None)
            case EntryKind.PLAN_BROKEN.value | EntryKind.PLAN_COMPLETED.value | EntryKind.PLAN_CANCELLED.value:
                place = CasePosition(entry.kind.removeprefix("plan."), "nothing")
    return place


def approval_position(entries: Sequence[AccountEntry]) -> CasePosition:
    place = CasePosition("asked", "")
    for entry in entries:
        match entry.kind:
            case EntryKind.APPROVAL_ASKED.value:
                place = CasePosition("asked", entry.get_text("role"), entry.get_date("due_on"))
            case EntryKind.APPROVAL_ESCALATED.value:
                place = CasePosition("escalated", entry.get_text("to"), place.due_on)
            case EntryKind.APPROVAL_GRANTED.value:
                place = CasePosition("approved", "nothing")
            case EntryKind.APPROVAL_REJECTED.value | EntryKind.APPROVAL_RETURNED.value | EntryKind.APPROVAL_LAPSED.value:
                place = CasePosition(entry.kind.removeprefix("approval."), "nothing")
    return place


def credit_review_position(entries: Sequence[AccountEntry]) -> CasePosition:
    place = CasePosition("referred", "verdict")
    for entry in entries:
        match entry.kind:
            case EntryKind.CREDIT_REVIEW_REFERRED.value | EntryKind.CREDIT_REVIEW_DUE.value:
                place = CasePosition("referred", "verdict")
            case EntryKind.CREDIT_REVIEW_VERDICT.value:
                place = CasePosition("reviewed", "time", entry.get_date("next_review_on"))
            case EntryKind.CREDIT_REVIEW_ENDED.value:
                place = CasePosition("ended", "nothing")
    return place


def write_off_position(entries: Sequence[AccountEntry]) -> CasePosition:
    """Invoices that come while the whole is being booked are still to be decided about when it is."""
    place, joined = CasePosition("deciding", "decision"), False
    for entry in entries:
        match entry.kind:
            case EntryKind.WRITE_OFF_HANDED_OVER.value:
                joined = place.stage == "booking"
                place = CasePosition("deciding", "decision") if place.stage in ("decided", "ended") else place
            case EntryKind.WRITE_OFF_APPROVAL_ASKED.value:
                place = CasePosition("approval", "approval")
            case EntryKind.WRITE_OFF_APPROVAL_ANSWERED.value if entry.get_text("result") != "approved":
                place = CasePosition("deciding", "decision")
            case EntryKind.WRITE_OFF_BOOKING_ORDERED.value:
                place, joined = CasePosition("booking", "billing"), False
            case EntryKind.WRITE_OFF_DECIDED.value:
                again = joined and entry.get_text("decision") == "whole"
                place = CasePosition("deciding", "decision") if again else CasePosition("decided", "payment")
            case EntryKind.WRITE_OFF_ENDED.value:
                place = CasePosition("ended", "nothing")
    return place


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
        """The days on which everything was disputed do not count as notice."""
        since, self.spared_since = self.spared_since, None
        if self.stage == "notice" and self.notice_ends and since and since <= self.notice_ends:
            self.notice_ends += on - since

    def position(self) -> CasePosition:
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
    """Of the last one: they follow one another on one chain."""
    course = _SuspensionProjection()
    for entry in entries:
        if entry.kind == EntryKind.CASE_OPENED.value:
            course = _SuspensionProjection()
        course.apply_entry(entry)
    return course.position()


POSITION_READERS: dict[str, tuple[str, Callable[[Sequence[AccountEntry]], CasePosition]]] = {
    "dispute": ("dispute", dispute_position),
    "plan": ("payment_plan", plan_position),
    "approval": ("approval", approval_position),
    "suspension": ("suspension", suspension_position),
    "credit_review": ("credit_review", credit_review_position),
    "write_off": ("write_off", write_off_position),
}
"""By how the ids of such cases begin: what the kind of case is called, and how its place is read."""


def build_case_state(entries: Sequence[AccountEntry]) -> CaseState | None:
    """None for what is no case of an account, such as the day's seal."""
    first = entries[0]
    known = POSITION_READERS.get(first.case_id.partition(":")[0])
    if known is None:
        return None
    kind, read = known
    place = read(entries)
    return CaseState(
        case_id=first.case_id,
        kind=kind,
        invoice_id=first.invoice_id,
        stage=place.stage,
        waiting_for=place.waiting_for,
        due_on=place.due_on,
        begun_on=first.business_date,
        changed_on=entries[-1].business_date,
    )


def is_suspended(entries: Sequence[AccountEntry], write_offs: Sequence[AccountEntry]) -> bool:
    """The service is off. It stays off when the debt is written off, until the write-off team has it switched on again."""
    off = False
    switched = sorted([*entries, *write_offs], key=lambda entry: (entry.at, entry.case_id, entry.seq))
    for entry in switched:
        match entry.kind:
            case EntryKind.SUSPENSION_SUSPENDED.value:
                off = True
            case EntryKind.SUSPENSION_REINSTATED.value:
                off = False
            case EntryKind.SUSPENSION_REINSTATEMENT_ORDERED.value if entry.case_id.startswith("write_off:"):
                off = False
    return off
