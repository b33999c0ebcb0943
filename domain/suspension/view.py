"""How an account's suspension looks from outside: in lists, and to those who ask its workflow."""

from domain.billing.receivables import owed_by_currency, weightiest
from domain.case.case_view import CaseView
from domain.journal.journal import Fact
from domain.roles import Role
from domain.suspension.state import APPROVAL, Stage
from domain.suspension.suspension_case import SuspensionCase

_AWAITED = {"requester": Role.COLLECTOR, "address": Role.COLLECTOR}


def next_step(case: SuspensionCase) -> str | None:
    """What happens next, if nobody does anything."""
    match case.stage:
        case Stage.ASKED:
            return "warning_approval"
        case Stage.NOTICE:
            return "sign_off"
        case Stage.SUSPENDED if case.hand_over_on:
            return "hand_over"
    return None


def _summary(case: SuspensionCase) -> dict[str, Fact]:
    days = {
        "delivered_on": case.delivered_on,
        "notice_ends": case.notice_ends,
        "suspended_on": case.suspended_on,
        "hand_over_on": case.hand_over_on,
    }
    return {
        "invoices": " ".join(case.claims), "warned": " ".join(case.warned), "askers": " ".join(case.askers), "prepaid": case.prepaid,
        "spared": case.spared, "undelivered": case.undelivered, "returned": case.returned, "extended_days": case.extended_days,
        "approvals": case.number(APPROVAL), **{name: day.isoformat() if day else None for name, day in days.items()},
        **{f"owed_{code}": owed for code, owed in sorted(owed_by_currency(case.owed()).items())},
    }  # fmt: skip


def view(case: SuspensionCase, run_id: str) -> CaseView:
    """Its amount is that of the weightiest currency; `summary` has what is owed in each."""
    policy, wakes_at, owed = case.snapshot, case.wakes_at(), owed_by_currency(case.owed())
    amount, currency = weightiest(owed) if owed and not case.ended else (0, "")
    awaited = _AWAITED.get(case.waiting_for)
    return CaseView(
        case_id=case.journal.case_id, run_id=run_id, kind="suspension", account_id=case.journal.account_id, invoice_id=None,
        stage=case.stage.value, next_step=next_step(case), next_on=wakes_at.date() if wakes_at and not case.ended else None,
        waiting_for=case.waiting_for, awaiting_role=awaited.value if awaited else None, summary=_summary(case),
        open_balance=amount, currency=currency, policy=policy.name, policy_version=policy.version,
        outcome=case.ending.value if case.ending else None,
    )  # fmt: skip
