"""Erasure of an account's personal details once their retention has ended (GDPR, Regulation (EU) 2016/679, art. 17).

What must stand as evidence (art. 17 (3) b and e) stays, and names the account by its id only. What becomes of which, and why, stands here
once: the report says it in the same words.
"""

from domain.case.account_case import AccountCase
from domain.clock import Moment
from domain.erasure.commands import EraseAccount
from domain.erasure.report import ErasureAnswer
from domain.journal.entry_kinds import EntryKind


class ErasureCase(AccountCase):
    """`done`: whether anything went; None until the books have answered."""

    asked: bool = False
    done: bool | None = None

    def hear(self, act: EraseAccount, answer: ErasureAnswer, at: Moment) -> int:
        """The number of the journal's entry."""
        self.done = not answer.blocked
        if answer.blocked:
            reason = "; ".join(answer.blocked)
            return self.note(EntryKind.ACT_REFUSED, at, act.actor, act=act.act_id, what=act.journal_name, reason=reason)
        return self.note(
            EntryKind.ACCOUNT_ERASED, at, act.actor, act=act.act_id, report=answer.report, retention_years=answer.retention_years,
            **answer.counts,
        )  # fmt: skip
