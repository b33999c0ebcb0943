"""One invoice's collection as its journal tells of it, entry by entry."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from domain.billing.billing_events import InvoiceStatus
from domain.clock import start_of_day
from domain.correspondence.letter_outcome import DropReason
from domain.invoice.view import DECISION, NEW
from domain.journal.account_entries import Told
from domain.journal.entry_kinds import EntryKind
from domain.policy.collection_policy import Policy, Step, StepAct
from domain.projection.state_models import HoldStanding, InvoiceStanding, PinnedPolicy, Policies, PromiseStanding
from domain.timeline.holds import Hold, HoldKind, Holds, Span
from domain.timeline.step_schedule import Taken, due_at, next_step

ENDED_LETTERS = {
    EntryKind.LETTER_SENT.value: "sent",
    EntryKind.LETTER_REFUSED.value: "refused",
    EntryKind.LETTER_UNKNOWN.value: "unknown",
    EntryKind.LETTER_DROPPED.value: "dropped",
}
"""How a letter ended."""


SIGNS = {EntryKind.PAYMENT_RECEIVED.value: 1, EntryKind.PAYMENT_REVERSED.value: -1}


def letter_at(entry: Told) -> datetime:
    """When what an entry tells of a letter came about: its case may have heard of it much later."""
    said = entry.text("letter_at")
    return datetime.fromisoformat(said) if said else entry.at


def version_of(entry: Told) -> int | None:
    """The version of the facts that a billing event carried, which the ledger's event ids end with; None for another system's."""
    number = entry.text("event").rpartition(":")[2]
    return int(number) if ":" in entry.text("event") and number.isdecimal() else None


class InvoiceReduction:
    """Takes in the entries of one case in their order, and says at any time how the invoice stands."""

    def __init__(self, case_id: str, invoice_id: str, policies: Policies) -> None:
        self.case_id, self.invoice_id, self._policies = case_id, invoice_id, policies
        self.currency, self.open_balance, self.disputed = "", 0, 0
        self.status = InvoiceStatus.OPEN.value
        self.due_date: date | None = None
        self.pinned: PinnedPolicy | None = None
        self.holds = Holds()
        self.promise: PromiseStanding | None = None
        self.taken: list[Taken] = []
        self.hastened_at: datetime | None = None
        self._version = 0
        self._closed_at: datetime | None = None
        self._placed: dict[str, Told] = {}

    @property
    def policy(self) -> Policy | None:
        return self._policies.get(self.pinned.key) if self.pinned else None

    @property
    def settled(self) -> bool:
        return self.status != InvoiceStatus.OPEN

    def step(self, name: str) -> Step | None:
        """As the policy pinned now has it."""
        return next((step for step in self.policy.timeline if step.step == name), None) if self.policy else None

    # --- taking in

    def hear(self, entry: Told) -> None:
        heard = HEARD.get(entry.kind)
        if heard:
            heard(self, entry)

    def _open(self, entry: Told) -> None:
        self.currency, self.open_balance = entry.text("currency"), entry.whole("open_balance")
        self.due_date = entry.day("due_date")
        self._pin(entry)

    def _close(self, entry: Told) -> None:
        self._closed_at = entry.at
        self.status, self.open_balance = entry.text("outcome"), entry.whole("open_balance")

    def _lift(self, entry: Told) -> None:
        self.holds.lift(entry.text("hold"), entry.at)

    def _promise(self, entry: Told) -> None:
        self.promise = PromiseStanding(
            amount=entry.whole("amount"), by=entry.day("by") or entry.on, made_on=entry.on, recorded_by=entry.actor, received=0,
            entry=entry.seq,
        )  # fmt: skip

    def _judge(self, entry: Told) -> None:
        self.promise = None

    def _dispute(self, entry: Told) -> None:
        self.disputed = entry.whole("amount")

    def _end_dispute(self, entry: Told) -> None:
        self.disputed = 0

    def _hasten(self, entry: Told) -> None:
        self.hastened_at = entry.at

    def _withdraw(self, entry: Told) -> None:
        self._give_back(entry.text("step"))

    def _pin(self, entry: Told) -> None:
        self.pinned = PinnedPolicy(
            name=entry.text("policy"), version=entry.whole("policy_version"), sha256=entry.text("policy_sha256"), entry=entry.seq
        )

    def _hear_billing(self, entry: Told) -> None:
        """An event that was overtaken is journalled, and changes nothing but what a promise received."""
        if "open_balance" not in entry.facts:
            return
        version = version_of(entry)
        if version is None or version > self._version:
            self._version = version or self._version
            self.open_balance, self.status = entry.whole("open_balance"), entry.text("status") or self.status
            self.due_date = entry.day("due_date") or self.due_date
        sign = SIGNS.get(entry.kind, 0)
        if self.promise and sign:
            received = self.promise.received + sign * entry.whole("amount")
            self.promise = self.promise.model_copy(update={"received": received})

    def _take_up(self, entry: Told) -> None:
        """A new run: its holds and promises begin anew, and the time for which the invoice counted as settled does not count."""
        self.status, self.open_balance, self.promise = InvoiceStatus.OPEN.value, entry.whole("open_balance"), None
        if self._closed_at and self._closed_at < entry.at:
            self.holds.past.append(Span(start=self._closed_at, end=entry.at))

    def _place(self, entry: Told) -> None:
        until = entry.day("until")
        self._placed[entry.text("hold")] = entry
        self.holds.place(
            Hold(
                hold_id=entry.text("hold"), kind=HoldKind(entry.text("hold_kind")), since=entry.at,
                until=start_of_day(until) if until else None, reason=entry.text("reason"),
            )
        )  # fmt: skip

    def _take(self, entry: Told) -> None:
        """Where the policy's text is not kept, the days past due stand for the step's day."""
        name = entry.text("step")
        step = self.step(name)
        self.hastened_at = None
        self.taken.append(
            Taken(
                step=name, day=step.day if step else entry.whole("days_past_due"), act=step.act if step else StepAct.LETTER, at=entry.at,
                contact_on=entry.on,
            )
        )  # fmt: skip

    def _hear_of_letter(self, entry: Told) -> None:
        name, fate = entry.text("step"), ENDED_LETTERS[entry.kind]
        if fate == "dropped" and entry.text("reason") != DropReason.LAPSED:
            self._give_back(name)
            return
        went_on = {"contact_on": letter_at(entry).date()} if fate == "sent" else {}
        self.taken = [past.model_copy(update={"fate": fate, **went_on}) if past.step == name else past for past in self.taken]

    def _give_back(self, step: str) -> None:
        if self.taken and self.taken[-1].step == step:
            self.taken.pop()

    # --- how it stands

    @property
    def letter_unheard(self) -> bool:
        """What became of the last step's letter is not known yet."""
        return bool(self.taken) and self.taken[-1].act is StepAct.LETTER and self.taken[-1].fate is None

    def following(self, today: date) -> tuple[Step | None, datetime | None]:
        """The next step, and when it is due: None while a hold stands, or where the policy's text is not kept."""
        policy, due_date = self.policy, self.due_date
        if self.settled or policy is None or due_date is None:
            return None, None
        step = next_step(policy, self.taken, due_date, today)
        if step is None or self.holds.any:
            return step, None
        due = due_at(policy, step, self.taken, due_date, Holds() if self.hastened_at else self.holds)
        return step, max(self.hastened_at, due) if self.hastened_at else due

    def standing(self, end: datetime) -> InvoiceStanding:
        """Just before `end`, a moment of business time."""
        step, due = self.following((end - timedelta(microseconds=1)).date())
        last = self.taken[-1].step if self.taken else NEW
        return InvoiceStanding(
            invoice_id=self.invoice_id, case_id=self.case_id, currency=self.currency, due_date=self.due_date,
            open_balance=self.open_balance, disputed=min(self.disputed, self.open_balance), status=self.status,
            stage=self.status if self.settled else last, waiting_for=self._waiting_for(step, due, end),
            next_step=step.step if step else None, next_on=due.date() if due else None,
            holds=self.standing_holds(), promise=None if self.settled else self.promise,
            taken=list(self.taken), policy=self.pinned,
        )  # fmt: skip

    def standing_holds(self) -> list[HoldStanding]:
        return [
            HoldStanding(
                hold_id=hold.hold_id, kind=hold.kind.value, since=hold.since, until=hold.until.date() if hold.until else None,
                reason=hold.reason, entry=self._placed[hold.hold_id].seq,
            )
            for hold in self.holds.standing.values()
        ]  # fmt: skip

    def _waiting_for(self, step: Step | None, due: datetime | None, end: datetime) -> str:
        if self.settled:
            return "nothing"
        if self.holds.any:
            return next(iter(self.holds.standing.values())).kind.value
        if self.letter_unheard and due is not None and due < end:
            return "letter"
        return "time" if step or self.policy is None else DECISION


