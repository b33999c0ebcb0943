"""On whose worklist an account stands today: what of it waits for whom, and when it is to be called next."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.kept_rows import find_kept_row
from adapters.database.row_states import AwaitedPart, TaskState
from adapters.database.tables import Account, Case, CaseAwaited, Task
from adapters.identity.delegation_store import DelegationStore
from adapters.portfolio.cover_store import load_active_covers
from adapters.read_model.worklist import WorklistScope, build_worklist_scope
from adapters.read_model.worklist_queries import WorkItem, list_broken_promise_items, list_case_items, list_task_items
from domain.case.case_view import TaskKind
from domain.dispute.summary import DisputeSummary
from domain.identifiers import CaseKind
from domain.roles import Actor, Role


class PlacedWork(NamedTuple):
    """A thing on another list than the reader's: a person's, who may be covered for today, or a role's."""

    item: WorkItem
    person: str | None
    role: Role | None
    covered_by: str | None = None


class AccountPlace(NamedTuple):
    """`mine`: what of the account is on the reader's list; `others`: what is on other lists. `collector`: who looks after it, and
    `covered_by` for them today; `call_on`: where it is on no list, the day of its call that is still to come. `reader` is whose list was
    asked for."""

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


class _AwaitedNames(NamedTuple):
    """Whom an account's work can wait for: nobody else's list has any of it. `tasks`: the people and roles of its due tasks."""

    account_id: str
    collector: str | None
    tasks: Sequence[Any]
    people: list[str]
    roles: list[str]

    def list_all_people(self) -> list[str]:
        named = dict.fromkeys([self.collector, *(task.assignee for task in self.tasks), *self.people])
        return [person for person in named if person]

    def list_all_roles(self) -> list[Role]:
        """But that of collectors, each of whom has a list."""
        named = dict.fromkeys([*(task.role for task in self.tasks), *self.roles])
        return [Role(name) for name in named if name and name != Role.COLLECTOR]


def find_account_place(database: Database, account_id: str, whose: Actor, today: date) -> AccountPlace | None:
    """Find it by the queries that make the worklists; None for an account that there is not. `whose`: the reader's, for their list."""
    delegations = DelegationStore(database).list_active(today)
    with database.reading() as session:
        account = find_kept_row(session, Account, account_id)
        if account is None:
            return None
        active = load_active_covers(session, today)
        covers, scope = {cover.collector: cover.covered_by for cover in active}, build_worklist_scope(whose, active, delegations)
        awaited = _load_awaited_names(session, account, today)
        mine = {item.id: item for item in _load_items(session, scope, awaited, today)}
        others = [each for each in _load_other_items(session, awaited, scope, covers, today) if each.item.id not in mine]
        return AccountPlace(
            account_id=account.id,
            account_name=account.name,
            collector=account.collector,
            covered_by=covers.get(account.collector or ""),
            reader=scope,
            mine=list(mine.values()),
            others=others,
            call_on=None if mine or others else _find_coming_call(session, account_id, today),
        )


def _load_items(session: Session, scope: WorklistScope, awaited: _AwaitedNames, today: date) -> list[WorkItem]:
    """What of the account is on a list; of each source only where something of it can be there."""
    people, roles, account_id, items = scope.people, scope.roles, awaited.account_id, list[WorkItem]()
    is_theirs = awaited.collector in people
    if awaited.tasks and (people or {task.role for task in awaited.tasks}.intersection(roles)):
        items += list_task_items(session, people, roles, today, account_id)
    if is_theirs or not {*awaited.people}.isdisjoint(people) or not {*awaited.roles}.isdisjoint(roles):
        reader = Actor(user=scope.user, role=scope.role)
        items += list_case_items(session, reader, people, roles, scope.delegations, today, account_id)
    if is_theirs:
        items += list_broken_promise_items(session, people, today, account_id)
    return items


def _load_other_items(
    session: Session, awaited: _AwaitedNames, scope: WorklistScope, covers: dict[str, str], today: date
) -> list[PlacedWork]:
    """What is on the lists of the account's collector, of those who were given a task or a dispute or are themselves awaited, and of the
    roles that are awaited. A thing that is on the lists of several people is told of each."""
    scopes = [WorklistScope(user=person, role=Role.COLLECTOR) for person in awaited.list_all_people() if person != scope.user]
    found = [(each.user, item) for each in scopes for item in _load_items(session, each, awaited, today)]
    found += _load_assigned_disputes(session, awaited, today)
    owners = {(person, item.id): item for person, item in found if person != scope.user}
    placed = [PlacedWork(item=item, person=person, role=None, covered_by=covers.get(person)) for (person, _), item in owners.items()]
    for role in awaited.list_all_roles():
        of_role = _load_items(session, WorklistScope(user="", role=role), awaited, today)
        known = {each.item.id for each in placed}
        placed += [PlacedWork(item=item, person=None, role=Role(item.role or role)) for item in of_role if item.id not in known]
    return placed


def _load_assigned_disputes(session: Session, awaited: _AwaitedNames, today: date) -> list[tuple[str, WorkItem]]:
    """The disputes that were given to somebody of a department, each with that person: they are on no colleague's list."""
    statement = select(col(Case.awaiting_role), col(Case.summary)).where(
        col(Case.account_id) == awaited.account_id, col(Case.kind) == CaseKind.DISPUTE, col(Case.outcome).is_(None)
    )
    rows = [(role, DisputeSummary.model_validate(summary).assignee) for role, summary in session.execute(statement) if role]
    scopes = [WorklistScope(user=person, role=Role(role)) for role, person in dict.fromkeys(rows) if person]
    found = [(each.user, item) for each in scopes for item in _load_items(session, each, awaited, today)]
    return [(person, item) for person, item in found if item.assignee == person]


def _load_awaited_names(session: Session, account: Account, today: date) -> _AwaitedNames:
    due = (col(Task.account_id) == account.id, col(Task.state) == TaskState.OPEN, col(Task.due_on) <= today)
    tasks = session.execute(select(col(Task.assignee), col(Task.role)).where(*due)).all()
    statement = select(col(CaseAwaited.part), col(CaseAwaited.name)).join(Case, col(Case.case_id) == col(CaseAwaited.case_id))
    statement = statement.where(col(Case.account_id) == account.id, col(Case.outcome).is_(None))
    names: dict[AwaitedPart, list[str]] = {AwaitedPart.ROLE: [], AwaitedPart.PERSON: []}
    for row in session.execute(statement.order_by(col(CaseAwaited.case_id), col(CaseAwaited.part), col(CaseAwaited.name))):
        names[AwaitedPart(row.part)].append(row.name)
    return _AwaitedNames(account.id, account.collector, tasks, names[AwaitedPart.PERSON], names[AwaitedPart.ROLE])


def _find_coming_call(session: Session, account_id: str, today: date) -> date | None:
    coming = (col(Task.kind) == TaskKind.CALL, col(Task.state) == TaskState.OPEN, col(Task.due_on) > today)
    day: date | None = session.execute(select(func.min(col(Task.due_on))).where(col(Task.account_id) == account_id, *coming)).scalar_one()
    return day
