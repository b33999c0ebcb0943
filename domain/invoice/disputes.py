"""What an invoice knows of its disputes: at most one is open, and its letters ask for no more than the rest."""

from domain import identifiers as ids
from domain.case.effects import MarkDisputed
from domain.clock import Moment
from domain.dispute.commands import DisputeSource, RaiseDispute, ResolveDispute
from domain.invoice.dispute_record import DisputeRecord, PendingDispute
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import SYSTEM
from domain.policy.dispute_rules import DisputeReason, DisputeResolution
from domain.roles import Role


def find_open_dispute(case: InvoiceCase) -> DisputeRecord | None:
    return next((past for past in case.disputes if past.resolution is None), None)


def find_dispute_case_id(case: InvoiceCase, dispute: DisputeRecord) -> str:
    """The dispute's own case."""
    return ids.dispute_case_id(case.journal.invoice_id or "", dispute.number)


def raise_dispute(case: InvoiceCase, command: RaiseDispute, at: Moment) -> int:
    """From now on nobody is asked for the disputed amount, though the dispute's own case has yet to begin."""
    record = DisputeRecord(number=len(case.disputes) + 1, reason=command.reason, amount=command.amount, source=command.source)
    case.disputes.append(record)
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
        **({"source": command.source.value} if command.source is DisputeSource.FILE else {}),
    )


def has_dispute_flag_changed(case: InvoiceCase) -> bool:
    """The file, or the billing system, calls an open invoice disputed, or no longer does, and no dispute has followed that yet."""
    return not case.is_settled and case.facts.disputed is not case.followed_flag


def follow_dispute_flag(case: InvoiceCase, at: Moment) -> ResolveDispute | None:
    """Raise a dispute over all that is open of an invoice that became flagged, unless one is open; return the withdrawal to send to the
    dispute that an earlier flag raised, if that is open and the flag is gone.

    Each flag is followed once: importing the same file again raises nothing, nor does a flag that outlives the department's answer.
    """
    case.followed_flag = case.facts.disputed
    dispute, act_id = find_open_dispute(case), f"{case.journal.case_id}:flag:{case.facts.version}"
    if case.facts.disputed and dispute is None:
        raised = RaiseDispute(
            act_id=act_id,
            actor=SYSTEM,
            role=Role.BILLING_OPS,
            reason=DisputeReason.OTHER,
            amount=case.facts.open_balance,
            source=DisputeSource.FILE,
        )
        raise_dispute(case, raised, at)
    elif not case.facts.disputed and dispute is not None and dispute.source is DisputeSource.FILE:
        return ResolveDispute(act_id=act_id, actor=SYSTEM, role=Role.COLLECTOR, resolution=DisputeResolution.WITHDRAWN)
    return None


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
