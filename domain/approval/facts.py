"""The facts on which an approval is decided, and how two versions of them differ.

Days overdue are no fact of their own: they follow from the due date and the day of reading. Amounts in minor units, days business dates.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from domain.case.asked_invoice import AskedInvoice
from domain.journal.entry import FactValue
from domain.money import Currency, Money
from domain.refusal import Refusal


class ApprovalInvoice(BaseModel):
    """An invoice that is asked for, as in AskedInvoice, with its number, by which the customer knows it, and what was promised."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    currency: Currency
    open_balance: int
    disputed: int = 0
    amount: int
    number: str = ""
    due_on: date | None = None
    promised_by: date | None = None
    promised_amount: int | None = None

    def count_days_overdue(self, today: date) -> int | None:
        """Whole days; None before the due date, on it, and where billing does not know the invoice."""
        return (today - self.due_on).days if self.due_on and self.due_on < today else None


class ApprovalDispute(BaseModel):
    """An open dispute of the account."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    invoice_id: str
    amount: int
    currency: Currency
    reason: str
    raised_on: date


class ContactsSoFar(BaseModel):
    """How often the account was written to and called. `last_letter` is a letter's template, `last_call` a call's outcome."""

    model_config = ConfigDict(frozen=True)

    letters: int = 0
    last_letter: str | None = None
    last_letter_on: date | None = None
    calls: int = 0
    last_call: str | None = None
    last_call_on: date | None = None


CREDITED_BEFORE = "credited_before"
"""The detail of an approval, and the fact of its first entry, that says how much counts with its amount: what its requester has had
credited of the invoice without anybody's agreement."""


