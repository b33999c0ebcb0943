"""What the API and the console do with an account's unapplied credit, and who may."""

from collections.abc import Sequence
from typing import NamedTuple

from adapters.billing.results import CreditApplication, UnappliedSource
from adapters.read_model.account_debts import find_account_key
from api.context import ApiContext
from api.web.permissions import ALLOWED_ROLES, Permission
from api.web.problems import Problem
from domain.billing.credit_application import CreditShare, allocate_credits
from domain.billing.payment_allocation import OpenItem
from domain.roles import Actor, Role, is_same_person


class UnappliedCredit(NamedTuple):
    """An account's unapplied credit: the payments and credit notes of which something is left, what of it the rule would apply to which
    invoice (by currency), and what was applied and taken back, the latest first."""

    credits: tuple[UnappliedSource, ...]
    proposed: dict[str, tuple[CreditShare, ...]]
    applications: tuple[CreditApplication, ...]


def load_unapplied_credit(context: ApiContext, account_id: str) -> UnappliedCredit:
    """Raises UnknownAccountError."""
    credits = context.billing.list_unapplied_sources(account_id)
    open_invoices = context.billing.list_open_invoices(account_id) if credits else ()
    proposed = {
        currency: allocate_credits(
            [(credit.credit_id, credit.left) for credit in credits if credit.currency == currency],
            [
                OpenItem(invoice_id=invoice.invoice_id, due_date=invoice.facts.due_date, open_balance=invoice.facts.open_balance)
                for invoice in open_invoices
                if invoice.facts.currency == currency
            ],
        )
        for currency in sorted({credit.currency for credit in credits})
    }
    return UnappliedCredit(
        credits, {name: shares for name, shares in proposed.items() if shares}, context.billing.list_credit_applications(account_id)
    )


def apply_credit(
    context: ApiContext, actor: Actor, account_id: str, currency: str, shares: Sequence[CreditShare] | None, key: str
) -> CreditApplication:
    """Raises Problem 403 for whoever collects the account, and what the billing port says."""
    _require_independent_person(context, actor, account_id)
    return context.billing.apply_credit(account_id, currency, shares, key=key, recorded_by=actor.user, at=context.business_now)


def take_back_application(
    context: ApiContext, actor: Actor, account_id: str, application_id: str, reason: str, key: str
) -> CreditApplication:
    """Raises Problem 403 for whoever collects the account, 404 where the account has no such application, and what the port says."""
    _require_independent_person(context, actor, account_id)
    if not any(each.key == application_id for each in context.billing.list_credit_applications(account_id)):
        raise Problem(
            404,
            "not-found",
            "There is no such application",
            f"the account {account_id!r} has no application {application_id!r}; its unapplied credit lists them",
        )
    return context.billing.take_back_application(key, application_id, reason, recorded_by=actor.user, at=context.business_now)


def require_independent_booker(context: ApiContext, actor: Actor, account_id: str, collector: str | None) -> None:
    """Refuse whoever collects the account: they do not book its money, nor say what it pays. A machine does not collect. Raises Problem
    403."""
    if is_machine(context, actor) or not collector or not is_same_person(actor.user, collector):
        return
    able = ", ".join(sorted(role.value for role in ALLOWED_ROLES[Permission.RECORD_PAYMENTS]))
    why = f"you collect the account {account_id}, so that another has to book its payments: ask someone else who is {able}"
    raise Problem(403, "not-allowed", "Whoever collects an account does not book its payments", why)


def is_machine(context: ApiContext, actor: Actor) -> bool:
    """Whether it is a bank's feed, or another program of the billing people."""
    return actor.role is Role.BILLING_OPS and context.identity.is_machine(actor.user)


def _require_independent_person(context: ApiContext, actor: Actor, account_id: str) -> None:
    account = find_account_key(context.database, account_id)
    require_independent_booker(context, actor, account_id, account.collector if account else None)
