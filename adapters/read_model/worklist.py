"""What waits for a person, gathered from the read model: open tasks, open cases, and promises that were broken lately."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import String, cast, func, select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.open_invoices import is_open_invoice
from adapters.database.tables import Account, Invoice
from adapters.identity.delegation_store import DelegationStore
from adapters.portfolio.cover_store import load_active_covers
from adapters.read_model.called_invoices import CalledInvoice, load_called_invoices
from adapters.read_model.cursors import decode_cursor, paginate_rows
from adapters.read_model.worklist_queries import (
    WorkItem,
    list_broken_promise_items,
    list_case_items,
    list_task_items,
    list_unreached_items,
)
from adapters.set_aside.set_aside_store import SetAsideItem, list_all_waiting
from domain.approval.delegation import Delegation
from domain.portfolio.assignment_rules import Cover
from domain.portfolio.worklist_ranking import BalanceDistribution, PendingWork, RankedWork, WorkKind, rank_work
from domain.roles import Actor, Role, is_same_person


class WorklistScope(BaseModel):
    """For whom the list is. `covering`: the collectors whose accounts this one looks after today, and until when; `delegations`:
    everybody's that are active today, among them those under which they may sign for others."""

    model_config = ConfigDict(frozen=True)

    user: str
    role: Role
    covering: dict[str, date] = Field(default_factory=dict)
    delegations: list[Delegation] = Field(default_factory=list)

    @property
    def people(self) -> list[str]:
        """Whose accounts and tasks are on the list: nobody's, where it is a role's."""
        return [each for each in (self.user, *self.covering) if each]

    @property
    def roles(self) -> list[Role]:
        """In which they decide. A collector's work is told by the account, not by the role."""
        own = (delegation for delegation in self.delegations if is_same_person(delegation.to_user, self.user))
        roles = dict.fromkeys([self.role, *(delegation.role for delegation in own)])
        return [role for role in roles if role is not Role.COLLECTOR]


class WorklistLine(NamedTuple):
    """One thing on the list: what it is, and where it stands. `called`: the invoices that a call is about, where they are to be shown."""

    item: WorkItem
    ranked: RankedWork
    scope: WorklistScope
    called: tuple[CalledInvoice, ...] = ()


def load_worklist_scope(database: Database, actor: Actor, today: date) -> WorklistScope:
    with database.reading() as session:
        covers = load_active_covers(session, today)
    return build_worklist_scope(actor, covers, DelegationStore(database).list_active(today))


def build_worklist_scope(actor: Actor, covers: Iterable[Cover], delegations: list[Delegation]) -> WorklistScope:
    """`covers` and `delegations`: everybody's that are active today."""
    covering = {cover.collector: cover.last_day for cover in covers if cover.covered_by == actor.user}
    return WorklistScope(user=actor.user, role=actor.role, covering=covering, delegations=delegations)


def load_worklist(
    database: Database, scope: WorklistScope, today: date, limit: int, cursor: str | None, kinds: Iterable[WorkKind] = ()
) -> tuple[list[WorklistLine], str | None]:
    """What should be done first comes first. No `kinds`: all of them. The whole list is ranked for every page, so that a page goes on
    after the last thing shown whatever has been done meanwhile."""
    place = decode_cursor(cursor, int, str, str)
    with database.snapshot() as session:
        lines = load_whole_worklist(database, scope, today, kinds)
        ranked = [line for line in lines if place is None or line.ranked.sort_key > place]
        shown, following = paginate_rows(ranked[: limit + 1], limit, lambda line: line.ranked.sort_key)
        return _add_called_invoices(session, shown), following


def _add_called_invoices(session: Session, lines: Sequence[WorklistLine]) -> list[WorklistLine]:
    called = load_called_invoices(session, [line.item.task_id for line in lines if line.item.task_id and line.item.work is WorkKind.CALL])
    return [line._replace(called=tuple(called.get(line.item.task_id or 0, ()))) for line in lines]


def load_whole_worklist(database: Database, scope: WorklistScope, today: date, kinds: Iterable[WorkKind] = ()) -> list[WorklistLine]:
    """All of it, in its order: who counts it must have it whole."""
    kinds_shown = set(kinds)
    with database.reading() as session:
        items = {item.id: item for item in _load_work_items(session, scope, today) if not kinds_shown or item.work in kinds_shown}
        scales = _load_scales(session, scope.people if scope.role is Role.COLLECTOR else None) if items else BalanceDistribution()
    pending = (PendingWork(id=item.id, work=item.work, due_on=item.due_on, at_risk=item.at_risk) for item in items.values())
    return [WorklistLine(item=items[each.waiting.id], ranked=each, scope=scope) for each in rank_work(pending, scales, today)]


def _load_scales(session: Session, collectors: Sequence[str] | None) -> BalanceDistribution:
    """Of the open invoices of these collectors' accounts; None: of all. Those of a currency come as one text: as rows they would take
    longer to be read than to be found."""
    balances = func.aggregate_strings(cast(col(Invoice.open_balance), String), ",")
    opened = select(col(Invoice.currency), balances).where(is_open_invoice()).group_by(col(Invoice.currency))
    if collectors is not None:
        opened = opened.join(Account, col(Account.id) == col(Invoice.account_id)).where(col(Account.collector).in_(collectors))
    return BalanceDistribution.from_balances({currency: list(map(int, joined.split(","))) for currency, joined in session.execute(opened)})


def _load_work_items(session: Session, scope: WorklistScope, today: date) -> list[WorkItem]:
    return [
        *list_task_items(session, scope.people, scope.roles, today),
        *list_case_items(session, Actor(user=scope.user, role=scope.role), scope.people, scope.roles, scope.delegations, today),
        *list_broken_promise_items(session, scope.people, today),
        *(list_unreached_items(session, scope.delegations) if scope.role is Role.ADMIN else ()),
        *(map(_build_set_aside_item, list_all_waiting(session)) if scope.role is Role.ADMIN else ()),
    ]


def _build_set_aside_item(item: SetAsideItem) -> WorkItem:
    return WorkItem(
        id=f"set_aside:{item.id}",
        work=WorkKind.SET_ASIDE,
        account_id=item.account_id,
        account_name="",
        collector=None,
        role=Role.ADMIN.value,
        facts={"set_aside_stage": item.stage.value, "set_aside_reason": item.reason.value, "item": item.item_id},
    )
