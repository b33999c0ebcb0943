"""An account's open cases, each with what people do about it next."""

from typing import NamedTuple
from urllib.parse import quote

from adapters.database.engine import Database
from adapters.read_model.cases import CaseFilter, CaseRow, list_cases
from domain.case_summary import list_stated_amounts
from domain.identifiers import CaseKind
from domain.money import Money
from domain.payment_plan.state import PlanStage
from domain.payment_plan.summary import PaymentPlanSummary
from domain.suspension.state import SuspensionStage

MAX_CASES_OF_A_KIND = 50
ACTS: dict[CaseKind, tuple[str, ...]] = {
    CaseKind.DISPUTE: ("resolve_dispute", "assign_dispute"),
    CaseKind.PAYMENT_PLAN: ("accept_plan", "decline_plan", "cancel_plan"),
    CaseKind.SUSPENSION: (),
    CaseKind.CREDIT_REVIEW: ("give_verdict",),
    CaseKind.WRITE_OFF: ("decide_write_off",),
    CaseKind.APPROVAL: (),
}
"""What is done about a case of each kind. An approval is decided on a page of its own; of a suspension, its stage says."""

SERVICE_IS_OFF = frozenset({SuspensionStage.SUSPENDED, SuspensionStage.HANDED_OVER})

OF_AN_OFFER = frozenset({"accept_plan", "decline_plan"})


class CaseToAct(NamedTuple):
    """`acts` are those that can be done in its stage, `given` what their forms need; `page` is its own page, if it has one."""

    row: CaseRow
    amounts: tuple[Money, ...]
    acts: tuple[str, ...]
    given: dict[str, str]
    page: str | None


def list_open_cases(database: Database, account_id: str) -> list[CaseToAct]:
    """The kinds in the order of ACTS, of each the nearest deadline first."""
    found: list[CaseToAct] = []
    for kind in ACTS:
        rows, _ = list_cases(database, CaseFilter(kind=kind, account=account_id, open=True), MAX_CASES_OF_A_KIND, None)
        found += [_describe_case(kind, row) for row in rows]
    return found


def _describe_case(kind: CaseKind, row: CaseRow) -> CaseToAct:
    acts, given = ACTS[kind], {"account_id": row.account_id, "for_account": row.account_id, "for_invoice": row.invoice_id or ""}
    match kind:
        case CaseKind.SUSPENSION:
            acts = ("reinstate_account",) if row.stage in SERVICE_IS_OFF else ("extend_notice", "withdraw_suspension")
        case CaseKind.DISPUTE:
            given["dispute_id"] = row.case_id
        case CaseKind.CREDIT_REVIEW:
            given["review_id"] = row.case_id
        case CaseKind.PAYMENT_PLAN:
            given |= {"plan_id": row.case_id, "revision": str(row.summary_of(PaymentPlanSummary).revision)}
            acts = acts if row.stage == PlanStage.OFFERED else tuple(act for act in acts if act not in OF_AN_OFFER)
    page = f"/approvals/{quote(row.case_id, safe='')}" if kind is CaseKind.APPROVAL else None
    return CaseToAct(row, list_stated_amounts(row.summary), acts, given, page)
