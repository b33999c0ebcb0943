"""`duecourse audit` as a person calls it. What needs a Temporal server says so when there is none."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update
from sqlmodel import col
from typer.testing import CliRunner, Result

from adapters.audit.access_log import ACCOUNT, AccessLog, AccessRecord, AccessTarget
from adapters.audit.export.signing_key import AuditKey
from adapters.audit.seals.seal_store import SealStore
from adapters.composition import open_database
from adapters.config.settings import Settings, SettingsError
from adapters.database.append_only import create_append_only_trigger, drop_append_only_trigger
from adapters.database.engine import Database
from adapters.database.tables import Contact, JournalEntry
from adapters.journal.account_entries import AccountNotFoundError
from adapters.temporal.client import TemporalUnreachableError
from cli import replay as audit_replays
from cli.app import app
from domain.audit.replay_report import CaseReplay, EntryFinding, EntryVerdict, FieldChange, ReplayedRun, ReplayReport, RunSource
from domain.errors import UserError
from tests.adapters.journal.journalled_accounts import JournalledAccount, day_on, journal_promises, noon_on
from tests.api.portfolio_world import PortfolioWorld
from tests.databases import _sqlite_template

Audit = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUECOURSE_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DUECOURSE_TEMPORAL_ADDRESS", raising=False)
    return tmp_path


@pytest.fixture
def books(folder: Path) -> Database:
    """The data folder's database: the account A1, whose one invoice was promised and paid in 2013."""
    shutil.copy(_sqlite_template(), folder / "duecourse.db")
    database = open_database(Settings.load(data_dir=folder))
    account = JournalledAccount(database)
    account.invoice("I1")
    account.record_payment("I1", 10_000, 20)
    journal_promises(account, "k")
    with database.writing() as session:
        session.execute(text("UPDATE cases SET outcome = 'paid'"))
    return database


@pytest.fixture
def audit(books: Database) -> Audit:
    def run(*arguments: str, answer: str = "") -> Result:
        return CliRunner().invoke(app, ["audit", *arguments], input=answer)

    return run


def contacts(books: Database) -> int:
    with books.reading() as session:
        return int(session.execute(select(func.count()).select_from(Contact)).scalar_one())


def test_the_help_names_every_command_in_a_sentence(audit: Audit) -> None:
    found = audit("--help")
    assert found.exit_code == 0
    for command in ("verify", "seals", "replay", "export", "log", "key", "erase", "views"):
        assert re.search(rf"{command} +[A-Z]", found.output), command


def test_a_whole_record_verifies(folder: Path) -> None:
    world = PortfolioWorld(open_database(Settings.load(data_dir=folder)))
    world.account()
    world.invoice("I-1")
    found = CliRunner().invoke(app, ["audit", "verify"])
    assert (found.exit_code, "nothing was changed" in found.output) == (0, True), found.output


def test_a_changed_entry_is_named_and_the_command_fails(audit: Audit, books: Database) -> None:
    with books.writing() as session:
        drop_append_only_trigger(session.connection(), "journal")
        session.execute(update(JournalEntry).where(col(JournalEntry.seq) == 2).values(actor="mallory"))
        create_append_only_trigger(session.connection(), "journal")
    found = audit("verify")
    assert found.exit_code == 1
    assert "journal invoice:I1/2" in found.output


def test_a_missing_trigger_is_a_fault_of_the_house(audit: Audit, books: Database) -> None:
    with books.writing() as session:
        drop_append_only_trigger(session.connection(), "journal")
    found = audit("verify")
    assert (found.exit_code, "journal: its trigger against changes is missing" in found.output) == (1, True), found.output


def test_a_bar_on_standard_error_shows_how_far_it_is(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    found = audit("verify")
    assert re.search(r"verifying.* of \d+ entries", found.stderr)
    assert "verifying" not in found.stdout


@pytest.mark.parametrize("command", ["verify", "seals", "key", "views"])
def test_there_is_nothing_to_audit_in_an_empty_folder(command: str, folder: Path) -> None:
    found = CliRunner().invoke(app, ["audit", command])
    assert isinstance(found.exception, SettingsError)
    assert f"there is no Duecourse in {folder}" in str(found.exception)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "command",
    [
        ("replay", "A9"),
        ("replay", "A9", "--at", "2013-03-10"),
        ("replay", "A9", "--step"),
        ("export", "out.zip", "--account", "A9"),
        ("log", "out.csv", "--account", "A9"),
        ("erase", "A9"),
    ],
)
def test_of_an_account_that_is_not_there_one_sentence_says_so(command: tuple[str, ...], audit: Audit) -> None:
    found = audit(*command)
    assert isinstance(found.exception, AccountNotFoundError)
    assert str(found.exception) == "there is no account 'A9'"
    assert issubclass(AccountNotFoundError, UserError)


