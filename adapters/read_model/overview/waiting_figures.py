"""What waits for whom, and for how long: open tasks, and the cases on which people may act now; disputes by department and age."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.row_states import AwaitedPart, TaskState
from adapters.database.tables import Account, Case, CaseAwaited, Task
from domain.case_summary import parse_case_summary
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.roles import Role

DISPUTE_AGE_LIMITS = (7, 14, 30)
"""The last day of each age of a dispute, in days since it was raised; the oldest has none."""


class WaitingFigures(BaseModel):
    """How many things of one kind wait for people of a role, or for one person. `kind` is a task's or a case's; `since`: the day since
    which the oldest waits, a task's from the day on which it was due."""

    model_config = ConfigDict(frozen=True)

    role: str | None
    person: str | None
    kind: str
    is_task: bool
    count: int
    since: date


class DisputeFigures(BaseModel):
    """The open disputes of a department. `counts` by age, as DISPUTE_AGE_LIMITS has them; `contested` in minor units by currency;
    `overdue`: whose answer is late."""

    department: Role
    counts: list[int]
    contested: dict[str, int]
    overdue: int = 0


def load_waiting_figures(session: Session, to_business_day: Callable[[datetime], date]) -> list[WaitingFigures]:
    """What has waited longest first. A case waits since it
    came to its stage. A collector's task is its assignee's, or the account's
    collector's; tasks of other roles are the role's."""
    found = [*_load_tasks(session), *_load_cases(session, to_business_day)]
    return sorted(found, key=lambda each: (each.since, each.role or "", each.person or "", each.kind))


def _load_tasks(session: Session) -> list[WaitingFigures]:
    person = func.coalesce(col(Task.assignee), col(Account.collector))
    counted = (
        select(col(Task.role), person, col(Task.kind), func.count(), func.min(col(Task.due_on)))
        .join(Account, col(Account.id) == col(Task.account_id))
        .where(col(Task.state) == TaskState.OPEN.value)
        .group_by(col(Task.role), person, col(Task.kind))
    )
    found: dict[tuple[str | None, str | None, str], WaitingFigures] = {}
    for role, name, kind, count, since in session.execute(counted):
        is_persons = role == Role.COLLECTOR.value and name is not None
        key = (None, name, kind) if is_persons else (role, None, kind)
        known = found.get(key)
        found[key] = WaitingFigures(
            role=key[0],
            person=key[1],
            kind=kind,
            is_task=True,
            count=count + (known.count if known else 0),
            since=min(since, known.since) if known else since,
        )
    return list(found.values())


def _load_cases(session: Session, to_business_day: Callable[[datetime], date]) -> list[WaitingFigures]:
    counted = (
        select(
            col(CaseAwaited.part),
            col(CaseAwaited.name),
            col(Case.kind),
            func.count(),
            func.min(col(Case.stage_since)),
            func.min(col(Case.updated_at)),
        )
        .join(Case, col(Case.case_id) == col(CaseAwaited.case_id))
        .where(col(Case.outcome).is_(None))
        .group_by(col(CaseAwaited.part), col(CaseAwaited.name), col(Case.kind))
    )
    return [
        WaitingFigures(
            role=name if part == AwaitedPart.ROLE else None,
            person=name if part == AwaitedPart.PERSON else None,
            kind=kind,
            is_task=False,
            count=count,
            since=since or to_business_day(changed_at),
        )
        for part, name, kind, count, since, changed_at in session.execute(counted)
    ]


def load_dispute_figures(session: Session, today: date) -> list[DisputeFigures]:
    """By department, the one with most first."""
    counts: dict[Role, list[int]] = defaultdict(lambda: [0] * (len(DISPUTE_AGE_LIMITS) + 1))
    contested: dict[Role, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    overdue: dict[Role, int] = defaultdict(int)
    open_ones = select(col(Case.summary), col(Case.next_on)).where(col(Case.kind) == CaseKind.DISPUTE.value, col(Case.outcome).is_(None))
    for stored, deadline in session.execute(open_ones):
        summary = parse_case_summary(CaseKind.DISPUTE, stored)
        if not isinstance(summary, DisputeSummary):
            continue
        days = (today - summary.raised_on).days
        counts[summary.department][sum(days > limit for limit in DISPUTE_AGE_LIMITS)] += 1
        for money in summary.stated_amounts:
            contested[summary.department][money.currency] += money.minor
        overdue[summary.department] += deadline is not None and deadline < today
    rows = [DisputeFigures(department=each, counts=counts[each], contested=dict(contested[each]), overdue=overdue[each]) for each in counts]
    return sorted(rows, key=lambda row: (-sum(row.counts), row.department.value))
