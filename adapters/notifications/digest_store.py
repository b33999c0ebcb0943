"""What each person is still to be told of approvals, and whose digest of a day has gone. Days are business dates."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from pydantic import BaseModel
from sqlalchemy import select, update
from sqlmodel import Session, col

from adapters.billing.external_key import show_account
from adapters.database.engine import Database
from adapters.database.row_states import DigestState
from adapters.database.tables import Account, ApprovalNoticeRow, Case, DigestMailRow, Note, Setting, User
from adapters.i18n.languages import choose_language
from adapters.identity.delegation_store import DelegationStore
from adapters.set_aside.set_aside_store import SetAsideStore
from domain.approval.delegation import Delegation
from domain.approval.digest import (
    ApprovalEvent,
    AwaitedApproval,
    DigestDay,
    DigestItem,
    DigestReader,
    is_worth_sending,
    list_digest_items,
)
from domain.approval.summary import ApprovalSummary
from domain.case.effects import NotifyPerson, NotifyRole
from domain.identifiers import CaseKind
from domain.roles import Role

DIGEST_SETTING = "approval_digest"


class _BegunDay(BaseModel):
    day: date


class PersonalDigest(NamedTuple):
    """One person's digest of a day. `notices`: the keys of what it tells, or finds nothing left to decide about."""

    user: str
    email: str
    language: str
    items: list[DigestItem]
    notices: list[str]


class DigestStore:
    def __init__(self, database: Database) -> None:
        self._database, self._delegations, self.set_aside = database, DelegationStore(database), SetAsideStore(database)

    def find_unreadable_approvals(self) -> dict[str, Exception]:
        """Find the open approvals that no digest can tell, by their case, and why."""
        with self._database.reading() as session:
            return _load_open_approvals(session)[1]

    def add_notices(self, notice: NotifyRole | NotifyPerson, event: ApprovalEvent, key: str, today: date) -> list[str]:
        """Put down what a notice tells, once by `key`, for everybody who has an address and is asked: whoever has the role, and to whom one
        of them has delegated it. Return their names."""
        delegations = self._delegations.list_active(today)
        with self._database.writing() as session:
            users = session.scalars(select(User).where(col(User.active)).order_by(col(User.name))).all()
            names = _list_asked_people(notice, users, delegations)
            asked = [user.name for user in users if user.email and user.name in names]
            for name in asked:
                row = {
                    "key": f"{key}:{name}",
                    "user": name,
                    "approval_id": str(notice.details["case"]),
                    "event": event.value,
                    "happened_on": today,
                }
                session.execute(self._database.build_insert_or_ignore(ApprovalNoticeRow).values(**row))
        return asked

    def begin_day(self, day: DigestDay) -> None:
        """Choose, once a day, who is to have a digest. What comes later waits for the next day's."""
        delegations = self._delegations.list_active(day.today)
        with self._database.writing() as session:
            if _is_begun(session, day.today):
                return
            session.execute(
                update(DigestMailRow)
                .where(col(DigestMailRow.state) == DigestState.INTENDED, col(DigestMailRow.day) != day.today)
                .values(state=DigestState.SUPERSEDED)
            )
            for digest in _list_digests(session, day, delegations):
                if is_worth_sending(digest.items):
                    intended = {"user": digest.user, "day": day.today, "state": DigestState.INTENDED}
                    session.execute(self._database.build_insert_or_ignore(DigestMailRow).values(**intended))
                elif digest.notices:
                    _settle_notices(session, digest.notices, day.today)
            session.merge(Setting(name=DIGEST_SETTING, value=_BegunDay(day=day.today).model_dump(mode="json")))

    def list_intended(self, day: DigestDay) -> list[PersonalDigest]:
        """Those of the day that have not gone yet, as they are to be said now. Where nothing is left to be said, none goes."""
        delegations = self._delegations.list_active(day.today)
        with self._database.reading() as session:
            intended = select(col(DigestMailRow.user)).where(
                col(DigestMailRow.day) == day.today, col(DigestMailRow.state) == DigestState.INTENDED
            )
            users = set(session.scalars(intended))
            digests = [digest for digest in _list_digests(session, day, delegations) if digest.user in users] if users else []
        for digest in digests:
            if not is_worth_sending(digest.items):
                self.save_outcome(digest, day.today, DigestState.SUPERSEDED)
        return [digest for digest in digests if is_worth_sending(digest.items)]

    def save_outcome(self, digest: PersonalDigest, today: date, state: DigestState, sent_at: datetime | None = None) -> None:
        """Keep what became of a digest. What the mail server did not certainly take stays new for the next day's."""
        with self._database.writing() as session:
            session.execute(
                update(DigestMailRow)
                .where(col(DigestMailRow.user) == digest.user, col(DigestMailRow.day) == today)
                .values(state=state, sent_at=sent_at)
            )
            if state in (DigestState.SENT, DigestState.SUPERSEDED):
                _settle_notices(session, digest.notices, today)

    def find_reason(self, summary: ApprovalSummary) -> str:
        """The requester's reason in full."""
        if summary.facts is None or summary.facts.reason or not summary.facts.note_id:
            return summary.facts.reason if summary.facts else ""
        with self._database.reading() as session:
            note = session.get(Note, summary.facts.note_id)
            return note.text if note else ""


