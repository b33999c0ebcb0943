"""What is looked up before it is inserted is inserted once, however many ask for it in one moment: nobody is answered with an error."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlmodel import SQLModel

from adapters.correspondence.letter_stop_store import BrakeContext, LetterStopStore, StopClashError
from adapters.database.engine import Database
from adapters.database.tables import CoverRow, IdempotencyKey, KeptMapping, LetterStopRow, PortfolioRuleSet, SavedViewRow, User
from adapters.identity.idempotency_keys import IdempotencyKeyStore, RequestInProgressError
from adapters.identity.saved_views import SavedView, SavedViews
from adapters.identity.users_and_tokens import IdentityStore
from adapters.imports.mapping_store import MappingStore
from adapters.portfolio.cover_store import CoverClashError, CoverStore
from adapters.portfolio.rule_store import PortfolioRuleStore
from adapters.shipped_files import PROJECT
from domain.correspondence.letter_stop import StopScope
from domain.portfolio.assignment_rules import Cover, PortfolioRule
from domain.roles import Role

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
TODAY = date(2013, 3, 1)
AT_ONCE = 4


def claim_key(database: Database, number: int) -> None:
    IdempotencyKeyStore(database).claim("K", "kim", "hash", NOW)


def save_view(database: Database, number: int) -> None:
    SavedViews(database).save("kim", "accounts", SavedView(name="Late", query=f"overdue={number}"), NOW)


def save_mapping(database: Database, number: int) -> None:
    text = next((PROJECT / "mappings").glob("*.yaml")).read_text()
    MappingStore(database, Path("none")).save("mine", text, f"user-{number}", NOW)


def add_user(database: Database, number: int) -> None:
    IdentityStore(database).add_user("new", Role.COLLECTOR)


def add_cover(database: Database, number: int) -> None:
    cover = Cover(cover_id=f"C-{number}", collector="mia", covered_by="ben", first_day=TODAY, last_day=TODAY)
    CoverStore(database).add(cover, "lea")


def add_rules(database: Database, number: int) -> None:
    PortfolioRuleStore(database).add_version([PortfolioRule(collector="kim", countries=["DE"])], "lea", NOW)


def stop_letters(database: Database, number: int) -> None:
    LetterStopStore(database).stop(StopScope.ALL, "", "wrong bank account", None, BrakeContext(f"stop-{number}", "lea", NOW, NOW))


@pytest.mark.parametrize(
    ("act", "table"),
    [
        (claim_key, IdempotencyKey),
        (save_view, SavedViewRow),
        (save_mapping, KeptMapping),
        (add_user, User),
        (add_cover, CoverRow),
        (add_rules, PortfolioRuleSet),
        (stop_letters, LetterStopRow),
    ],
)
def test_what_several_ask_for_in_one_moment_is_there_once(
    database: Database, act: Callable[[Database, int], None], table: type[SQLModel]
) -> None:
    IdentityStore(database).add_user("kim", Role.COLLECTOR)
    with database.reading() as session:
        before = session.scalar(select(func.count()).select_from(table)) or 0
    start, failures = threading.Barrier(AT_ONCE), list[Exception]()

    def run(number: int) -> None:
        start.wait()
        try:
            act(database, number)
        except (RequestInProgressError, CoverClashError, StopClashError):
            pass  # told in words that somebody was faster
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        after = session.scalar(select(func.count()).select_from(table)) or 0
    assert (failures, after - before) == ([], 1)
