"""An account's open cases, and what people do about each next."""

from typing import NamedTuple
from urllib.parse import quote

from adapters.database.engine import Database
from adapters.read_model.cases import CaseRow, list_account_cases
from domain.case_summary import list_stated_amounts
from domain.identifiers import CaseKind
from domain.money import Money
from domain.payment_plan.state import PlanStage
from domain.payment_plan.summary import PaymentPlanSummary
from domain.suspension.state import PRE_SUSPENSION_STAGES, SUSPENDED_STAGES
from domain.suspension.summary import SuspensionSummary

MAX_CASES_OF_A_KIND = 50
ACTS: dict[CaseKind, tuple[str, ...]] = {
    CaseKind.DISPUTE: ("resolve_dispute", "assign_dispute"),
    CaseKind.PAYMENT_PLAN: ("accept_plan", "decline_plan", "revise_plan", "cancel_plan"),
    CaseKind.SUSPENSION: (),
    CaseKind.CREDIT_REVIEW: ("give_verdict", "close_credit_review", "make_dossier"),
    CaseKind.WRITE_OFF: ("decide_write_off", "make_dossier"),
    CaseKind.CREDIT_REQUEST: ("withdraw_credit_request",),
    CaseKind.APPROVAL: (),
}
"""What is done about a case of each kind. An approval is decided on a page of its own; of a suspension, its stage says."""

OF_AN_OFFER = frozenset({"accept_plan", "decline_plan"})


class CaseToAct(NamedTuple):
    """`acts` are those that can be done in its stage, `given` what their forms need; `page` is its own page."""

    row: CaseRow
    amounts: tuple[Money, ...]
    acts: tuple[str, ...]
    given: dict[str, str]
    page: str


def list_open_cases(database: Database, account_id: str) -> list[CaseToAct]:
    """The kinds in the order of ACTS, of each the nearest deadline first."""
    return [describe_case(row) for row in list_account_cases(database, account_id, ACTS, MAX_CASES_OF_A_KIND)]


def build_case_url(case_id: str, kind: str) -> str:
    """The address of a case's page."""
    return f"{'/approvals' if kind == CaseKind.APPROVAL else '/cases'}/{quote(case_id, safe='')}"


def describe_case(row: CaseRow) -> CaseToAct:
    """Nothing can be done about a case that is over."""
    kind = CaseKind(row.kind)
    acts, given = ACTS.get(kind, ()), {"account_id": row.account_id, "for_account": row.account_id, "for_invoice": row.invoice_id or ""}
    match kind:
        case CaseKind.SUSPENSION:
            acts = _list_suspension_acts(row)
        case CaseKind.DISPUTE:
            given["dispute_id"] = row.case_id
        case CaseKind.CREDIT_REVIEW:
            given["review_id"] = row.case_id
        case CaseKind.CREDIT_REQUEST:
            given["invoice_id"] = row.invoice_id or ""
        case CaseKind.PAYMENT_PLAN:
            given |= {"plan_id": row.case_id, "revision": str(row.summary_of(PaymentPlanSummary).revision)}
            acts = acts if row.stage == PlanStage.OFFERED else tuple(act for act in acts if act not in OF_AN_OFFER)
    page = build_case_url(row.case_id, row.kind)
    return CaseToAct(row, list_stated_amounts(row.summary), acts if row.outcome is None else (), given, page)


def _list_suspension_acts(row: CaseRow) -> tuple[str, ...]:
    if row.stage in SUSPENDED_STAGES:
        return ("reinstate_account", "hand_over_account")
    summary = row.summary_of(SuspensionSummary)
    again = (("ask_suspension_again", summary.returned), ("send_warning_again", summary.undelivered))
    asked = tuple(act for act, is_so in again if is_so)
    return (*asked, "extend_notice", "withdraw_suspension") if row.stage in PRE_SUSPENSION_STAGES else ()
