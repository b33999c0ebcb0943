"""Turns accounts, with balances and contacts, into their bodies."""

from datetime import date

from adapters.read_model.accounts import AccountDetail, AccountRow, BalanceRow
from api.presenters.account_suspensions import present_account_suspension
from api.presenters.invoices import present_invoice_summary
from api.presenters.phrases import Phrases
from api.schemas.accounts import AccountOut, AccountSummary, BalanceOut, ContactOut
from api.schemas.amounts import Amount


def present_account_summary(row: AccountRow, words: Phrases) -> AccountSummary:
    return AccountSummary(
        **row.model_dump(exclude={"number", "balances", "contacts", "invoices", "suspension"}),
        number=row.shown_number,
        suspension=present_account_suspension(row.suspension, words),
        balances=[_present_balance(line) for line in row.balances],
    )


def present_account(row: AccountDetail, today: date, words: Phrases) -> AccountOut:
    return AccountOut(
        **present_account_summary(row, words).model_dump(),
        contacts=[ContactOut(**contact.model_dump()) for contact in row.contacts],
        invoices=[present_invoice_summary(each, today, words) for each in row.invoices],
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
