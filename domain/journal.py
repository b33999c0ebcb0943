"""The journal: every act is an entry, and the entries of a case are chained by their hashes.

The workflow makes entry and hash, so replaying its history makes the same chain again. A hash is SHA-256 over the entry's
canonical JSON: keys sorted, no spaces, UTF-8, times in ISO 8601 with microseconds and UTC offset, the previous hash included.
"""

import hashlib
import json
from datetime import UTC, date, datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

GENESIS = "0" * 64
"""What stands as the previous hash in the first entry of a case."""

SYSTEM = "duecourse"
"""The actor of what no person did."""

Fact = str | int | bool | None


class EntryKind(StrEnum):
    CASE_OPENED = "case.opened"
    CASE_REOPENED = "case.reopened"
    CASE_CLOSED = "case.closed"
    STEP_TAKEN = "step.taken"
    LETTER_REQUESTED = "letter.requested"
    LETTER_SENT = "letter.sent"
    LETTER_REFUSED = "letter.refused"
    LETTER_UNKNOWN = "letter.unknown"
    LETTER_DROPPED = "letter.dropped"
    LETTER_WITHDRAWN = "letter.withdrawn"
    CALL_REQUESTED = "call.requested"
    CALL_LOGGED = "call.logged"
    ESCALATED = "escalation.raised"
    ESCALATION_TOLD = "escalation.told"
    ESCALATION_ANSWERED = "escalation.answered"
    PAYMENT_RECEIVED = "payment.received"
    PAYMENT_REVERSED = "payment.reversed"
    CREDIT_NOTE_ISSUED = "credit_note.issued"
    INVOICE_CHANGED = "invoice.changed"
    INVOICE_CANCELLED = "invoice.cancelled"
    HOLD_PLACED = "hold.placed"
    HOLD_LIFTED = "hold.lifted"
    HOLD_NOT_PLACED = "hold.not_placed"
    PROMISE_MADE = "promise.made"
    PROMISE_KEPT = "promise.kept"
    PROMISE_PARTLY_KEPT = "promise.partly_kept"
    PROMISE_BROKEN = "promise.broken"
    NOTE_ADDED = "note.added"
    ACT_REFUSED = "act.refused"
    POLICY_ADOPTED = "policy.adopted"
    CLOCK_SET = "clock.set"
    TIMELINE_HASTENED = "timeline.hastened"
    DOSSIER_MADE = "dossier.made"
    SEAL_MADE = "seal.made"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_SIGNED = "approval.signed"
    APPROVAL_REMINDED = "approval.reminded"
    APPROVAL_ESCALATED = "approval.escalated"
    APPROVAL_REJECTED = "approval.rejected"
    APPROVAL_RETURNED = "approval.returned"
    APPROVAL_GRANTED = "approval.granted"
    APPROVAL_LAPSED = "approval.lapsed"

    # a dispute
    DISPUTE_RAISED = "dispute.raised"
    DISPUTE_ASSIGNED = "dispute.assigned"
    DISPUTE_EVIDENCE_ATTACHED = "dispute.evidence_attached"
    DISPUTE_REMINDED = "dispute.reminded"
    DISPUTE_ESCALATED = "dispute.escalated"
    DISPUTE_RESOLUTION_PROPOSED = "dispute.resolution_proposed"
    DISPUTE_RETURNED = "dispute.returned"
    DISPUTE_BOOKING_REFUSED = "dispute.booking_refused"
    DISPUTE_RESOLVED = "dispute.resolved"

    # an invoice's disputes, as its own history tells of them
    DISPUTE_OPENED = "dispute.opened"
    DISPUTE_AMOUNT_CHANGED = "dispute.amount_changed"
    DISPUTE_CLOSED = "dispute.closed"

    # a payment plan
    PLAN_PROPOSED = "plan.proposed"
    PLAN_REVISED = "plan.revised"
    PLAN_RETURNED = "plan.returned"
    PLAN_REJECTED = "plan.rejected"
    PLAN_OFFERED = "plan.offered"
    PLAN_ACCEPTED = "plan.accepted"
    PLAN_DECLINED = "plan.declined"
    PLAN_LAPSED = "plan.lapsed"
    PLAN_MONEY_COUNTED = "plan.money_counted"
    PLAN_INSTALMENT_RECALLED = "plan.instalment_recalled"
    PLAN_INSTALMENT_PAID = "plan.instalment_paid"
    PLAN_INSTALMENT_MISSED = "plan.instalment_missed"
    PLAN_BROKEN = "plan.broken"
    PLAN_COMPLETED = "plan.completed"
    PLAN_CANCELLED = "plan.cancelled"
    SUSPENSION_ASKED = "suspension.asked"
    SUSPENSION_FACTS_CHANGED = "suspension.facts_changed"
    SUSPENSION_SPARED = "suspension.spared"
    SUSPENSION_RESUMED = "suspension.resumed"
    SUSPENSION_BEGUN_ANEW = "suspension.begun_anew"
    SUSPENSION_WARNING_REQUESTED = "suspension.warning_requested"
    SUSPENSION_WARNING_DELIVERED = "suspension.warning_delivered"
    SUSPENSION_WARNING_UNDELIVERED = "suspension.warning_undelivered"
    SUSPENSION_NOTICE_EXTENDED = "suspension.notice_extended"
    SUSPENSION_ORDERED = "suspension.ordered"
    SUSPENSION_SUSPENDED = "suspension.suspended"
    SUSPENSION_REINSTATEMENT_ORDERED = "suspension.reinstatement_ordered"
    SUSPENSION_REINSTATED = "suspension.reinstated"
    SUSPENSION_HANDED_OVER = "suspension.handed_over"
    SUSPENSION_HANDED_BACK = "suspension.handed_back"
    SUSPENSION_APPROVAL_ASKED = "suspension.approval_asked"
    SUSPENSION_APPROVAL_ANSWERED = "suspension.approval_answered"
    SUSPENSION_ENDED = "suspension.ended"
    WRITE_OFF_HANDED_OVER = "write_off.handed_over"
    WRITE_OFF_PROPOSED = "write_off.proposed"
    WRITE_OFF_APPROVAL_ASKED = "write_off.approval_asked"
    WRITE_OFF_APPROVAL_ANSWERED = "write_off.approval_answered"
    WRITE_OFF_REVISED = "write_off.revised"
    WRITE_OFF_BOOKING_ORDERED = "write_off.booking_ordered"
    WRITE_OFF_BOOKED = "write_off.booked"
    WRITE_OFF_RECOVERED = "write_off.recovered"
    WRITE_OFF_DECIDED = "write_off.decided"
    WRITE_OFF_ENDED = "write_off.ended"
    CREDIT_REVIEW_REFERRED = "credit_review.referred"
    CREDIT_REVIEW_VERDICT = "credit_review.verdict"
    CREDIT_REVIEW_STOPPED = "credit_review.stopped"
    CREDIT_REVIEW_DUE = "credit_review.due"
    CREDIT_REVIEW_ENDED = "credit_review.ended"
    ACCOUNT_ERASED = "account.erased"


