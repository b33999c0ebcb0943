"""What an invoice knows of its disputes: at most one is open, and its letters ask for no more than the rest."""

from domain import identifiers as ids
from domain.case.effects import MarkDisputed
from domain.clock import Moment
from domain.dispute.commands import RaiseDispute
from domain.invoice.dispute_record import DisputeRecord, PendingDispute
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.entry_kinds import EntryKind
from domain.policy.dispute_rules import DisputeResolution


def find_open_dispute(case: InvoiceCase) -> DisputeRecord | None:
    return next((past for past in case.disputes if past.resolution is None), None)


def find_dispute_case_id(case: InvoiceCase, dispute: DisputeRecord) -> str:
    """The dispute's own case."""
    return ids.dispute_case_id(case.journal.invoice_id or "", dispute.number)


def raise_dispute(case: InvoiceCase, command: RaiseDispute, at: Moment) -> int:
    """From now on nobody is asked for the disputed amount, though the dispute's own case has yet to begin."""
    case.disputes.append(DisputeRecord(number=len(case.disputes) + 1, reason=command.reason, amount=command.amount))
    case.disputed = command.amount
    case.to_open.append(PendingDispute(act=command, facts=case.facts))
    return case.write_entry(
        EntryKind.DISPUTE_OPENED,
        at,
        command.actor,
        act=command.act_id,
        dispute_reason=command.reason.value,
        amount=command.amount,
        note=command.note_id,
    )


def apply_dispute_update(case: InvoiceCase, update: MarkDisputed, at: Moment) -> None:
    """What the dispute's own case says of it; of one that is over, nothing more is heard."""
    dispute = find_open_dispute(case)
    if dispute is None or update.case_id != find_dispute_case_id(case, dispute):
        return
    if update.resolution is not None:
        _close_dispute(case, dispute, update.resolution)
        case.write_entry(EntryKind.DISPUTE_CLOSED, at, resolution=update.resolution.value)
    elif update.amount != case.disputed:
        case.disputed = update.amount
        case.write_entry(EntryKind.DISPUTE_AMOUNT_CHANGED, at, amount=update.amount)


def abandon_dispute(case: InvoiceCase) -> None:
    """Its own case is gone, and can end it no more."""
    dispute = find_open_dispute(case)
    if dispute is not None:
        _close_dispute(case, dispute, DisputeResolution.WITHDRAWN)


def _close_dispute(case: InvoiceCase, dispute: DisputeRecord, resolution: DisputeResolution) -> None:
    case.disputed = 0
    case.disputes = [past.model_copy(update={"resolution": resolution}) if past is dispute else past for past in case.disputes]
