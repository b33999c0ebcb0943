"""Invoices of connected systems that the last comparison found open here and not owed there. They may be deleted there, or hidden from
Duecourse: until somebody has decided, or they are seen again, letters do not ask for them; what else the customer owes they ask for."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlmodel import Session, col

from adapters.billing.external_key import PART_MARK, find_whole_id
from adapters.database.row_states import ContactRequestState, DifferenceKind, MessageState
from adapters.database.tables import BillingDifferenceRow, ContactRequest, Message

_NAMED = (col(BillingDifferenceRow.kind) == DifferenceKind.MISSING_THERE.value, col(BillingDifferenceRow.gone_at).is_(None))
HAS_MISSING = exists(select(col(BillingDifferenceRow.id)).where(*_NAMED))


def is_missing_there(invoice: Any) -> ColumnElement[bool]:
    """Build the condition that an invoice is one of them, or a part of one; `invoice` is the column of its id."""
    whole = col(BillingDifferenceRow.subject_id)
    is_part_of = func.substr(invoice, 1, func.length(whole) + len(PART_MARK)) == whole + PART_MARK
    return or_(
        exists(select(col(BillingDifferenceRow.id)).where(*_NAMED, whole == invoice)),
        and_(invoice.contains(PART_MARK), exists(select(col(BillingDifferenceRow.id)).where(*_NAMED, is_part_of))),
    )


def find_missing_there(session: Session, invoices: Iterable[str]) -> set[str]:
    """Return which of some invoices are."""
    whole = {invoice: find_whole_id(invoice) for invoice in invoices}
    if not whole:
        return set()
    named = select(col(BillingDifferenceRow.subject_id)).where(*_NAMED, col(BillingDifferenceRow.subject_id).in_(set(whole.values())))
    missing = set(session.scalars(named))
    return {invoice for invoice, subject in whole.items() if subject in missing}


def give_requests_back(session: Session) -> None:
    """What letters that have not gone yet have taken of them waits again, and the letters go without it."""
    intended = select(col(Message.id)).where(col(Message.state) == MessageState.INTENDED)
    claimed = (col(ContactRequest.state) == ContactRequestState.CLAIMED, col(ContactRequest.message_id).in_(intended))
    back = update(ContactRequest).where(*claimed, is_missing_there(col(ContactRequest.invoice_id)))
    session.execute(back.values(state=ContactRequestState.PENDING, message_id=None).execution_options(synchronize_session="fetch"))


def find_letters_of_missing(session: Session, messages: Collection[int] | None = None) -> set[int]:
    """Return the letters, by number, that have not gone yet and would ask for one: of some letters, or of all. A letter of a case is
    about its invoices alone, and waits for them."""
    mine = [col(Message.id).in_(messages)] if messages is not None else []
    intended = (col(Message.state) == MessageState.INTENDED, *mine)
    of_cases = session.execute(select(col(Message.id), col(Message.invoice_ids)).where(*intended, col(Message.case_id).is_not(None))).all()
    missing = find_missing_there(session, {invoice for _, invoices in of_cases for invoice in invoices})
    claimed = (col(ContactRequest.state) == ContactRequestState.CLAIMED, is_missing_there(col(ContactRequest.invoice_id)))
    requested = select(col(Message.id)).join(ContactRequest, col(ContactRequest.message_id) == col(Message.id)).where(*intended, *claimed)
    found = {number for number in session.scalars(requested) if number is not None}
    return found | {number for number, invoices in of_cases if number is not None and not missing.isdisjoint(invoices)}
