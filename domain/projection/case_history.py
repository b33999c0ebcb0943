"""What a dossier tells of an account's promises, calls, disputes, plans and approvals, compiled from its journal."""

from collections.abc import Mapping, Sequence
from datetime import date

from domain.journal.account_entries import AccountEntry, filter_by_kind, group_by_case
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

InvoiceCurrencies = Mapping[str, str]
"""The currency of each invoice: an entry about an invoice names its amounts without one."""

_PROMISE_OUTCOMES = {
    EntryKind.PROMISE_KEPT.value: "kept",
    EntryKind.PROMISE_PARTLY_KEPT.value: "partly_kept",
    EntryKind.PROMISE_BROKEN.value: "broken",
}
_SIGNATURE_WORDS = {
    EntryKind.APPROVAL_SIGNED.value: "signed",
    EntryKind.APPROVAL_REJECTED.value: "rejected",
    EntryKind.APPROVAL_RETURNED.value: "returned",
}
_PLAN_OUTCOMES = {
    EntryKind.PLAN_BROKEN.value: "broken",
    EntryKind.PLAN_COMPLETED.value: "completed",
    EntryKind.PLAN_CANCELLED.value: "cancelled",
}
_DRAFT_OUTCOMES = {
    EntryKind.PLAN_REJECTED.value: "rejected",
    EntryKind.PLAN_DECLINED.value: "declined",
    EntryKind.PLAN_LAPSED.value: "lapsed",
}
"""The end of a plan that is not in force yet; of one that is, only the end of new terms."""


def list_calls(account_entries: Sequence[AccountEntry]) -> list[CallFacts]:
    return [
        CallFacts(on=entry.business_date, invoice=entry.invoice_id or "", by=entry.actor, outcome=entry.get_text("outcome"))
        for entry in filter_by_kind(account_entries, EntryKind.CALL_LOGGED)
    ]


def list_escalations(account_entries: Sequence[AccountEntry]) -> list[EscalationFacts]:
    """One by hand is known by the act that raised it; one by a step, by its entry alone."""
    found: dict[str, EscalationFacts] = {}
    for entry in filter_by_kind(account_entries, EntryKind.ESCALATED, EntryKind.ESCALATION_TOLD, EntryKind.ESCALATION_ANSWERED):
        act = entry.get_text("act") or f"{entry.case_id}:{entry.seq}"
        known = entry.get_text("escalation")
        if entry.kind == EntryKind.ESCALATED.value:
            found[act] = EscalationFacts(
                on=entry.business_date,
                invoice=entry.invoice_id or "",
                step=entry.get_text("step"),
                role=entry.get_text("role"),
                by=entry.actor,
            )
        elif known in found and entry.kind == EntryKind.ESCALATION_TOLD.value:
            found[known] = found[known].model_copy(update={"told": entry.get_text("told")})
        elif known in found:
            found[known] = found[known].model_copy(update={"answered_on": entry.business_date, "answered_by": entry.actor})
    return list(found.values())


