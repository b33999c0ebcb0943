"""Turns an invoice's row into its body: amounts in major units, and the reason for its next step in words."""

from datetime import date
from typing import Literal

from adapters.read_model.invoices import InvoiceRow
from api.presenters.next_step_reason import explain_next_step
from api.presenters.phrases import Phrases
from api.schemas.amounts import Amount
from api.schemas.invoices import HoldOut, InvoiceOut, InvoiceSummary, PromiseOut, StepOut
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import CaseView
from domain.correspondence.letter_stop import LetterBrake
from domain.policy.collection_policy import Policy


def present_invoice_summary(row: InvoiceRow, today: date) -> InvoiceSummary:
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
        waiting_for=case.waiting_for if case else None,
        next_step=case.next_step if case else None,
        next_on=case.next_on if case else None,
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
        **present_invoice_summary(row, today).model_dump(),
        source=source,
        why=words.render_next_step_reason(*explain_next_step(case, row.status, policy, brake), row.currency),
        policy=case.policy if case else None,
        policy_version=case.policy_version if case else None,
        settled_on=row.settled_on,
        holds=[HoldOut(**hold.model_dump(exclude={"hold_id"})) for hold in case.holds] if case else [],
        steps_taken=[StepOut(step=past.step, taken_at=past.at, contact_on=past.contact_on, fate=past.fate) for past in case.taken]
        if case
        else [],
        promise=_present_promise(case, row.currency),
    )


def _present_promise(case: CaseView | None, currency: str) -> PromiseOut | None:
    if case is None or case.promised_by is None or case.promised_amount is None:
        return None
    return PromiseOut(amount=Amount.from_minor(case.promised_amount, currency), by=case.promised_by)
