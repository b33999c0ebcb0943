"""What people may do to a write-off: what rules an act out, and what it changes."""

from datetime import date

from domain.case.command import Command
from domain.case.command_handling import CommandRules
from domain.clock import Moment
from domain.refusal import Refusal
from domain.write_off.commands import ProposeWriteOff, WriteOffDecision
from domain.write_off.write_off_case import WriteOffCase, WriteOffStage


def _find_rejection_reason(case: WriteOffCase, command: Command, today: date) -> Refusal | None:
    if not isinstance(command, ProposeWriteOff):
        return None
    if case.stage is not WriteOffStage.DECIDING and not case.is_placed_externally:
        return Refusal(
            "write_off.stage",
            "this account's write-off is at '{write_off_stage}'; there is nothing to decide now",
            write_off_stage=case.stage,
        )
    if (command.decision is WriteOffDecision.PART) != bool(command.amounts):
        return Refusal("write_off.amounts", "a write-off in part names the amount for each invoice, and no other decision does")
    for name, amount in command.amounts.items():
        if name not in case.claims:
            return Refusal("write_off.not_handed_over", "the invoice {invoice} was not handed over", invoice=name)
        if not 0 < amount <= case.claims[name].open_balance:
            return Refusal(
                "write_off.too_much",
                "of the invoice {invoice} there can be written off more than nothing, and no more than its open balance",
                invoice=name,
            )
    return None


def _apply_accepted_command(case: WriteOffCase, command: Command, at: Moment) -> int | None:
    if isinstance(command, ProposeWriteOff):
        return case.propose(command, at)
    raise TypeError(f"no rule says what a {type(command).__name__} does to a write-off")


RULES = CommandRules(_find_rejection_reason, _apply_accepted_command)
rejection_reason, apply_command = RULES.rejection_reason, RULES.apply_command
