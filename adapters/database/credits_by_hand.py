"""What somebody has had credited of an invoice by hand, at once: the matrix asked nobody."""

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.row_states import AllocationCause
from adapters.database.tables import Allocation, CreditNote, ExternalOrderRow

CREDIT_NOTE_ID = "credit_note"
"""With which the id of a credit note begins that a person issues. What a case orders, and what a file brings, has ids of its own."""


def sum_credits_by_hand(session: Session, invoice_id: str, person: str, besides: str = "") -> int:
    """Return what the person has credited of the invoice at once, by any credit note but `besides`, in minor units of its currency. Of an
    invoice of a connected system, what they have ordered there: what is read back names no person."""
    there = (
        select(func.coalesce(func.sum(col(ExternalOrderRow.amount)), 0))
        .where(col(ExternalOrderRow.invoice_id) == invoice_id, func.lower(col(ExternalOrderRow.recorded_by)) == person.lower())
        .where(col(ExternalOrderRow.key).startswith(f"{CREDIT_NOTE_ID}:"), col(ExternalOrderRow.key) != besides)
    )
    statement = (
        select(func.coalesce(func.sum(col(Allocation.amount)), 0))
        .join(CreditNote, col(CreditNote.id) == col(Allocation.credit_note_id))
        .where(col(Allocation.invoice_id) == invoice_id, col(Allocation.cause) == AllocationCause.RECEIVED)
        .where(func.lower(col(CreditNote.recorded_by)) == person.lower(), col(CreditNote.id).startswith(f"{CREDIT_NOTE_ID}:"))
        .where(col(CreditNote.id) != besides)
    )
    return int(session.execute(statement).scalar_one()) + int(session.execute(there).scalar_one())
