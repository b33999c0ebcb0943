"""Why something was sent to a customer on a day, why nothing was, or why it waited: from the invoice's journal and the policy it had then.

The answer is a sentence's name and its facts, said in words by `api.presenters.phrases`, with the entries that prove it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.clock import start_of_day
from domain.journal.account_entries import Told
from domain.journal.entry_kinds import EntryKind
from domain.projection.invoice_state import ENDED_LETTERS, InvoiceReduction, letter_at
from domain.projection.state_models import HoldStanding, PinnedPolicy, Policies
from domain.projection.step_explanation import Because, pinned, reduced, what_put_off, why_taken

About = Literal["sent", "not_sent", "waiting", "over"]
"""What the answer is about: why it was sent, why nothing was, why it waits, or that there is nothing more to do."""


class Answer(NamedTuple):
    """`sentence` names a phrase, `facts` what it speaks of (amounts in minor units of the invoice's currency), `entries` the proof."""

    about: About
    sentence: str
    facts: dict[str, Any]
    entries: list[Told]
    policy: PinnedPolicy | None


def explain(told: Sequence[Told], invoice_id: str, day: date, policies: Policies) -> Answer:
    """`told`: all entries of the invoice's account that count, those of later days included. `day` is a business date (UTC)."""
    return _Day(told, invoice_id, day, policies).answer()


class _Day:
    """One invoice on one day. What was sent on it is the answer; else what kept something from being sent; else what it waited for."""

    def __init__(self, told: Sequence[Told], invoice_id: str, day: date, policies: Policies) -> None:
        self.told, self.invoice_id, self.day, self.policies = told, invoice_id, day, policies
        self.end = start_of_day(day + timedelta(days=1))
        self.mine = sorted((entry for entry in told if entry.case_id == ids.invoice_case(invoice_id)), key=lambda entry: entry.seq)
        self.known = reduced(self.mine, invoice_id, policies, self.end)

    def answer(self) -> Answer:
        if not any(entry.at < self.end for entry in self.mine):
            begins = self.mine[:1]
            return Answer("waiting", "not_started", {"since": begins[0].on if begins else None}, [], None)
        return self._sent() or self._sent_by_a_case() or self._not_sent() or self._taken() or self._state()

    def _say(self, about: About, sentence: str, facts: dict[str, Any], proof: Sequence[Told]) -> Answer:
        """The proof in the order in which it was written, each entry once."""
        once = {(entry.case_id, entry.seq): entry for entry in sorted(proof, key=lambda entry: (entry.at, entry.case_id, entry.seq))}
        return Answer(about, sentence, facts, list(once.values()), self.known.pinned)

    # --- what happened on the day

    def _ended(self, *fates: str) -> Iterator[Told]:
        """The entries that tell how a letter ended on the day, though they may have been written later."""
        return (entry for entry in self.mine if ENDED_LETTERS.get(entry.kind) in fates and letter_at(entry).date() == self.day)

    def _last(self, kind: EntryKind, step: str, before: int | None = None) -> Told | None:
        found = [entry for entry in self.mine if entry.kind == kind.value and entry.text("step") == step]
        return next((entry for entry in reversed(found) if before is None or entry.seq < before), None)

    def _sent(self) -> Answer | None:
        sent = next(self._ended("sent"), None)
        if sent is None:
            return None
        step = sent.text("step")
        taken = self._last(EntryKind.STEP_TAKEN, step, sent.seq)
        asked = self._last(EntryKind.LETTER_REQUESTED, step, sent.seq)
        because = why_taken(self.mine, taken, self.policies) if taken else Because("unexplained", {}, [])
        late = asked.on if asked and asked.on < self.day else None
        proof = [entry for entry in (taken, asked, sent) if entry]
        return self._say("sent", f"sent_{because.word}", because.facts | {"step": step, "on": late}, [*because.proof, *proof])

    def _sent_by_a_case(self) -> Answer | None:
        """A letter of a case that concerns the invoice: its dispute, its plan, the account's suspension."""
        concerned = self._cases()
        for entry in self.told:
            if entry.case_id in concerned and entry.kind == EntryKind.LETTER_SENT.value and letter_at(entry).date() == self.day:
                before = [one for one in self.told if one.case_id == entry.case_id and one.at <= letter_at(entry)]
                return self._say("sent", "sent_by_case", {"step": entry.text("letter")}, [*before[-1:], entry])
        return None

    def _cases(self) -> set[str]:
        found = {entry.text("case") for entry in self.mine if entry.at < self.end} - {""}
        found |= {entry.case_id for entry in self.told if entry.case_id.startswith(f"dispute:{self.invoice_id}:")}
        plans = [entry for entry in self.told if entry.kind == EntryKind.PLAN_PROPOSED.value]
        return found | {entry.case_id for entry in plans if self.invoice_id in entry.text("invoices").split()}

    def _not_sent(self) -> Answer | None:
        ended = next(self._ended("dropped", "refused", "unknown"), None)
        if ended is None:
            withdrawn = (entry for entry in self.mine if entry.kind == EntryKind.LETTER_WITHDRAWN.value and entry.on == self.day)
            ended = next(withdrawn, None)
        if ended is None:
            return None
        step = ended.text("step")
        asked = self._last(EntryKind.LETTER_REQUESTED, step, ended.seq)
        because = _cause(self.mine, ended)
        sentence = ended.kind.removeprefix("letter.")
        facts = {"step": step, "reason": ended.text("reason"), "since": asked.on if asked else None}
        return self._say("not_sent", sentence, facts, [entry for entry in (asked, because, ended) if entry])

    def _taken(self) -> Answer | None:
        taken = next((entry for entry in reversed(self.mine) if entry.kind == EntryKind.STEP_TAKEN.value and entry.on == self.day), None)
        if taken is None:
            return None
        name = taken.text("step")
        because = why_taken(self.mine, taken, self.policies)
        following = [entry for entry in self.mine if entry.seq == taken.seq + 1]
        asked = [entry for entry in following if entry.kind in (EntryKind.LETTER_REQUESTED.value, EntryKind.CALL_REQUESTED.value)]
        facts, proof = because.facts | {"step": name}, [*because.proof, taken, *asked]
        if any(entry.kind == EntryKind.LETTER_REQUESTED.value for entry in asked):
            return self._say("not_sent", "slot", facts | self._went(name, taken), proof)
        return self._say("not_sent", "call" if asked else "asks_account", facts, proof)

    def _went(self, step: str, taken: Told) -> dict[str, date | None]:
        """The day on which the letter asked for went after all."""
        later = (entry for entry in self.mine if entry.seq > taken.seq and entry.kind == EntryKind.LETTER_SENT.value)
        return {"until": next((letter_at(entry).date() for entry in later if entry.text("step") == step), None)}

    # --- what it waited for

    def _state(self) -> Answer:
        known, heard = self.known, [entry for entry in self.mine if entry.at < self.end]
        if known.settled:
            settled = _settled_by(heard)
            return self._say("over", "settled", {"stage": known.status, "on": settled.on}, [settled])
        holds = known.standing_holds()
        if holds:
            return self._held(holds[0], heard)
        if known.letter_unheard and not self._ended_by_then(known.taken[-1].step):
            asked = self._last(EntryKind.LETTER_REQUESTED, known.taken[-1].step)
            facts = {"step": known.taken[-1].step, "since": known.taken[-1].at.date()}
            return self._say("waiting", "letter_under_way", facts, [asked] if asked else [])
        return self._next(heard)

    def _ended_by_then(self, step: str) -> bool:
        """The letter had come to its end, though the invoice had not heard of it yet."""
        ends = (entry for entry in self.mine if entry.kind in ENDED_LETTERS and entry.text("step") == step)
        return any(letter_at(entry) < self.end for entry in ends if entry.at >= self.end)

    def _held(self, hold: HoldStanding, heard: Sequence[Told]) -> Answer:
        """With the last word of the case that holds it."""
        proof = [entry for entry in heard if entry.seq == hold.entry]
        promise = self.known.promise
        if hold.kind == "promise" and promise:
            made = [entry for entry in heard if entry.seq == promise.entry]
            return self._say("waiting", "promised", {"amount": promise.amount, "by": promise.by}, [*made, *proof])
        case_id = hold.hold_id.removesuffix(":payment")
        holder = [entry for entry in self.told if entry.case_id == case_id and entry.at < self.end]
        facts = {"waiting": hold.kind, "since": hold.since.date(), "until": hold.until, "reason": hold.reason}
        return self._say("waiting", "held", facts, [*proof, *holder[-1:]])

    def _next(self, heard: Sequence[Told]) -> Answer:
        known, said = self._as_it_was(), pinned(self.known, heard)
        step, due = known.following(self.day)
        policy = known.policy
        if policy is None:
            return self._say("waiting", "unexplained", said.facts, said.proof)
        if step is None or due is None:
            last = [entry for entry in heard if entry.kind == EntryKind.STEP_TAKEN.value]
            return self._say("waiting", "end", said.facts, [*said.proof, *last[-1:]])
        facts = said.facts | {"step": step.step, "day": step.day, "days": -step.day, "due_date": known.due_date, "on": due.date()}
        if due < self.end:
            return self._say("waiting", "overdue", facts, said.proof)
        because = Because("before_due", {}, []) if step.before_due else what_put_off(known, step, policy, heard, _calendar(known, step.day))
        return self._say("waiting", f"next_{because.word}", facts | because.facts, [*said.proof, *because.proof])

    def _as_it_was(self) -> InvoiceReduction:
        """With what had become of the last letter by then, though the invoice heard of it later."""
        late = [entry for entry in self.mine if entry.at >= self.end and entry.kind in ENDED_LETTERS and letter_at(entry) < self.end]
        return reduced([*(entry for entry in self.mine if entry.at < self.end), *late], self.invoice_id, self.policies)


def _settled_by(heard: Sequence[Told]) -> Told:
    """The entry since which nothing is owed."""
    found = heard[-1]
    for entry in reversed(heard):
        status = entry.text("outcome" if entry.kind == EntryKind.CASE_CLOSED.value else "status")
        if status == InvoiceStatus.OPEN:
            break
        found = entry if status else found
    return found


def _calendar(known: InvoiceReduction, day: int) -> datetime:
    """The day of a step by the calendar alone."""
    assert known.due_date is not None
    return start_of_day(known.due_date) + timedelta(days=day)


def _cause(entries: Sequence[Told], ended: Told) -> Told | None:
    """What happened to the invoice, at the latest when the letter ended, that kept it back: a hold, a dispute, a payment."""
    at = letter_at(ended)
    causes = {
        "on_hold": (EntryKind.HOLD_PLACED,),
        "disputed": (EntryKind.DISPUTE_OPENED, EntryKind.HOLD_PLACED),
        "below_minimum": (EntryKind.HOLD_PLACED, EntryKind.PAYMENT_RECEIVED, EntryKind.CREDIT_NOTE_ISSUED),
        "settled": (EntryKind.PAYMENT_RECEIVED, EntryKind.CREDIT_NOTE_ISSUED, EntryKind.INVOICE_CANCELLED, EntryKind.WRITE_OFF_BOOKED),
        "not_due": (EntryKind.INVOICE_CHANGED,),
    }.get(ended.text("reason"), ())
    kinds = {kind.value for kind in causes}
    return next((entry for entry in reversed(entries) if entry.kind in kinds and entry.at <= max(at, ended.at)), None)