@pytest.mark.parametrize("how", [("--at", "2013-03-10"), ("--step",)])
def test_what_a_changed_journal_tells_comes_with_a_warning(how: tuple[str, ...], audit: Audit, books: Database) -> None:
    with books.writing() as session:
        drop_append_only_trigger(session.connection(), "journal")
        session.execute(update(JournalEntry).where(col(JournalEntry.seq) == 2).values(actor="mallory"))
    found = audit("replay", "A1", *how)
    assert found.exit_code == 1
    assert found.stdout.startswith("The journal of A1 was changed")
    assert "journal invoice:I1/2" in found.stdout


def test_nobody_knows_how_an_account_will_stand(audit: Audit) -> None:
    found = audit("replay", "A1", "--at", "2999-01-01")
    assert (found.exit_code, "has not come" in found.stderr) == (2, True)


def test_the_account_is_shown_as_it_stood(audit: Audit) -> None:
    found = audit("replay", "A1", "--at", "2013-03-10")
    assert found.exit_code == 0, found.output
    assert "A1 at the end of 2013-03-10" in found.output
    assert "1,000.00" in found.output


def test_the_journal_is_walked_entry_by_entry_up_to_a_day(audit: Audit) -> None:
    found = audit("replay", "A1", "--step", "--at", "2013-03-06")
    assert found.exit_code == 0, found.output
    assert "invoice:I1 1  duecourse: The case was opened" in found.output
    assert "The customer promised to pay" in found.output
    assert "The promise was kept" not in found.output


