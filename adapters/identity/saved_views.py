"""The views of lists that people keep under names of their own: each is the query of an address."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import SavedViewRow

MAX_VIEWS = 30
"""So many views of one list a person keeps."""

MAX_NAME, MAX_QUERY = 60, 2_000


class SavedView(BaseModel):
    """`query`: of the list's address."""

    model_config = ConfigDict(frozen=True)

    name: str
    query: str


class SavedViews:
    """Keeps each person's views."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_views(self, user: str, list_name: str) -> list[SavedView]:
        """By name."""
        statement = select(SavedViewRow).where(col(SavedViewRow.user) == user, col(SavedViewRow.list_name) == list_name)
        with self._database.reading() as session:
            return [SavedView(name=row.name, query=row.query) for row in session.scalars(statement.order_by(col(SavedViewRow.name)))]

    def save(self, user: str, list_name: str, view: SavedView, now: datetime) -> bool:
        """Keep a view; one of that name is replaced. `now` is real time. Return False for one more than there can be."""
        with self._database.writing() as session:
            self._database.take_turns(session, SavedViewRow.__tablename__, user, list_name)
            row = session.get(SavedViewRow, (user, list_name, view.name))
            kept = select(func.count()).where(col(SavedViewRow.user) == user, col(SavedViewRow.list_name) == list_name)
            if row is None and (session.scalar(kept) or 0) >= MAX_VIEWS:
                return False
            row = row or SavedViewRow(user=user, list_name=list_name, name=view.name, query="", saved_at=now)
            row.query, row.saved_at = view.query, now
            session.add(row)
            return True

    def forget(self, user: str, list_name: str, name: str) -> None:
        """Forget a view; one that is not kept is forgotten already."""
        with self._database.writing() as session:
            session.execute(
                delete(SavedViewRow).where(
                    col(SavedViewRow.user) == user, col(SavedViewRow.list_name) == list_name, col(SavedViewRow.name) == name
                )
            )
