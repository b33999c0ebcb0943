"""On whose worklist an account stands today: what of it waits for whom, and when it is to be called next."""

from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import AwaitedPart, TaskState
from adapters.database.tables import Account, Case, CaseAwaited, Task
from adapters.portfolio.cover_store import load_active_covers
from adapters.read_model.worklist import WorklistScope, load_account_items
from adapters.read_model.worklist_queries import WorkItem
from domain.case.case_view import TaskKind
from domain.roles import Role


class PlacedWork(BaseModel):
    """A thing that waits for somebody else than the reader: for a person, who may be covered for today, or for a role."""

    model_config = ConfigDict(frozen=True)

    item: WorkItem
    person: str | None
    role: Role | None
    covered_by: str | None = None


class AccountPlace(BaseModel):
    """`mine`: what of the account is on the reader's list; `others`: what is on other lists. `collector`: who looks after it, and
    `covered_by` for them today; `call_on`: the day of its call that is still to come. `reader` is whose list was asked for."""

    model_config = ConfigDict(frozen=True)

    account_id: str
    account_name: str
    collector: str | None
    covered_by: str | None
    reader: WorklistScope
    mine: list[WorkItem]
    others: list[PlacedWork]
    call_on: date | None

    @property
    def is_readers(self) -> bool:
        """Whether the reader looks after the account, or covers for who does."""
        return self.collector in self.reader.people

    @property
    def is_on_a_list(self) -> bool:
        return bool(self.mine or self.others)


def find_account_place(database: Database, account_id: str, scope: WorklistScope, today: date) -> AccountPlace | None:
    """Find it by the queries that make the worklists; None for an account that there is not."""
    with database.reading() as session:
        account = session.get(Account, account_id)
        if account is None:
            return None
        covers = {cover.collector: cover.covered_by for cover in load_active_covers(session, today)}
        mine = {item.id: item for item in load_account_items(session, scope, today, account_id)}
        others = _load_other_items(session, account_id, account.collector, scope, today)
        return AccountPlace(
            account_id=account.id,
            account_name=account.name,
            collector=account.collector,
            covered_by=covers.get(account.collector or ""),
            reader=scope,
            mine=list(mine.values()),
            others=[_place_item(item, covers) for item in others if item.id not in mine],
            call_on=_find_coming_call(session, account_id, today),
        )


def _load_other_items(session: Session, account_id: str, collector: str | None, scope: WorklistScope, today: date) -> Iterable[WorkItem]:
    """What is on the lists of the account's collector, of those who were given a task, and of the roles that are awaited."""
    tasks = (col(Task.account_id) == account_id, col(Task.state) == TaskState.OPEN, col(Task.due_on) <= today)
    given = session.execute(select(col(Task.assignee), col(Task.role)).where(*tasks)).all()
    awaited = select(col(CaseAwaited.name)).join(Case, col(Case.case_id) == col(CaseAwaited.case_id))
    awaited = awaited.where(
        col(Case.account_id) == account_id, col(Case.outcome).is_(None), col(CaseAwaited.part) == AwaitedPart.ROLE.value
    )
    people = dict.fromkeys([collector, *(row.assignee for row in given)])
    roles = dict.fromkeys([*(row.role for row in given), *session.scalars(awaited)])
    scopes = [WorklistScope(user=person, role=Role.COLLECTOR) for person in people if person and person != scope.user]
    scopes += [WorklistScope(user="", role=Role(role)) for role in roles if role and role != Role.COLLECTOR]
    found = {item.id: item for each in scopes for item in load_account_items(session, each, today, account_id)}
    return found.values()


def _place_item(item: WorkItem, covers: dict[str, str]) -> PlacedWork:
    role = Role(item.role) if item.role and item.role != Role.COLLECTOR else None
    person = item.assignee or (None if role else item.collector)
    return PlacedWork(item=item, person=person, role=None if person else role, covered_by=covers.get(person or ""))


def _find_coming_call(session: Session, account_id: str, today: date) -> date | None:
    coming = (col(Task.kind) == TaskKind.CALL, col(Task.state) == TaskState.OPEN, col(Task.due_on) > today)
    day: date | None = session.execute(select(func.min(col(Task.due_on))).where(col(Task.account_id) == account_id, *coming)).scalar_one()
    return day
