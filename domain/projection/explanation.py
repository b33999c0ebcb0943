"""The reason why a letter went to a customer on a day, why none did, or why the invoice waited: from its journal and its policy then.

The answer is a sentence's name and its facts, worded by `api.presenters.phrases`, with the entries that prove it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from domain import identifiers as ids
from domain.billing.billing_events import InvoiceStatus
from domain.clock import start_of_day
from domain.correspondence.letter_outcome import AWAITED_VERSION_FACT, LetterResult
from domain.identifiers import CaseKind, parse_case_id
from domain.journal.account_entries import AccountEntry
from domain.journal.entry_kinds import EntryKind
from domain.projection.invoice_state import LETTER_RESULT_BY_KIND, InvoiceProjection, letter_ended_at
from domain.projection.state_models import HoldState, PinnedPolicy, PoliciesByVersion
from domain.projection.step_explanation import StepReason, explain_pinned_policy, explain_postponement, explain_taken_step, project_invoice
from domain.timeline.holds import HoldKind

ExplanationTopic = Literal["sent", "not_sent", "waiting", "over"]
"""The question answered: why it was sent, why nothing was, why it waits, or that there is nothing more to do."""


class Explanation(NamedTuple):
    """`sentence` names a phrase, `facts` are its values (amounts in minor units of the invoice's currency), `entries` the proof."""

    about: ExplanationTopic
    sentence: str
    facts: dict[str, Any]
    entries: list[AccountEntry]
    policy: PinnedPolicy | None


def explain_day(account_entries: Sequence[AccountEntry], invoice_id: str, day: date, policies: PoliciesByVersion) -> Explanation:
    """Explain an invoice on a day, a business date (UTC).

    `account_entries`: all entries of the invoice's account that count, those of later days included.
    """
    return _DayExplainer(account_entries, invoice_id, day, policies).explain()


class _DayExplainer:
    """Explains one invoice on one day: by what was sent on it; else by what kept something from being sent; else by what it waited for."""

    def __init__(self, account_entries: Sequence[AccountEntry], invoice_id: str, day: date, policies: PoliciesByVersion) -> None:
        self.account_entries, self.invoice_id, self.day, self.policies = account_entries, invoice_id, day, policies
        self.day_end = start_of_day(day + timedelta(days=1))
        self.invoice_entries = sorted(
            (entry for entry in account_entries if entry.case_id == ids.invoice_case_id(invoice_id)), key=lambda entry: entry.seq
        )
        self.projection = project_invoice(self.invoice_entries, invoice_id, policies, self.day_end)

    def explain(self) -> Explanation:
        if not any(entry.at < self.day_end for entry in self.invoice_entries):
            since = self.invoice_entries[0].business_date if self.invoice_entries else None
            return Explanation("waiting", "not_started", {"since": since}, [], None)
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
        """Build the explanation with the proof in the order in which it was written, each entry once."""
        in_order = sorted(proof, key=lambda entry: (entry.at, entry.case_id, entry.seq))
        distinct = {(entry.case_id, entry.seq): entry for entry in in_order}
        return Explanation(about, sentence, facts, list(distinct.values()), self.projection.pinned_policy)

    # --- what happened on the day

    def _iterate_letter_ends(self, *fates: LetterResult) -> Iterator[AccountEntry]:
        """Yield the entries that record how a letter ended on the day, though they may have been written later."""
        return (
            entry
            for entry in self.invoice_entries
            if LETTER_RESULT_BY_KIND.get(entry.kind) in fates and letter_ended_at(entry).date() == self.day
        )

    def _find_last_entry(self, kind: EntryKind, step: str, before: int | None = None) -> AccountEntry | None:
        entries = (entry for entry in reversed(self.invoice_entries) if entry.kind == kind.value and entry.get_text("step") == step)
        return next((entry for entry in entries if before is None or entry.seq < before), None)

    def _explain_sent(self) -> Explanation | None:
        sent = next(self._iterate_letter_ends(LetterResult.SENT), None)
        if sent is None:
            return None
        step = sent.get_text("step")
        taken = self._find_last_entry(EntryKind.STEP_TAKEN, step, sent.seq)
        requested = self._find_last_entry(EntryKind.LETTER_REQUESTED, step, sent.seq)
        reason = explain_taken_step(self.invoice_entries, taken, self.policies) if taken else StepReason("unexplained", {}, [])
        requested_earlier = requested.business_date if requested and requested.business_date < self.day else None
        facts = reason.facts | {"step": step, "on": requested_earlier}
        proof = [entry for entry in (taken, requested, sent) if entry]
        return self._build_explanation("sent", f"sent_{reason.word}", facts, [*reason.proof, *proof])

    def _explain_case_letter(self) -> Explanation | None:
        """Explain a letter of a case that concerns the invoice: its dispute, its plan, the account's suspension."""
        linked_cases = self._list_linked_cases()
        for entry in self.account_entries:
            if entry.case_id in linked_cases and entry.kind == EntryKind.LETTER_SENT.value and letter_ended_at(entry).date() == self.day:
                case_entries = (other for other in self.account_entries if other.case_id == entry.case_id)
                before = [case_entry for case_entry in case_entries if case_entry.at <= letter_ended_at(entry)]
                return self._build_explanation("sent", "sent_by_case", {"step": entry.get_text("letter")}, [*before[-1:], entry])
        return None

    def _list_linked_cases(self) -> set[str]:
        named = {entry.get_text("case") for entry in self.invoice_entries if entry.at < self.day_end} - {""}
        case_ids = {entry.case_id: parse_case_id(entry.case_id) for entry in self.account_entries}
        disputes = {
            case_id
            for case_id, parsed in case_ids.items()
            if parsed and (parsed.kind, parsed.subject) == (CaseKind.DISPUTE, self.invoice_id)
        }
        proposals = [entry for entry in self.account_entries if entry.kind == EntryKind.PLAN_PROPOSED.value]
        plans = {entry.case_id for entry in proposals if self.invoice_id in entry.get_text("invoices").split()}
        return named | disputes | plans

    def _explain_not_sent(self) -> Explanation | None:
        ended = next(self._iterate_letter_ends(LetterResult.DROPPED, LetterResult.REFUSED, LetterResult.UNKNOWN), None)
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
        requested = self._find_last_entry(EntryKind.LETTER_REQUESTED, step, ended.seq)
        cause = _find_cause(self.invoice_entries, ended)
        sentence = ended.kind.removeprefix("letter.")
        facts = {"step": step, "reason": ended.get_text("reason"), "since": requested.business_date if requested else None}
        return self._build_explanation("not_sent", sentence, facts, [entry for entry in (requested, cause, ended) if entry])

    def _explain_taken_step(self) -> Explanation | None:
        steps = (entry for entry in reversed(self.invoice_entries) if entry.kind == EntryKind.STEP_TAKEN.value)
        taken = next((entry for entry in steps if entry.business_date == self.day), None)
        if taken is None:
            return None
        name = taken.get_text("step")
        reason = explain_taken_step(self.invoice_entries, taken, self.policies)
        following = [entry for entry in self.invoice_entries if entry.seq == taken.seq + 1]
        requests = [entry for entry in following if entry.kind in (EntryKind.LETTER_REQUESTED.value, EntryKind.CALL_REQUESTED.value)]
        facts, proof = reason.facts | {"step": name}, [*reason.proof, taken, *requests]
        if any(entry.kind == EntryKind.LETTER_REQUESTED.value for entry in requests):
            return self._build_explanation("not_sent", "slot", facts | {"until": self._find_sent_day(name, taken)}, proof)
        return self._build_explanation("not_sent", "call" if requests else "asks_account", facts, proof)

    def _find_sent_day(self, step: str, taken: AccountEntry) -> date | None:
        """Find the later day on which the requested letter went."""
        later = (entry for entry in self.invoice_entries if entry.seq > taken.seq and entry.kind == EntryKind.LETTER_SENT.value)
        return next((letter_ended_at(entry).date() for entry in later if entry.get_text("step") == step), None)

    # --- what it waited for

    def _explain_state(self) -> Explanation:
        invoice, recorded = self.projection, [entry for entry in self.invoice_entries if entry.at < self.day_end]
        if invoice.is_settled:
            settled = _find_settling_entry(recorded)
            return self._build_explanation("over", "settled", {"stage": invoice.status, "on": settled.business_date}, [settled])
        holds = invoice.list_active_holds()
        if holds:
            return self._explain_hold(holds[0], recorded)
        if invoice.is_letter_in_doubt:
            return self._explain_doubt(invoice.taken_steps[-1].step)
        if invoice.is_letter_outcome_pending and not self._has_letter_ended(invoice.taken_steps[-1].step):
            last_step = invoice.taken_steps[-1]
            requested = self._find_last_entry(EntryKind.LETTER_REQUESTED, last_step.step)
            facts = {"step": last_step.step, "since": last_step.at.date()}
            return self._build_explanation("waiting", "letter_under_way", facts, [requested] if requested else [])
        if invoice.is_billing_awaited:
            return self._explain_awaited_billing(recorded)
        return self._explain_next_step(recorded)

    def _explain_doubt(self, step: str) -> Explanation:
        """Explain that people were to decide about a letter of which nobody knew whether it had arrived."""
        unknown = self._find_last_entry(EntryKind.LETTER_UNKNOWN, step)
        facts = {"step": step, "since": letter_ended_at(unknown).date() if unknown else None}
        return self._build_explanation("waiting", "letter_in_doubt", facts, [unknown] if unknown else [])

    def _explain_awaited_billing(self, recorded: Sequence[AccountEntry]) -> Explanation:
        """Explain that a letter had been dropped for what billing knew already, and had not told yet."""
        dropped = next(entry for entry in reversed(recorded) if AWAITED_VERSION_FACT in entry.facts)
        facts = {"step": dropped.get_text("step"), "since": dropped.business_date}
        return self._build_explanation("waiting", "billing_awaited", facts, [dropped])

    def _has_letter_ended(self, step: str) -> bool:
        """Return true for a letter that had come to its end, though the invoice had not recorded it yet."""
        ends = (entry for entry in self.invoice_entries if entry.kind in LETTER_RESULT_BY_KIND and entry.get_text("step") == step)
        return any(letter_ended_at(entry) < self.day_end for entry in ends if entry.at >= self.day_end)

    def _explain_hold(self, hold: HoldState, recorded: Sequence[AccountEntry]) -> Explanation:
        """Explain a hold, with the last entry of the case that placed it."""
        placed = [entry for entry in recorded if entry.seq == hold.entry]
        promise = self.projection.promise
        if hold.kind == HoldKind.PROMISE and promise:
            made = [entry for entry in recorded if entry.seq == promise.entry]
            return self._build_explanation("waiting", "promised", {"amount": promise.amount, "by": promise.by}, [*made, *placed])
        case_id = hold.hold_id.removesuffix(":payment")
        case_entries = [entry for entry in self.account_entries if entry.case_id == case_id and entry.at < self.day_end]
        facts = {"waiting": hold.kind, "since": hold.since.date(), "until": hold.until, "reason": hold.reason}
        return self._build_explanation("waiting", "held", facts, [*placed, *case_entries[-1:]])

    def _explain_next_step(self, recorded: Sequence[AccountEntry]) -> Explanation:
        invoice, pinned = self._project_with_later_outcomes(), explain_pinned_policy(self.projection, recorded)
        step, due = invoice.find_next_step(self.day)
        policy = invoice.policy
        if policy is None:
            return self._build_explanation("waiting", "unexplained", pinned.facts, pinned.proof)
        if step is None or due is None:
            steps = [entry for entry in recorded if entry.kind == EntryKind.STEP_TAKEN.value]
            return self._build_explanation("waiting", "end", pinned.facts, [*pinned.proof, *steps[-1:]])
        facts = pinned.facts | {"step": step.step, "day": step.day, "days": -step.day, "due_date": invoice.due_date, "on": due.date()}
        if due < self.day_end:
            return self._build_explanation("waiting", "overdue", facts, pinned.proof)
        if step.is_before_due:
            reason = StepReason("before_due", {}, [])
        else:
            reason = explain_postponement(invoice, step, policy, recorded, _find_calendar_day(invoice, step.day))
        return self._build_explanation("waiting", f"next_{reason.word}", facts | reason.facts, [*pinned.proof, *reason.proof])

    def _project_with_later_outcomes(self) -> InvoiceProjection:
        """Project the invoice with the letters' outcomes that had come about by then, though it recorded them later."""
        recorded = [entry for entry in self.invoice_entries if entry.at < self.day_end]
        later_outcomes = [
            entry
            for entry in self.invoice_entries
            if entry.at >= self.day_end and entry.kind in LETTER_RESULT_BY_KIND and letter_ended_at(entry) < self.day_end
        ]
        return project_invoice([*recorded, *later_outcomes], self.invoice_id, self.policies)


def _find_settling_entry(recorded: Sequence[AccountEntry]) -> AccountEntry:
    """Find the entry since which nothing is owed."""
    settling = recorded[-1]
    for entry in reversed(recorded):
        status = entry.get_text("outcome" if entry.kind == EntryKind.CASE_CLOSED.value else "status")
        if status == InvoiceStatus.OPEN:
            break
        settling = entry if status else settling
    return settling


def _find_calendar_day(invoice: InvoiceProjection, day: int) -> datetime:
    """Return the day of a step by the calendar alone, without holds (UTC)."""
    assert invoice.due_date is not None
    return start_of_day(invoice.due_date) + timedelta(days=day)


def _find_cause(entries: Sequence[AccountEntry], ended: AccountEntry) -> AccountEntry | None:
    """Find the hold, dispute or payment, at the latest of when the letter ended, that kept the letter from being sent."""
    ended_at = letter_ended_at(ended)
    causes = {
        "on_hold": (EntryKind.HOLD_PLACED,),
        "disputed": (EntryKind.DISPUTE_OPENED, EntryKind.HOLD_PLACED),
        "below_minimum": (EntryKind.HOLD_PLACED, EntryKind.PAYMENT_RECEIVED, EntryKind.CREDIT_NOTE_ISSUED, EntryKind.CREDIT_APPLIED),
        "settled": (
            EntryKind.PAYMENT_RECEIVED,
            EntryKind.CREDIT_NOTE_ISSUED,
            EntryKind.CREDIT_APPLIED,
            EntryKind.INVOICE_CANCELLED,
            EntryKind.WRITE_OFF_BOOKED,
        ),
        "not_due": (EntryKind.INVOICE_CHANGED,),
    }.get(ended.get_text("reason"), ())
    kinds = {kind.value for kind in causes}
    return next((entry for entry in reversed(entries) if entry.kind in kinds and entry.at <= max(ended_at, ended.at)), None)
