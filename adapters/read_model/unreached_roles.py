"""What waits for people of a role in which nobody can be told: notices, escalations, and cases that people of the role are to act on; and
what waits for people without an address."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import literal, null, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import AwaitedPart, TaskState, WaitingNoticeState
from adapters.database.tables import Account, Case, CaseAwaited, Task, User, WaitingNoticeRow
from adapters.identity.delegation_store import DelegationStore
from adapters.identity.reachable_roles import ReachableRoles, load_reachable_roles
from domain.approval.delegation import Delegation
from domain.case.case_view import TaskKind
from domain.identifiers import CaseKind, find_case_kind, invoice_case_id
from domain.roles import Role


class UnreachedCase(BaseModel):
    """A case that waits for the role. `since`: the business date on which somebody was first to be told; None where nobody was to be.
    `notices`: how many notices wait until somebody can be told."""

    model_config = ConfigDict(frozen=True)

    case_id: str
    account_id: str
    account_name: str
    since: date | None
    notices: int


class _WaitingCases(BaseModel):
    """Cases that wait, the longest first."""

    model_config = ConfigDict(frozen=True)

    cases: list[UnreachedCase]

    @property
    def since(self) -> date | None:
        return min((case.since for case in self.cases if case.since), default=None)


class UnreachedRole(_WaitingCases):
    """A role that nobody with an address has, and the cases that wait for it."""

    role: Role


class UnreachedPerson(_WaitingCases):
    """A user without an address, and the cases of which they are to be told something."""

    person: str

    @property
    def notices(self) -> int:
        return sum(case.notices for case in self.cases)


class SettledNotice(BaseModel):
    """What became of a notice that waited for a role, or for a person. `told`: the users who were told at last; nobody where there was
    nothing left to tell."""

    model_config = ConfigDict(frozen=True)

    role: Role | None
    person: str | None
    template: str
    case_id: str
    account_id: str
    asked_on: date
    settled_on: date
    told: list[str]


class _Waiting(NamedTuple):
    """`role`: for whom it waits; of a notice to a person, their name. `account_name` is None of what is of no account."""

    role: str
    case_id: str
    account_id: str
    since: date | None
    is_notice: bool
    account_name: str | None


def load_unreached_roles(session: Session, delegations: Iterable[Delegation]) -> list[UnreachedRole]:
    """`delegations` are those that are active: who may sign an approval in a role's place can be told of it."""
    reachable = load_reachable_roles(session, delegations)
    found: dict[Role, dict[str, list[_Waiting]]] = {}
    if not reachable.unheld:
        return []
    for each in (_Waiting(*row) for row in session.execute(_select_waiting(reachable))):
        role = Role(each.role)
        if not reachable.reach(role, find_case_kind(each.case_id) is CaseKind.APPROVAL):
            found.setdefault(role, {}).setdefault(each.case_id, []).append(each)
    return [UnreachedRole(role=role, cases=_build_cases(cases)) for role, cases in sorted(found.items())]


def load_unreached_people(session: Session) -> list[UnreachedPerson]:
    """Return the users without an address for whom notices wait, by name."""
    columns = (
        col(WaitingNoticeRow.person),
        col(WaitingNoticeRow.case_id),
        col(WaitingNoticeRow.account_id),
        col(WaitingNoticeRow.asked_on),
        literal(True),
        col(Account.name),
    )
    waiting = select(*columns).join(User, col(User.name) == col(WaitingNoticeRow.person))
    waiting = waiting.outerjoin(Account, col(Account.id) == col(WaitingNoticeRow.account_id))
    waiting = waiting.where(col(WaitingNoticeRow.state) == WaitingNoticeState.WAITING, col(User.active), col(User.email) == "")
    found: dict[str, dict[str, list[_Waiting]]] = {}
    for each in (_Waiting(*row) for row in session.execute(waiting)):
        found.setdefault(each.role, {}).setdefault(each.case_id, []).append(each)
    return [UnreachedPerson(person=person, cases=_build_cases(cases)) for person, cases in sorted(found.items())]


def find_unreached_people(database: Database) -> list[UnreachedPerson]:
    with database.reading() as session:
        return load_unreached_people(session)


def find_unreached_roles(database: Database, today: date) -> list[UnreachedRole]:
    delegations = DelegationStore(database).list_active(today)
    with database.reading() as session:
        return load_unreached_roles(session, delegations)


def can_admins_be_told(database: Database) -> bool:
    with database.reading() as session:
        return load_reachable_roles(session, ()).reach(Role.ADMIN, for_approval=False)


def list_settled_notices(database: Database, limit: int) -> list[SettledNotice]:
    """The latest first."""
    settled = select(WaitingNoticeRow).where(col(WaitingNoticeRow.state) != WaitingNoticeState.WAITING)
    settled = settled.order_by(col(WaitingNoticeRow.settled_on).desc(), col(WaitingNoticeRow.recorded_at).desc()).limit(limit)
    with database.reading() as session:
        return [
            SettledNotice(
                **row.model_dump(exclude={"role", "person"}), role=Role(row.role) if row.role else None, person=row.person or None
            )
            for row in session.scalars(settled)
        ]


def _select_waiting(reachable: ReachableRoles) -> Any:
    """Notices, open escalations, and open cases that await the role. Collectors are told by their accounts, not by their role."""
    unheld = [role.value for role in reachable.unheld]
    acting = [role for role in unheld if role != Role.COLLECTOR]
    notices = select(
        col(WaitingNoticeRow.role),
        col(WaitingNoticeRow.case_id),
        col(WaitingNoticeRow.account_id),
        col(WaitingNoticeRow.asked_on),
        literal(True),
    ).where(col(WaitingNoticeRow.state) == WaitingNoticeState.WAITING, col(WaitingNoticeRow.role).in_(unheld))
    escalations = (
        select(col(Task.role), literal(invoice_case_id("")) + col(Task.invoice_id), col(Task.account_id), col(Task.due_on), literal(False))
        .where(col(Task.kind) == TaskKind.ESCALATION, col(Task.state) == TaskState.OPEN)
        .where(col(Task.role).in_(acting), col(Task.assignee).is_(None), col(Task.invoice_id).is_not(None))
    )
    awaited = (
        select(col(CaseAwaited.name), col(Case.case_id), col(Case.account_id), null(), literal(False))
        .join(Case, col(Case.case_id) == col(CaseAwaited.case_id))
        .where(col(CaseAwaited.part) == AwaitedPart.ROLE, col(CaseAwaited.name).in_(acting), col(Case.outcome).is_(None))
    )
    waiting = notices.union_all(escalations, awaited).subquery()
    return select(waiting, col(Account.name)).outerjoin(Account, col(Account.id) == waiting.c.account_id)


def _build_cases(cases: dict[str, list[_Waiting]]) -> list[UnreachedCase]:
    built = [
        UnreachedCase(
            case_id=case_id,
            account_id=waiting[0].account_id,
            account_name=waiting[0].account_name or "",
            since=min((each.since for each in waiting if each.since), default=None),
            notices=sum(each.is_notice for each in waiting),
        )
        for case_id, waiting in cases.items()
    ]
    return sorted(built, key=lambda case: (case.since or date.max, case.case_id))
