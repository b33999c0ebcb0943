"""How the write-off of an account looks from outside: in lists, and to those who ask its workflow."""

from domain.billing.receivables import find_largest_amount, sum_undisputed_by_currency
from domain.case.case_view import CaseView
from domain.case.summary_fields import dump_summary
from domain.identifiers import CaseKind
from domain.roles import Role
from domain.write_off.summary import WriteOffSummary
from domain.write_off.write_off_case import APPROVAL_SEQUENCE, WriteOffCase, WriteOffStage


def next_step(case: WriteOffCase) -> str | None:
    return {"decision": "decision", "approval": "approval", "billing": "booking"}.get(case.waiting_for)


def _build_summary(case: WriteOffCase) -> WriteOffSummary:
    return WriteOffSummary(
        invoices=tuple(case.claims),
        decision=case.proposal.decision if case.proposal else None,
        proposed_by=case.proposal.actor if case.proposal else None,
        approvals=case.last_number(APPROVAL_SEQUENCE),
        booked={invoice_id: booked.amount for invoice_id, booked in case.booked.items()},
        recovered={invoice_id: booked.recovered for invoice_id, booked in case.booked.items()},
        owed=dict(sorted(_owed_by_currency(case).items())),
    )


def _owed_by_currency(case: WriteOffCase) -> dict[str, int]:
    return sum_undisputed_by_currency(receivable for receivable in case.claims.values() if not receivable.settled)


def build_case_view(case: WriteOffCase, run_id: str) -> CaseView:
    """Its amount is that of the largest number; `summary` has what is owed in each."""
    owed = _owed_by_currency(case)
    amount, currency = find_largest_amount(owed) if owed else (0, "")
    outcome = case.ending
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind=CaseKind.WRITE_OFF,
        account_id=case.journal.account_id,
        invoice_id=None,
        stage=case.stage.value,
        next_step=next_step(case),
        next_on=None,
        waiting_for=case.waiting_for,
        awaiting_role=Role.WRITE_OFF_ANALYST.value if case.stage is WriteOffStage.DECIDING else None,
        summary=dump_summary(_build_summary(case)),
        open_balance=amount,
        currency=currency,
        outcome=outcome,
    )
