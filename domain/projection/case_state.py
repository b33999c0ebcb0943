"""Where an account's other cases stand, and whom they wait for, as their journals tell: a function of each case's entries alone."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from domain.journal.account_entries import Told
from domain.journal.entry_kinds import EntryKind
from domain.policy.approval_type import Matter
from domain.projection.state_models import CaseStanding

ANSWERED = "answered"
"""A dispute whose department has answered: whether the answer waits for approval or is being booked, its approval's own case says."""


class Place(NamedTuple):
    """Where a case stands. `due_on`: by when whoever it waits for is to act, where an entry names a day."""

    stage: str
    waiting_for: str
    due_on: date | None = None


def place_dispute(entries: Sequence[Told]) -> Place:
    department, place = "", Place("open", "")
    for entry in entries:
        match entry.kind:
            case EntryKind.DISPUTE_RAISED.value:
                department = entry.text("department")
                place = Place("open", department)
            case EntryKind.DISPUTE_ASSIGNED.value if entry.text("department") != department:
                department = entry.text("department")
                place = Place("open", department)
            case EntryKind.DISPUTE_REMINDED.value:
                place = place._replace(due_on=entry.day("deadline"))
            case EntryKind.DISPUTE_ESCALATED.value:
                place = Place("open", entry.text("role"), entry.day("deadline"))
            case EntryKind.DISPUTE_RESOLUTION_PROPOSED.value:
                place = Place(ANSWERED, "approval")
            case EntryKind.DISPUTE_RETURNED.value:
                place = Place("open", department)
            case EntryKind.DISPUTE_RESOLVED.value:
                place = Place("closed", "nothing")
    return place


def place_plan(entries: Sequence[Told]) -> Place:
    """While terms in force are renegotiated, the negotiation shows; when it comes to nothing, they go on."""
    place, in_force = Place("approval", "approval"), False
    for entry in entries:
        match entry.kind:
            case EntryKind.PLAN_PROPOSED.value | EntryKind.PLAN_REVISED.value:
                place = Place("approval", "approval")
            case EntryKind.PLAN_RETURNED.value:
                place = Place("proposed", "author", entry.day("until"))
            case EntryKind.PLAN_OFFERED.value:
                place = Place("offered", "customer", entry.day("until"))
            case EntryKind.PLAN_ACCEPTED.value:
                place, in_force = Place("active", "payment"), True
            case EntryKind.PLAN_REJECTED.value | EntryKind.PLAN_DECLINED.value:
                place = Place("active", "payment") if in_force else Place("rejected", "nothing")
            case EntryKind.PLAN_LAPSED.value:
                place = Place("active", "payment") if in_force else Place("cancelled", "nothing")
            case EntryKind.PLAN_INSTALMENT_RECALLED.value if place.stage == "active":
                place = place._replace(due_on=entry.day("due_on"))
            case EntryKind.PLAN_INSTALMENT_MISSED.value if place.stage == "active":
                place = place._replace(due_on=entry.day("grace_until"))
            case EntryKind.PLAN_INSTALMENT_PAID.value if place.stage == "active":
                place = place._replace(due_on=None)
            case EntryKind.PLAN_BROKEN.value | EntryKind.PLAN_COMPLETED.value | EntryKind.PLAN_CANCELLED.value:
                place = Place(entry.kind.removeprefix("plan."), "nothing")
    return place


def place_approval(entries: Sequence[Told]) -> Place:
    place = Place("asked", "")
    for entry in entries:
        match entry.kind:
            case EntryKind.APPROVAL_ASKED.value:
                place = Place("asked", entry.text("role"), entry.day("due_on"))
            case EntryKind.APPROVAL_ESCALATED.value:
                place = Place("escalated", entry.text("to"), place.due_on)
            case EntryKind.APPROVAL_GRANTED.value:
                place = Place("approved", "nothing")
            case EntryKind.APPROVAL_REJECTED.value | EntryKind.APPROVAL_RETURNED.value | EntryKind.APPROVAL_LAPSED.value:
                place = Place(entry.kind.removeprefix("approval."), "nothing")
    return place


def place_credit_review(entries: Sequence[Told]) -> Place:
    place = Place("referred", "verdict")
    for entry in entries:
        match entry.kind:
            case EntryKind.CREDIT_REVIEW_REFERRED.value | EntryKind.CREDIT_REVIEW_DUE.value:
                place = Place("referred", "verdict")
            case EntryKind.CREDIT_REVIEW_VERDICT.value:
                place = Place("reviewed", "time", entry.day("next_review_on"))
            case EntryKind.CREDIT_REVIEW_ENDED.value:
                place = Place("ended", "nothing")
    return place


def place_write_off(entries: Sequence[Told]) -> Place:
    """Invoices that come while the whole is being booked are still to be decided about when it is."""
    place, joined = Place("deciding", "decision"), False
    for entry in entries:
        match entry.kind:
            case EntryKind.WRITE_OFF_HANDED_OVER.value:
                joined = place.stage == "booking"
                place = Place("deciding", "decision") if place.stage in ("decided", "ended") else place
            case EntryKind.WRITE_OFF_APPROVAL_ASKED.value:
                place = Place("approval", "approval")
            case EntryKind.WRITE_OFF_APPROVAL_ANSWERED.value if entry.text("result") != "approved":
                place = Place("deciding", "decision")
            case EntryKind.WRITE_OFF_BOOKING_ORDERED.value:
                place, joined = Place("booking", "billing"), False
            case EntryKind.WRITE_OFF_DECIDED.value:
                again = joined and entry.text("decision") == "whole"
                place = Place("deciding", "decision") if again else Place("decided", "payment")
            case EntryKind.WRITE_OFF_ENDED.value:
                place = Place("ended", "nothing")
    return place


