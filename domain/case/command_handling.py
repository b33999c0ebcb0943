"""Handles a person's command to a case of any kind: once, and journalled as applied or as rejected."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from domain.case.account_case import AccountCase
from domain.case.command import Command
from domain.clock import Moment
from domain.journal.entry_kinds import EntryKind
from domain.refusal import Refusal

Case = TypeVar("Case", bound=AccountCase)


def record_rejection(case: AccountCase, command: Command, reason: str, at: Moment) -> int:
    """Write down that a command was rejected, and why in words; the entry's sequence number."""
    return case.write_entry(EntryKind.ACT_REFUSED, at, command.actor, act=command.act_id, what=command.journal_name, reason=str(reason))


@dataclass(frozen=True)
class CommandRules(Generic[Case]):
    """The rules of one kind of case: `find_reason` says why a command is rejected, `apply_accepted` does what was not rejected.

    Neither is asked about a command that the case has seen.
    """

    find_reason: Callable[[Case, Command, date], Refusal | None]
    apply_accepted: Callable[[Case, Command, Moment], int | None]

    def rejection_reason(self, case: Case, command: Command, today: date) -> Refusal | None:
        """Why the command cannot be accepted, in words; None when it can. `today` is the business date. A repeated one is not rejected."""
        return None if case.has_seen(command.act_id) else self.find_reason(case, command, today)

    def apply_command(self, case: Case, command: Command, at: Moment) -> int | None:
        """Apply the command once; the number of its journal entry, or None if it was applied before.

        A command that came as a signal has passed no validator: it may be rejected here, and the rejection is journalled.
        """
        reason = self.rejection_reason(case, command, at.business.date())
        if not case.mark_seen(command.act_id):
            return None
        return record_rejection(case, command, reason, at) if reason else self.apply_accepted(case, command, at)
