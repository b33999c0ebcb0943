"""What people may do to a write-off: what rules an act out, and what it changes."""

from domain.case.command import Command
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.write_off_case import WriteOffCase, WriteOffStage


def rejection_reason(case: WriteOffCase, command: Command) -> str | None:
    """Why the act cannot be accepted, in words; None when it can. An act that was done is not refused."""
    if command.act_id in case.seen or not isinstance(command, ProposeWriteOff):
        return None
    if case.stage is not WriteOffStage.DECIDING and not case.is_placed_externally:
        return f"this account's write-off is at '{case.stage}'; there is nothing to decide now"
    if (command.decision is WriteOffDecision.PART) != bool(command.amounts):
        return "a write-off in part names the amount for each invoice, and no other decision does"
    for name, amount in command.amounts.items():
        if name not in case.claims:
            return f"the invoice {name} was not handed over"
        if not 0 < amount <= case.claims[name].open_balance:
            return f"of the invoice {name} there can be written off more than nothing, and no more than its open balance"
    return None


def apply_command(case: WriteOffCase, command: Command, at: Moment) -> int | None:
    """Do the act once. The number of its journal entry, or None if it was done before; what is ruled out is journalled as refused."""
    reason = rejection_reason(case, command)
    if not case.mark_seen(command.act_id):
        return None
    if reason:
        return case.write_entry(EntryKind.ACT_REFUSED, at, command.actor, act=command.act_id, what=command.journal_name, reason=reason)
    if isinstance(command, ProposeWriteOff):
        return case.propose(command, at)
    raise TypeError(f"no rule says what a {type(command).__name__} does to a write-off")
