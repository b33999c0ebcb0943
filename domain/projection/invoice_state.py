"""One invoice's collection, projected from its journal entry by entry. Amounts are in minor units of the invoice's currency."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from domain.billing.billing_events import InvoiceStatus
from domain.clock import start_of_day
from domain.correspondence.letter_outcome import (
    AWAITED_VERSION_FACT,
    DUE_AGAIN_FACT,
    IN_DOUBT_FACT,
    LETTER_ENTRY_KINDS,
    SKIPPED,
    DropReason,
    LetterResult,
)
from domain.digits import parse_digits
from domain.invoice.view import STAGE_NEW, WAITING_FOR_BILLING, WAITING_FOR_DECISION, WAITING_FOR_LETTER_DECISION
from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.policy.collection_policy import Policy, Step, StepAction
from domain.projection.state_models import HoldState, InvoiceState, PinnedPolicy, PoliciesByVersion, PromiseState
from domain.timeline.holds import HeldPeriod, Hold, HoldKind, Holds
from domain.timeline.step_mapping import map_taken_steps
from domain.timeline.step_schedule import TakenStep, next_step, step_due_at

LETTER_RESULT_BY_KIND = {kind.value: result for result, kind in LETTER_ENTRY_KINDS.items()}
"""The outcome of a letter that each kind of entry records."""


PAYMENT_SIGNS = {
    EntryKind.PAYMENT_RECEIVED.value: 1,
    EntryKind.PAYMENT_REVERSED.value: -1,
    EntryKind.CREDIT_APPLIED.value: 1,
    EntryKind.CREDIT_TAKEN_BACK.value: -1,
}


_PROMISE_ENDS = (EntryKind.PROMISE_KEPT, EntryKind.PROMISE_PARTLY_KEPT, EntryKind.PROMISE_BROKEN, EntryKind.PROMISE_PART_PAID)


def letter_ended_at(entry: AccountEntry) -> datetime:
    """Return when the outcome of a letter came about (UTC); its case may have recorded it much later."""
    letter_at = entry.get_text("letter_at")
    return datetime.fromisoformat(letter_at) if letter_at else entry.at


def parse_facts_version(entry: AccountEntry) -> int | None:
    """Return the version of the invoice that a billing event carried, with which the ledger's event ids end; None for another system's."""
    _, separator, version = entry.get_text("event").rpartition(":")
    return parse_digits(version) if separator else None


class InvoiceProjection:
    """Applies the entries of one invoice's case in their order, and builds the invoice's state at any moment."""

    def __init__(self, case_id: str, invoice_id: str, policies: PoliciesByVersion) -> None:
        self.case_id, self.invoice_id, self._policies = case_id, invoice_id, policies
        self.currency, self.open_balance, self.disputed = "", 0, 0
        self.status = InvoiceStatus.OPEN.value
        self.due_date: date | None = None
        self.pinned_policy: PinnedPolicy | None = None
        self.holds = Holds()
        self.promise: PromiseState | None = None
        self.taken_steps: list[TakenStep] = []
        self.hastened_at: datetime | None = None
        self._facts_version = 0
        self._awaited_version = 0
        self._closed_at: datetime | None = None
        self._placed_hold_entries: dict[str, AccountEntry] = {}

    @property
    def policy(self) -> Policy | None:
        return self._policies.get(self.pinned_policy.key) if self.pinned_policy else None

    @property
    def is_settled(self) -> bool:
        return self.status != InvoiceStatus.OPEN

    def find_step(self, name: str) -> Step | None:
        """Return the step as the pinned policy defines it."""
        return self.policy.find_step(name) if self.policy else None

    # --- applying entries

    def apply_entry(self, entry: AccountEntry) -> None:
        """Apply the next entry of the case; one of a kind that changes nothing is passed over."""
        handle = ENTRY_HANDLERS.get(entry.kind)
        if handle:
            handle(self, entry)

    def _open_case(self, entry: AccountEntry) -> None:
        self.currency, self.open_balance = entry.get_text("currency"), entry.get_int("open_balance")
        self.due_date = entry.get_date("due_date")
        self._pin_policy(entry)

    def _close_case(self, entry: AccountEntry) -> None:
        self._closed_at = entry.at
        self.status, self.open_balance = entry.get_text("outcome"), entry.get_int("open_balance")

    def _lift_hold(self, entry: AccountEntry) -> None:
        self.holds.lift(entry.get_text("hold"), entry.at)

    def _set_promise(self, entry: AccountEntry) -> None:
        self.promise = PromiseState(
            amount=entry.get_int("amount"),
            by=entry.get_date("by") or entry.business_date,
            made_on=entry.business_date,
            recorded_by=entry.actor,
            received=0,
            entry=entry.seq,
        )

    def _clear_promise(self, entry: AccountEntry) -> None:
        self.promise = None

    def _set_disputed_amount(self, entry: AccountEntry) -> None:
        self.disputed = entry.get_int("amount")

    def _clear_disputed_amount(self, entry: AccountEntry) -> None:
        self.disputed = 0

    def _hasten_timeline(self, entry: AccountEntry) -> None:
        self.hastened_at = entry.at

    def _withdraw_letter(self, entry: AccountEntry) -> None:
        self._undo_step(entry.get_text("step"))

    def _pin_policy(self, entry: AccountEntry) -> None:
        self.pinned_policy = PinnedPolicy(
            name=entry.get_text("policy"), version=entry.get_int("policy_version"), sha256=entry.get_text("policy_sha256"), entry=entry.seq
        )

    def _adopt_policy(self, entry: AccountEntry) -> None:
        """Follow the policy from now on. An entry that names the version before is of a case whose steps went over to the new timeline."""
        self._pin_policy(entry)
        if self.policy and "policy_version_before" in entry.facts:
            self.taken_steps = map_taken_steps(self.taken_steps, self.policy)

    def _apply_billing_event(self, entry: AccountEntry) -> None:
        """Apply a billing event. One that a later version overtook changes nothing but the amount that a promise received."""
        if "open_balance" not in entry.facts:
            return
        version = parse_facts_version(entry)
        if version is None or version > self._facts_version:
            self._facts_version = version or self._facts_version
            self._awaited_version = self._awaited_version if version else 0
            self.open_balance, self.status = entry.get_int("open_balance"), entry.get_text("status") or self.status
            self.due_date = entry.get_date("due_date") or self.due_date
        sign = 0 if entry.facts.get("is_credit_note") else PAYMENT_SIGNS.get(entry.kind, 0)
        if self.promise and sign:
            received = self.promise.received + sign * entry.get_int("amount")
            self.promise = self.promise.model_copy(update={"received": received})

    def _reopen_case(self, entry: AccountEntry) -> None:
        """Start a new run: its holds and promises are empty, and the time for which the invoice was settled does not count."""
        self.status, self.open_balance, self.promise = InvoiceStatus.OPEN.value, entry.get_int("open_balance"), None
        if self._closed_at and self._closed_at < entry.at:
            self.holds.past.append(HeldPeriod(start=self._closed_at, end=entry.at))

    def _place_hold(self, entry: AccountEntry) -> None:
        until = entry.get_date("until")
        self._placed_hold_entries[entry.get_text("hold")] = entry
        self.holds.place(
            Hold(
                hold_id=entry.get_text("hold"),
                kind=HoldKind(entry.get_text("hold_kind")),
                since=entry.at,
                until=start_of_day(until) if until else None,
                reason=entry.get_text("reason"),
            )
        )

    def _take_step(self, entry: AccountEntry) -> None:
        """Record the step. Where the policy's text is not kept, the days past due stand for the step's day."""
        name = entry.get_text("step")
        step = self.find_step(name)
        self.hastened_at = None
        self.taken_steps.append(
            TakenStep(
                step=name,
                day=step.day if step else entry.get_int("days_past_due"),
                act=step.act if step else StepAction.LETTER,
                at=entry.at,
                contact_on=entry.business_date,
            )
        )

    def _apply_letter_outcome(self, entry: AccountEntry) -> None:
        name, result = entry.get_text("step"), LETTER_RESULT_BY_KIND[entry.kind]
        self._awaited_version = entry.get_int(AWAITED_VERSION_FACT) or self._awaited_version
        if result is LetterResult.DROPPED and entry.get_text("reason") != DropReason.LAPSED:
            self._undo_step(name)
            return
        if entry.facts.get(DUE_AGAIN_FACT):
            self._undo_step(name)
            return
        changes: dict[str, Any] = {"fate": result, "in_doubt": bool(entry.facts.get(IN_DOUBT_FACT))}
        if result is LetterResult.SENT:
            changes["contact_on"] = letter_ended_at(entry).date()
        self.taken_steps = [taken.model_copy(update=changes) if taken.step == name else taken for taken in self.taken_steps]

    def _skip_letter(self, entry: AccountEntry) -> None:
        """Count the step as taken that day: its customer was reached otherwise, or somebody decided to go on."""
        name, fate = entry.get_text("step"), entry.get_text("outcome") or SKIPPED
        changes: dict[str, Any] = {"fate": fate, "contact_on": entry.business_date, "in_doubt": False}
        self.taken_steps = [taken.model_copy(update=changes) if taken.step == name else taken for taken in self.taken_steps]

    def _undo_step(self, step: str) -> None:
        if self.taken_steps and self.taken_steps[-1].step == step:
            self.taken_steps.pop()

    # --- the state

    @property
    def is_letter_outcome_pending(self) -> bool:
        """True while the outcome of the last step's letter is not known."""
        return bool(self.taken_steps) and self.taken_steps[-1].act is StepAction.LETTER and self.taken_steps[-1].fate is None

    @property
    def is_letter_in_doubt(self) -> bool:
        """True while a person is to decide whether the last step's letter arrived."""
        return bool(self.taken_steps) and self.taken_steps[-1].in_doubt

    @property
    def is_billing_awaited(self) -> bool:
        """True while billing is to tell what it knew already when it was the reason for dropping a letter."""
        return self._facts_version < self._awaited_version

    def find_next_step(self, today: date) -> tuple[Step | None, datetime | None]:
        """Return the next step and when it is due (UTC): None while a hold is active, its last letter is in doubt or billing is
        awaited, or where the policy's text is not kept."""
        policy, due_date = self.policy, self.due_date
        if self.is_settled or policy is None or due_date is None:
            return None, None
        step = next_step(policy, self.taken_steps, due_date, today)
        if step is None or self.holds.is_on_hold or self.is_letter_in_doubt or self.is_billing_awaited:
            return step, None
        due = step_due_at(policy, step, self.taken_steps, due_date, Holds() if self.hastened_at else self.holds)
        return step, max(self.hastened_at, due) if self.hastened_at else due

    def build_state(self, end: datetime) -> InvoiceState:
        """Return the invoice's state just before `end`, a moment of business time (UTC)."""
        step, due = self.find_next_step((end - timedelta(microseconds=1)).date())
        last_step = self.taken_steps[-1].step if self.taken_steps else STAGE_NEW
        return InvoiceState(
            invoice_id=self.invoice_id,
            case_id=self.case_id,
            currency=self.currency,
            due_date=self.due_date,
            open_balance=self.open_balance,
            disputed=min(self.disputed, self.open_balance),
            status=self.status,
            stage=self.status if self.is_settled else last_step,
            waiting_for=self._find_awaited(step, due, end),
            next_step=step.step if step else None,
            next_on=due.date() if due else None,
            holds=self.list_active_holds(),
            promise=None if self.is_settled else self.promise,
            taken=list(self.taken_steps),
            policy=self.pinned_policy,
        )

    def list_active_holds(self) -> list[HoldState]:
        """List the holds that are active, in the order in which they were placed."""
        return [
            HoldState(
                hold_id=hold.hold_id,
                kind=hold.kind.value,
                since=hold.since,
                until=hold.until.date() if hold.until else None,
                reason=hold.reason,
                entry=self._placed_hold_entries[hold.hold_id].seq,
            )
            for hold in self.holds.standing.values()
        ]

    def _find_awaited(self, step: Step | None, due: datetime | None, end: datetime) -> str:
        if self.is_settled:
            return "nothing"
        if self.holds.is_on_hold:
            return next(iter(self.holds.standing.values())).kind.value
        if self.is_letter_in_doubt:
            return WAITING_FOR_LETTER_DECISION
        if self.is_letter_outcome_pending and due is not None and due < end:
            return "letter"
        if self.is_billing_awaited:
            return WAITING_FOR_BILLING
        return "time" if step or self.policy is None else WAITING_FOR_DECISION


