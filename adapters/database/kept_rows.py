"""What a page asks for again and again, such as its reader's row: read once for as long as the session lasts that reads it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlmodel import Session, SQLModel

from adapters.database.engine import Database

Row = TypeVar("Row", bound=SQLModel)
Given = ParamSpec("Given")
Found = TypeVar("Found")


def find_kept_row(session: Session, table: type[Row], key: Any) -> Row | None:
    """As `session.get`, and the session holds the row from then on: a snapshot, which sees one state, answers the next time without a
    statement. For reading only."""
    row = session.get(table, key)
    session.info[table, key] = row
    return row


def kept_in_snapshot(read: Callable[Concatenate[Database, Given], Found]) -> Callable[Concatenate[Database, Given], Found]:
    """Let a snapshot, which sees one state, hold what `read` found, and answer the next time without a statement. What it is given can be
    a key, and nobody changes what it returns."""

    @wraps(read)
    def read_once(database: Database, /, *arguments: Given.args, **named: Given.kwargs) -> Found:
        if not database.has_snapshot:
            return read(database, *arguments, **named)
        with database.reading() as session:
            key = (read, arguments, tuple(named.items()))
            if key not in session.info:
                session.info[key] = read(database, *arguments, **named)
            found: Found = session.info[key]
            return found

    return read_once
