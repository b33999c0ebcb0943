"""An account's promises, calls, disputes, plans and approvals, compiled from its journal.

Amounts are in minor units; days are business dates (UTC).
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from domain.approval.result import ApprovalStage
from domain.identifiers import CaseKind
from domain.journal.account_entries import AccountEntry, filter_by_kind, group_by_case
from domain.journal.entry_kinds import EntryKind
from domain.projection.case_facts import (
    ApprovalFacts,
    CallFacts,
    DisputeFacts,
    EscalationFacts,
    PlanFacts,
    PlanStatus,
    PlanTerms,
    PromiseFacts,
    PromiseStatus,
    SignatureFacts,
    SignatureWord,
)

InvoiceCurrencies = Mapping[str, str]
"""The currency of each invoice, by id: an entry about an invoice names its amounts without one."""

_PROMISE_OUTCOMES = {
    EntryKind.PROMISE_KEPT: PromiseStatus.KEPT,
    EntryKind.PROMISE_PARTLY_KEPT: PromiseStatus.PARTLY_KEPT,
    EntryKind.PROMISE_BROKEN: PromiseStatus.BROKEN,
}
_SIGNATURE_WORDS = {
    EntryKind.APPROVAL_SIGNED.value: SignatureWord.SIGNED,
    EntryKind.APPROVAL_REJECTED.value: SignatureWord.REJECTED,
    EntryKind.APPROVAL_RETURNED.value: SignatureWord.RETURNED,
}
_PLAN_OUTCOMES = {
    EntryKind.PLAN_BROKEN.value: PlanStatus.BROKEN,
    EntryKind.PLAN_COMPLETED.value: PlanStatus.COMPLETED,
    EntryKind.PLAN_CANCELLED.value: PlanStatus.CANCELLED,
}
_DRAFT_OUTCOMES = {
    EntryKind.PLAN_REJECTED.value: PlanStatus.REJECTED,
    EntryKind.PLAN_DECLINED.value: PlanStatus.DECLINED,
    EntryKind.PLAN_LAPSED.value: PlanStatus.LAPSED,
}
"""The end of a plan that is not in force yet; of one that is, only the end of new terms."""

_JUDGED = (PromiseStatus.KEPT, PromiseStatus.PARTLY_KEPT, PromiseStatus.BROKEN)


def list_calls(account_entries: Sequence[AccountEntry]) -> list[CallFacts]:
    """List the calls that were logged, in order of the entries."""
    return [
        CallFacts(on=entry.business_date, invoice=entry.invoice_id or "", by=entry.actor, outcome=entry.get_text("outcome"))
        for entry in filter_by_kind(account_entries, EntryKind.CALL_LOGGED)
    ]


def list_escalations(account_entries: Sequence[AccountEntry]) -> list[EscalationFacts]:
    """List the escalations. One by hand is identified by the command that raised it; one by a step, by its entry alone."""
    escalations: dict[str, EscalationFacts] = {}
    for entry in filter_by_kind(account_entries, EntryKind.ESCALATED, EntryKind.ESCALATION_TOLD, EntryKind.ESCALATION_ANSWERED):
        answered_id = entry.get_text("escalation")
        if entry.kind == EntryKind.ESCALATED.value:
            escalation_id = entry.get_text("act") or f"{entry.case_id}:{entry.seq}"
            escalations[escalation_id] = EscalationFacts(
                on=entry.business_date,
                invoice=entry.invoice_id or "",
                step=entry.get_text("step"),
                role=entry.get_text("role"),
                by=entry.actor,
            )
        elif answered_id in escalations:
            if entry.kind == EntryKind.ESCALATION_TOLD.value:
                changes: dict[str, Any] = {"told": entry.get_text("told")}
            else:
                changes = {"answered_on": entry.business_date, "answered_by": entry.actor}
            escalations[answered_id] = escalations[answered_id].model_copy(update=changes)
    return list(escalations.values())


def list_promises(account_entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> list[PromiseFacts]:
    """List the promises. Each is identified by the command that made it; a later one on the same invoice replaces an open one."""
    promises: dict[str, PromiseFacts] = {}
    for entry in filter_by_kind(account_entries, EntryKind.PROMISE_MADE, *_PROMISE_OUTCOMES):
        promise_id = entry.get_text("act")
        if entry.kind == EntryKind.PROMISE_MADE.value:
            replaced_id = entry.get_text("replaces")
            if replaced_id in promises:
                replaced = {"outcome": PromiseStatus.REPLACED, "judged_on": entry.business_date}
                promises[replaced_id] = promises[replaced_id].model_copy(update=replaced)
            promises[promise_id] = _build_open_promise(entry, currencies)
        elif promise_id in promises:
            judged = {
                "outcome": _PROMISE_OUTCOMES[EntryKind(entry.kind)],
                "received": entry.get_optional_int("received"),
                "judged_on": entry.business_date,
            }
            promises[promise_id] = promises[promise_id].model_copy(update=judged)
    return _join_promise_parts(account_entries, promises)


def _join_promise_parts(account_entries: Sequence[AccountEntry], promises: dict[str, PromiseFacts]) -> list[PromiseFacts]:
    """A part of a promise over several invoices whose own money came is judged with the others, if these are among the entries."""
    shared_ids = {entry.get_text("act"): entry.get_text("promise") for entry in filter_by_kind(account_entries, EntryKind.PROMISE_MADE)}
    judged: dict[str, PromiseFacts] = {}
    for act, facts in promises.items():
        if shared_ids.get(act) and facts.outcome in _JUDGED:
            judged[shared_ids[act]] = facts
    paid = {entry.get_text("act"): entry for entry in filter_by_kind(account_entries, EntryKind.PROMISE_PART_PAID)}
    for act, entry in paid.items():
        if act in promises and promises[act].outcome == PromiseStatus.OPEN:
            whole = judged.get(shared_ids.get(act, ""))
            changes: dict[str, Any] = {"received": entry.get_optional_int("received")}
            if whole:
                changes |= {"outcome": whole.outcome, "judged_on": whole.judged_on}
            promises[act] = promises[act].model_copy(update=changes)
    return list(promises.values())


def _build_open_promise(made: AccountEntry, currencies: InvoiceCurrencies) -> PromiseFacts:
    invoice_id = made.invoice_id or ""
    return PromiseFacts(
        made_on=made.business_date,
        invoice=invoice_id,
        recorded_by=made.actor,
        currency=currencies.get(invoice_id, ""),
        amount=made.get_int("amount"),
        due=made.get_date("by") or made.business_date,
        outcome=PromiseStatus.OPEN,
        received=None,
        judged_on=None,
    )


def list_disputes(account_entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> list[DisputeFacts]:
    """List the disputes in the order in which they were raised."""
    cases = group_by_case(account_entries, CaseKind.DISPUTE)
    return [dispute for entries in cases if (dispute := _build_dispute(entries, currencies))]


def _build_dispute(entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> DisputeFacts | None:
    raised = next(filter_by_kind(entries, EntryKind.DISPUTE_RAISED), None)
    if raised is None:
        return None
    resolved = next(filter_by_kind(entries, EntryKind.DISPUTE_RESOLVED), None)
    invoice_id = raised.invoice_id or ""
    assigned_departments = [
        entry.get_text("department") for entry in filter_by_kind(entries, EntryKind.DISPUTE_ASSIGNED) if entry.get_text("department")
    ]
    attached_evidence = sum(
        len(entry.get_text("evidence").split()) for entry in filter_by_kind(entries, EntryKind.DISPUTE_EVIDENCE_ATTACHED)
    )
    return DisputeFacts(
        case_id=raised.case_id,
        invoice=invoice_id,
        raised_on=raised.business_date,
        raised_by=raised.actor,
        reason=raised.get_text("reason"),
        currency=raised.get_text("currency") or currencies.get(invoice_id, ""),
        amount=raised.get_int("amount"),
        department=[raised.get_text("department"), *assigned_departments][-1],
        evidence=raised.get_int("evidence") + attached_evidence,
        escalations=len(list(filter_by_kind(entries, EntryKind.DISPUTE_ESCALATED))),
        resolution=resolved.get_text("resolution") if resolved else None,
        credited=resolved.get_optional_int("amount") if resolved else None,
        resolved_on=resolved.business_date if resolved else None,
        resolved_by=resolved.actor if resolved else None,
    )


def list_approvals(account_entries: Sequence[AccountEntry]) -> list[ApprovalFacts]:
    """List the approvals in the order in which they were requested."""
    cases = group_by_case(account_entries, CaseKind.APPROVAL)
    return [approval for entries in cases if (approval := _build_approval(entries))]


def _build_approval(entries: Sequence[AccountEntry]) -> ApprovalFacts | None:
    requested = next(filter_by_kind(entries, EntryKind.APPROVAL_REQUESTED), None)
    if requested is None:
        return None
    decisions = list(filter_by_kind(entries, EntryKind.APPROVAL_SIGNED, EntryKind.APPROVAL_REJECTED, EntryKind.APPROVAL_RETURNED))
    signatures = [
        SignatureFacts(
            on=entry.business_date,
            by=entry.actor,
            on_behalf_of=entry.get_text("on_behalf_of") or None,
            role=entry.get_text("role"),
            tier=entry.get_int("tier"),
            word=_SIGNATURE_WORDS[entry.kind],
        )
        for entry in decisions
    ]
    result: str = ApprovalStage.ASKED
    ended_on, reason = None, ""
    if signatures and signatures[-1].word != SignatureWord.SIGNED:
        result, ended_on, reason = signatures[-1].word, signatures[-1].on, decisions[-1].get_text("reason")
    for entry in filter_by_kind(entries, EntryKind.APPROVAL_GRANTED, EntryKind.APPROVAL_LAPSED):
        result = ApprovalStage.APPROVED if entry.kind == EntryKind.APPROVAL_GRANTED.value else ApprovalStage.LAPSED
        ended_on, reason = entry.business_date, entry.get_text("reason")
    return ApprovalFacts(
        case_id=requested.case_id,
        subject=requested.get_text("subject"),
        matter=requested.get_text("matter"),
        requested_on=requested.business_date,
        requester=requested.actor,
        amount=requested.get_int("amount"),
        currency=requested.get_text("currency"),
        signatures=signatures,
        result=result,
        ended_on=ended_on,
        reason=reason,
    )


def list_plans(account_entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> list[PlanFacts]:
    """List the payment plans in the order in which they were proposed."""
    cases = group_by_case(account_entries, CaseKind.PAYMENT_PLAN)
    return [plan for entries in cases if (plan := _build_plan(entries, currencies))]


def _build_plan(entries: Sequence[AccountEntry], currencies: InvoiceCurrencies) -> PlanFacts | None:
    proposed = next(filter_by_kind(entries, EntryKind.PLAN_PROPOSED), None)
    if proposed is None:
        return None
    invoice_ids = proposed.get_text("invoices").split()
    draft = agreed = _build_terms(proposed)
    accepted_on: date | None = None
    state, ended_on, reason = PlanStatus.PROPOSED, None, ""
    for entry in entries:
        if entry.kind == EntryKind.PLAN_REVISED.value:
            draft = _build_terms(entry)
        elif entry.kind == EntryKind.PLAN_OFFERED.value and accepted_on is None:
            state = PlanStatus.OFFERED
        elif entry.kind == EntryKind.PLAN_ACCEPTED.value:
            state, agreed, accepted_on = PlanStatus.ACTIVE, draft, accepted_on or entry.business_date
        elif entry.kind in _PLAN_OUTCOMES or (entry.kind in _DRAFT_OUTCOMES and accepted_on is None):
            state, ended_on = (_PLAN_OUTCOMES | _DRAFT_OUTCOMES)[entry.kind], ended_on or entry.business_date
            reason = entry.get_text("reason") or reason
    received = [entry.get_int("received") for entry in filter_by_kind(entries, EntryKind.PLAN_MONEY_COUNTED)]
    return PlanFacts(
        case_id=proposed.case_id,
        proposed_on=proposed.business_date,
        proposed_by=proposed.actor,
        invoices=invoice_ids,
        currency=currencies.get(invoice_ids[0], "") if invoice_ids else "",
        debt=proposed.get_int("debt"),
        terms=agreed if accepted_on else draft,
        revisions=1 + len(list(filter_by_kind(entries, EntryKind.PLAN_REVISED))),
        state=state,
        accepted_on=accepted_on,
        received=received[-1] if received else 0,
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