class Entry(BaseModel):
    """One act. Both times are UTC: business time is when it counts, recorded time is when the workflow saw it."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    seq: int
    kind: EntryKind
    business_at: AwareDatetime
    recorded_at: AwareDatetime
    account_id: str
    invoice_id: str | None
    actor: str
    facts: dict[str, Fact]
    previous: str
    hash: str = ""

    def digest(self) -> str:
        """The hash that this entry must carry."""
        return hashlib.sha256(canonical(self.model_dump(exclude={"hash"}))).hexdigest()


def canonical(content: dict[str, object]) -> bytes:
    """The one JSON form of an entry's content."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form in the journal")


class Journal(BaseModel):
    """The writing end of one case's chain. `pending` holds the entries that are not in the database yet."""

    case_id: str
    account_id: str
    invoice_id: str | None = None
    seq: int = 0
    head: str = GENESIS
    pending: list[Entry] = Field(default_factory=list)

    def write(self, kind: EntryKind, business_at: datetime, recorded_at: datetime, actor: str = SYSTEM, **facts: Fact) -> Entry:
        """Append an entry; it stays pending until `written`."""
        draft = Entry(
            case_id=self.case_id, seq=self.seq + 1, kind=kind, business_at=business_at, recorded_at=recorded_at,
            account_id=self.account_id, invoice_id=self.invoice_id, actor=actor, facts=facts, previous=self.head,
        )  # fmt: skip
        entry = draft.model_copy(update={"hash": draft.digest()})
        self.seq, self.head = entry.seq, entry.hash
        self.pending.append(entry)
        return entry

    def written(self, up_to: int, head: str | None = None) -> None:
        """Forget the pending entries that the database has. `head`: the hash under which it has the last of them; None: the entry's own.

        A workflow task that a query or a slow database cuts short is replayed with its successor's time, and its entries then get other
        hashes than those that were written. What was written holds: later entries follow it.
        """
        later = [entry for entry in self.pending if entry.seq > up_to]
        last = next((entry.hash for entry in self.pending if entry.seq == up_to), None)
        self.pending = later
        if head is None or head == last:
            return
        self.seq, self.head, self.pending = up_to, head, []
        for entry in later:
            self.write(entry.kind, entry.business_at, entry.recorded_at, entry.actor, **entry.facts)


def broken_at(entries: list[Entry]) -> int | None:
    """The sequence number of the first entry of a case that does not follow from the one before it, or None."""
    previous = GENESIS
    for expected, entry in enumerate(entries, 1):
        if entry.seq != expected or entry.previous != previous or entry.hash != entry.digest():
            return entry.seq
        previous = entry.hash
    return None