class DecisionFacts(BaseModel):
    """`amounts`: what is asked for, by currency. `reason` is the requester's, and names no person; `note_id`: the note that holds it where
    it does."""

    model_config = ConfigDict(frozen=True)

    amounts: dict[Currency, int] = Field(default_factory=dict)
    invoices: list[ApprovalInvoice] = Field(default_factory=list)
    disputes: list[ApprovalDispute] = Field(default_factory=list)
    contacts: ContactsSoFar = ContactsSoFar()
    reason: str = ""
    note_id: str | None = None

    @property
    def sha256(self) -> str:
        """The SHA-256 (hex) by which the journal names them."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def asked_invoices(self) -> list[AskedInvoice]:
        return [AskedInvoice.model_validate(invoice.model_dump(include=set(AskedInvoice.model_fields))) for invoice in self.invoices]

    def asks_for_more_than(self, earlier: "DecisionFacts") -> bool:
        """A larger amount in any currency, or an invoice that was not asked for before."""
        known = {invoice.invoice_id for invoice in earlier.invoices}
        larger = any(amount > earlier.amounts.get(currency, 0) for currency, amount in self.amounts.items())
        return larger or any(invoice.invoice_id not in known for invoice in self.invoices)


class FactKind(StrEnum):
    AMOUNT = "amount"
    INVOICE = "invoice"
    PROMISE = "promise"
    DISPUTE = "dispute"
    CONTACT = "contact"
    REASON = "reason"


class FactChange(BaseModel):
    """One fact before and after, in words; empty where there was or is none. `subject`: the currency, the invoice, the dispute's case, or
    what kind of contact. `was`: what the change is about, as it was; None of changes that were kept before that was kept with them."""

    model_config = ConfigDict(frozen=True)

    fact: FactKind
    subject: str
    before: str = ""
    after: str = ""
    was: DecisionFacts | None = None

    @property
    def sentence(self) -> str:
        return f"{self.fact.value} {self.subject}".strip() + f": {self.after or 'none'} now, {self.before or 'none'} before"


class FactsRevision(BaseModel):
    """By what a version of the facts differs from the one before it."""

    model_config = ConfigDict(frozen=True)

    version: int
    on: date
    changes: list[FactChange]


class StaleFacts(BaseModel):
    """Why a decision is not taken: it was made on other facts than those that count now, at `facts_version`."""

    model_config = ConfigDict(frozen=True)

    facts_version: int
    changes: list[FactChange]

    @property
    def reason(self) -> Refusal:
        changed = "; ".join(change.sentence for change in self.changes) or "it was made on a version that never was"
        return Refusal(
            "approval.facts_changed",
            "the facts have changed since this was decided (they are at version {version} now): {changed}",
            version=self.facts_version,
            changed=changed,
        )


def compare_facts(before: DecisionFacts, after: DecisionFacts) -> list[FactChange]:
    """What differs, in the order in which an approval is read."""
    old, new = dict(_list_statements(before)), dict(_list_statements(after))
    keys = sorted(old.keys() | new.keys(), key=lambda key: (list(FactKind).index(key[0]), key[1]))
    return [
        FactChange(
            fact=fact,
            subject=subject,
            before=old.get((fact, subject), ""),
            after=new.get((fact, subject), ""),
            was=_select_part(before, fact, subject),
        )
        for fact, subject in keys
        if old.get((fact, subject)) != new.get((fact, subject))
    ]


def _select_part(facts: DecisionFacts, fact: FactKind, subject: str) -> DecisionFacts:
    """Of the facts only what a change of this kind is about."""
    match fact:
        case FactKind.AMOUNT:
            return DecisionFacts(amounts={currency: amount for currency, amount in facts.amounts.items() if currency == subject})
        case FactKind.INVOICE | FactKind.PROMISE:
            return DecisionFacts(invoices=[invoice for invoice in facts.invoices if invoice.invoice_id == subject])
        case FactKind.DISPUTE:
            return DecisionFacts(disputes=[dispute for dispute in facts.disputes if dispute.case_id == subject])
        case FactKind.CONTACT:
            return DecisionFacts(contacts=facts.contacts)
        case FactKind.REASON:
            return DecisionFacts(reason=facts.reason, note_id=facts.note_id)


def restore_facts(facts: DecisionFacts, revisions: Sequence[FactsRevision]) -> DecisionFacts | None:
    """Return the facts as they were before these revisions, the last of which led to `facts`; None where one does not say what was."""
    restored = facts
    for change in (change for revision in reversed(revisions) for change in revision.changes):
        if change.was is None:
            return None
        restored = _undo_change(restored, change.fact, change.subject, change.was)
    return restored


def _undo_change(facts: DecisionFacts, fact: FactKind, subject: str, was: DecisionFacts) -> DecisionFacts:
    changed: dict[str, object]
    match fact:
        case FactKind.AMOUNT:
            changed = {"amounts": {currency: amount for currency, amount in facts.amounts.items() if currency != subject} | was.amounts}
        case FactKind.INVOICE | FactKind.PROMISE:
            changed = {"invoices": [invoice for invoice in facts.invoices if invoice.invoice_id != subject] + was.invoices}
        case FactKind.DISPUTE:
            changed = {"disputes": [dispute for dispute in facts.disputes if dispute.case_id != subject] + was.disputes}
        case FactKind.CONTACT:
            changed = {"contacts": was.contacts}
        case FactKind.REASON:
            changed = {"reason": was.reason, "note_id": was.note_id}
    return facts.model_copy(update=changed)


def merge_changes(revisions: Iterable[FactsRevision]) -> list[FactChange]:
    """What differs after all of these revisions; what was changed back does not."""
    merged: dict[tuple[FactKind, str], FactChange] = {}
    for change in (change for revision in revisions for change in revision.changes):
        key = (change.fact, change.subject)
        merged[key] = change.model_copy(update={"before": merged[key].before}) if key in merged else change
    return [change for change in merged.values() if change.before != change.after]


def list_unreported_changes(invoices: Sequence[ApprovalInvoice], balances: dict[str, int]) -> list[FactChange]:
    """What billing has booked on the invoices, and has not reported to the case that asks. `balances`: their open balances now."""
    return [
        FactChange(
            fact=FactKind.INVOICE,
            subject=invoice.invoice_id,
            before=f"{_format_amount(invoice.open_balance, invoice.currency)} open",
            after=f"{_format_amount(balances[invoice.invoice_id], invoice.currency)} open",
        )
        for invoice in invoices
        if balances.get(invoice.invoice_id, invoice.open_balance) != invoice.open_balance
    ]


def _list_statements(facts: DecisionFacts) -> Iterator[tuple[tuple[FactKind, str], str]]:
    """Each fact in words, by what it is and what it is about."""
    for currency, amount in facts.amounts.items():
        yield (FactKind.AMOUNT, currency), _format_amount(amount, currency)
    for invoice in facts.invoices:
        yield (FactKind.INVOICE, invoice.invoice_id), _describe_invoice(invoice)
        if invoice.promised_by:
            promised = _format_amount(invoice.promised_amount or 0, invoice.currency)
            yield (FactKind.PROMISE, invoice.invoice_id), f"{promised} by {invoice.promised_by}"
    for dispute in facts.disputes:
        amount_in_words = _format_amount(dispute.amount, dispute.currency)
        yield (FactKind.DISPUTE, dispute.case_id), f"{amount_in_words} of invoice {dispute.invoice_id} ({dispute.reason})"
    contacts = facts.contacts
    for subject, count, last, on in (
        ("letters", contacts.letters, contacts.last_letter, contacts.last_letter_on),
        ("calls", contacts.calls, contacts.last_call, contacts.last_call_on),
    ):
        if count:
            yield (FactKind.CONTACT, subject), f"{count}, the last on {on} ({last})"
    if facts.reason or facts.note_id:
        yield (FactKind.REASON, ""), facts.reason or str(facts.note_id)


def _describe_invoice(invoice: ApprovalInvoice) -> str:
    words = [f"{_format_amount(invoice.amount, invoice.currency)} of {_format_amount(invoice.open_balance, invoice.currency)} open"]
    words += [f"{_format_amount(invoice.disputed, invoice.currency)} disputed"] if invoice.disputed else []
    words += [f"due on {invoice.due_on}"] if invoice.due_on else []
    return ", ".join(words)


def _format_amount(minor: int, currency: str) -> str:
    return f"{currency} {Money(minor=minor, currency=currency).major}"


def build_facts_entry(facts: DecisionFacts | None, version: int) -> dict[str, FactValue]:
    """What an entry names of the facts: their version and hash, and what is asked for of each invoice, in minor units; nothing where none
    are bound."""
    if facts is None:
        return {}
    asked_for = " ".join(f"{invoice.invoice_id}={invoice.amount}" for invoice in facts.invoices)
    return {"facts_version": version, "facts_sha256": facts.sha256, "asked_for": asked_for}
