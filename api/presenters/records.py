"""From what was read to what is answered: minor units become decimal strings, facts become sentences."""

from datetime import date
from typing import Literal

from adapters.read_model.accounts import AccountDetail, AccountRow, BalanceRow
from adapters.read_model.cases import CaseRow
from adapters.read_model.correspondence import LetterRow, TaskRow
from adapters.read_model.invoices import InvoiceRow
from adapters.read_model.journal import JournalLine
from api.presenters.next_step_reason import explain_next_step
from api.presenters.phrases import Phrases
from api.schemas.amounts import Amount
from api.schemas.responses import (
    AccountOut,
    AccountSummary,
    ApprovalOut,
    BalanceOut,
    ContactOut,
    DisputeOut,
    EntryOut,
    HoldOut,
    InvoiceOut,
    InvoiceSummary,
    LetterLineOut,
    LetterOut,
    LetterWithText,
    PromiseOut,
    StepOut,
    TaskOut,
)
from domain.approval.summary import ApprovalSummary
from domain.billing.billing_events import InvoiceStatus
from domain.case.case_view import CaseView
from domain.dispute.summary import DisputeSummary
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
    row: InvoiceRow, source: Literal["live", "read_model"], policy: Policy | None, today: date, words: Phrases
) -> InvoiceOut:
    case = row.case
    return InvoiceOut(
        **present_invoice_summary(row, today).model_dump(),
        source=source,
        why=words.render_next_step_reason(*explain_next_step(case, row.status, policy), row.currency),
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


def present_entry(line: JournalLine, words: Phrases) -> EntryOut:
    sentence = words.render_entry(line.kind, line.facts, line.currency)
    return EntryOut(**line.model_dump(exclude={"account_id", "invoice_number", "currency"}), sentence=sentence)


def present_letter(row: LetterRow) -> LetterOut:
    return LetterOut(**row.model_dump(exclude={"lines", "text", "currency"}), lines=_present_letter_lines(row))


def present_letter_with_text(row: LetterRow) -> LetterWithText:
    return LetterWithText(**row.model_dump(exclude={"lines", "currency"}), lines=_present_letter_lines(row))


def _present_letter_lines(row: LetterRow) -> list[LetterLineOut]:
    return [
        LetterLineOut(**line.model_dump(exclude={"open_balance"}), open_balance=Amount.from_minor(line.open_balance, line.currency))
        for line in row.lines
    ]


def present_task(row: TaskRow) -> TaskOut:
    return TaskOut(**row.model_dump(exclude={"message_id"}), letter_id=row.message_id)


def present_account_summary(row: AccountRow) -> AccountSummary:
    return AccountSummary(
        **row.model_dump(exclude={"balances", "contacts", "invoices"}), balances=[_present_balance(line) for line in row.balances]
    )


def present_account(row: AccountDetail, today: date) -> AccountOut:
    return AccountOut(
        **present_account_summary(row).model_dump(),
        contacts=[ContactOut(**contact.model_dump()) for contact in row.contacts],
        invoices=[present_invoice_summary(each, today) for each in row.invoices],
    )


def _present_balance(row: BalanceRow) -> BalanceOut:
    def amount(minor: int) -> Amount:
        return Amount.from_minor(minor, row.currency)

    return BalanceOut(
        currency=row.currency,
        open_balance=amount(row.open_balance),
        overdue=amount(row.overdue),
        unapplied=amount(row.unapplied),
        open_invoices=row.open_invoices,
    )


def present_dispute(row: CaseRow) -> DisputeOut:
    summary = row.summary_of(DisputeSummary)
    return DisputeOut(
        id=row.case_id,
        invoice_id=row.invoice_id or "",
        account_id=row.account_id,
        account_name=row.account_name,
        stage=row.stage,
        reason=summary.reason,
        amount=Amount.from_minor(summary.amount, summary.currency),
        contested=Amount.from_minor(summary.contested, summary.currency),
        department=summary.department,
        assignee=summary.assignee,
        waiting_for=row.waiting_for,
        escalated=summary.escalated,
        deadline=row.next_on,
        raised_by=summary.raised_by,
        raised_on=summary.raised_on,
        evidence=list(summary.evidence),
        resolution=row.outcome,
    )


def present_approval(row: CaseRow) -> ApprovalOut:
    summary = row.summary_of(ApprovalSummary)
    return ApprovalOut(
        id=row.case_id,
        account_id=row.account_id,
        account_name=row.account_name,
        subject=summary.subject,
        invoice_ids=list(summary.invoices),
        matter=summary.matter or "",
        amount=Amount.from_minor(summary.amount, summary.currency),
        requester=summary.requester,
        state=row.stage,
        tier=summary.tier,
        tiers=summary.tiers,
        roles=[role.value for role in summary.roles],
        escalated=summary.escalated,
        asked_on=summary.asked_on,
        due_on=summary.due_on,
        signed_by=list(summary.signed_by),
        ended=summary.ended,
    )
