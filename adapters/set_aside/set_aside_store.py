"""Keeps what was set aside: each item once by its stage and id, until it went after all."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, update
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import SetAsideRow
from adapters.set_aside.stages import SetAsideReason, SetAsideStage, compute_rest, describe_failure, find_reason
from domain.errors import UserError

IDS_PER_STATEMENT = 500


class NothingSetAsideError(UserError):
    """Nothing is set aside under this number, or it went after all."""

    title = "Nothing is set aside under this number"
    status = 404
    problem_type = "not-found"


class SetAsideItem(BaseModel):
    """Something that is set aside. `reason` is why, `detail` the error in its own words; all times are real time. `payload` has what is
    needed to try it again where nothing else keeps it. `retried_by`: who last asked that it be tried at once."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: int
    stage: SetAsideStage
    item_id: str
    account_id: str
    reason: SetAsideReason
    detail: str
    payload: dict[str, Any] | None
    first_failed_at: datetime
    last_tried_at: datetime
    attempts: int
    next_try_at: datetime
    retried_by: str | None
    retried_at: datetime | None

    def is_resting(self, now: datetime) -> bool:
        """Whether it is not to be tried yet. `now` is real time."""
        return self.next_try_at > now


class Failure(NamedTuple):
    """Why an item failed, the account that it is about, and what is needed to try it again where nothing else keeps it."""

    error: BaseException
    account_id: str = ""
    payload: dict[str, Any] | None = None


class SetAsideStore:
    """Safe to share between threads. Every method that takes a stage looks at that stage alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_aside(self, stage: SetAsideStage, item_id: str, failure: Failure | BaseException, at_least: timedelta = timedelta(0)) -> None:
        """Set an item aside, or note that it has failed once more; it rests for longer each time, `at_least` so long."""
        self.set_all_aside(stage, {item_id: failure}, at_least)

    def set_all_aside(
        self, stage: SetAsideStage, failures: Mapping[str, Failure | BaseException], at_least: timedelta = timedelta(0)
    ) -> None:
        """Set items aside, each by its id, in one transaction."""
        if failures:
            with self._database.writing() as session:
                for item_id, failure in failures.items():
                    known = failure if isinstance(failure, Failure) else Failure(failure)
                    _upsert_failure(self._database, session, stage, item_id, known, at_least)

    def list_waiting(self, stage: SetAsideStage) -> dict[str, SetAsideItem]:
        """Return what is set aside, by id, the longest first."""
        with self._database.reading() as session:
            rows = session.scalars(_select_waiting(stage).order_by(col(SetAsideRow.first_failed_at), col(SetAsideRow.id)))
            return {row.item_id: SetAsideItem.model_validate(row) for row in rows}

    def list_page(self, limit: int, after: int | None, stage: SetAsideStage | None = None) -> list[SetAsideItem]:
        """Return at most `limit` items of every stage, or of one, in order of their numbers, those after `after`."""
        with self._database.reading() as session:
            return list_all_waiting(session, limit, after, stage)

    def settle(self, stage: SetAsideStage, item_ids: Collection[str]) -> None:
        """Note that these went after all, or that nothing is left to be done about them."""
        if item_ids:
            with self._database.writing() as session:
                settle_items(session, stage, item_ids)

    def ask_retry(self, number: int, by: str) -> SetAsideItem:
        """Have an item tried at once. Raises NothingSetAsideError."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            row = session.get(SetAsideRow, number, with_for_update=True)
            if row is None or row.settled_at is not None:
                raise NothingSetAsideError(
                    f"nothing is set aside under {number}, or it went after all; GET /v1/set-aside lists what still waits"
                )
            row.next_try_at, row.retried_by, row.retried_at = min(row.next_try_at, now), by, now
            session.flush()
            return SetAsideItem.model_validate(row)


def list_all_waiting(
    session: Session, limit: int | None = None, after: int | None = None, stage: SetAsideStage | None = None
) -> list[SetAsideItem]:
    """Return what is set aside at every stage, or at one, in order of the numbers."""
    waiting = select(SetAsideRow).where(col(SetAsideRow.settled_at).is_(None)).order_by(col(SetAsideRow.id)).limit(limit)
    if after is not None:
        waiting = waiting.where(col(SetAsideRow.id) > after)
    if stage is not None:
        waiting = waiting.where(col(SetAsideRow.stage) == stage.value)
    return [SetAsideItem.model_validate(row) for row in session.scalars(waiting)]


def list_resting_items(session: Session, stage: SetAsideStage) -> list[str]:
    """Return the ids of what is set aside and not to be tried yet."""
    resting = _select_waiting(stage).where(col(SetAsideRow.next_try_at) > datetime.now(UTC))
    return [row.item_id for row in session.scalars(resting)]


def settle_items(session: Session, stage: SetAsideStage, item_ids: Collection[str]) -> None:
    """Note in a session that items went after all: what was kept to try them again is needed no more."""
    ids = sorted(item_ids)
    for start in range(0, len(ids), IDS_PER_STATEMENT):
        mine = (
            col(SetAsideRow.stage) == stage.value,
            col(SetAsideRow.item_id).in_(ids[start : start + IDS_PER_STATEMENT]),
            col(SetAsideRow.settled_at).is_(None),
        )
        session.execute(update(SetAsideRow).where(*mine).values(settled_at=datetime.now(UTC), payload=None))


def _select_waiting(stage: SetAsideStage) -> Any:
    return select(SetAsideRow).where(col(SetAsideRow.stage) == stage.value, col(SetAsideRow.settled_at).is_(None))


def _upsert_failure(
    database: Database, session: Session, stage: SetAsideStage, item_id: str, failure: Failure, at_least: timedelta
) -> None:
    now = datetime.now(UTC)
    mine = (col(SetAsideRow.stage) == stage.value, col(SetAsideRow.item_id) == item_id)
    before = session.scalars(select(SetAsideRow).where(*mine).with_for_update()).first()
    attempts = before.attempts + 1 if before and before.settled_at is None else 1
    values: dict[str, Any] = {
        "stage": stage.value,
        "item_id": item_id,
        "account_id": failure.account_id,
        "reason": find_reason(failure.error).value,
        "detail": describe_failure(failure.error),
        "payload": failure.payload,
        "last_tried_at": now,
        "attempts": attempts,
        "next_try_at": now + max(compute_rest(attempts), at_least),
        "settled_at": None,
    }
    if attempts == 1:
        values |= {"first_failed_at": now, "retried_by": None, "retried_at": None}
    new = database.build_insert(SetAsideRow).values(**{"first_failed_at": now} | values)
    session.execute(new.on_conflict_do_update(index_elements=["stage", "item_id"], set_=values))


def count_waiting(database: Database) -> dict[SetAsideStage, int]:
    """Count what is set aside, by stage."""
    statement = select(col(SetAsideRow.stage), func.count()).where(col(SetAsideRow.settled_at).is_(None))
    with database.reading() as session:
        counts = session.execute(statement.group_by(col(SetAsideRow.stage)).order_by(col(SetAsideRow.stage)))
        return {SetAsideStage(stage): number for stage, number in counts}
