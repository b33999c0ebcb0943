"""Why something was sent to a customer on a day, why nothing was, or why it waited: from the invoice's journal and the policy it had then.

The answer is a sentence's name and its facts, said in words by `api.presenters.phrases`, with the entries that prove it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.clock import start_of_day
from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.projection.invoice_state import LETTER_RESULT_BY_KIND, InvoiceProjection, letter_ended_at
from domain.projection.state_models import HoldState, PinnedPolicy, PoliciesByVersion
from domain.projection.step_explanation import StepReason, explain_pinned_policy, explain_postponement, explain_taken_step, project_invoice

ExplanationTopic = Literal["sent", "not_sent", "waiting", "over"]
"""What the answer is about: why it was sent, why nothing was, why it waits, or that there is nothing more to do."""


class Explanation(NamedTuple):
    """`sentence` names a phrase, `facts` what it speaks of (amounts in minor units of the invoice's currency), `entries` the proof."""

    about: ExplanationTopic
    sentence: str
    facts: dict[str, Any]
    entries: list[AccountEntry]
    policy: PinnedPolicy | None


def explain_day(account_entries: Sequence[AccountEntry], invoice_id: str, day: date, policies: PoliciesByVersion) -> Explanation:
    """`told`: all entries of the invoice's account that count, those of later days included. `day` is a business date (UTC)."""
    return _DayExplainer(account_entries, invoice_id, day, policies).explain()


class _DayExplainer:
    """One invoice on one day. What was sent on it is the answer; else what kept something from being sent; else what it waited for."""

    def __init__(self, account_entries: Sequence[AccountEntry], invoice_id: str, day: date, policies: PoliciesByVersion) -> None:
        self.account_entries, self.invoice_id, self.day, self.policies = account_entries, invoice_id, day, policies
        self.day_end = start_of_day(day + timedelta(days=1))
        self.invoice_entries = sorted(
            (entry for entry in account_entries if entry.case_id == ids.invoice_case_id(invoice_id)), key=lambda entry: entry.seq
        )
        self.projection = project_invoice(self.invoice_entries, invoice_id, policies, self.day_end)

    def explain(self) -> Explanation:
        if not any(entry.at < self.day_end for entry in self.invoice_entries):
            begins = self.invoice_entries[:1]
            return Explanation("waiting", "not_started", {"since": begins[0].business_date if begins else None}, [], None)
        return (
            self._explain_sent()
            or self._explain_case_letter()
            or self._explain_not_sent()
            or self._explain_taken_step()
            or self._explain_state()
        )

    def _build_explanation(
        self, about: ExplanationTopic, sentence: str, facts: dict[str, Any], proof: Sequence[AccountEntry]
    ) -> Explanation:
        """The proof in the order in which it was written, each entry once."""
        once = {(entry.case_id, entry.seq): entry for entry in sorted(proof, key=lambda entry: (entry.at, entry.case_id, entry.seq))}
        return Explanation(about, sentence, facts, list(once.values()), self.projection.pinned_policy)

    # --- what happened on the day

    def _iterate_letter_ends(self, *fates: str) -> Iterator[AccountEntry]:
        """The entries that tell how a letter ended on the day, though they may have been written later."""
        return (
            entry
            for entry in self.invoice_entries
            if LETTER_RESULT_BY_KIND.get(entry.kind) in fates and letter_ended_at(entry).date() == self.day
        )

    def _find_last_entry(self, kind: EntryKind, step: str, before: int | None = None) -> AccountEntry | None:
        found = [entry for entry in self.invoice_entries if entry.kind == kind.value and entry.get_text("step") == step]
        return next((entry for entry in reversed(found) if before is None or entry.seq < before), None)

    def _explain_sent(self) -> Explanation | None:
        sent = next(self._iterate_letter_ends("sent"), None)
        if sent is None:
            return None
        step = sent.get_text("step")
        taken = self._find_last_entry(EntryKind.STEP_TAKEN, step, sent.seq)
        asked = self._find_last_entry(EntryKind.LETTER_REQUESTED, step, sent.seq)
        because = explain_taken_step(self.invoice_entries, taken, self.policies) if taken else StepReason("unexplained", {}, [])
        late = asked.business_date if asked and asked.business_date < self.day else None
        proof = [entry for entry in (taken, asked, sent) if entry]
        return self._build_explanation("sent", f"sent_{because.word}", because.facts | {"step": step, "on": late}, [*because.proof, *proof])

    def _explain_case_letter(self) -> Explanation | None:
        """A letter of a case that concerns the invoice: its dispute, its plan, the account's suspension."""
        concerned = self._list_linked_cases()
        for entry in self.account_entries:
            if entry.case_id in concerned and entry.kind == EntryKind.LETTER_SENT.value and letter_ended_at(entry).date() == self.day:
                before = [one for one in self.account_entries if one.case_id == entry.case_id and one.at <= letter_ended_at(entry)]
                return self._build_explanation("sent", "sent_by_case", {"step": entry.get_text("letter")}, [*before[-1:], entry])
        return None

    def _list_linked_cases(self) -> set[str]:
        found = {entry.get_text("case") for entry in self.invoice_entries if entry.at < self.day_end} - {""}
        found |= {entry.case_id for entry in self.account_entries if entry.case_id.startswith(f"dispute:{self.invoice_id}:")}
        plans = [entry for entry in self.account_entries if entry.kind == EntryKind.PLAN_PROPOSED.value]
        return found | {entry.case_id for entry in plans if self.invoice_id in entry.get_text("invoices").split()}

    def _explain_not_sent(self) -> Explanation | None:
        ended = next(self._iterate_letter_ends("dropped", "refused", "unknown"), None)
        if ended is None:
            withdrawn = (
                entry
                for entry in self.invoice_entries
                if entry.kind == EntryKind.LETTER_WITHDRAWN.value and entry.business_date == self.day
            )
            ended = next(withdrawn, None)
        if ended is None:
            return None
        step = ended.get_text("step")
        asked = self._find_last_entry(EntryKind.LETTER_REQUESTED, step, ended.seq)
        because = _find_cause(self.invoice_entries, ended)
        sentence = ended.kind.removeprefix("letter.")
        facts = {"step": step, "reason": ended.get_text("reason"), "since": asked.business_date if asked else None}
        return self._build_explanation("not_sent", sentence, facts, [entry for entry in (asked, because, ended) if entry])

    def _explain_taken_step(self) -> Explanation | None:
        taken = next(
            (
                entry
                for entry in reversed(self.invoice_entries)
                if entry.kind == EntryKind.STEP_TAKEN.value and entry.business_date == self.day
            ),
            None,
        )
        if taken is None:
            return None
        name = taken.get_text("step")
        because = explain_taken_step(self.invoice_entries, taken, self.policies)
        following = [entry for entry in self.invoice_entries if entry.seq == taken.seq + 1]
        asked = [entry for entry in following if entry.kind in (EntryKind.LETTER_REQUESTED.value, EntryKind.CALL_REQUESTED.value)]
        facts, proof = because.facts | {"step": name}, [*because.proof, taken, *asked]
        if any(entry.kind == EntryKind.LETTER_REQUESTED.value for entry in asked):
            return self._build_explanation("not_sent", "slot", facts | self._find_sent_day(name, taken), proof)
        return self._build_explanation("not_sent", "call" if asked else "asks_account", facts, proof)

    def _find_sent_day(self, step: str, taken: AccountEntry) -> dict[str, date | None]:
        """The day on which the letter asked for went after all."""
        later = (entry for entry in self.invoice_entries if entry.seq > taken.seq and entry.kind == EntryKind.LETTER_SENT.value)
        return {"until": next((letter_ended_at(entry).date() for entry in later if entry.get_text("step") == step), None)}

    # --- what it waited for

    def _explain_state(self) -> Explanation:
        known, heard = self.projection, [entry for entry in self.invoice_entries if entry.at < self.day_end]
        if known.is_settled:
            settled = _find_settling_entry(heard)
            return self._build_explanation("over", "settled", {"stage": known.status, "on": settled.business_date}, [settled])
        holds = known.list_active_holds()
        if holds:
            return self._explain_hold(holds[0], heard)
        if known.is_letter_outcome_pending and not self._has_letter_ended(known.taken_steps[-1].step):
            asked = self._find_last_entry(EntryKind.LETTER_REQUESTED, known.taken_steps[-1].step)
            facts = {"step": known.taken_steps[-1].step, "since": known.taken_steps[-1].at.date()}
            return self._build_explanation("waiting", "letter_under_way", facts, [asked] if asked else [])
        return self._explain_next_step(heard)

    def _has_letter_ended(self, step: str) -> bool:
        """The letter had come to its end, though the invoice had not heard of it yet."""
        ends = (entry for entry in self.invoice_entries if entry.kind in LETTER_RESULT_BY_KIND and entry.get_text("step") == step)
        return any(letter_ended_at(entry) < self.day_end for entry in ends if entry.at >= self.day_end)

    def _explain_hold(self, hold: HoldState, heard: Sequence[AccountEntry]) -> Explanation:
        """With the last word of the case that holds it."""
        proof = [entry for entry in heard if entry.seq == hold.entry]
        promise = self.projection.promise
        if hold.kind == "promise" and promise:
            made = [entry for entry in heard if entry.seq == promise.entry]
            return self._build_explanation("waiting", "promised", {"amount": promise.amount, "by": promise.by}, [*made, *proof])
        case_id = hold.hold_id.removesuffix(":payment")
        holder = [entry for entry in self.account_entries if entry.case_id == case_id and entry.at < self.day_end]
        facts = {"waiting": hold.kind, "since": hold.since.date(), "until": hold.until, "reason": hold.reason}
        return self._build_explanation("waiting", "held", facts, [*proof, *holder[-1:]])

    def _explain_next_step(self, heard: Sequence[AccountEntry]) -> Explanation:
        known, said = self._project_with_later_outcomes(), explain_pinned_policy(self.projection, heard)
        step, due = known.find_next_step(self.day)
        policy = known.policy
        if policy is None:
            return self._build_explanation("waiting", "unexplained", said.facts, said.proof)
        if step is None or due is None:
            last = [entry for entry in heard if entry.kind == EntryKind.STEP_TAKEN.value]
            return self._build_explanation("waiting", "end", said.facts, [*said.proof, *last[-1:]])
        facts = said.facts | {"step": step.step, "day": step.day, "days": -step.day, "due_date": known.due_date, "on": due.date()}
        if due < self.day_end:
            return self._build_explanation("waiting", "overdue", facts, said.proof)
        because = (
            StepReason("before_due", {}, [])
            if step.is_before_due
            else explain_postponement(known, step, policy, heard, _calendar_day(known, step.day))
        )
        return self._build_explanation("waiting", f"next_{because.word}", facts | because.facts, [*said.proof, *because.proof])

    def _project_with_later_outcomes(self) -> InvoiceProjection:
        """With what had become of the last letter by then, though the invoice heard of it later."""
        late = [
            entry
            for entry in self.invoice_entries
            if entry.at >= self.day_end and entry.kind in LETTER_RESULT_BY_KIND and letter_ended_at(entry) < self.day_end
        ]
        return project_invoice(
            [*(entry for entry in self.invoice_entries if entry.at < self.day_end), *late], self.invoice_id, self.policies
        )


def _find_settling_entry(heard: Sequence[AccountEntry]) -> AccountEntry:
    """The entry since which nothing is owed."""
    found = heard[-1]
    for entry in reversed(heard):
        status = entry.get_text("outcome" if entry.kind == EntryKind.CASE_CLOSED.value else "status")
        if status == InvoiceStatus.OPEN:
            break
        found = entry if status else found
    return found


def _calendar_day(known: InvoiceProjection, day: int) -> datetime:
    """The day of a step by the calendar alone."""
    assert known.due_date is not None
    return start_of_day(known.due_date) + timedelta(days=day)


def _find_cause(entries: Sequence[AccountEntry], ended: AccountEntry) -> AccountEntry | None:
    """What happened to the invoice, at the latest when the letter ended, that kept it back: a hold, a dispute, a payment."""
    at = letter_ended_at(ended)
    causes = {
        "on_hold": (EntryKind.HOLD_PLACED,),
        "disputed": (EntryKind.DISPUTE_OPENED, EntryKind.HOLD_PLACED),
        "below_minimum": (EntryKind.HOLD_PLACED, EntryKind.PAYMENT_RECEIVED, EntryKind.CREDIT_NOTE_ISSUED),
        "settled": (EntryKind.PAYMENT_RECEIVED, EntryKind.CREDIT_NOTE_ISSUED, EntryKind.INVOICE_CANCELLED, EntryKind.WRITE_OFF_BOOKED),
        "not_due": (EntryKind.INVOICE_CHANGED,),
    }.get(ended.get_text("reason"), ())
    kinds = {kind.value for kind in causes}
    return next((entry for entry in reversed(entries) if entry.kind in kinds and entry.at <= max(at, ended.at)), None)
