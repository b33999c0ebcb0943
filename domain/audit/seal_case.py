"""The case of all seals: each day's run journals the day's seal, and continues the chain of the day before."""

from domain import identifiers as ids
from domain.audit.seal import Seal
from domain.audit.seal_summary import SealSummary
from domain.case.account_case import AccountCase
from domain.case.case_view import CaseView
from domain.case.summary_fields import dump_summary
from domain.clock import Moment
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal

NO_ACCOUNT = ""
"""The account id of the case: seals cover all accounts."""


class SealCase(AccountCase):
    """The case that journals the seals; `last` is the newest one."""

    last: Seal | None = None

    def record_seal(self, seal: Seal, at: Moment) -> None:
        """Journal a day's seal."""
        self.last = seal
        self.write_entry(
            EntryKind.SEAL_MADE,
            at,
            on=seal.day.isoformat(),
            hash=seal.digest(),
            root=seal.root,
            cases=seal.cases,
            entries=seal.entries,
            previous=seal.previous,
        )


def create_seal_case() -> SealCase:
    return SealCase(journal=Journal(case_id=ids.SEAL_CASE_ID, account_id=NO_ACCOUNT))


def _build_summary(seal: Seal) -> SealSummary:
    return SealSummary(day=seal.day, hash=seal.digest(), cases=seal.cases, entries=seal.entries)


def build_case_view(case: SealCase, run_id: str) -> CaseView:
    """Build the read model's view. The case never ends, and waits for nobody."""
    seal = case.last
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind=CaseKind.SEAL,
        account_id=NO_ACCOUNT,
        invoice_id=None,
        stage="sealed",
        next_step=None,
        next_on=None,
        waiting_for="nothing",
        summary=dump_summary(_build_summary(seal) if seal else SealSummary()),
    )
