"""Erasure of an account's personal details once their retention has ended (GDPR, Regulation (EU) 2016/679, art. 17).

What must stand as evidence (art. 17 (3) b and e) stays, and names the account by its id only. What becomes of which, and why, stands here
once: the report says it in the same words.
"""

from enum import StrEnum

from domain.case.account_case import AccountCase
from domain.case.command_handling import record_rejection
from domain.clock import Moment
from domain.erasure.commands import EraseAccount
from domain.erasure.report import ErasureResult
from domain.journal.entry_kinds import EntryKind


class ErasureStage(StrEnum):
    ASKED = "asked"
    ERASED = "erased"
    REFUSED = "refused"


class ErasureCase(AccountCase):
    """`done`: whether anything went; None until the books have answered."""

    asked: bool = False
    done: bool | None = None

    def apply_result(self, command: EraseAccount, result: ErasureResult, at: Moment) -> int:
        """The number of the journal's entry."""
        self.done = not result.blocked
        if result.blocked:
            return record_rejection(self, command, "; ".join(result.blocked), at)
        return self.write_entry(
            EntryKind.ACCOUNT_ERASED,
            at,
            command.actor,
            act=command.act_id,
            report=result.report,
            retention_years=result.retention_years,
            **result.counts,
        )
