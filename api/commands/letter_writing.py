"""What is needed to write to a customer by hand: the contact hours of its policy."""

from datetime import time

from adapters.correspondence.written_letter_store import LetterToWrite
from adapters.read_model.invoices import InvoiceFilter, list_invoices
from api.commands.live_invoice import load_case_policy
from api.context import ApiContext
from api.schemas.letters.written_letters import LetterToWriteIn
from domain.billing.billing_events import InvoiceStatus
from domain.policy.collection_policy import ContactHours
from domain.policy.policy_parsing import PolicyError

STATEMENT_NOTED, COPY_NOTED = "Statement of account written to", "Copy of a letter written to"
"""With which the notes begin that say who wrote; the console says them in the reader's language."""

OFFICE_HOURS = ContactHours(opens=time(9), closes=time(17))
"""Where no policy says when a customer may be written to."""


def build_letter_to_write(context: ApiContext, account_id: str, body: LetterToWriteIn) -> LetterToWrite:
    return LetterToWrite(
        account_id=account_id,
        contacts=body.contacts,
        sentence=body.sentence.strip(),
        copy_of=body.copy_of,
        hours=_find_contact_hours(context, account_id),
        hours_matter=context.clock.hours_matter,
        invoice_copies=body.invoice_copies,
    )


def _find_contact_hours(context: ApiContext, account_id: str) -> ContactHours:
    """Those of the policy by which the account's first open invoice is collected; else of the one by which a new one would be."""
    open_ones = InvoiceFilter(account=account_id, status=InvoiceStatus.OPEN)
    rows, _ = list_invoices(context.database, open_ones, context.today, 1, None)
    policy = load_case_policy(context, rows[0].case) if rows else None
    try:
        return (policy or context.case_inputs.load_policy(account_id).load_policy()).contact.hours
    except PolicyError:
        return OFFICE_HOURS
