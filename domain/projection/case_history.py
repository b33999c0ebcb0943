"""What a dossier tells of an account's promises, calls, disputes, plans and approvals, compiled from its journal."""

from collections.abc import Mapping, Sequence
from datetime import date

from domain.journal.account_entries import Told, by_case, of_kinds
from domain.journal.entry_kinds import EntryKind
from domain.projection.case_facts import (
    ApprovalFacts,
    CallFacts,
    DisputeFacts,
    EscalationFacts,
    PlanFacts,
    PlanTerms,
    PromiseFacts,
    SignatureFacts,
)

Currencies = Mapping[str, str]
"""The currency of each invoice: an entry about an invoice names its amounts without one."""

_PROMISES = {
    EntryKind.PROMISE_KEPT.value: "kept",
    EntryKind.PROMISE_PARTLY_KEPT.value: "partly_kept",
    EntryKind.PROMISE_BROKEN.value: "broken",
}
_SIGNED = {
    EntryKind.APPROVAL_SIGNED.value: "signed",
    EntryKind.APPROVAL_REJECTED.value: "rejected",
    EntryKind.APPROVAL_RETURNED.value: "returned",
}
_PLAN_ENDS = {
    EntryKind.PLAN_BROKEN.value: "broken",
    EntryKind.PLAN_COMPLETED.value: "completed",
    EntryKind.PLAN_CANCELLED.value: "cancelled",
}
_DRAFT_ENDS = {
    EntryKind.PLAN_REJECTED.value: "rejected",
    EntryKind.PLAN_DECLINED.value: "declined",
    EntryKind.PLAN_LAPSED.value: "lapsed",
}
"""The end of a plan that is not in force yet; of one that is, only the end of new terms."""


def calls(told: Sequence[Told]) -> list[CallFacts]:
    return [
        CallFacts(on=entry.on, invoice=entry.invoice_id or "", by=entry.actor, outcome=entry.text("outcome"))
        for entry in of_kinds(told, EntryKind.CALL_LOGGED)
    ]


def escalations(told: Sequence[Told]) -> list[EscalationFacts]:
    """One by hand is known by the act that raised it; one by a step, by its entry alone."""
    found: dict[str, EscalationFacts] = {}
    for entry in of_kinds(told, EntryKind.ESCALATED, EntryKind.ESCALATION_TOLD, EntryKind.ESCALATION_ANSWERED):
        act = entry.text("act") or f"{entry.case_id}:{entry.seq}"
        known = entry.text("escalation")
        if entry.kind == EntryKind.ESCALATED.value:
            found[act] = EscalationFacts(
                on=entry.on, invoice=entry.invoice_id or "", step=entry.text("step"), role=entry.text("role"), by=entry.actor
            )
        elif known in found and entry.kind == EntryKind.ESCALATION_TOLD.value:
            found[known] = found[known].model_copy(update={"told": entry.text("told")})
        elif known in found:
            found[known] = found[known].model_copy(update={"answered_on": entry.on, "answered_by": entry.actor})
    return list(found.values())


def promises(told: Sequence[Told], currencies: Currencies) -> list[PromiseFacts]:
    """A promise is known by the act that made it; a later one on the same invoice takes the place of an open one."""
    found: dict[str, PromiseFacts] = {}
    for entry in of_kinds(told, EntryKind.PROMISE_MADE, EntryKind.PROMISE_KEPT, EntryKind.PROMISE_PARTLY_KEPT, EntryKind.PROMISE_BROKEN):
        act, replaced = entry.text("act"), entry.text("replaces")
        if entry.kind != EntryKind.PROMISE_MADE.value:
            if act in found:
                judged = {"outcome": _PROMISES[entry.kind], "received": entry.number("received"), "judged_on": entry.on}
                found[act] = found[act].model_copy(update=judged)
            continue
        if replaced in found:
            found[replaced] = found[replaced].model_copy(update={"outcome": "replaced", "judged_on": entry.on})
        invoice = entry.invoice_id or ""
        found[act] = PromiseFacts(
            made_on=entry.on, invoice=invoice, recorded_by=entry.actor, currency=currencies.get(invoice, ""), amount=entry.whole("amount"),
            due=entry.day("by") or entry.on, outcome="open", received=None, judged_on=None,
        )  # fmt: skip
    return list(found.values())


def disputes(told: Sequence[Told], currencies: Currencies) -> list[DisputeFacts]:
    return [found for entries in by_case(told, "dispute:") if (found := _dispute(entries, currencies))]


