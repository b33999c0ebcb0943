"""What people may do to a write-off: what rules an act out, and what it changes."""

from domain.case.command import Act
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.write_off_case import WriteOffCase, WriteOffStage


def refusal(case: WriteOffCase, act: Act) -> str | None:
    """Why the act cannot be accepted, in words; None when it can. An act that was done is not refused."""
    if act.act_id in case.seen or not isinstance(act, ProposeWriteOff):
        return None
    if case.stage is not WriteOffStage.DECIDING and not case.elsewhere:
        return f"this account's write-off is at '{case.stage}'; there is nothing to decide now"
    if (act.decision is WriteOffDecision.PART) != bool(act.amounts):
        return "a write-off in part names the amount for each invoice, and no other decision does"
    for name, amount in act.amounts.items():
        if name not in case.claims:
            return f"the invoice {name} was not handed over"
        if not 0 < amount <= case.claims[name].open_balance:
            return f"of the invoice {name} there can be written off more than nothing, and no more than its open balance"
    return None


def carry_out(case: WriteOffCase, act: Act, at: Moment) -> int | None:
    """Do the act once. The number of its journal entry, or None if it was done before; what is ruled out is journalled as refused."""
    reason = refusal(case, act)
    if not case.sees(act.act_id):
        return None
    if reason:
        return case.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=act.journal_name, reason=reason)
    if isinstance(act, ProposeWriteOff):
        return case.propose(act, at)
    raise TypeError(f"no rule says what a {type(act).__name__} does to a write-off")
