"""Turns unapplied credit and its applications into their bodies."""

from collections.abc import Iterable

from adapters.billing.results import CreditApplication, UnappliedSource
from api.commands.unapplied_credit import UnappliedCredit
from api.schemas.amounts import Amount
from api.schemas.billing import AccountCreditOut, CreditApplicationOut, CreditShareOut, ShareOut, UnappliedCreditOut
from domain.billing.credit_application import CreditShare


def present_unapplied_credit(account_id: str, credit: UnappliedCredit) -> AccountCreditOut:
    return AccountCreditOut(
        account_id=account_id,
        credits=[_present_source(source) for source in credit.credits],
        proposed=[share for currency, shares in credit.proposed.items() for share in present_credit_shares(shares, currency)],
        applications=[_present_application(each) for each in credit.applications],
    )


def present_credit_shares(shares: Iterable[CreditShare], currency: str) -> list[CreditShareOut]:
    return [
        CreditShareOut(credit_id=share.credit_id, invoice_id=share.invoice_id, amount=Amount.from_minor(share.amount, currency))
        for share in shares
    ]


def present_shares_by_invoice(shares: Iterable[CreditShare], currency: str) -> list[ShareOut]:
    """What each invoice got in all."""
    amounts: dict[str, int] = {}
    for share in shares:
        amounts[share.invoice_id] = amounts.get(share.invoice_id, 0) + share.amount
    return [ShareOut(invoice_id=invoice_id, amount=Amount.from_minor(amount, currency)) for invoice_id, amount in amounts.items()]


def _present_source(source: UnappliedSource) -> UnappliedCreditOut:
    return UnappliedCreditOut(
        id=source.credit_id,
        kind="credit_note" if source.is_credit_note else "payment",
        came_on=source.came_on,
        reference="" if source.is_credit_note else source.reference,
        amount=Amount.from_minor(source.amount, source.currency),
        left=Amount.from_minor(source.left, source.currency),
    )


def _present_application(application: CreditApplication) -> CreditApplicationOut:
    return CreditApplicationOut(
        id=application.key,
        on=application.booked_on,
        by=application.recorded_by,
        amount=Amount.from_minor(application.amount, application.currency),
        shares=present_credit_shares(application.shares, application.currency),
        takes_back=application.takes_back,
        taken_back_by=application.taken_back_by,
        reason=application.reason,
    )