HEARD: dict[str, Callable[[InvoiceReduction, Told], None]] = {
    kind.value: heard
    for kinds, heard in (
        ((EntryKind.CASE_OPENED,), InvoiceReduction._open),
        ((EntryKind.POLICY_ADOPTED,), InvoiceReduction._pin),
        ((EntryKind.CASE_REOPENED,), InvoiceReduction._take_up),
        ((EntryKind.CASE_CLOSED,), InvoiceReduction._close),
        ((EntryKind.HOLD_PLACED,), InvoiceReduction._place),
        ((EntryKind.HOLD_LIFTED,), InvoiceReduction._lift),
        ((EntryKind.PROMISE_MADE,), InvoiceReduction._promise),
        ((EntryKind.PROMISE_KEPT, EntryKind.PROMISE_PARTLY_KEPT, EntryKind.PROMISE_BROKEN), InvoiceReduction._judge),
        ((EntryKind.DISPUTE_OPENED, EntryKind.DISPUTE_AMOUNT_CHANGED), InvoiceReduction._dispute),
        ((EntryKind.DISPUTE_CLOSED,), InvoiceReduction._end_dispute),
        ((EntryKind.TIMELINE_HASTENED,), InvoiceReduction._hasten),
        ((EntryKind.STEP_TAKEN,), InvoiceReduction._take),
        ((EntryKind.LETTER_WITHDRAWN,), InvoiceReduction._withdraw),
        (
            (EntryKind.LETTER_SENT, EntryKind.LETTER_REFUSED, EntryKind.LETTER_UNKNOWN, EntryKind.LETTER_DROPPED),
            InvoiceReduction._hear_of_letter,
        ),
        (
            (
                EntryKind.PAYMENT_RECEIVED, EntryKind.PAYMENT_REVERSED, EntryKind.CREDIT_NOTE_ISSUED, EntryKind.INVOICE_CHANGED,
                EntryKind.INVOICE_CANCELLED, EntryKind.WRITE_OFF_BOOKED, EntryKind.WRITE_OFF_RECOVERED,
            ),
            InvoiceReduction._hear_billing,
        ),
    )
    for kind in kinds
}  # fmt: skip
"""What each kind of entry changes. All others change nothing of how an invoice stands."""
