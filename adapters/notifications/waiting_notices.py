"""Notices to people of a role that nobody with an address has, or to somebody without one: kept until they can be told, or until there is
nothing left to tell."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.row_states import TaskState, WaitingNoticeState
from adapters.database.tables import Case, Task, User, WaitingNoticeRow
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
    notice: NotifyRole | NotifyPerson


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
        """Whether somebody with an address has the role; of a person by name, whether they have one. Who is no active user, as a machine,
        is never told, and nothing waits for them."""
        if isinstance(notice, NotifyPerson):
            with self._database.reading() as session:
                return _load_addresses(session).get(notice.user) != ""
        delegations = self._delegations.list_active(today)
        with self._database.reading() as session:
            return load_reachable_roles(session, delegations).reach(notice.role, find_digest_event(notice) is not None)

    def keep_notice(self, notice: NotifyRole | NotifyPerson, key: str, case_id: str, today: date) -> bool:
        """Keep a notice, once by `key`; return whether none that waits for the role, or the person, was kept before it."""
        person = notice.user if isinstance(notice, NotifyPerson) else ""
        role = notice.role.value if isinstance(notice, NotifyRole) else ""
        with self._database.writing() as session:
            row: dict[str, Any] = {
                "key": key,
                "role": role,
                "person": person,
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
            same = (col(WaitingNoticeRow.role) == role, col(WaitingNoticeRow.person) == person)
            first = _select_waiting().where(*same).limit(1)
            return bool(session.scalars(first).one().key == key)

    def list_due(self, today: date) -> list[WaitingNotice]:
        """List what can be told now, in the order in which it was to be told: of each matter the latest word alone. What is over is told to
        nobody."""
        delegations = self._delegations.list_active(today)
        with self._database.writing() as session:
            rows = session.scalars(_select_waiting()).all()
            addresses = _load_addresses(session)
            overtaken = _list_overtaken(session, rows, addresses)
            _settle(session, overtaken, WaitingNoticeState.OVERTAKEN, [], today)
            reachable = load_reachable_roles(session, delegations)
            read = {row.key: _read_waiting(row) for row in rows if row.key not in overtaken and row.tried_on != today}
        unreadable = {key: each for key, each in read.items() if isinstance(each, ValueError)}
        self._set_aside.set_all_aside(SetAsideStage.NOTICE, unreadable)
        waiting = [each for each in read.values() if isinstance(each, WaitingNotice)]

        def can_be_told(notice: NotifyRole | NotifyPerson) -> bool:
            if isinstance(notice, NotifyPerson):
                return bool(addresses.get(notice.user))
            return reachable.reach(notice.role, find_digest_event(notice) is not None)

        return [each for each in waiting if can_be_told(each.notice)]

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
        return WaitingNotice(row.key, row.case_id, _build_notice(row))
    except ValueError as error:
        return error


def _select_waiting() -> Any:
    waiting = select(WaitingNoticeRow).where(col(WaitingNoticeRow.state) == WaitingNoticeState.WAITING)
    return waiting.order_by(col(WaitingNoticeRow.recorded_at), col(WaitingNoticeRow.key))


def _build_notice(row: WaitingNoticeRow) -> NotifyRole | NotifyPerson:
    if row.person:
        return NotifyPerson(user=row.person, template=row.template, details=dict(row.details))
    return NotifyRole(role=Role(row.role), template=row.template, details=dict(row.details))


def _load_addresses(session: Session) -> dict[str, str]:
    """The address of each active user by name; empty where they have none."""
    return dict(session.execute(select(col(User.name), col(User.email)).where(col(User.active))).all())


def _list_overtaken(session: Session, rows: Sequence[WaitingNoticeRow], addresses: Mapping[str, str]) -> list[str]:
    """List the keys of those whose case, or whose escalation, is over, and of those after which the same was to be told once more. What is
    told to a person is often that something is over: it waits for as long as they are a user (`addresses`)."""
    cases = {row.case_id for row in rows}
    over = set(session.scalars(select(col(Case.case_id)).where(col(Case.case_id).in_(cases), col(Case.outcome).is_not(None))))
    escalations = {row.key: str(row.details[ESCALATION_FACT]) for row in rows if row.details.get(ESCALATION_FACT)}
    task_keys = {name for escalation in escalations.values() for name in (escalation, f"{TaskKind.ESCALATION}:{escalation}")}
    ended = set(session.scalars(select(col(Task.key)).where(col(Task.key).in_(task_keys), col(Task.state) != TaskState.OPEN)))
    latest = {(row.case_id, row.template, row.person, escalations.get(row.key)): row.key for row in rows}

    def is_overtaken(row: WaitingNoticeRow) -> bool:
        if row.person:
            return row.person not in addresses or latest[row.case_id, row.template, row.person, escalations.get(row.key)] != row.key
        escalation = escalations.get(row.key, "")
        if row.case_id in over or ended & {escalation, f"{TaskKind.ESCALATION}:{escalation}"}:
            return True
        return latest[row.case_id, row.template, "", escalations.get(row.key)] != row.key

    return [row.key for row in rows if is_overtaken(row)]


def _settle(session: Session, keys: Sequence[str], state: WaitingNoticeState, told: Sequence[str], today: date) -> None:
    """What is settled is needed no more: who was told, of which case, and when is kept."""
    settled = {"state": state, "told": list(told), "settled_on": today, "details": {}}
    session.execute(update(WaitingNoticeRow).where(col(WaitingNoticeRow.key).in_(keys)).values(settled))
