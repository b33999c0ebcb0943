"""How an account's suspension looks from outside: in lists, and to those who ask its workflow."""

from domain.billing.receivables import find_largest_amount, sum_undisputed_by_currency
from domain.case.case_view import AwaitedParties, CaseView
from domain.case.summary_fields import dump_summary
from domain.identifiers import CaseKind
from domain.roles import Role
from domain.suspension.state import APPROVAL_SEQUENCE, SuspensionStage
from domain.suspension.summary import SuspensionSummary
from domain.suspension.suspension_case import SuspensionCase

_AWAITED_ROLES = {"requester": Role.COLLECTOR, "address": Role.COLLECTOR}


def next_step(case: SuspensionCase) -> str | None:
    """What happens next, if nobody does anything."""
    match case.stage:
        case SuspensionStage.ASKED:
            return "warning_approval"
        case SuspensionStage.NOTICE:
            return "sign_off"
        case SuspensionStage.SUSPENDED if case.hand_over_on:
            return "hand_over"
    return None


def _build_summary(case: SuspensionCase) -> SuspensionSummary:
    return SuspensionSummary(
        invoices=tuple(case.claims),
        warned=tuple(case.warned),
        askers=tuple(case.askers),
        prepaid=case.prepaid,
        spared=case.is_fully_disputed,
        undelivered=case.undelivered,
        returned=case.returned,
        extended_days=case.extended_days,
        approvals=case.last_number(APPROVAL_SEQUENCE),
        delivered_on=case.delivered_on,
        notice_ends=case.notice_ends,
        suspended_on=case.suspended_on,
        hand_over_on=case.hand_over_on,
        owed=dict(sorted(sum_undisputed_by_currency(case.owed_receivables()).items())),
    )


def build_case_view(case: SuspensionCase, run_id: str) -> CaseView:
    """Its amount is that of the largest number; `summary` has what is owed in each."""
    policy, wakes_at, owed = case.snapshot, case.wakes_at(), sum_undisputed_by_currency(case.owed_receivables())
    amount, currency = find_largest_amount(owed) if owed and not case.is_ended else (0, "")
    awaited = _AWAITED_ROLES.get(case.waiting_for)
    return CaseView(
        case_id=case.journal.case_id,
        run_id=run_id,
        kind=CaseKind.SUSPENSION,
        account_id=case.journal.account_id,
        invoice_id=None,
        stage=case.stage.value,
        next_step=next_step(case),
        next_on=wakes_at.date() if wakes_at and not case.is_ended else None,
        waiting_for=case.waiting_for,
        awaiting_role=awaited.value if awaited else None,
        awaited=AwaitedParties(people=case.askers) if case.waiting_for == "requester" and case.askers else None,
        summary=dump_summary(_build_summary(case)),
        open_balance=amount,
        currency=currency,
        policy=policy.name,
        policy_version=policy.version,
        outcome=case.ending.value if case.ending else None,
    )