def test_a_replay_names_each_difference_and_each_run_that_it_could_not_replay(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = FieldChange(field="facts", database='{"amount":1,"by":"mia"}', history='{"amount":100,"by":"mia"}')
    changed = EntryFinding(case_id="invoice:I1", seq=2, verdict=EntryVerdict.CHANGED, kind="promise.made", changes=[facts])
    lost = ReplayedRun(run_id="r", workflow="InvoiceCollection", source=RunSource.LOST, why_not="nobody has its history")
    case = CaseReplay(case_id="invoice:I1", kind="invoice", runs=[lost], counts={EntryVerdict.CHANGED: 1}, findings=[changed])

    async def replayed(*_: object) -> ReplayReport:
        return ReplayReport(account_id="A1", replayed_at=noon_on(1), cases=[case])

    monkeypatch.setattr(audit_replays, "replay_account", replayed)
    found = audit("replay", "A1")
    assert found.exit_code == 1
    assert "invoice:I1 entry 2 (promise.made): changed; amount: 1 in the database, 100 in the history" in found.stdout
    assert "invoice:I1: run r (lost) was not replayed: nobody has its history" in found.stdout
    assert found.stdout.endswith("A1: 1 difference; 1 run could not be replayed\n")


@pytest.mark.parametrize("command", [("replay", "A1"), ("export", "out.zip", "--account", "A1")])
def test_without_a_temporal_server_it_says_what_to_start(command: tuple[str, ...], audit: Audit) -> None:
    found = audit(*command)
    assert isinstance(found.exception, TemporalUnreachableError)
    assert "start it with `duecourse up`" in str(found.exception)


@pytest.mark.parametrize("command", [("export", "out.zip"), ("log", "out.csv")])
def test_what_is_taken_along_is_an_account_or_a_period(command: tuple[str, ...], audit: Audit) -> None:
    halves = [(), ("--account", "A1", "--from", "2013-01-01"), ("--from", "2013-01-01"), ("--from", "2013-02-01", "--to", "2013-01-01")]
    assert [audit(*command, *scope).exit_code for scope in halves] == [2, 2, 2, 2]


def test_a_folder_that_is_not_there_is_named(audit: Audit, folder: Path) -> None:
    found = audit("export", str(folder / "none" / "out.zip"), "--account", "A1")
    assert (found.exit_code, "there is no folder" in found.stderr) == (2, True)


def test_a_flat_log_has_a_row_for_each_event(audit: Audit, folder: Path) -> None:
    found = audit("log", str(folder / "out.csv"), "--account", "A1")
    assert found.exit_code == 0, found.output
    rows = list(csv.DictReader((folder / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert f"{len(rows)} events" in found.stdout
    assert {row["case"] for row in rows} == {"invoice:I1"}


def test_an_object_centric_log_counts_its_events_and_objects(audit: Audit, folder: Path) -> None:
    found = audit("log", str(folder / "out.json"), "--from", "2013-03-01", "--to", "2013-12-31")
    assert found.exit_code == 0, found.output
    log = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    assert f"{len(log['events'])} events of {len(log['objects'])} objects" in found.stdout


def test_a_log_is_a_json_or_a_csv_file(audit: Audit, folder: Path) -> None:
    found = audit("log", str(folder / "out.xes"), "--account", "A1")
    assert (found.exit_code, ".json" in found.stderr, list(folder.glob("out.*"))) == (2, True, [])


def test_the_public_key_stays_the_same_and_is_that_of_the_exports(audit: Audit, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = audit("key").stdout.strip()
    assert re.fullmatch(r"[0-9a-f]{64}", first)
    assert audit("key").stdout.strip() == first
    monkeypatch.setenv("DUECOURSE_AUDIT_KEY", bytes(range(32)).hex())
    assert audit("key").stdout.strip() == AuditKey(bytes(range(32))).public_hex


def test_an_erasure_is_only_shown_unless_it_is_for_good(audit: Audit, books: Database) -> None:
    found = audit("erase", "A1")
    assert found.exit_code == 0, found.output
    assert "would go" in found.output
    assert "Nothing was changed" in found.output
    assert contacts(books) == 1


def test_an_erasure_asks_again_and_takes_no_for_an_answer(audit: Audit, books: Database) -> None:
    found = audit("erase", "A1", "--for-good", answer="n\n")
    assert found.exit_code == 0, found.output
    assert contacts(books) == 1


def test_what_stands_against_an_erasure_is_said(audit: Audit, books: Database) -> None:
    with books.writing() as session:
        session.execute(text("UPDATE cases SET outcome = NULL"))
    found = audit("erase", "A1", "--for-good", "--yes")
    assert found.exit_code == 1
    assert "nothing may be erased yet: 1 of its cases are open" in found.output


def test_the_seals_are_listed_and_one_of_them_is_held_against_the_database(audit: Audit, books: Database) -> None:
    seal = SealStore(books).make_seal(day_on(40), noon_on(41))
    listed, checked = audit("seals"), audit("seals", "--check", str(day_on(40)))
    assert seal.digest() in listed.output
    assert checked.exit_code == 0, checked.output
    missing = audit("seals", "--check", str(day_on(39)))
    assert (missing.exit_code, "is missing" in missing.output) == (1, True)


def test_the_trail_of_views_is_listed(audit: Audit, books: Database) -> None:
    route = "/v1/accounts/{account_id}"
    AccessLog(books).write([AccessRecord("mia", "collector", route, AccessTarget(ACCOUNT, "A1"), noon_on(1), noon_on(1))] * 3)
    found = audit("views", "--account", "A1")
    assert found.exit_code == 0, found.output
    assert all(word in found.output for word in ("mia", "collector", route, "3"))
    assert "mia" not in audit("views", "--user", "ben").output


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (("replay", "A1", "--at", "2013-03-10"), "duecourse audit replay"),
        (("replay", "A1", "--step"), "duecourse audit replay"),
        (("log", "OUT.csv", "--from", "2013-01-01", "--to", "2013-12-31"), "duecourse audit log"),
    ],
)
def test_whoever_looks_by_a_command_stands_in_the_trail(
    command: tuple[str, ...], shown: str, audit: Audit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert audit(*[word.replace("OUT", str(folder / "out")) for word in command]).exit_code == 0
    found = audit("views", "--account", "A1").stdout
    assert all(word in found for word in ("ada", "command line", shown))


class _Replays:
    """Answers for accounts without a Temporal server: what is asked of that one is proved where there is one."""

    def __init__(self, flawed: str = "") -> None:
        self.asked: list[str] = []
        self._flawed = flawed

    async def replay(self, account_id: str) -> ReplayReport:
        self.asked.append(account_id)
        case = CaseReplay(case_id=f"invoice:{account_id}", kind="invoice", counts={EntryVerdict.MATCHED: 3})
        if account_id == self._flawed:
            finding = EntryFinding(
                case_id=case.case_id, seq=2, verdict=EntryVerdict.MISSING, kind="step.taken", why="the database has none"
            )
            case = case.model_copy(update={"counts": {EntryVerdict.MISSING: 1}, "findings": [finding]})
        return ReplayReport(account_id=account_id, replayed_at=noon_on(1), cases=[case])


@pytest.mark.parametrize("flawed", ["", "A1"])
def test_every_account_is_replayed_in_one_go_and_what_differs_is_named(audit: Audit, monkeypatch: pytest.MonkeyPatch, flawed: str) -> None:
    replays = _Replays(flawed)

    async def auditor(*_: object) -> _Replays:
        return replays

    monkeypatch.setattr("cli.replay.create_audit_service", auditor)
    found = audit("replay", "--all")
    assert replays.asked == ["A1"]
    if flawed:
        assert (found.exit_code, "invoice:A1 entry 2 (step.taken): missing" in found.output) == (1, True), found.output
    else:
        assert (found.exit_code, "3 entries of 1 account held against their histories" in found.output) == (0, True), found.output


@pytest.mark.parametrize("arguments", [(), ("A1", "--all"), ("--all", "--step")])
def test_a_replay_is_of_one_account_or_of_all(audit: Audit, arguments: tuple[str, ...]) -> None:
    assert audit("replay", *arguments).exit_code == 2