def _list_asked_people(notice: NotifyRole | NotifyPerson, users: Sequence[User], delegations: Iterable[Delegation]) -> set[str]:
    if isinstance(notice, NotifyPerson):
        return {notice.user}
    role = Role(notice.role)
    holders = {user.name for user in users if role.value in user.roles}
    return holders | {given.to_user for given in delegations if given.role is role and given.from_user in holders}


def _is_begun(session: Session, today: date) -> bool:
    stored = session.get(Setting, DIGEST_SETTING)
    return stored is not None and _BegunDay.model_validate(stored.value).day == today


def _settle_notices(session: Session, keys: Sequence[str], today: date) -> None:
    session.execute(update(ApprovalNoticeRow).where(col(ApprovalNoticeRow.key).in_(keys)).values(settled_on=today))


def _list_digests(session: Session, day: DigestDay, delegations: Iterable[Delegation]) -> list[PersonalDigest]:
    """Of everybody who can be reached, whatever there is to say."""
    users = session.scalars(select(User).where(col(User.active)).order_by(col(User.name))).all()
    roles = {user.name: user.roles for user in users}
    active = [given for given in delegations if given.role.value in roles.get(given.from_user, ())]
    approvals, _ = _load_open_approvals(session)
    events: dict[str, dict[str, list[ApprovalEvent]]] = defaultdict(lambda: defaultdict(list))
    keys: dict[str, list[str]] = defaultdict(list)
    for notice in session.scalars(select(ApprovalNoticeRow).where(col(ApprovalNoticeRow.settled_on).is_(None))):
        events[notice.user][notice.approval_id].append(ApprovalEvent(notice.event))
        keys[notice.user].append(notice.key)
    digests = []
    for user in users:
        if user.email:
            reader = DigestReader(user.name, [Role(role) for role in user.roles])
            items = list_digest_items(reader, approvals, active, events[user.name], day)
            digests.append(PersonalDigest(user.name, user.email, choose_language(user.language), items, keys[user.name]))
    return digests


def _load_open_approvals(session: Session) -> tuple[list[AwaitedApproval], dict[str, Exception]]:
    """Load the open approvals; and, by its case, why one cannot be read, which keeps back no other."""
    statement = (
        select(col(Case.case_id), col(Case.account_id), col(Account.name), col(Account.number), col(Case.summary))
        .outerjoin(Account, col(Account.id) == Case.account_id)
        .where(col(Case.kind) == CaseKind.APPROVAL, col(Case.outcome).is_(None))
    )
    approvals, unreadable = list[AwaitedApproval](), dict[str, Exception]()
    for row in session.execute(statement):
        try:
            summary = ApprovalSummary.model_validate(row.summary)
        except ValueError as error:
            unreadable[row.case_id] = error
        else:
            approvals.append(
                AwaitedApproval(row.case_id, show_account(row.account_id, row.number) if row.name else "", row.name or "", summary)
            )
    return approvals, unreadable
