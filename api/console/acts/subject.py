"""What an act is about: the account or the invoice, with what it owes."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from adapters.read_model.accounts import AccountDetail, ContactRow, find_account
from adapters.read_model.invoices import InvoiceFilter, InvoiceRow, find_invoice, list_invoices
from api.context import ApiContext
from domain.billing.billing_events import InvoiceStatus
from domain.timeline.holds import Hold, HoldKind


class ActSubject(NamedTuple):
    """`invoice` is None where an act is about the whole account; both are None where it is about neither. `open_invoices` are the
    account's, or the invoice alone; `overdue` the ids of those that are past due."""

    account_id: str | None = None
    account_name: str | None = None
    invoice: InvoiceRow | None = None
    open_invoices: tuple[InvoiceRow, ...] = ()
    contacts: tuple[ContactRow, ...] = ()
    overdue: frozenset[str] = frozenset()

    @property
    def pauses(self) -> dict[str, Hold]:
        """The pause of each whose collection a person has paused, by its id."""
        return {row.id: hold for row in self.open_invoices if row.case for hold in row.case.holds if hold.kind is HoldKind.PAUSE}

    @property
    def currencies(self) -> list[str]:
        """Those in which something is owed, in the order of the invoices."""
        if self.invoice:
            return [self.invoice.currency]
        return list(dict.fromkeys(invoice.currency for invoice in self.open_invoices))


MAX_INVOICES = 500
"""So many are offered to choose from."""

NO_SUBJECT = ActSubject()


def find_subject(context: ApiContext, account_id: str | None, invoice_id: str | None) -> ActSubject:
    """Return what is known of the invoice or, without one, of the account. An id that is unknown makes no subject: the API refuses it."""
    if invoice_id:
        invoice = find_invoice(context.database, invoice_id)
        return ActSubject(invoice.account_id, invoice.account_name, invoice, (invoice,)) if invoice else NO_SUBJECT
    account = find_account(context.database, account_id, context.today, invoices=0) if account_id else None
    if account is None:
        return NO_SUBJECT
    owed, _ = list_invoices(
        context.database, InvoiceFilter(account=account_id, status=InvoiceStatus.OPEN), context.today, MAX_INVOICES, None
    )
    return build_subject(account, owed, context.today)


def build_subject(account: AccountDetail, open_rows: Sequence[InvoiceRow], today: date) -> ActSubject:
    """The account with its open invoices, of a page that has read them already."""
    overdue = frozenset(row.id for row in open_rows if row.days_past_due(today) > 0)
    return ActSubject(account.id, account.name, None, tuple(open_rows), tuple(account.contacts), overdue)