ENTRY_HANDLERS: dict[str, Callable[[InvoiceProjection, AccountEntry], None]] = {
    kind.value: handler
    for kinds, handler in (
        ((EntryKind.CASE_OPENED,), InvoiceProjection._open_case),
        ((EntryKind.POLICY_ADOPTED,), InvoiceProjection._adopt_policy),
        ((EntryKind.CASE_REOPENED,), InvoiceProjection._reopen_case),
        ((EntryKind.CASE_CLOSED,), InvoiceProjection._close_case),
        ((EntryKind.HOLD_PLACED,), InvoiceProjection._place_hold),
        ((EntryKind.HOLD_LIFTED,), InvoiceProjection._lift_hold),
        ((EntryKind.PROMISE_MADE,), InvoiceProjection._set_promise),
        (_PROMISE_ENDS, InvoiceProjection._clear_promise),
        ((EntryKind.DISPUTE_OPENED, EntryKind.DISPUTE_AMOUNT_CHANGED), InvoiceProjection._set_disputed_amount),
        ((EntryKind.DISPUTE_CLOSED,), InvoiceProjection._clear_disputed_amount),
        ((EntryKind.TIMELINE_HASTENED,), InvoiceProjection._hasten_timeline),
        ((EntryKind.STEP_TAKEN,), InvoiceProjection._take_step),
        ((EntryKind.LETTER_WITHDRAWN,), InvoiceProjection._withdraw_letter),
        ((EntryKind.LETTER_SKIPPED,), InvoiceProjection._skip_letter),
        (
            (EntryKind.LETTER_SENT, EntryKind.LETTER_REFUSED, EntryKind.LETTER_UNKNOWN, EntryKind.LETTER_DROPPED),
            InvoiceProjection._apply_letter_outcome,
        ),
        (
            (
                EntryKind.PAYMENT_RECEIVED,
                EntryKind.PAYMENT_REVERSED,
                EntryKind.CREDIT_NOTE_ISSUED,
                EntryKind.CREDIT_APPLIED,
                EntryKind.CREDIT_TAKEN_BACK,
                EntryKind.INVOICE_CHANGED,
                EntryKind.INVOICE_CANCELLED,
                EntryKind.WRITE_OFF_BOOKED,
                EntryKind.WRITE_OFF_RECOVERED,
            ),
            InvoiceProjection._apply_billing_event,
        ),
    )
    for kind in kinds
}
"""The handler of each kind of entry. Entries of other kinds change nothing in an invoice's state."""
