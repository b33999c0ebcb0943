"""The printed invoices that a person has go along with a letter: named when it is written, fetched when it goes."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.billing.invoice_documents import MAX_DOCUMENT_BYTES, DocumentTooLargeError, InvoiceDocuments, NoDocumentError
from adapters.database.tables import Invoice
from adapters.letters.template_context import ATTACHED_NUMBERS
from adapters.mail.message_builder import Attachment
from domain.journal.entry import FactValue

COPIES_DETAIL = "invoice_copies"
"""Under which name a letter keeps the ids of the invoices of which a copy goes along, parted by spaces."""


def require_printed(documents: InvoiceDocuments | None, invoice_ids: Sequence[str]) -> None:
    """Raises NoDocumentError for an invoice of a system that prints none. Belongs outside of a session."""
    for invoice_id in invoice_ids if documents is not None else ():
        if documents is not None and not documents.can_fetch(invoice_id):
            raise NoDocumentError(f"of invoice {invoice_id!r} no printed copy can be had from here; send it by hand")


def name_attached(session: Session, account_id: str, invoice_ids: Sequence[str]) -> dict[str, str]:
    """Return the details that a letter keeps of what goes along. Raises NoDocumentError for what is none of the account's."""
    wanted = list(dict.fromkeys(invoice_ids))
    if not wanted:
        return {}
    mine = select(col(Invoice.id), col(Invoice.number)).where(col(Invoice.id).in_(wanted), col(Invoice.account_id) == account_id)
    numbers = dict(session.execute(mine).all())
    if unknown := [invoice_id for invoice_id in wanted if invoice_id not in numbers]:
        raise NoDocumentError(f"{unknown[0]!r} is no invoice of this account; GET /v1/invoices?account= lists them")
    return {COPIES_DETAIL: " ".join(wanted), ATTACHED_NUMBERS: ", ".join(numbers[invoice_id] for invoice_id in wanted)}


def fetch_attachments(documents: InvoiceDocuments, details: Mapping[str, FactValue]) -> list[Attachment]:
    """Fetch what goes along. Raises NoDocumentError, DocumentAwayError, DocumentTooLargeError, also where they are too large together."""
    found = [Attachment(*documents.fetch(invoice_id)) for invoice_id in str(details.get(COPIES_DETAIL) or "").split()]
    if sum(len(each.content) for each in found) > MAX_DOCUMENT_BYTES:
        raise DocumentTooLargeError(f"the copies have more than {MAX_DOCUMENT_BYTES // 1024 // 1024} MB together; send them one by one")
    return found
