"""Turns an invoice's row into its body: amounts in major units, and the reason for its next step in words."""

from datetime import date
from typing import Literal

from adapters.read_model.invoices import ExternalInvoiceFacts, InvoiceRow
from adapters.read_model.open_disputes import OpenDispute, PendingReduction
from api.presenters.account_suspensions import describe_suspension, present_account_suspension
from api.presenters.next_step_reason import NextStepReason, explain_next_step
from api.presenters.phrases import Phrases
from api.presenters.taken_steps import describe_taken_step
from api.schemas.amounts import Amount
from api.schemas.invoices import (
    HoldOut,
    InvoiceBillingOut,
    InvoiceDisputeOut,
    InvoiceOut,
    InvoiceSummary,
    PendingReductionOut,
    PromiseOut,
    StepOut,
)
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import CaseView
from domain.correspondence.letter_stop import LetterBrake
from domain.policy.collection_policy import Policy


def present_invoice_summary(row: InvoiceRow, today: date, words: Phrases) -> InvoiceSummary:
    case = row.case if row.status == InvoiceStatus.OPEN else None
    return InvoiceSummary(
        **row.model_dump(
            include={"id", "number", "account_id", "account_name", "collector", "status", "issue_date", "due_date", "disputed"}
        ),
        stage=row.stage,
        days_past_due=row.days_past_due(today),
        total=Amount.from_minor(row.total, row.currency),
        open_balance=Amount.from_minor(row.open_balance, row.currency),
        on_hold=bool(case and case.holds),
        waiting_for=row.waiting_for if case else None,
        dispute=present_invoice_dispute(row, words),
        reduction=_present_reduction(row, words),
        next_step=case.next_step if case else None,
        next_on=case.next_on if case else None,
        suspension=present_account_suspension(row.suspension, words) if row.status == InvoiceStatus.OPEN else None,
    )


def present_invoice(
    row: InvoiceRow,
    source: Literal["live", "read_model"],
    policy: Policy | None,
    today: date,
    words: Phrases,
    brake: LetterBrake | None = None,
) -> InvoiceOut:
    """`brake` holds the account's letters back."""
    case = row.case
    return InvoiceOut(
        **present_invoice_summary(row, today, words).model_dump(),
        source=source,
        why=words.render_next_step_reason(*explain_invoice(row, policy, words, brake), row.currency),
        policy=case.policy if case else None,
        policy_version=case.policy_version if case else None,
        settled_on=row.settled_on,
        holds=[HoldOut(**hold.model_dump(exclude={"hold_id"})) for hold in case.holds] if case else [],
        steps_taken=_present_steps(row, case, words, brake) if case else [],
        promise=_present_promise(case, row.currency),
    )


def present_external_facts(facts: ExternalInvoiceFacts | None, *, has_document: bool) -> InvoiceBillingOut | None:
    return InvoiceBillingOut(**facts._asdict(), has_document=has_document) if facts else None


def present_invoice_dispute(row: InvoiceRow, words: Phrases) -> InvoiceDisputeOut | None:
    dispute = row.dispute
    if dispute is None:
        return None
    return InvoiceDisputeOut(
        **dispute.model_dump(exclude={"contested"}),
        amount=Amount.from_minor(dispute.contested, row.currency),
        says=describe_dispute(dispute, row.currency, words),
    )


def _present_reduction(row: InvoiceRow, words: Phrases) -> PendingReductionOut | None:
    reduction = row.reduction
    if reduction is None:
        return None
    return PendingReductionOut(
        **reduction.model_dump(exclude={"reduction", "amount"}),
        kind=reduction.reduction,
        amount=Amount.from_minor(reduction.amount, row.currency),
        says=describe_reduction(reduction, row.currency, words),
    )


def describe_reduction(reduction: PendingReduction, currency: str, words: Phrases) -> str:
    """What is asked for, by whom, and where it stands."""
    facts = {"reduction": reduction.reduction.value, "amount": reduction.amount, "requester": reduction.requester}
    return words.render_reduction(reduction.stage, facts, currency)


def describe_dispute(dispute: OpenDispute, currency: str, words: Phrases) -> str:
    """How much is in dispute and why, who must answer and by when, or what its answer waits for."""
    facts = {
        "amount": dispute.contested,
        "dispute_reason": dispute.reason.value,
        "department": dispute.department.value,
        "assignee": dispute.assignee,
        "deadline": dispute.deadline,
    }
    return words.render_dispute(dispute.stage, facts, currency)


def explain_invoice(row: InvoiceRow, policy: Policy | None, words: Phrases, brake: LetterBrake | None = None) -> NextStepReason:
    """Why its next step comes when it does, or what it waits for."""
    suspension = describe_suspension(row.suspension, words) if row.suspension else None
    return explain_next_step(row.case, row.status, policy, brake, suspension, row.no_address_since, row.is_letter_resent)


def _present_steps(row: InvoiceRow, case: CaseView, words: Phrases, brake: LetterBrake | None) -> list[StepOut]:
    return [
        StepOut(
            step=past.step,
            taken_at=past.at,
            contact_on=past.contact_on,
            fate=past.fate,
            says=words.taken["resent"]
            if past.in_doubt and row.is_letter_resent
            else describe_taken_step(past, case, row.suspension, words, is_stopped=brake is not None),
        )
        for past in case.taken
    ]


def _present_promise(case: CaseView | None, currency: str) -> PromiseOut | None:
    if case is None or case.promised_by is None or case.promised_amount is None:
        return None
    return PromiseOut(amount=Amount.from_minor(case.promised_amount, currency), by=case.promised_by)
