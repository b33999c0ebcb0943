"""What waits for a person, gathered from the read model: open tasks, open cases, and promises that were broken lately."""

from collections.abc import Iterable
from datetime import date

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from adapters.database.engine import Database
from adapters.identity.delegation_store import DelegationBook
from adapters.portfolio.cover_store import standing
from adapters.read_model.cursors import paged, place_of
from adapters.read_model.worklist_sources import WorkItem, read_broken_promises, read_cases, read_scales, read_tasks
from domain.portfolio.worklist_ranking import Ranked, Scales, Waiting, Work, rank
from domain.roles import Actor, Role


class Desk(BaseModel):
    """For whom the list is. `covering`: the collectors whose accounts this one looks after today, and until when; `in_place_of`: the
    roles in which they may sign by delegation, and for whom."""

    model_config = ConfigDict(frozen=True)

    user: str
    role: Role
    covering: dict[str, date] = Field(default_factory=dict)
    in_place_of: dict[Role, str] = Field(default_factory=dict)

    @property
    def people(self) -> list[str]:
        """Whose accounts and tasks are on the list."""
        return [self.user, *self.covering]

    @property
    def roles(self) -> list[Role]:
        """In which they decide. A collector's work is told by the account, not by the role."""
        return [role for role in (self.role, *self.in_place_of) if role is not Role.COLLECTOR]


class Line(BaseModel):
    """One thing on the list: what it is, and where it stands."""

    model_config = ConfigDict(frozen=True)

    item: WorkItem
    ranked: Ranked
    desk: Desk


def desk_of(database: Database, actor: Actor, today: date) -> Desk:
    with database.reading() as session:
        covers = [cover for cover in standing(session, today) if cover.covered_by == actor.user]
    given = DelegationBook(database).standing_to(actor.user, today)
    in_place_of = {delegation.role: delegation.from_user for delegation in given if delegation.role is not actor.role}
    return Desk(user=actor.user, role=actor.role, covering={cover.collector: cover.last_day for cover in covers}, in_place_of=in_place_of)


def read_worklist(
    database: Database, desk: Desk, today: date, limit: int, cursor: str | None, kinds: Iterable[Work] = ()
) -> tuple[list[Line], str | None]:
    """What should be done first comes first. No `kinds`: all of them. The whole list is ranked for every page, so that a page goes on
    after the last thing shown whatever has been done meanwhile."""
    place, wanted = place_of(cursor, int, str, str), set(kinds)
    with database.reading() as session:
        items = {item.id: item for item in _gather(session, desk, today) if not wanted or item.work in wanted}
        scales = read_scales(session, desk.people if desk.role is Role.COLLECTOR else None) if items else Scales()
    things = (Waiting(id=item.id, work=item.work, due_on=item.due_on, at_risk=item.at_risk) for item in items.values())
    ranked = [each for each in rank(things, scales, today) if place is None or each.place > place]
    shown, following = paged(ranked[: limit + 1], limit, lambda each: each.place)
    return [Line(item=items[each.waiting.id], ranked=each, desk=desk) for each in shown], following


def _gather(session: Session, desk: Desk, today: date) -> list[WorkItem]:
    return [
        *read_tasks(session, desk.people, desk.roles, today),
        *read_cases(session, desk.user, desk.people, desk.roles, today),
        *read_broken_promises(session, desk.people, today),
    ]