def _dispute(entries: Sequence[Told], currencies: Currencies) -> DisputeFacts | None:
    raised = next(of_kinds(entries, EntryKind.DISPUTE_RAISED), None)
    if raised is None:
        return None
    ended = next(of_kinds(entries, EntryKind.DISPUTE_RESOLVED), None)
    invoice = raised.invoice_id or ""
    assigned = [entry.text("department") for entry in of_kinds(entries, EntryKind.DISPUTE_ASSIGNED) if entry.text("department")]
    attached = sum(len(entry.text("evidence").split()) for entry in of_kinds(entries, EntryKind.DISPUTE_EVIDENCE_ATTACHED))
    return DisputeFacts(
        case_id=raised.case_id, invoice=invoice, raised_on=raised.on, raised_by=raised.actor, reason=raised.text("reason"),
        currency=raised.text("currency") or currencies.get(invoice, ""), amount=raised.whole("amount"),
        department=[raised.text("department"), *assigned][-1], evidence=raised.whole("evidence") + attached,
        escalations=len(list(of_kinds(entries, EntryKind.DISPUTE_ESCALATED))),
        resolution=ended.text("resolution") if ended else None, credited=ended.number("amount") if ended else None,
        resolved_on=ended.on if ended else None, resolved_by=ended.actor if ended else None,
    )  # fmt: skip


def approvals(told: Sequence[Told]) -> list[ApprovalFacts]:
    return [found for entries in by_case(told, "approval:") if (found := _approval(entries))]


def _approval(entries: Sequence[Told]) -> ApprovalFacts | None:
    asked = next(of_kinds(entries, EntryKind.APPROVAL_REQUESTED), None)
    if asked is None:
        return None
    words = [
        SignatureFacts(
            on=entry.on, by=entry.actor, on_behalf_of=entry.text("on_behalf_of") or None, role=entry.text("role"),
            tier=entry.whole("tier"), word=_SIGNED[entry.kind],
        )
        for entry in of_kinds(entries, EntryKind.APPROVAL_SIGNED, EntryKind.APPROVAL_REJECTED, EntryKind.APPROVAL_RETURNED)
    ]  # fmt: skip
    result, ended_on, reason = "asked", None, ""
    if words and words[-1].word != "signed":
        result, ended_on = words[-1].word, words[-1].on
    for entry in of_kinds(entries, EntryKind.APPROVAL_GRANTED, EntryKind.APPROVAL_LAPSED):
        result = "approved" if entry.kind == EntryKind.APPROVAL_GRANTED.value else "lapsed"
        ended_on, reason = entry.on, entry.text("reason")
    return ApprovalFacts(
        case_id=asked.case_id, subject=asked.text("subject"), matter=asked.text("matter"), requested_on=asked.on, requester=asked.actor,
        amount=asked.whole("amount"), currency=asked.text("currency"), signatures=words, result=result, ended_on=ended_on, reason=reason,
    )  # fmt: skip


def plans(told: Sequence[Told], currencies: Currencies) -> list[PlanFacts]:
    return [found for entries in by_case(told, "plan:") if (found := _plan(entries, currencies))]


def _plan(entries: Sequence[Told], currencies: Currencies) -> PlanFacts | None:
    proposed = next(of_kinds(entries, EntryKind.PLAN_PROPOSED), None)
    if proposed is None:
        return None
    invoices = proposed.text("invoices").split()
    draft = agreed = _terms(proposed)
    accepted_on: date | None = None
    state, ended_on, reason = "proposed", None, ""
    for entry in entries:
        if entry.kind == EntryKind.PLAN_REVISED.value:
            draft = _terms(entry)
        elif entry.kind == EntryKind.PLAN_OFFERED.value and accepted_on is None:
            state = "offered"
        elif entry.kind == EntryKind.PLAN_ACCEPTED.value:
            state, agreed, accepted_on = "active", draft, accepted_on or entry.on
        elif entry.kind in _PLAN_ENDS or (entry.kind in _DRAFT_ENDS and accepted_on is None):
            state, ended_on = (_PLAN_ENDS | _DRAFT_ENDS)[entry.kind], ended_on or entry.on
            reason = entry.text("reason") or reason
    money = [entry.whole("received") for entry in of_kinds(entries, EntryKind.PLAN_MONEY_COUNTED)]
    return PlanFacts(
        case_id=proposed.case_id, proposed_on=proposed.on, proposed_by=proposed.actor, invoices=invoices,
        currency=currencies.get(invoices[0], "") if invoices else "", debt=proposed.whole("debt"),
        terms=agreed if accepted_on else draft, revisions=1 + len(list(of_kinds(entries, EntryKind.PLAN_REVISED))), state=state,
        accepted_on=accepted_on, received=money[-1] if money else 0,
        paid_instalments=len({entry.whole("instalment") for entry in of_kinds(entries, EntryKind.PLAN_INSTALMENT_PAID)}),
        missed_instalments=len({entry.whole("instalment") for entry in of_kinds(entries, EntryKind.PLAN_INSTALMENT_MISSED)}),
        ended_on=ended_on, reason=reason,
    )  # fmt: skip


def _terms(entry: Told) -> PlanTerms:
    return PlanTerms(
        revision=entry.whole("revision"), total=entry.whole("total"), interest=entry.whole("interest"),
        instalments=entry.whole("instalments"), first_on=entry.day("first_on") or entry.on, last_on=entry.day("last_on") or entry.on,
    )  # fmt: skip
