"""The facts of an approval as lines of a message, in the reader's language."""

from collections.abc import Iterator, Mapping
from datetime import date

from adapters.i18n.shared_wording import SharedWording
from adapters.i18n.wording import fill_placeholders, translate_name
from domain.approval.facts import DecisionFacts
from domain.approval.summary import ApprovalSummary
from domain.money import NO_CURRENCY


def build_approval_lines(
    words: Mapping[str, str], shared: SharedWording, summary: ApprovalSummary, account: str, account_name: str, reason: str, today: date
) -> list[str]:
    """Nothing for an approval that binds no facts. `reason`: in full; `today`: the day to which days overdue are counted."""
    if summary.facts is None:
        return []
    facts = summary.facts
    amounts = ", ".join(shared.format_money(minor, currency) for currency, minor in facts.amounts.items() if currency != NO_CURRENCY)
    lines = [
        *([fill_placeholders(words["customer"], {"name": account_name, "account": account})] if account else []),
        *([fill_placeholders(words["asked_for"], {"amounts": amounts})] if amounts else []),
        *([shared.describe_cancellation(summary.covered_amount, summary.currency)] if summary.covered_amount is not None else []),
        *([shared.describe_credited_before(summary.credited_before, summary.currency)] if summary.credited_before else []),
        *([fill_placeholders(words["reason"], {"reason": reason})] if reason else []),
        *_list_invoice_lines(words, shared, facts, today),
        *_list_dispute_lines(words, shared, facts),
        *(_list_contact_lines(words, shared, facts) if account else ()),
    ]
    return [*lines, fill_placeholders(words["version"], {"version": str(summary.facts_version)})]


def _list_invoice_lines(words: Mapping[str, str], shared: SharedWording, facts: DecisionFacts, today: date) -> Iterator[str]:
    for invoice in facts.invoices:
        days, is_part = invoice.count_days_overdue(today), invoice.amount != invoice.open_balance
        yield fill_placeholders(
            words["invoice"],
            {
                "number": invoice.number,
                "amount": shared.format_money(invoice.amount, invoice.currency),
                "open_balance": shared.format_money(invoice.open_balance, invoice.currency) if is_part else "",
                "disputed": shared.format_money(invoice.disputed, invoice.currency) if invoice.disputed else "",
                "due_on": shared.format_day(invoice.due_on) if invoice.due_on else "",
                "days": str(days) if days else "",
                "promised": shared.format_money(invoice.promised_amount or 0, invoice.currency) if invoice.promised_by else "",
                "promised_by": shared.format_day(invoice.promised_by) if invoice.promised_by else "",
            },
        )


def _list_dispute_lines(words: Mapping[str, str], shared: SharedWording, facts: DecisionFacts) -> Iterator[str]:
    numbers = {invoice.invoice_id: invoice.number for invoice in facts.invoices}
    for dispute in facts.disputes:
        yield fill_placeholders(
            words["dispute"],
            {
                "amount": shared.format_money(dispute.amount, dispute.currency),
                "number": numbers.get(dispute.invoice_id, dispute.invoice_id),
                "on": shared.format_day(dispute.raised_on),
                "reason": translate_name(shared.dispute_reasons, dispute.reason),
            },
        )


def _list_contact_lines(words: Mapping[str, str], shared: SharedWording, facts: DecisionFacts) -> Iterator[str]:
    contacts = facts.contacts
    for name, count, on in (
        ("letters", contacts.letters, contacts.last_letter_on),
        ("calls", contacts.calls, contacts.last_call_on),
    ):
        yield fill_placeholders(words[name], {"count": str(count), "on": shared.format_day(on) if on else ""})
