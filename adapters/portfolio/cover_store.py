"""Holiday covers: the collectors who work on the accounts of others on some days. None is removed; one that is ended keeps its row."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from adapters.database.engine import Database
from adapters.database.tables import CoverRow
from domain.errors import UserError
from domain.portfolio.assignment_rules import Cover


class UnknownCoverError(UserError):
    """No cover has this id; the message names where covers are listed."""

    title = "There is no such cover"
    status = 404
    problem_type = "not-found"


class CoverClashError(UserError):
    """The same two people have a cover on some of these days already."""

    title = "They have such a cover already"
    status = 409
    problem_type = "clash"


class StoredCover(Cover):
    """A stored cover. `ended_by`: the user who ended it before its last day."""

    made_by: str
    ended_by: str | None = None


class CoverStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, cover: Cover, made_by: str) -> StoredCover:
        """Store a cover, once by its id. Raises CoverClashError."""
        with self._database.writing() as session:
            self._database.take_turns(session, CoverRow.__tablename__, cover.collector, cover.covered_by)
            existing = session.get(CoverRow, cover.cover_id)
            if existing is not None:
                return _build_stored_cover(existing)
            pair = _select_unended_covers().where(col(CoverRow.collector) == cover.collector, col(CoverRow.covered_by) == cover.covered_by)
            for other in map(_build_stored_cover, session.scalars(pair)):
                if other.overlaps(cover):
                    raise CoverClashError(
                        f"{cover.covered_by} covers for {cover.collector} from {other.first_day} to {other.last_day} already; "
                        f"end that cover ({other.cover_id}) first, or name other days"
                    )
            row = CoverRow(**cover.model_dump(), made_by=made_by)
            session.add(row)
            return _build_stored_cover(row)

    def end(self, cover_id: str, by: str, at: datetime) -> StoredCover:
        """End a cover at `at`, business time. To end it again changes nothing. Raises UnknownCoverError."""
        with self._database.writing() as session:
            row = session.get(CoverRow, cover_id)
            if row is None:
                raise UnknownCoverError(f"there is no cover {cover_id!r}; GET /v1/portfolios/cover lists them")
            if row.ended_by is None:
                row.ended_by, row.ended_at = by, at
                session.add(row)
            return _build_stored_cover(row)

    def list_current(self, today: date) -> list[StoredCover]:
        """List the covers that are active on a business date or later, by their first day."""
        with self._database.reading() as session:
            return [_build_stored_cover(row) for row in session.scalars(_select_unended_covers().where(col(CoverRow.last_day) >= today))]


def load_active_covers(session: Session, day: date) -> list[Cover]:
    """List the covers by which a user covers for others on a business date."""
    rows = session.scalars(_select_unended_covers().where(col(CoverRow.first_day) <= day, col(CoverRow.last_day) >= day))
    return [_build_stored_cover(row) for row in rows]


def _select_unended_covers() -> Any:
    return select(CoverRow).where(col(CoverRow.ended_by).is_(None)).order_by(col(CoverRow.first_day), col(CoverRow.cover_id))


def _build_stored_cover(row: CoverRow) -> StoredCover:
    return StoredCover.model_validate(row.model_dump(exclude={"ended_at"}))
