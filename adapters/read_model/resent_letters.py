"""The invoices of whose last letter nobody knew whether it arrived, and whose letter a person has sent again: it is under way."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.row_states import ContactRequestState
from adapters.database.tables import Case, ContactRequest
from domain.invoice.view import WAITING_FOR_LETTER_DECISION

_UNDER_WAY_STATES = (ContactRequestState.PENDING, ContactRequestState.CLAIMED)


def load_resent_letters(session: Session, cases: Iterable[Case]) -> set[str]:
    """The ids of those of the invoices' cases that wait for a decision about their last letter, while that letter goes again."""
    steps = {
        (case.invoice_id, case.taken[-1]["step"]): case.case_id
        for case in cases
        if case.waiting_for == WAITING_FOR_LETTER_DECISION and case.taken
    }
    if not steps:
        return set()
    requests = select(col(ContactRequest.invoice_id), col(ContactRequest.step)).where(
        col(ContactRequest.invoice_id).in_([invoice_id for invoice_id, _ in steps]), col(ContactRequest.state).in_(_UNDER_WAY_STATES)
    )
    return {steps[row.invoice_id, row.step] for row in session.execute(requests) if (row.invoice_id, row.step) in steps}
