"""What is read within a snapshot sees its one state, over its one connection."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, func, select

from adapters.database.engine import Database
from adapters.database.kept_rows import find_kept_row, kept_in_snapshot
from adapters.database.tables import User


def count_users(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(User)) or 0


def add_user(database: Database, name: str) -> None:
    with database.writing() as session:
        session.add(User(name=name))


def add_elsewhere(database: Database, name: str) -> None:
    with ThreadPoolExecutor(1) as other:
        other.submit(add_user, database, name).result()


def test_what_others_write_meanwhile_is_not_seen_until_it_ends(database: Database) -> None:
    add_user(database, "anna")
    taken: list[object] = []
    event.listen(database.engine, "checkout", lambda *found: taken.append(found[0]))
    with database.snapshot():
        assert count_users(database) == 1
        add_elsewhere(database, "ben")
        with database.snapshot():
            assert count_users(database) == 1
        assert count_users(database) == 1
        with ThreadPoolExecutor(1) as other:
            assert other.submit(count_users, database).result() == 2
    assert len(taken) == 3, "the snapshot's, and one of each other thread"
    assert count_users(database) == 2


def test_a_snapshot_that_failed_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(ValueError, match="no page"), database.snapshot():
        raise ValueError("no page")
    add_user(database, "anna")
    assert count_users(database) == 1


def test_what_a_snapshot_keeps_is_read_once_in_it_and_anew_after_it(database: Database) -> None:
    read = kept_in_snapshot(count_users)
    add_user(database, "anna")
    with database.snapshot() as session:
        assert read(database) == 1
        asked: list[str] = []
        event.listen(session.connection(), "after_cursor_execute", lambda *given: asked.append(given[2]))
        assert read(database) == 1
        assert asked == []
    add_user(database, "ben")
    assert read(database) == 2
    with database.snapshot():
        assert read(database) == 2


def test_a_row_that_a_snapshot_has_read_is_not_asked_for_again(database: Database) -> None:
    add_user(database, "anna")
    read: list[str] = []
    event.listen(database.engine, "after_cursor_execute", lambda *given: read.append(given[2]))
    with database.snapshot():
        for _ in range(3):
            with database.reading() as session:
                anna = find_kept_row(session, User, "anna")
                assert anna is not None
                assert anna.name == "anna"
                del anna
    assert len([statement for statement in read if "FROM users" in statement]) == 1
    with database.writing() as session:
        session.delete(session.get(User, "anna"))
    with database.reading() as session:
        assert find_kept_row(session, User, "anna") is None
