"""What is to be collected in a month: a target for each currency, of all customers together or of one collector's. Each setting stays."""

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import CollectionTargetRow

EVERYBODY = ""
"""The collector of a target for all customers together."""


class CollectionTarget(BaseModel):
    """A setting. `month`: its first day. `amount` in minor units; None: the target that stood was taken back. `set_at`: real time."""

    model_config = ConfigDict(frozen=True)

    month: date
    currency: str
    collector: str = EVERYBODY
    amount: int | None
    set_by: str
    set_at: datetime


class CollectionTargetStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def set_target(self, target: CollectionTarget, act_id: str) -> CollectionTarget:
        """From now on it counts in place of the one that stood. Set once by the command's id."""
        row = {**target.model_dump(), "act_id": act_id}
        with self._database.writing() as session:
            session.execute(self._database.build_insert_or_ignore(CollectionTargetRow).values(**row))
            kept = session.scalars(select(CollectionTargetRow).where(col(CollectionTargetRow.act_id) == act_id)).one()
            return _build_target(kept)

    def list_targets(self, first_month: date, last_month: date) -> list[CollectionTarget]:
        """Those that count, of these months and all between: by month, currency and collector."""
        statement = select(CollectionTargetRow).where(col(CollectionTargetRow.month).between(first_month, last_month))
        with self._database.reading() as session:
            latest = {
                (row.month, row.currency, row.collector): _build_target(row)
                for row in session.scalars(statement.order_by(col(CollectionTargetRow.id)))
            }
        return [latest[key] for key in sorted(latest) if latest[key].amount is not None]

    def list_changes(self, limit: int) -> list[CollectionTarget]:
        """Every setting, the latest first: who set what, and when."""
        statement = select(CollectionTargetRow).order_by(col(CollectionTargetRow.id).desc()).limit(limit)
        with self._database.reading() as session:
            return [_build_target(row) for row in session.scalars(statement)]

    def list_changes_of(self, month: date, currency: str, collector: str, limit: int) -> list[CollectionTarget]:
        """The settings of one target, the latest first. `month`: its first day."""
        one = (col(CollectionTargetRow.month) == month, col(CollectionTargetRow.currency) == currency)
        statement = select(CollectionTargetRow).where(*one, col(CollectionTargetRow.collector) == collector)
        with self._database.reading() as session:
            return [_build_target(row) for row in session.scalars(statement.order_by(col(CollectionTargetRow.id).desc()).limit(limit))]


def _build_target(row: CollectionTargetRow) -> CollectionTarget:
    return CollectionTarget(**row.model_dump(exclude={"id", "act_id"}))
