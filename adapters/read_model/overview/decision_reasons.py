"""Why requests came back: how many approvals were rejected or returned lately, by the reason that was given."""

from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select, text
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Case
from domain.approval.commands import DecisionReason
from domain.approval.result import ApprovalStage
from domain.identifiers import CaseKind

_IS_LISTED = "cases.kind != 'invoice'"
"""As the index of days has it."""

_kind = func.coalesce(col(Case.kind), "")
"""In words that no index on kinds has: that would find all that ever came back."""

CAME_BACK = (ApprovalStage.REJECTED, ApprovalStage.RETURNED)


class ReasonCount(NamedTuple):
    """So many `approvals` ended at the stage for the reason; None: whoever decided named none."""

    stage: ApprovalStage
    reason: DecisionReason | None
    approvals: int


def build_reason_count(first_day: date) -> Select[Any]:
    """Build the statement that counts them from a day on. It goes by the index of days: of all older ones it reads nothing."""
    reason = col(Case.summary)["decision_reason"].as_string()
    lately = (text(_IS_LISTED), col(Case.stage_since) >= first_day)
    came_back = (_kind == CaseKind.APPROVAL, col(Case.stage).in_(CAME_BACK))
    return select(col(Case.stage), reason, func.count()).where(*lately, *came_back).group_by(col(Case.stage), reason)


def count_decision_reasons(database: Database, today: date, days: int) -> list[ReasonCount]:
    """Of the last `days` business days, the most frequent first."""
    statement = build_reason_count(today - timedelta(days=days))
    with database.reading() as session:
        found = [
            ReasonCount(ApprovalStage(stage), DecisionReason(named) if named else None, count)
            for stage, named, count in session.execute(statement)
        ]
    return sorted(found, key=lambda each: (-each.approvals, each.stage, each.reason or ""))