def list_promises(account_entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> list[PromiseFacts]:
    """A promise is known by the act that made it; a later one on the same invoice takes the place of an open one."""
    found: dict[str, PromiseFacts] = {}
    for entry in filter_by_kind(
        account_entries, EntryKind.PROMISE_MADE, EntryKind.PROMISE_KEPT, EntryKind.PROMISE_PARTLY_KEPT, EntryKind.PROMISE_BROKEN
    ):
        act, replaced = entry.get_text("act"), entry.get_text("replaces")
        if entry.kind != EntryKind.PROMISE_MADE.value:
            if act in found:
                judged = {
                    "outcome": _PROMISE_OUTCOMES[entry.kind],
                    "received": entry.get_optional_int("received"),
                    "judged_on": entry.business_date,
                }
                found[act] = found[act].model_copy(update=judged)
            continue
        if replaced in found:
            found[replaced] = found[replaced].model_copy(update={"outcome": "replaced", "judged_on": entry.business_date})
        invoice = entry.invoice_id or ""
        found[act] = PromiseFacts(
            made_on=entry.business_date,
            invoice=invoice,
            recorded_by=entry.actor,
            currency=currencies.get(invoice, ""),
            amount=entry.get_int("amount"),
            due=entry.get_date("by") or entry.business_date,
            outcome="open",
            received=None,
            judged_on=None,
        )
    return list(found.values())


def list_disputes(account_entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> list[DisputeFacts]:
    return [found for entries in group_by_case(account_entries, "dispute:") if (found := _build_dispute(entries, currencies))]


def _build_dispute(entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> DisputeFacts | None:
    raised = next(filter_by_kind(entries, EntryKind.DISPUTE_RAISED), None)
    if raised is None:
        return None
    ended = next(filter_by_kind(entries, EntryKind.DISPUTE_RESOLVED), None)
    invoice = raised.invoice_id or ""
    assigned = [
        entry.get_text("department") for entry in filter_by_kind(entries, EntryKind.DISPUTE_ASSIGNED) if entry.get_text("department")
    ]
    attached = sum(len(entry.get_text("evidence").split()) for entry in filter_by_kind(entries, EntryKind.DISPUTE_EVIDENCE_ATTACHED))
    return DisputeFacts(
        case_id=raised.case_id,
        invoice=invoice,
        raised_on=raised.business_date,
        raised_by=raised.actor,
        reason=raised.get_text("reason"),
        currency=raised.get_text("currency") or currencies.get(invoice, ""),
        amount=raised.get_int("amount"),
        department=[raised.get_text("department"), *assigned][-1],
        evidence=raised.get_int("evidence") + attached,
        escalations=len(list(filter_by_kind(entries, EntryKind.DISPUTE_ESCALATED))),
        resolution=ended.get_text("resolution") if ended else None,
        credited=ended.get_optional_int("amount") if ended else None,
        resolved_on=ended.business_date if ended else None,
        resolved_by=ended.actor if ended else None,
    )


def list_approvals(account_entries: Sequence[AccountEntry]) -> list[ApprovalFacts]:
    return [found for entries in group_by_case(account_entries, "approval:") if (found := _build_approval(entries))]


def _build_approval(entries: Sequence[AccountEntry]) -> ApprovalFacts | None:
    asked = next(filter_by_kind(entries, EntryKind.APPROVAL_REQUESTED), None)
    if asked is None:
        return None
    words = [
        SignatureFacts(
            on=entry.business_date,
            by=entry.actor,
            on_behalf_of=entry.get_text("on_behalf_of") or None,
            role=entry.get_text("role"),
            tier=entry.get_int("tier"),
            word=_SIGNATURE_WORDS[entry.kind],
        )
        for entry in filter_by_kind(entries, EntryKind.APPROVAL_SIGNED, EntryKind.APPROVAL_REJECTED, EntryKind.APPROVAL_RETURNED)
    ]
    result, ended_on, reason = "asked", None, ""
    if words and words[-1].word != "signed":
        result, ended_on = words[-1].word, words[-1].on
    for entry in filter_by_kind(entries, EntryKind.APPROVAL_GRANTED, EntryKind.APPROVAL_LAPSED):
        result = "approved" if entry.kind == EntryKind.APPROVAL_GRANTED.value else "lapsed"
        ended_on, reason = entry.business_date, entry.get_text("reason")
    return ApprovalFacts(
        case_id=asked.case_id,
        subject=asked.get_text("subject"),
        matter=asked.get_text("matter"),
        requested_on=asked.business_date,
        requester=asked.actor,
        amount=asked.get_int("amount"),
        currency=asked.get_text("currency"),
        signatures=words,
        result=result,
        ended_on=ended_on,
        reason=reason,
    )


def list_plans(account_entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> list[PlanFacts]:
    return [found for entries in group_by_case(account_entries, "plan:") if (found := _build_plan(entries, currencies))]


def _build_plan(entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> PlanFacts | None:
    proposed = next(filter_by_kind(entries, EntryKind.PLAN_PROPOSED), None)
    if proposed is None:
        return None
    invoices = proposed.get_text("invoices").split()
    draft = agreed = _build_terms(proposed)
    accepted_on: date | None = None
    state, ended_on, reason = "proposed", None, ""
    for entry in entries:
        if entry.kind == EntryKind.PLAN_REVISED.value:
            draft = _build_terms(entry)
        elif entry.kind == EntryKind.PLAN_OFFERED.value and accepted_on is None:
            state = "offered"
        elif entry.kind == EntryKind.PLAN_ACCEPTED.value:
            state, agreed, accepted_on = "active", draft, accepted_on or entry.business_date
        elif entry.kind in _PLAN_OUTCOMES or (entry.kind in _DRAFT_OUTCOMES and accepted_on is None):
            state, ended_on = (_PLAN_OUTCOMES | _DRAFT_OUTCOMES)[entry.kind], ended_on or entry.business_date
            reason = entry.get_text("reason") or reason
    money = [entry.get_int("received") for entry in filter_by_kind(entries, EntryKind.PLAN_MONEY_COUNTED)]
    return PlanFacts(
        case_id=proposed.case_id,
        proposed_on=proposed.business_date,
        proposed_by=proposed.actor,
        invoices=invoices,
        currency=currencies.get(invoices[0], "") if invoices else "",
        debt=proposed.get_int("debt"),
        terms=agreed if accepted_on else draft,
        revisions=1 + len(list(filter_by_kind(entries, EntryKind.PLAN_REVISED))),
        state=state,
        accepted_on=accepted_on,
        received=money[-1] if money else 0,
        paid_instalments=len({entry.get_int("instalment") for entry in filter_by_kind(entries, EntryKind.PLAN_INSTALMENT_PAID)}),
        missed_instalments=len({entry.get_int("instalment") for entry in filter_by_kind(entries, EntryKind.PLAN_INSTALMENT_MISSED)}),
        ended_on=ended_on,
        reason=reason,
    )


def _build_terms(entry: AccountEntry) -> PlanTerms:
    return PlanTerms(
        revision=entry.get_int("revision"),
        total=entry.get_int("total"),
        interest=entry.get_int("interest"),
        instalments=entry.get_int("instalments"),
        first_on=entry.get_date("first_on") or entry.business_date,
        last_on=entry.get_date("last_on") or entry.business_date,
    )
