"""Says by what two versions of an approval's facts differ, in the reader's language."""

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.i18n.wording import fill_placeholders
from adapters.read_model.cases import CaseRow
from api.presenters.phrases import Phrases
from domain.approval.facts import ApprovalDispute, ApprovalInvoice, DecisionFacts
from domain.approval.summary import ApprovalSummary


def describe_changes(before: DecisionFacts, after: DecisionFacts, words: Phrases) -> list[str]:
    """A sentence for each difference, in the order in which an approval is read; none where there is none."""
    return [
        *_describe_amounts(before, after, words),
        *_describe_invoices(before, after, words),
        *_describe_disputes(before, after, words),
        *_describe_contacts(before, after, words),
        *([words.fact_changes["reason"]] if (before.reason, before.note_id) != (after.reason, after.note_id) else []),
    ]


def describe_changes_since(row: CaseRow, version: int, balances: Mapping[str, int], words: Phrases) -> list[str]:
    """By what an approval's facts differ from those of a version that somebody read; `balances`: what is open of its invoices in billing,
    which may know of more than the facts of the newest version do. Where a version is not known any more, that it was another."""
    summary = row.summary_of(ApprovalSummary)
    if summary.facts is None:
        return []
    read, now = summary.restore_version(version), _book_balances(summary.facts, balances)
    return [words.fact_changes["unknown"]] if read is None else describe_changes(read, now, words)


def _book_balances(facts: DecisionFacts, balances: Mapping[str, int]) -> DecisionFacts:
    booked = [
        invoice.model_copy(update={"open_balance": balances.get(invoice.invoice_id, invoice.open_balance)}) for invoice in facts.invoices
    ]
    return facts.model_copy(update={"invoices": booked})


def _fill_sentence(words: Phrases, sentence: str, **facts: str) -> str:
    return fill_placeholders(words.fact_changes[sentence], facts)


def _describe_amounts(before: DecisionFacts, after: DecisionFacts, words: Phrases) -> Iterator[str]:
    money = words.shared.format_money
    for currency in dict.fromkeys([*before.amounts, *after.amounts]):
        old, new = before.amounts.get(currency, 0), after.amounts.get(currency, 0)
        if old != new:
            yield _fill_sentence(words, "amount", after=money(new, currency), before=money(old, currency))


def _describe_invoices(before: DecisionFacts, after: DecisionFacts, words: Phrases) -> Iterator[str]:
    old, new = ({invoice.invoice_id: invoice for invoice in facts.invoices} for facts in (before, after))
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        if was and now:
            yield from _describe_invoice(was, now, words)
        elif known := was or now:
            amount = words.shared.format_money(known.amount, known.currency)
            yield _fill_sentence(words, "invoice_joined" if now else "invoice_gone", invoice=_name(known), amount=amount)


def _describe_invoice(was: ApprovalInvoice, now: ApprovalInvoice, words: Phrases) -> Iterator[str]:
    invoice = _name(now)
    for field in ("amount", "open_balance", "disputed"):
        old, new = getattr(was, field), getattr(now, field)
        if old != new:
            old, new = words.shared.format_money(old, was.currency), words.shared.format_money(new, now.currency)
            yield _fill_sentence(words, f"invoice_{field}", invoice=invoice, after=new, before=old)
    if was.due_on != now.due_on and now.due_on:
        before = words.shared.format_day(was.due_on) if was.due_on else ""
        yield _fill_sentence(words, "invoice_due", invoice=invoice, after=words.shared.format_day(now.due_on), before=before)
    if (was.promised_by, was.promised_amount) != (now.promised_by, now.promised_amount):
        told = _tell_promise(now, words) or _tell_promise(was, words)
        yield _fill_sentence(words, "promised" if now.promised_by else "promise_gone", invoice=invoice, **told)


def _tell_promise(invoice: ApprovalInvoice, words: Phrases) -> dict[str, str]:
    if invoice.promised_by is None:
        return {}
    amount = words.shared.format_money(invoice.promised_amount or 0, invoice.currency)
    return {"amount": amount, "day": words.shared.format_day(invoice.promised_by)}


def _describe_disputes(before: DecisionFacts, after: DecisionFacts, words: Phrases) -> Iterator[str]:
    numbers = {invoice.invoice_id: _name(invoice) for invoice in (*before.invoices, *after.invoices)}
    old, new = ({dispute.case_id: dispute for dispute in facts.disputes} for facts in (before, after))
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) == new.get(name):
            continue
        sentence = "dispute_changed" if name in old and name in new else "dispute_raised" if name in new else "dispute_over"
        yield _fill_sentence(words, sentence, **_tell_dispute(new.get(name) or old[name], numbers, words))


def _tell_dispute(dispute: ApprovalDispute, numbers: Mapping[str, str], words: Phrases) -> dict[str, str]:
    return {
        "invoice": numbers.get(dispute.invoice_id, dispute.invoice_id),
        "amount": words.shared.format_money(dispute.amount, dispute.currency),
        "reason": words.translate("dispute_reasons", dispute.reason),
    }


def _describe_contacts(before: DecisionFacts, after: DecisionFacts, words: Phrases) -> Iterator[str]:
    old, new = before.contacts, after.contacts
    if (old.letters, old.last_letter, old.last_letter_on) != (new.letters, new.last_letter, new.last_letter_on):
        last = words.step_label(new.last_letter) if new.last_letter else ""
        yield _fill_sentence(words, "letters", **_count_contacts(new.letters, old.letters, last, new.last_letter_on, words))
    if (old.calls, old.last_call, old.last_call_on) != (new.calls, new.last_call, new.last_call_on):
        last = words.translate("calls", new.last_call) if new.last_call else ""
        yield _fill_sentence(words, "calls", **_count_contacts(new.calls, old.calls, last, new.last_call_on, words))


def _count_contacts(now: int, before: int, last: str, on: Any, words: Phrases) -> dict[str, str]:
    return {"after": str(now), "before": str(before), "last": last, "day": words.shared.format_day(on) if on else ""}


def _name(invoice: ApprovalInvoice) -> str:
    return invoice.number or invoice.invoice_id
