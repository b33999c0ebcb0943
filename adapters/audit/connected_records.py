"""What connected billing systems have sent of an account, as it came: the calls of their webhooks, and why they refused a note."""

import re
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.billing.external_key import parse_external_key
from adapters.database.tables import Account, Contact, ExternalInvoiceRow, ExternalNoteRow, Invoice, JournalEntry, WebhookCallRow

CALLS_AT_ONCE = 200


def build_call_filter(session: Session, account_id: str) -> Any:
    """Kept calls about the account's invoices, and those of its system in which its id, its name or an address of it stands."""
    return col(WebhookCallRow.id).in_(_list_calls(session, account_id))


def build_refused_note_filter(account_id: str) -> Any:
    mine = select(col(JournalEntry.hash)).where(col(JournalEntry.account_id) == account_id)
    return (col(ExternalNoteRow.refusal) != "") & col(ExternalNoteRow.entry).in_(mine)


def _list_calls(session: Session, account_id: str) -> list[int]:
    key = parse_external_key(account_id)
    if key is None:
        return []
    of_system = (col(WebhookCallRow.system) == key.system, col(WebhookCallRow.company) == key.company, func.length(WebhookCallRow.body) > 0)
    invoices = set(
        session.scalars(
            select(col(ExternalInvoiceRow.external_id))
            .join(Invoice, col(Invoice.id) == col(ExternalInvoiceRow.invoice_id))
            .where(col(Invoice.account_id) == account_id)
        )
    )
    account = session.get_one(Account, account_id)
    names = {key.external_id, account.name} | set(session.scalars(select(col(Contact.email)).where(col(Contact.account_id) == account_id)))
    signs = re.compile(b"|".join(rb"(?<!\w)" + re.escape(name.encode()) + rb"(?!\w)" for name in sorted(names) if name))
    rows = select(col(WebhookCallRow.id), col(WebhookCallRow.external_id), col(WebhookCallRow.body)).where(*of_system)
    found = session.execute(rows.execution_options(yield_per=CALLS_AT_ONCE))
    return [number for number, invoice, body in found if invoice in invoices or signs.search(body)]
