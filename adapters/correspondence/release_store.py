"""The accounts that are held for release: whom an import holds, and whom a manager lets go. Both are in the record of brakes."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy import delete, func, insert, select
from sqlmodel import Session, col

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.database.clock_store import is_accelerated
from adapters.database.engine import Database
from adapters.database.row_states import BrakeEvent
from adapters.database.tables import Account, Case, HeldAccount, LetterBrakeRecord, Setting
from domain.clock import Clock
from domain.correspondence.letter_stop import StopScope
from domain.correspondence.release import ReleaseSelection
from domain.errors import UserError
from domain.identifiers import CaseKind

LIVE_SETTING = "letters_live"
"""Set once all were released: accounts that are new from then on are not held."""

BATCH_SIZE = 500
"""Accounts named in one statement."""


class UnknownReleaseError(UserError):
    """Some of the accounts to be released do not exist."""

    title = "There are no such accounts"
    status = 404
    problem_type = "not-found"


class NothingHeldError(UserError):
    """The accounts are not held, or not any more."""

    title = "These accounts are not held for release"
    status = 409
    problem_type = "not-held"


class ReleaseResult(BaseModel):
    """The accounts that were released, by id, and how many are still held. `live`: accounts that are new from now on are not held."""

    released: list[str]
    held: int
    live: bool


class ReleaseStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def holds_new_accounts(self, clock: Clock) -> bool:
        """Return true while accounts that are new are held: until all were released once. On a played clock none is."""
        if is_accelerated(clock):
            return False
        with self._database.reading() as session:
            return not _is_live(session)

    def release(self, selection: ReleaseSelection, reason: str, context: BrakeContext) -> ReleaseResult:
        """Release accounts: their letters go from now on, in their rhythm. The same act again returns what it did.

        Raises UnknownReleaseError, NothingHeldError; then none is released.
        """
        with self._database.writing() as session:
            earlier = _load_released(session, context.act_id)
            if earlier:
                return ReleaseResult(released=earlier, held=_count_held(session), live=_is_live(session))
            chosen = session.scalars(_select_held(selection)).all()
            _require_held(session, selection, chosen)
            for batch in _split_into_batches(chosen):
                session.execute(delete(HeldAccount).where(col(HeldAccount.account_id).in_(batch)))
            _record(session, BrakeEvent.RELEASED, chosen, reason, context)
            held = _count_held(session)
            if not held:
                _mark_live(session, context)
            return ReleaseResult(released=list(chosen), held=held, live=_is_live(session))

    def go_live(self, context: BrakeContext) -> None:
        """Hold no account that is new from now on, unless some are held: then these are to be released first."""
        with self._database.writing() as session:
            if not _count_held(session) and not _is_live(session):
                _mark_live(session, context)


def hold_accounts(session: Session, accounts: Sequence[str], context: BrakeContext) -> None:
    """Hold accounts that an import has just made."""
    session.connection().execute(insert(HeldAccount), [{"account_id": account, "since": context.at} for account in accounts])
    _record(session, BrakeEvent.HELD, accounts, "", context)


def _select_held(selection: ReleaseSelection) -> Any:
    statement = select(col(HeldAccount.account_id)).join(Account, col(Account.id) == col(HeldAccount.account_id))
    if selection.accounts:
        statement = statement.where(col(HeldAccount.account_id).in_(selection.accounts))
    for name in ("segment", "collector", "country"):
        if value := getattr(selection, name):
            statement = statement.where(getattr(Account, name) == value)
    if selection.policy:
        followers = select(col(Case.account_id)).where(
            col(Case.kind) == CaseKind.INVOICE, col(Case.outcome).is_(None), col(Case.policy) == selection.policy
        )
        statement = statement.where(col(HeldAccount.account_id).in_(followers))
    return statement.order_by(col(HeldAccount.account_id)).with_for_update(of=HeldAccount)


def _require_held(session: Session, selection: ReleaseSelection, chosen: Sequence[str]) -> None:
    """Of accounts that are named, each must be held."""
    missing = sorted(set(selection.accounts) - set(chosen))
    known = set(session.scalars(select(col(Account.id)).where(col(Account.id).in_(missing)))) if missing else set()
    if unknown := [account for account in missing if account not in known]:
        raise UnknownReleaseError(f"there are no accounts {', '.join(unknown[:10])}; GET /v1/held-accounts lists those that are held")
    if missing and selection.conditions == ["accounts"]:
        raise NothingHeldError(f"{', '.join(missing[:10])}: not held for release, or released before; none was released now")
    if not chosen:
        raise NothingHeldError("no account that is held for release fits; GET /v1/held-accounts lists those that are held")


def _record(session: Session, event: BrakeEvent, accounts: Sequence[str], reason: str, context: BrakeContext) -> None:
    shared = {"act_id": context.act_id, "event": event, "scope": StopScope.ACCOUNT, "reason": reason, "made_by": context.by}
    times = {"made_at": context.at, "recorded_at": context.now}
    session.connection().execute(insert(LetterBrakeRecord), [{**shared, **times, "target": account} for account in accounts])


def _load_released(session: Session, act_id: str) -> list[str]:
    mine = (col(LetterBrakeRecord.act_id) == act_id, col(LetterBrakeRecord.event) == BrakeEvent.RELEASED)
    return list(session.scalars(select(col(LetterBrakeRecord.target)).where(*mine).order_by(col(LetterBrakeRecord.target))))


def _count_held(session: Session) -> int:
    return int(session.execute(select(func.count()).select_from(HeldAccount)).scalar_one())


def _is_live(session: Session) -> bool:
    return session.get(Setting, LIVE_SETTING) is not None


def _mark_live(session: Session, context: BrakeContext) -> None:
    session.merge(Setting(name=LIVE_SETTING, value={"since": context.at.isoformat(), "by": context.by}))


def _split_into_batches(accounts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (accounts[start : start + BATCH_SIZE] for start in range(0, len(accounts), BATCH_SIZE))
