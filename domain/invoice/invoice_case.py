"""The state of one invoice's collection, and every rule by which it changes. The workflow only decides when to ask it."""

from datetime import date, datetime

from pydantic import AwareDatetime, Field

from domain.billing.billing_events import InvoiceFacts
from domain.case.account_case import AccountCase
from domain.case.case_view import TaskRequest
from domain.clock import Moment
from domain.correspondence.letter_outcome import (
    AWAITED_VERSION_FACT,
    LETTER_ENTRY_KINDS,
    UNDELIVERED_FACTS,
    DropReason,
    LetterNaming,
    LetterOutcome,
    LetterResult,
    WaivedLetter,
)
from domain.invoice.carried_state import CarriedState
from domain.invoice.dispute_record import DisputeRecord, PendingDispute
from domain.invoice.escalation import Escalation
from domain.invoice.promise import Promise, PromiseOutcome
from domain.invoice.requested_call import RequestedCall
from domain.invoice.untraced_letter import build_untraced_letter_task, build_untraced_outcome
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.policy.collection_policy import Policy, PolicySnapshot, Step, StepAction
from domain.timeline.holds import HeldPeriod, Hold, HoldKind, Holds
from domain.timeline.step_mapping import map_taken_steps
from domain.timeline.step_schedule import TakenStep, next_step, step_due_at

DISPUTE_HOLD, PROMISE_HOLD, PAUSE_HOLD, MINIMUM_HOLD = "dispute", "promise", "pause", "below_minimum"


_PROMISE_ENTRY_KINDS = {
    PromiseOutcome.KEPT: EntryKind.PROMISE_KEPT,
    PromiseOutcome.PARTLY_KEPT: EntryKind.PROMISE_PARTLY_KEPT,
    PromiseOutcome.BROKEN: EntryKind.PROMISE_BROKEN,
}


