"""Why requests came back: how many approvals were rejected or returned lately, by the reason that was given."""

from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Case
from domain.approval.commands import DecisionReason
from domain.approval.result import ApprovalStage
from domain.identifiers import CaseKind

CAME_BACK = (ApprovalStage.REJECTED, ApprovalStage.RETURNED)


class ReasonCount(NamedTuple):
    """So many `approvals` ended at the stage for the reason; None: whoever decided named none."""

    stage: ApprovalStage
    reason: DecisionReason | None
    approvals: int


def count_decision_reasons(database: Database, today: date, days: int) -> list[ReasonCount]:
    """Of the last `days` business days, the most frequent first."""
    reason = col(Case.summary)["decision_reason"].as_string()
    statement = select(col(Case.stage), reason, func.count()).group_by(col(Case.stage), reason)
    statement = statement.where(col(Case.kind) == CaseKind.APPROVAL, col(Case.stage).in_(CAME_BACK))
    statement = statement.where(col(Case.stage_since) >= today - timedelta(days=days))
    with database.reading() as session:
        found = [
            ReasonCount(ApprovalStage(stage), DecisionReason(named) if named else None, count)
            for stage, named, count in session.execute(statement)
        ]
    return sorted(found, key=lambda each: (-each.approvals, each.stage, each.reason or ""))
