"""On whose worklist an account stands today: what of it waits for whom, and when it is to be called next."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import AwaitedPart, TaskState
from adapters.database.tables import Account, Case, CaseAwaited, Task
from adapters.portfolio.cover_store import load_active_covers
from adapters.read_model.worklist import WorklistScope, load_account_items
from adapters.read_model.worklist_queries import WorkItem
from domain.case.case_view import TaskKind
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.roles import Role


class PlacedWork(NamedTuple):
    """A thing on another list than the reader's: a person's, who may be covered for today, or a role's."""

    item: WorkItem
    person: str | None
    role: Role | None
    covered_by: str | None = None


class AccountPlace(NamedTuple):
    """`mine`: what of the account is on the reader's list; `others`: what is on other lists. `collector`: who looks after it, and
    `covered_by` for them today; `call_on`: the day of its call that is still to come. `reader` is whose list was asked for."""

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
        others = _load_other_items(session, account_id, account.collector, scope, covers, today)
        return AccountPlace(
            account_id=account.id,
            account_name=account.name,
            collector=account.collector,
            covered_by=covers.get(account.collector or ""),
            reader=scope,
            mine=list(mine.values()),
            others=[placed for placed in others if placed.item.id not in mine],
            call_on=_find_coming_call(session, account_id, today),
        )


def _load_other_items(
    session: Session, account_id: str, collector: str | None, scope: WorklistScope, covers: dict[str, str], today: date
) -> list[PlacedWork]:
    """What is on the lists of the account's collector, of those who were given a task or a dispute or are themselves awaited, and of the
    roles that are awaited. A thing that is on the lists of several people is told of each."""
    tasks = (col(Task.account_id) == account_id, col(Task.state) == TaskState.OPEN, col(Task.due_on) <= today)
    given = session.execute(select(col(Task.assignee), col(Task.role)).where(*tasks)).all()
    awaited = _load_awaited_names(session, account_id)
    people = dict.fromkeys([collector, *(row.assignee for row in given), *awaited[AwaitedPart.PERSON]])
    roles = dict.fromkeys([*(row.role for row in given), *awaited[AwaitedPart.ROLE]])
    scopes = [WorklistScope(user=person, role=Role.COLLECTOR) for person in people if person and person != scope.user]
    found = [(each.user, item) for each in scopes for item in load_account_items(session, each, today, account_id)]
    found += _load_assigned_disputes(session, account_id, today)
    owners = {(person, item.id): item for person, item in found if person != scope.user}
    placed = [PlacedWork(item=item, person=person, role=None, covered_by=covers.get(person)) for (person, _), item in owners.items()]
    for role in (Role(name) for name in roles if name and name != Role.COLLECTOR):
        of_role = load_account_items(session, WorklistScope(user="", role=role), today, account_id)
        known = {each.item.id for each in placed}
        placed += [PlacedWork(item=item, person=None, role=Role(item.role or role)) for item in of_role if item.id not in known]
    return placed


def _load_assigned_disputes(session: Session, account_id: str, today: date) -> list[tuple[str, WorkItem]]:
    """The disputes that were given to somebody of a department, each with that person: they are on no colleague's list."""
    statement = select(col(Case.awaiting_role), col(Case.summary)).where(
        col(Case.account_id) == account_id, col(Case.kind) == CaseKind.DISPUTE, col(Case.outcome).is_(None)
    )
    rows = [(role, DisputeSummary.model_validate(summary).assignee) for role, summary in session.execute(statement) if role]
    scopes = [WorklistScope(user=person, role=Role(role)) for role, person in dict.fromkeys(rows) if person]
    found = [(each.user, item) for each in scopes for item in load_account_items(session, each, today, account_id)]
    return [(person, item) for person, item in found if item.assignee == person]


def _load_awaited_names(session: Session, account_id: str) -> dict[AwaitedPart, list[str]]:
    """The roles and the people that the account's open cases wait for."""
    statement = select(col(CaseAwaited.part), col(CaseAwaited.name)).join(Case, col(Case.case_id) == col(CaseAwaited.case_id))
    statement = statement.where(col(Case.account_id) == account_id, col(Case.outcome).is_(None))
    names: dict[AwaitedPart, list[str]] = {AwaitedPart.ROLE: [], AwaitedPart.PERSON: []}
    for row in session.execute(statement.order_by(col(CaseAwaited.case_id), col(CaseAwaited.part), col(CaseAwaited.name))):
        names[AwaitedPart(row.part)].append(row.name)
    return names


def _find_coming_call(session: Session, account_id: str, today: date) -> date | None:
    coming = (col(Task.kind) == TaskKind.CALL, col(Task.state) == TaskState.OPEN, col(Task.due_on) > today)
    day: date | None = session.execute(select(func.min(col(Task.due_on))).where(col(Task.account_id) == account_id, *coming)).scalar_one()
    return day