class InvoiceCase(AccountCase):
    """An invoice under collection.

    `followers`: the cases of its account that are told what becomes of it. `errands`: the people's tasks that its workflow is to write
    down. `heard`: the keys of the letter outcomes that were applied. `followed_flag`: what a file last said of a dispute, and a dispute
    followed. `awaited_version`: the version of the invoice that dropped a letter; until billing has told of it, no step is due.
    `refused_step`: the step whose letter was refused, until one arrives. `waived`: the letters that its workflow is to withdraw.
    """

    facts: InvoiceFacts
    snapshot: PolicySnapshot
    holds: Holds = Field(default_factory=Holds)
    taken: list[TakenStep] = Field(default_factory=list)
    promise: Promise | None = None
    broken_promises: int = 0
    heard: list[str] = Field(default_factory=list)
    letter_awaited: bool = False
    awaited_version: int = 0
    refused_step: str | None = None
    waived: list[WaivedLetter] = Field(default_factory=list)
    disputes: list[DisputeRecord] = Field(default_factory=list)
    disputed: int = 0
    followed_flag: bool = False
    to_open: list[PendingDispute] = Field(default_factory=list)
    followers: list[str] = Field(default_factory=list)
    hastened_at: AwareDatetime | None = None
    escalations: list[Escalation] = Field(default_factory=list)
    is_suspended: bool = False
    errands: list[TaskRequest] = Field(default_factory=list)
    requested_call: RequestedCall | None = None
    closed_at: AwareDatetime | None = None

    @property
    def policy(self) -> Policy:
        return self.snapshot.load_policy()

    @property
    def is_settled(self) -> bool:
        return self.facts.is_settled

    def next_step(self, today: date) -> Step | None:
        return next_step(self.policy, self.taken, self.facts.due_date, today)

    def step_due_at(self, now: datetime) -> datetime | None:
        """When the next step is due; None while a hold stands, an earlier letter is under way or in doubt, billing is still to tell
        something, or no step is left."""
        step = self.next_step(now.date())
        if step is None or self.holds.is_on_hold or self.letter_awaited or self.is_letter_in_doubt or self.is_billing_awaited:
            return None
        if self.hastened_at:
            return max(self.hastened_at, step_due_at(self.policy, step, self.taken, self.facts.due_date, Holds()))
        return step_due_at(self.policy, step, self.taken, self.facts.due_date, self.holds)

    def wakes_at(self, now: datetime) -> datetime | None:
        """The next business time at which something happens by itself."""
        judged = self.promise.judged_at(self.policy.promise) if self.promise else None
        if self.promise and self.promise.share and self.promise.is_fulfilled(self.policy.promise):
            judged = now
        call = self._call_escalated_at()
        return min((at for at in (self.step_due_at(now), self.holds.next_expiry(), judged, call) if at), default=None)

    def is_call_overdue(self, now: datetime) -> bool:
        """True when nobody has made the call that was asked for within the policy's days, and nobody has been told yet."""
        at = self._call_escalated_at()
        return at is not None and at <= now

    def _call_escalated_at(self) -> datetime | None:
        call = self.requested_call
        if call is None or call.is_overdue or self.holds.is_on_hold:
            return None
        return call.escalated_at(self.policy.contact.days_to_call)

    @property
    def is_last_letter_unresolved(self) -> bool:
        """The last step's letter may still be under way: what became of it must be asked before the next step."""
        return bool(self.taken) and self.taken[-1].act is StepAction.LETTER and self.taken[-1].fate is None

    @property
    def is_billing_awaited(self) -> bool:
        """A letter was dropped for what billing knows and has not told yet, as of a payment: asked for again, it would be dropped again."""
        return self.facts.version < self.awaited_version

    @property
    def is_letter_in_doubt(self) -> bool:
        """Nobody knows whether the last step's letter arrived: a person decides before anything follows."""
        return bool(self.taken) and self.taken[-1].in_doubt

    def open(self, at: Moment) -> None:
        facts = self.facts
        self.write_entry(
            EntryKind.CASE_OPENED,
            at,
            currency=facts.currency,
            open_balance=facts.open_balance,
            due_date=facts.due_date.isoformat(),
            policy=self.snapshot.name,
            policy_version=self.snapshot.version,
            policy_sha256=self.snapshot.sha256,
        )
        self.update_fact_holds(at)

    def reopen(self, carried: CarriedState, at: Moment) -> None:
        """Go on where an earlier run of this case ended, such as after a payment bounced: this run's first entries follow its last.

        The time for which the invoice counted as settled does not count as collectable.
        """
        fresh = [
            entry
            for entry in self.journal.pending
            if entry.kind is not EntryKind.CASE_OPENED and entry.facts.get("event") not in carried.seen
        ]
        self.journal = self.journal.model_copy(update={"seq": carried.seq, "head": carried.head, "pending": []})
        self.taken, self.broken_promises = list(carried.taken), carried.broken_promises
        self.seen, self.heard = [*carried.seen, *self.seen], list(carried.heard)
        self.followers = [*carried.followers, *(follower for follower in self.followers if follower not in carried.followers)]
        both = [*carried.disputes, *self.disputes]
        self.disputes = [past.model_copy(update={"number": number}) for number, past in enumerate(both, 1)]
        settled = [HeldPeriod(start=carried.closed_at, end=at.business)] if carried.closed_at and carried.closed_at < at.business else []
        self.holds = self.holds.model_copy(update={"past": [*carried.past, *settled]})
        self.write_entry(EntryKind.CASE_REOPENED, at, open_balance=self.facts.open_balance)
        self._adopt_since_earlier_run(carried, at)
        for entry in fresh:
            self.journal.write(entry.kind, entry.business_at, entry.recorded_at, entry.actor, **entry.facts)

    def _adopt_since_earlier_run(self, carried: CarriedState, at: Moment) -> None:
        """This run began under the policy in force by now: the steps of the earlier one find their place on its timeline."""
        if carried.policy and (carried.policy, carried.policy_version) != (self.snapshot.name, self.snapshot.version):
            self.taken = map_taken_steps(self.taken, self.policy)
            self._write_adoption(at, policy_before=carried.policy, policy_version_before=carried.policy_version)

    def build_earlier_run(self) -> CarriedState:
        return CarriedState(
            seq=self.journal.seq,
            head=self.journal.head,
            numbers=self.numbers,
            taken=self.taken,
            past=self.holds.past,
            broken_promises=self.broken_promises,
            seen=self.seen,
            heard=self.heard,
            disputes=self.disputes,
            followers=self.followers,
            closed_at=self.closed_at,
            policy=self.snapshot.name,
            policy_version=self.snapshot.version,
        )

    def close(self, at: Moment) -> None:
        self._end_promise_part(at)
        for hold in list(self.holds.standing.values()):
            self.lift_hold(hold.hold_id, at)
        self.closed_at = at.business
        self.write_entry(EntryKind.CASE_CLOSED, at, outcome=self.facts.status.value, open_balance=self.facts.open_balance)

    def update_fact_holds(self, at: Moment) -> None:
        below = 0 < self.facts.open_balance < self.policy.minimum_open_balance(self.facts.currency)
        self._set_hold(HoldKind.DISPUTE, DISPUTE_HOLD, self.facts.disputed, at)
        self._set_hold(HoldKind.BELOW_MINIMUM, MINIMUM_HOLD, below, at)

    def _set_hold(self, kind: HoldKind, hold_id: str, is_held: bool, at: Moment) -> None:
        stands = hold_id in self.holds.standing
        if is_held and not stands:
            self.place_hold(Hold(hold_id=hold_id, kind=kind, since=at.business), at)
        if stands and not is_held:
            self.lift_hold(hold_id, at)

    def place_hold(self, hold: Hold, at: Moment, actor: str = SYSTEM, command_id: str | None = None) -> int | None:
        """Place a hold and return its entry's number; None when the hold stood already. `command_id`: of the command that placed it."""
        if not self.holds.place(hold):
            return None
        until = hold.until.date().isoformat() if hold.until else None
        return self.write_entry(
            EntryKind.HOLD_PLACED, at, actor, hold=hold.hold_id, hold_kind=hold.kind.value, until=until, reason=hold.reason, act=command_id
        )

    def lift_hold(self, hold_id: str, at: Moment, actor: str = SYSTEM, command_id: str | None = None) -> int | None:
        hold = self.holds.lift(hold_id, at.business)
        return self.write_entry(EntryKind.HOLD_LIFTED, at, actor, hold=hold_id, hold_kind=hold.kind.value, act=command_id) if hold else None

    def run_due_actions(self, at: Moment) -> None:
        """Judge the promise whose day is over, and lift the holds whose time is up."""
        if self.promise and (self.is_promise_over(at.business) or (self.promise.share and self.promise.is_fulfilled(self.policy.promise))):
            self.judge_promise(at)
        for hold in self.holds.list_expired(at.business):
            self.lift_hold(hold.hold_id, at)

    def is_promise_over(self, now: datetime) -> bool:
        return self.promise is not None and self.promise.judged_at(self.policy.promise) <= now

    def _end_promise_part(self, at: Moment) -> None:
        """The invoice is settled: its part of a promise over several has come, whatever becomes of the others."""
        promise = self.promise
        if promise is None or promise.share is None:
            return
        if promise.is_fulfilled(self.policy.promise):
            self.judge_promise(at)
        elif promise.is_part_paid(self.policy.promise):
            self.write_entry(
                EntryKind.PROMISE_PART_PAID,
                at,
                act=promise.promise_id,
                amount=promise.amount,
                received=promise.received,
                promise=promise.share.promise_id,
            )
            self.promise = None

    def judge_promise(self, at: Moment) -> None:
        """Kept, partly kept or broken: either way the promise is over, and its hold with it."""
        promise, self.promise = self.promise, None
        if promise is None:
            return
        outcome = promise.determine_outcome(self.policy.promise)
        self.broken_promises += outcome is PromiseOutcome.BROKEN
        facts: dict[str, FactValue] = {"act": promise.promise_id, "amount": promise.amount, "received": promise.received}
        if promise.share:
            came = promise.money.received if promise.money else promise.received
            facts |= {"promise": promise.share.promise_id, "of": promise.share.amount, "received_of": came}
        self.write_entry(_PROMISE_ENTRY_KINDS[outcome], at, SYSTEM, **facts)
        self.lift_hold(PROMISE_HOLD, at)

    def adopt_policy(self, policy: PolicySnapshot, at: Moment, adoption: str | None = None, maps_steps: bool = True) -> None:
        """Go on by another policy, from where the steps that were taken stand on its timeline. `adoption`: the case that moved the invoice.

        A history that was begun before steps were mapped goes on without (`maps_steps`): its steps keep the days of the old timeline.
        """
        if (policy.name, policy.sha256) == (self.snapshot.name, self.snapshot.sha256):
            return
        more: dict[str, FactValue] = {}
        if maps_steps:
            more = {"policy_before": self.snapshot.name, "policy_version_before": self.snapshot.version}
            self.taken = map_taken_steps(self.taken, policy.load_policy())
        self.snapshot = policy
        self._write_adoption(at, **more, **({"case": adoption} if adoption else {}))
        self.update_fact_holds(at)

    def _write_adoption(self, at: Moment, **more: FactValue) -> None:
        policy = self.snapshot
        self.write_entry(
            EntryKind.POLICY_ADOPTED, at, SYSTEM, policy=policy.name, policy_version=policy.version, policy_sha256=policy.sha256, **more
        )

    def move_to_version(self, policy: PolicySnapshot, at: Moment, adoption: str) -> None:
        """Adopt a later version of the policy that the invoice follows. One that follows another by now, or is settled, stays as it is."""
        if not self.is_settled and self.snapshot.name == policy.name and self.snapshot.version < policy.version:
            self.adopt_policy(policy, at, adoption)

    def take_step(self, step: Step, at: Moment) -> None:
        """Note that a step is taken; until its slot is known, its contact is today."""
        self.note_step_taken(step, at)
        match step.act:
            case StepAction.LETTER:
                self.write_entry(EntryKind.LETTER_REQUESTED, at, step=step.step, letter=step.letter)
            case StepAction.CALL:
                self.write_entry(EntryKind.CALL_REQUESTED, at, step=step.step)
        if step.escalate_to:
            self.write_entry(EntryKind.ESCALATED, at, step=step.step, role=step.escalate_to)

    def note_step_taken(self, step: Step, at: Moment) -> None:
        """Note a step as taken, without what it asks for."""
        self.hastened_at = None
        self.write_entry(EntryKind.STEP_TAKEN, at, step=step.step, days_past_due=self.facts.days_past_due(at.business.date()))
        self.taken.append(TakenStep(step=step.step, day=step.day, act=step.act, at=at.business, contact_on=at.business.date()))

    def set_contact_date(self, step: str, day: date) -> None:
        """The day on which the customer hears of a step."""
        self.update_taken_step(step, contact_on=day)

    def apply_letter_outcome(self, outcome: LetterOutcome, at: Moment, must_arrive: bool = True) -> bool:
        """Take in once what became of a letter. A step whose letter was dropped for a passing reason is due again.

        So is one whose letter was refused; one whose letter is in doubt waits for a person. A history that was begun before letters had to
        arrive goes on as if they had (`must_arrive`).
        """
        self.letter_awaited = False
        if outcome.key in self.heard:
            return False
        self.heard.append(outcome.key)
        counts_not = must_arrive and outcome.fate in UNDELIVERED_FACTS and self._awaits_letter(outcome.step)
        facts = outcome.build_step_facts(counts_not)
        if outcome.invoice_version and outcome.invoice_version > self.facts.version:
            self.awaited_version = facts[AWAITED_VERSION_FACT] = outcome.invoice_version
        self.write_entry(LETTER_ENTRY_KINDS[outcome.fate], at, SYSTEM, **facts)
        match outcome.fate:
            case LetterResult.SENT:
                self.refused_step = None
                self.update_taken_step(outcome.step, fate=outcome.fate, contact_on=outcome.on, in_doubt=False)
            case LetterResult.DROPPED if outcome.reason == DropReason.LAPSED:
                self.update_taken_step(outcome.step, fate=outcome.fate, in_doubt=False)
                self._reset_contact_date(outcome.step)
            case LetterResult.DROPPED:
                self.undo_step(outcome.step)
            case LetterResult.REFUSED if counts_not:
                self.refused_step = outcome.step
                self.undo_step(outcome.step)
            case LetterResult.REFUSED | LetterResult.UNKNOWN:
                self.update_taken_step(outcome.step, fate=outcome.fate, in_doubt=counts_not)
        return True

    def _awaits_letter(self, step: str) -> bool:
        """Whether the step is the last one, and its letter has neither arrived nor been given up by a person."""
        last = self.taken[-1] if self.taken else None
        return last is not None and last.step == step and (last.fate is None or last.in_doubt)

    def record_naming(self, naming: LetterNaming, at: Moment) -> bool:
        """Note once that a letter listed the invoice. It takes no step: the timeline goes on as it would have."""
        if naming.key in self.heard:
            return False
        self.heard.append(naming.key)
        self.write_entry(
            EntryKind.LETTER_LISTED,
            at,
            letter=naming.letter,
            message_id=naming.message_id,
            letter_at=naming.at.isoformat(),
            sha256=naming.sha256,
        )
        return True

    def record_unknown_letter(self, at: Moment, must_arrive: bool = True) -> None:
        """The database knows nothing of the last letter: nobody can say whether it went. Somebody is asked to find out."""
        last = self.taken[-1]
        if must_arrive:
            self.errands.append(build_untraced_letter_task(self.journal.case_id, last.step, at.business.date()))
        self.apply_letter_outcome(build_untraced_outcome(last.step, at.business, last.contact_on), at, must_arrive)

    def record_letter_withdrawal(self, step: str, reason: DropReason, at: Moment) -> None:
        """The letter that a step asked for had not gone, and shall not."""
        self.letter_awaited = False
        self.write_entry(EntryKind.LETTER_WITHDRAWN, at, step=step, reason=reason.value)
        self.undo_step(step)

    def undo_step(self, step: str) -> None:
        """The last step was not carried out: it is due again."""
        if self.taken and self.taken[-1].step == step:
            self.taken.pop()

    def _reset_contact_date(self, step: str) -> None:
        """A letter that lapsed puts nothing off: the step counts from the day it was taken."""
        self.taken = [past.model_copy(update={"contact_on": past.at.date()}) if past.step == step else past for past in self.taken]

    def update_taken_step(self, step: str, **changes: object) -> None:
        self.taken = [past.model_copy(update=changes) if past.step == step else past for past in self.taken]
