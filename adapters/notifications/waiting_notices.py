"""Notices to people of a role that nobody with an address has: kept until somebody has it, or until there is nothing left to tell."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import TaskState, WaitingNoticeState
from adapters.database.tables import Case, Task, WaitingNoticeRow
from adapters.identity.delegation_store import DelegationStore
from adapters.identity.reachable_roles import load_reachable_roles
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from domain.approval.digest import find_digest_event
from domain.case.case_view import TaskKind
from domain.case.effects import NotifyPerson, NotifyRole
from domain.roles import Role

ESCALATION_FACT = "escalation"
"""The detail of a notice that names the escalation it tells of."""


class WaitingNotice(NamedTuple):
    key: str
    case_id: str
    notice: NotifyRole


class WaitingNoticeStore:
    """`today` is a business date."""

    def __init__(self, database: Database) -> None:
        self._database, self._delegations, self._set_aside = database, DelegationStore(database), SetAsideStore(database)

    def list_waiting_keys(self) -> set[str]:
        """The keys of all that waits."""
        with self._database.reading() as session:
            return {row.key for row in session.scalars(_select_waiting())}

    def find_account(self, case_id: str) -> str:
        """The account that a case is about; empty for none."""
        with self._database.reading() as session:
            return session.scalar(select(col(Case.account_id)).where(col(Case.case_id) == case_id)) or ""

    def can_be_told(self, notice: NotifyRole | NotifyPerson, today: date) -> bool:
        """Whether somebody with an address has the role. What is told to a person by name waits for nobody."""
        if isinstance(notice, NotifyPerson):
            return True
        delegations = self._delegations.list_active(today)
        with self._database.reading() as session:
            return load_reachable_roles(session, delegations).reach(notice.role, find_digest_event(notice) is not None)

    def keep_notice(self, notice: NotifyRole, key: str, case_id: str, today: date) -> bool:
        """Keep a notice, once by `key`; return whether none that waits for the role was kept before it."""
        with self._database.writing() as session:
            row: dict[str, Any] = {
                "key": key,
                "role": notice.role.value,
                "template": notice.template,
                "details": dict(notice.details),
                "case_id": case_id,
                "account_id": session.scalar(select(col(Case.account_id)).where(col(Case.case_id) == case_id)) or "",
                "asked_on": today,
                "recorded_at": datetime.now(UTC),
                "state": WaitingNoticeState.WAITING,
                "told": [],
            }
            session.execute(self._database.build_insert_or_ignore(WaitingNoticeRow).values(**row))
            first = _select_waiting().where(col(WaitingNoticeRow.role) == notice.role.value).limit(1)
            return bool(session.scalars(first).one().key == key)

    def list_due(self, today: date) -> list[WaitingNotice]:
        """List what can be told now, in the order in which it was to be told: of each matter the latest word alone. What is over is told to
        nobody."""
        delegations = self._delegations.list_active(today)
        with self._database.writing() as session:
            rows = session.scalars(_select_waiting()).all()
            overtaken = _list_overtaken(session, rows)
            _settle(session, overtaken, WaitingNoticeState.OVERTAKEN, [], today)
            reachable = load_reachable_roles(session, delegations)
            read = {row.key: _read_waiting(row) for row in rows if row.key not in overtaken and row.tried_on != today}
        unreadable = {key: each for key, each in read.items() if isinstance(each, ValueError)}
        self._set_aside.set_all_aside(SetAsideStage.NOTICE, unreadable)
        waiting = [each for each in read.values() if isinstance(each, WaitingNotice)]
        return [each for each in waiting if reachable.reach(each.notice.role, find_digest_event(each.notice) is not None)]

    def mark_told(self, key: str, told: Sequence[str], today: date) -> None:
        """Keep who was told. What went to nobody, as every address was refused, is tried again on another day."""
        with self._database.writing() as session:
            if told:
                _settle(session, [key], WaitingNoticeState.TOLD, told, today)
            else:
                session.execute(update(WaitingNoticeRow).where(col(WaitingNoticeRow.key) == key).values(tried_on=today))


def _read_waiting(row: WaitingNoticeRow) -> WaitingNotice | ValueError:
    """What waits, or why it cannot be read."""
    try:
        return WaitingNotice(row.key, row.case_id, NotifyRole(role=Role(row.role), template=row.template, details=dict(row.details)))
    except ValueError as error:
        return error


def _select_waiting() -> Any:
    waiting = select(WaitingNoticeRow).where(col(WaitingNoticeRow.state) == WaitingNoticeState.WAITING)
    return waiting.order_by(col(WaitingNoticeRow.recorded_at), col(WaitingNoticeRow.key))


def _list_overtaken(session: Session, rows: Sequence[WaitingNoticeRow]) -> list[str]:
    """List the keys of those whose case, or whose escalation, is over, and of those after which the same was to be told once more."""
    cases = {row.case_id for row in rows}
    over = set(session.scalars(select(col(Case.case_id)).where(col(Case.case_id).in_(cases), col(Case.outcome).is_not(None))))
    escalations = {row.key: str(row.details[ESCALATION_FACT]) for row in rows if row.details.get(ESCALATION_FACT)}
    task_keys = {name for escalation in escalations.values() for name in (escalation, f"{TaskKind.ESCALATION}:{escalation}")}
    ended = set(session.scalars(select(col(Task.key)).where(col(Task.key).in_(task_keys), col(Task.state) != TaskState.OPEN)))
    latest = {(row.case_id, row.template, escalations.get(row.key)): row.key for row in rows}

    def is_overtaken(row: WaitingNoticeRow) -> bool:
        escalation = escalations.get(row.key, "")
        if row.case_id in over or ended & {escalation, f"{TaskKind.ESCALATION}:{escalation}"}:
            return True
        return latest[row.case_id, row.template, escalations.get(row.key)] != row.key

    return [row.key for row in rows if is_overtaken(row)]


def _settle(session: Session, keys: Sequence[str], state: WaitingNoticeState, told: Sequence[str], today: date) -> None:
    """What is settled is needed no more: who was told, of which case, and when is kept."""
    settled = {"state": state, "told": list(told), "settled_on": today, "details": {}}
    session.execute(update(WaitingNoticeRow).where(col(WaitingNoticeRow.key).in_(keys)).values(settled))
