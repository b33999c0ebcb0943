"""How the erasure of an account looks in lists and to those who ask its workflow."""

from domain.case.case_view import CaseView
from domain.erasure.erasure_case import ErasureCase, ErasureStage
from domain.identifiers import CaseKind


def stage(case: ErasureCase) -> ErasureStage:
    if case.done is None:
        return ErasureStage.ASKED
    return ErasureStage.ERASED if case.done else ErasureStage.REFUSED


def build_case_view(case: ErasureCase, run_id: str) -> CaseView:
    """It waits for nobody: it is asked, answered and over."""
    ended = case.done is not None
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind=CaseKind.ERASURE,
        account_id=case.journal.account_id,
        invoice_id=None,
        stage=stage(case),
        next_step=None,
        next_on=None,
        waiting_for="nothing" if ended else "time",
        outcome=stage(case) if ended else None,
    )
