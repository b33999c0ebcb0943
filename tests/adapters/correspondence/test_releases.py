"""Accounts of a first import are held: no letter goes to them until they are released. It is Tuesday noon."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, insert, update
from sqlmodel import SQLModel, col, select

from adapters.correspondence.letter_stop_store import BrakeContext
from adapters.correspondence.release_store import NothingHeldError, ReleaseStore, UnknownReleaseError, hold_accounts
from adapters.database.engine import Database
from adapters.database.tables import Account, Case, HeldAccount, LetterBrakeRecord
from adapters.imports.column_mapping import load_mapping
from adapters.imports.importer import Importer
from adapters.read_model.letter_brakes import count_held_accounts, find_account_brake, list_brake_records, list_held_accounts
from adapters.shipped_files import PROJECT
from domain.clock import Clock
from domain.correspondence.letter_stop import LetterBrake
from domain.correspondence.release import ReleaseSelection
from tests.adapters.correspondence.case_letter_orders import build_warning_order, order_letter
from tests.adapters.correspondence.correspondence_setup import DAY, NOON, TODAY, CorrespondenceSetup
from tests.older_schema import make_older
from tests.time_skipping_play import write_invoice_file

_columns = SQLModel.metadata.tables["accounts"].columns
OLDER_ACCOUNTS = Table("accounts", MetaData(), *(Column(each.name, each.type) for each in _columns if each.name != "number"))
EVERYTHING = ReleaseSelection(everything=True)
REAL, PLAYED = Clock.real_time(), Clock(real_anchor=NOON, business_anchor=NOON, day_seconds=10)


def context(act: str = "act-1", at: datetime = NOON) -> BrakeContext:
    return BrakeContext(act, "maria", at, at)


@pytest.fixture
def portfolio(correspondence: CorrespondenceSetup) -> CorrespondenceSetup:
    """A1 to A4 are held, a reminder of each is due."""
    correspondence.create_account("A2", country="DE", collector="anna", time_zone="UTC")
    correspondence.create_account("A3", segment="key", collector="anna")
    correspondence.create_account("A4", collector="ben")
    for number in range(1, 5):
        correspondence.create_billed_invoice(f"I{number}", f"A{number}")
        correspondence.write_case_row(f"I{number}", f"A{number}")
    with correspondence.database.writing() as session:
        session.execute(update(Case).where(col(Case.invoice_id) == "I4").values(policy="gentle"))
        hold_accounts(session, ["A1", "A2", "A3", "A4"], context("import-1", NOON - DAY))
    return correspondence


def written_to(correspondence: CorrespondenceSetup) -> set[str]:
    correspondence.send_all(correspondence.letter_outbox())
    return {letter.account_id for letter in correspondence.letters() if letter.state == "sent"}


def test_no_letter_goes_to_accounts_that_are_held(portfolio: CorrespondenceSetup) -> None:
    warning = order_letter(portfolio, build_warning_order("I1"))
    assert written_to(portfolio) == set()
    assert portfolio.letter_outbox().begin_transmission([warning], NOON) == [None]
    ReleaseStore(portfolio.database).release(EVERYTHING, "", context())
    assert written_to(portfolio) == {"A1", "A2", "A3", "A4"}
    assert len(portfolio.letters()) == 5


@pytest.mark.parametrize(
    ("selection", "released"),
    [
        ({"everything": True}, {"A1", "A2", "A3", "A4"}),
        ({"accounts": ["A2", "A4"]}, {"A2", "A4"}),
        ({"country": "DE"}, {"A2"}),
        ({"segment": "key"}, {"A3"}),
        ({"collector": "anna"}, {"A2", "A3"}),
        ({"collector": "anna", "segment": "key"}, {"A3"}),
        ({"policy": "gentle"}, {"A4"}),
        ({"accounts": ["A2", "A4"], "collector": "ben"}, {"A4"}),
    ],
)
def test_letters_go_to_those_that_are_released_and_to_no_other(
    portfolio: CorrespondenceSetup, selection: dict[str, Any], released: set[str]
) -> None:
    result = ReleaseStore(portfolio.database).release(ReleaseSelection(**selection), "looked through", context())
    assert (set(result.released), result.held) == (released, 4 - len(released))
    assert written_to(portfolio) == released


@pytest.mark.parametrize("selection", [{}, {"everything": True, "country": "DE"}, {"accounts": []}])
def test_a_selection_is_everything_or_names_a_condition(selection: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="release everything, or name"):
        ReleaseSelection(**selection)


def test_what_is_not_held_cannot_be_released(portfolio: CorrespondenceSetup) -> None:
    store = ReleaseStore(portfolio.database)
    with pytest.raises(UnknownReleaseError, match="no accounts nobody"):
        store.release(ReleaseSelection(accounts=["A1", "nobody"]), "", context())
    with pytest.raises(NothingHeldError, match="no account that is held for release fits"):
        store.release(ReleaseSelection(country="FR"), "", context())
    assert count_held_accounts(portfolio.database) == 4
    store.release(ReleaseSelection(accounts=["A1"]), "", context())
    with pytest.raises(NothingHeldError, match="A1: not held for release, or released before"):
        store.release(ReleaseSelection(accounts=["A1", "A2"]), "", context("act-2"))
    assert count_held_accounts(portfolio.database) == 3
    store.release(EVERYTHING, "", context("act-3"))
    with pytest.raises(NothingHeldError):
        store.release(EVERYTHING, "", context("act-4"))


def test_the_same_act_again_returns_what_it_did(portfolio: CorrespondenceSetup) -> None:
    store = ReleaseStore(portfolio.database)
    first = store.release(ReleaseSelection(accounts=["A1"]), "", context())
    assert store.release(ReleaseSelection(accounts=["A1"]), "", context()) == first
    assert len(list_brake_records(portfolio.database, 50, None, "A1")[0]) == 2


def test_each_account_has_a_record_of_its_hold_and_its_release(portfolio: CorrespondenceSetup) -> None:
    ReleaseStore(portfolio.database).release(EVERYTHING, "looked through", context())
    records, _ = list_brake_records(portfolio.database, 50, None, "A3")
    assert [(each.event, each.made_by, each.reason, each.made_at) for each in records] == [
        ("released", "maria", "looked through", NOON),
        ("held", "maria", "", NOON - DAY),
    ]
    shown, cursor = list_brake_records(portfolio.database, 6, None)
    assert (len(shown), len(list_brake_records(portfolio.database, 6, cursor)[0])) == (6, 2)


def test_those_that_are_held_are_listed_page_by_page(portfolio: CorrespondenceSetup) -> None:
    first, cursor = list_held_accounts(portfolio.database, 3, None)
    assert [row.account_id for row in first] == ["A1", "A2", "A3"]
    assert [(row.account_id, row.collector) for row in list_held_accounts(portfolio.database, 3, cursor)[0]] == [("A4", "ben")]


def test_an_account_says_that_it_is_held_and_that_it_was(portfolio: CorrespondenceSetup) -> None:
    ReleaseStore(portfolio.database).release(ReleaseSelection(accounts=["A1"]), "", context())
    held = LetterBrake(awaits_release=True, since=TODAY - DAY, by="maria")
    assert find_account_brake(portfolio.database, "A2", TODAY) == held
    assert find_account_brake(portfolio.database, "A1", TODAY) is None
    assert find_account_brake(portfolio.database, "A1", TODAY - DAY) == held
    assert find_account_brake(portfolio.database, "A2", TODAY - 2 * DAY) is None


def test_new_accounts_are_held_until_all_were_released_once_but_never_on_a_played_clock(portfolio: CorrespondenceSetup) -> None:
    store = ReleaseStore(portfolio.database)
    assert (store.holds_new_accounts(REAL), store.holds_new_accounts(PLAYED)) == (True, False)
    assert not store.release(ReleaseSelection(accounts=["A1"]), "", context()).live
    store.go_live(context())  # some are still held
    assert store.holds_new_accounts(REAL)
    assert store.release(ReleaseSelection(accounts=["A2", "A3", "A4"]), "", context("act-2")).live
    assert not store.holds_new_accounts(REAL)


def test_who_knows_goes_live_without_holding_anybody(database: Database) -> None:
    store = ReleaseStore(database)
    store.go_live(context())
    assert not store.holds_new_accounts(REAL)


# --- the import


def import_rows(database: Database, folder: Path, *accounts: str, hold: bool = True, dry_run: bool = False) -> Any:
    rows = [
        {
            "number": f"N-{account}",
            "account_id": account,
            "issue_date": "2013-05-01",
            "due_date": "2013-05-31",
            "currency": "EUR",
            "total": "10.00",
            "country": "DE",
            "time_zone": "Europe/Berlin",
            "language": "de",
        }
        for account in accounts
    ]
    file = write_invoice_file(folder / "invoices.csv", rows)
    mapping = load_mapping(PROJECT / "mappings" / "duecourse.yaml")
    return Importer(database).run(file, mapping, TODAY, NOON, "maria", dry_run, hold_new_accounts=hold)


def test_an_import_holds_the_accounts_that_are_new_and_no_other(database: Database, tmp_path: Path) -> None:
    assert import_rows(database, tmp_path, "A-1", hold=False).held_accounts == 0
    assert import_rows(database, tmp_path, "A-1", "A-2", "A-3", dry_run=True).held_accounts == 0
    result = import_rows(database, tmp_path, "A-1", "A-2", "A-3")
    assert (result.held_accounts, [row.account_id for row in list_held_accounts(database, 50, None)[0]]) == (2, ["A-2", "A-3"])
    assert import_rows(database, tmp_path, "A-1", "A-2", "A-3").held_accounts == 0
    with database.reading() as session:
        acts = session.scalars(select(LetterBrakeRecord.act_id).where(col(LetterBrakeRecord.event) == "held")).all()
    assert set(acts) == {result.import_id}


@pytest.mark.parametrize("has_accounts", [True, False])
def test_a_data_folder_of_an_earlier_version_is_live_if_it_has_accounts(database: Database, has_accounts: bool) -> None:
    make_older(database, "0004")
    if has_accounts:
        with database.writing() as session:
            account = Account(id="A1", name="A1", country="DE", time_zone="UTC", language="en")
            session.execute(insert(OLDER_ACCOUNTS), [account.model_dump(exclude={"number"})])
    database.migrate()
    assert ReleaseStore(database).holds_new_accounts(REAL) is not has_accounts
    with database.reading() as session:
        assert session.scalars(select(HeldAccount)).all() == []