class _Suspension:
    """One suspension, from its opening to its end."""

    def __init__(self) -> None:
        self.stage, self.returned, self.undelivered = "asked", False, False
        self.spared_since: date | None = None
        self.notice_ends: date | None = None
        self.hand_over_on: date | None = None

    def hear(self, entry: Told) -> None:
        match entry.kind:
            case EntryKind.SUSPENSION_ASKED.value if self.returned and entry.facts.keys() == {"act"}:
                self._step_back()
            case EntryKind.SUSPENSION_APPROVAL_ASKED.value:
                about_warning = entry.text("matter") == Matter.SUSPENSION_WARNING
                self.stage, self.returned = "warning_approval" if about_warning else "sign_off", False
            case EntryKind.SUSPENSION_APPROVAL_ANSWERED.value if entry.text("result") == "returned":
                self.returned = True
            case EntryKind.SUSPENSION_APPROVAL_ANSWERED.value if entry.text("result") == "lapsed":
                self._step_back()
            case EntryKind.SUSPENSION_WARNING_REQUESTED.value:
                self.stage, self.undelivered = "warning", False
            case EntryKind.SUSPENSION_WARNING_DELIVERED.value:
                self.stage, self.undelivered, self.notice_ends = "notice", False, entry.day("notice_ends")
                self.spared_since = entry.on if self.spared_since else None
            case EntryKind.SUSPENSION_WARNING_UNDELIVERED.value:
                self.stage, self.undelivered, self.returned, self.notice_ends = "warning", True, False, None
            case EntryKind.SUSPENSION_NOTICE_EXTENDED.value:
                self.stage, self.returned, self.notice_ends = "notice", False, entry.day("until")
            case EntryKind.SUSPENSION_SPARED.value:
                self.spared_since = entry.on
                if not self.returned:
                    self._step_back()
            case EntryKind.SUSPENSION_RESUMED.value:
                self._resume(entry.on)
            case EntryKind.SUSPENSION_BEGUN_ANEW.value:
                self.stage, self.undelivered, self.returned, self.notice_ends = "asked", False, False, None
            case EntryKind.SUSPENSION_ORDERED.value:
                self.stage = "suspending"
            case EntryKind.SUSPENSION_SUSPENDED.value:
                self.stage, self.hand_over_on = "suspended", entry.day("hand_over_on")
            case EntryKind.SUSPENSION_REINSTATEMENT_ORDERED.value:
                self.stage = "reinstating"
            case EntryKind.SUSPENSION_HANDED_OVER.value:
                self.stage = "handed_over"
            case EntryKind.SUSPENSION_HANDED_BACK.value:
                self.stage, self.hand_over_on = "suspended", None
            case EntryKind.SUSPENSION_ENDED.value:
                self.stage, self.returned = "ended", False

    def _step_back(self) -> None:
        self.returned = False
        self.stage = {"warning_approval": "asked", "sign_off": "notice"}.get(self.stage, self.stage)

    def _resume(self, on: date) -> None:
        """The days on which everything was disputed do not count as notice."""
        since, self.spared_since = self.spared_since, None
        if self.stage == "notice" and self.notice_ends and since and since <= self.notice_ends:
            self.notice_ends += on - since

    def place(self) -> Place:
        if self.stage == "ended":
            return Place("ended", "nothing")
        if self.returned:
            return Place(self.stage, "requester")
        if self.spared_since and self.stage not in ("suspending", "reinstating", "handed_over"):
            return Place(self.stage, "dispute")
        match self.stage:
            case "warning_approval" | "sign_off":
                return Place(self.stage, "approval")
            case "warning":
                return Place(self.stage, "address" if self.undelivered else "letter")
            case "suspending" | "reinstating":
                return Place(self.stage, "billing")
            case "handed_over":
                return Place(self.stage, "write_off")
            case "suspended" if self.hand_over_on is None:
                return Place(self.stage, "payment")
            case "suspended":
                return Place(self.stage, "time", self.hand_over_on)
        return Place(self.stage, "time", self.notice_ends + timedelta(days=1) if self.notice_ends else None)


def place_suspension(entries: Sequence[Told]) -> Place:
    """Of the last one: they follow one another on one chain."""
    course = _Suspension()
    for entry in entries:
        if entry.kind == EntryKind.CASE_OPENED.value:
            course = _Suspension()
        course.hear(entry)
    return course.place()


PLACES: dict[str, tuple[str, Callable[[Sequence[Told]], Place]]] = {
    "dispute": ("dispute", place_dispute),
    "plan": ("payment_plan", place_plan),
    "approval": ("approval", place_approval),
    "suspension": ("suspension", place_suspension),
    "credit_review": ("credit_review", place_credit_review),
    "write_off": ("write_off", place_write_off),
}
"""By how the ids of such cases begin: what the kind of case is called, and how its place is read."""


def case_standing(entries: Sequence[Told]) -> CaseStanding | None:
    """None for what is no case of an account, such as the day's seal."""
    first = entries[0]
    known = PLACES.get(first.case_id.partition(":")[0])
    if known is None:
        return None
    kind, read = known
    place = read(entries)
    return CaseStanding(
        case_id=first.case_id, kind=kind, invoice_id=first.invoice_id, stage=place.stage, waiting_for=place.waiting_for,
        due_on=place.due_on, begun_on=first.on, changed_on=entries[-1].on,
    )  # fmt: skip


def is_suspended(entries: Sequence[Told], write_offs: Sequence[Told]) -> bool:
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
