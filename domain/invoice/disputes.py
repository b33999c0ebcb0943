"""What an invoice knows of its disputes: at most one is open, and its letters ask for no more than the rest."""

from domain import identifiers as ids
from domain.case.effects import MarkDisputed
from domain.clock import Moment
from domain.dispute.commands import RaiseDispute
from domain.invoice.dispute_record import PastDispute, RaisedDispute
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.entry_kinds import EntryKind
from domain.policy.dispute_rules import Resolution


def open_dispute(case: InvoiceCase) -> PastDispute | None:
    return next((past for past in case.disputes if past.resolution is None), None)


def case_of(case: InvoiceCase, dispute: PastDispute) -> str:
    """The dispute's own case."""
    return ids.dispute_case(case.journal.invoice_id or "", dispute.number)


def raise_dispute(case: InvoiceCase, act: RaiseDispute, at: Moment) -> int:
    """From now on nobody is asked for the disputed amount, though the dispute's own case has yet to begin."""
    case.disputes.append(PastDispute(number=len(case.disputes) + 1, reason=act.reason, amount=act.amount))
    case.disputed = act.amount
    case.to_open.append(RaisedDispute(act=act, facts=case.facts))
    return case.note(
        EntryKind.DISPUTE_OPENED, at, act.actor, act=act.act_id, dispute_reason=act.reason.value, amount=act.amount, note=act.note_id
    )


def hear_of_dispute(case: InvoiceCase, news: MarkDisputed, at: Moment) -> None:
    """What the dispute's own case says of it; of one that is over, nothing more is heard."""
    dispute = open_dispute(case)
    if dispute is None or news.case_id != case_of(case, dispute):
        return
    if news.resolution is not None:
        _end(case, dispute, news.resolution)
        case.note(EntryKind.DISPUTE_CLOSED, at, resolution=news.resolution.value)
    elif news.amount != case.disputed:
        case.disputed = news.amount
        case.note(EntryKind.DISPUTE_AMOUNT_CHANGED, at, amount=news.amount)


def leave_dispute(case: InvoiceCase) -> None:
    """Its own case is gone, and can end it no more."""
    dispute = open_dispute(case)
    if dispute is not None:
        _end(case, dispute, Resolution.WITHDRAWN)


def _end(case: InvoiceCase, dispute: PastDispute, resolution: Resolution) -> None:
    case.disputed = 0
    case.disputes = [past.model_copy(update={"resolution": resolution}) if past is dispute else past for past in case.disputes]
