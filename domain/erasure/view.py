"""How the erasure of an account looks in lists and to those who ask its workflow."""

from domain.case.case_view import CaseView
from domain.erasure.erasure_case import ErasureCase


def stage(case: ErasureCase) -> str:
    if case.done is None:
        return "asked"
    return "erased" if case.done else "refused"


def build_case_view(case: ErasureCase, run_id: str) -> CaseView:
    """It waits for nobody: it is asked, answered and over."""
    ended = case.done is not None
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind="erasure",
        account_id=case.journal.account_id,
        invoice_id=None,
        stage=stage(case),
        next_step=None,
        next_on=None,
        waiting_for="nothing" if ended else "time",
        outcome=stage(case) if ended else None,
    )
