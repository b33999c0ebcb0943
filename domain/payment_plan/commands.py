"""What people do about a payment plan. Who did it is set by the API from who signed in."""

from collections.abc import Collection, Sequence
from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from domain.billing.billing_events import InvoiceFacts
from domain.case.command import Command
from domain.money import Currency
from domain.payment_plan.instalments import InstalmentTerms, terms_rejection_reason
from domain.policy.plan_rules import PlanRules
from domain.refusal import Refusal


class Side(StrEnum):
    """Who asked for these terms: we, or the customer with a counter-offer."""

    US = "us"
    CUSTOMER = "customer"


class ProposePlan(Command):
    """A plan over these invoices of one account. `why` is kept; it must name no person."""

    journal_name: ClassVar[str] = "ProposePlan"

    invoice_ids: list[str] = Field(min_length=1)
    currency: Currency
    terms: InstalmentTerms
    asked_by: Side = Side.US
    why: str = ""
    note_id: str | None = None


class RevisePlan(Command):
    """New terms for what is still owed. `why` is kept; it must name no person."""

    journal_name: ClassVar[str] = "RevisePlan"

    terms: InstalmentTerms
    asked_by: Side
    why: str = Field(min_length=1)
    note_id: str | None = None


class AcceptPlan(Command):
    """The customer agreed to that revision, and to no other."""

    journal_name: ClassVar[str] = "AcceptPlan"

    revision: int
    note_id: str | None = None


class DeclinePlan(Command):
    """The customer wants no part of that revision, and made no counter-offer."""

    journal_name: ClassVar[str] = "DeclinePlan"

    revision: int
    note_id: str | None = None


class CancelPlan(Command):
    """We end it, without the reproach of a broken one. `why` is kept; it must name no person."""

    journal_name: ClassVar[str] = "CancelPlan"

    why: str = Field(min_length=1)


class PlanInvoice(BaseModel):
    """An invoice that a plan may cover, as billing knows it."""

    model_config = ConfigDict(frozen=True)

    invoice_id: str
    account_id: str
    facts: InvoiceFacts


def proposal_rejection_reason(
    command: ProposePlan,
    account_id: str,
    invoices: Sequence[PlanInvoice],
    rules: PlanRules,
    today: date,
    *,
    broken_plans: int = 0,
    in_plans: Collection[str] = (),
) -> str | None:
    """Why no such plan can be proposed, in words; None when it can. `in_plans`: the invoices that another open plan covers."""
    known = {invoice.invoice_id: invoice for invoice in invoices if invoice.account_id == account_id}
    if broken_plans >= rules.most_broken:
        return Refusal(
            "plan.broken_before", "{count} plans of this account were broken; the policy proposes no further one", count=broken_plans
        )
    if len(set(command.invoice_ids)) < len(command.invoice_ids):
        return Refusal("plan.named_twice", "an invoice is named twice")
    for invoice_id in command.invoice_ids:
        if invoice_id not in known:
            return Refusal("plan.no_invoice", "the account has no invoice {invoice}", invoice=invoice_id)
        facts = known[invoice_id].facts
        if facts.is_settled:
            return Refusal("plan.settled", "invoice {invoice} is {status}; leave it out", invoice=invoice_id, status=facts.status)
        if facts.currency != command.currency:
            return Refusal(
                "plan.currency",
                "invoice {invoice} is in {currency}; a plan is in one currency",
                invoice=invoice_id,
                currency=facts.currency,
            )
        if invoice_id in in_plans:
            return Refusal("plan.other_plan", "invoice {invoice} is part of another plan", invoice=invoice_id)
    debt = sum(known[invoice_id].facts.open_balance for invoice_id in command.invoice_ids)
    return terms_rejection_reason(command.terms, debt, today, rules)
