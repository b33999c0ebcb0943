"""What proves the journal, over HTTP: verification, seals, replay, past standing, and what an auditor takes along."""

import csv
import tempfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, update
from sqlmodel import col
from temporalio.service import RPCError, RPCStatusCode

from adapters.audit.export.signed_export import ExportResult
from adapters.audit.histories.archive import ArchiveDamagedError
from adapters.audit.histories.object_store import ArchiveStoreError
from adapters.audit.seals.seal_store import SealStore
from adapters.database.append_only import drop_append_only_trigger
from adapters.database.engine import Database
from adapters.database.tables import JournalEntry
from domain.audit.replay_report import CaseReplay, EntryFinding, EntryVerdict, ReplayReport
from domain.audit.scope import AccountScope, AuditScope, PeriodScope
from tests.api.conftest import Client, Problem
from tests.api.portfolio_world import REAL_NOW, TODAY, PortfolioWorld

OPENED = date(2013, 2, 11)
"""The day after the invoice of the account A-1 fell due."""

TOMORROW = (TODAY + timedelta(days=1)).isoformat()


class FakeAudits:
    """Histories that tell of one changed entry, or that fail. What was asked for is kept."""

    archive = None

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.exports: list[tuple[AuditScope, str, datetime]] = []

    async def replay(self, account_id: str) -> ReplayReport:
        if self.error:
            raise self.error
        finding = EntryFinding(case_id="invoice:I-1", seq=2, verdict=EntryVerdict.CHANGED, kind="step.taken", why="its actor differs")
        case = CaseReplay(case_id="invoice:I-1", kind="invoice", counts={EntryVerdict.CHANGED: 1}, findings=[finding])
        return ReplayReport(account_id=account_id, replayed_at=REAL_NOW, cases=[case])

    async def export(self, scope: AuditScope, target: Path, exported_by: str, at: datetime) -> ExportResult:
        self.exports.append((scope, exported_by, at))
        target.write_bytes(b"PK and more")  # noqa: ASYNC240 - a few bytes
        if self.error:
            raise self.error
        return ExportResult(target, "ab" * 32, {"entries": 1, "cases": 1})


@pytest.fixture
def audits(app: FastAPI) -> FakeAudits:
    audits = FakeAudits()
    app.state.parts = replace(app.state.parts, audits=audits)
    return audits


@pytest.fixture
def portfolio(world: PortfolioWorld) -> PortfolioWorld:
    """The account A-1 with an invoice that was reminded twice, and A-2 with one that was not yet."""
    world.account()
    case = world.invoice("I-1")
    assert case is not None
    world.steps(case, 2)
    world.account("A-2", "Saline Süd AG")
    world.invoice("I-2", "A-2")
    return world


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files are made on their way out."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left(scratch: Path) -> list[str]:
    return [path.name for path in scratch.iterdir()]


async def stood(auditor: Client, **expected: Any) -> Any:
    """The account A-1."""
    found = await told(auditor, "/accounts/A-1/standing", **expected)
    assert found["changed"] == []
    return found["standing"]


async def told(auditor: Client, path: str, **expected: Any) -> Any:
    answer = await auditor.get(f"/v1/audit{path}", params=expected)
    assert answer.status_code == 200, answer.text
    return answer.json()


def tamper(database: Database, statement: Any) -> None:
    with database.writing() as session:
        drop_append_only_trigger(session.connection(), "journal")
        session.execute(statement)


FIRST = (col(JournalEntry.case_id) == "invoice:I-1", col(JournalEntry.seq) == 1)

# --- verification and seals


async def test_a_whole_journal_is_sound_and_a_changed_entry_is_named(auditor: Client, world: PortfolioWorld) -> None:
    world.account()
    world.invoice("I-1")
    whole = await told(auditor, "/verify")
    assert (whole["sound"], whole["cases"], whole["faults"]) == (True, 1, [])
    tamper(world.database, update(JournalEntry).where(*FIRST).values(actor="mallory"))
    found = await told(auditor, "/verify")
    assert found["sound"] is False
    assert [(fault["table"], fault["key"].rpartition("/")[0]) for fault in found["faults"]] == [("journal", "invoice:I-1/1")]


async def test_the_seals_are_told_with_the_hashes_that_were_mailed(auditor: Client, portfolio: PortfolioWorld) -> None:
    made = SealStore(portfolio.database).make_seal(TODAY, REAL_NOW)
    [seal] = await told(auditor, "/seals")
    assert (seal["day"], seal["hash"], seal["root"], seal["cases"]) == ("2013-03-01", made.digest(), made.root, 2)
    assert await told(auditor, f"/seals/{TODAY}") == {"seal": seal, "faults": []}


async def test_a_seal_names_what_is_gone_since(auditor: Client, portfolio: PortfolioWorld) -> None:
    SealStore(portfolio.database).make_seal(TODAY, REAL_NOW)
    tamper(portfolio.database, delete(JournalEntry).where(col(JournalEntry.case_id) == "invoice:I-2"))
    [fault] = (await told(auditor, f"/seals/{TODAY}"))["faults"]
    assert (fault["table"], fault["key"]) == ("journal", "invoice:I-2/1")


async def test_a_day_without_a_seal_is_not_found_and_no_day_is_no_day(auditor: Client, world: PortfolioWorld, problem: Problem) -> None:
    assert "2013-02-27" in problem(await auditor.get("/v1/audit/seals/2013-02-27"), 404)["detail"]
    problem(await auditor.get("/v1/audit/seals/yesterday"), 422)


# --- an account


async def test_a_replay_tells_each_difference_and_whether_there_is_any(
    auditor: Client, portfolio: PortfolioWorld, audits: FakeAudits
) -> None:
    report = await told(auditor, "/accounts/A-1/replay")
    assert (report["account_id"], report["flawless"]) == ("A-1", False)
    assert report["cases"][0]["findings"][0]["why"] == "its actor differs"


@pytest.mark.parametrize("error", [RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b""), ArchiveStoreError("the bucket is away")])
async def test_histories_that_cannot_be_reached_are_asked_for_again(
    error: Exception, auditor: Client, portfolio: PortfolioWorld, audits: FakeAudits, problem: Problem, scratch: Path
) -> None:
    audits.error = error
    for path in ("/accounts/A-1/replay", "/export?account=A-1"):
        assert str(error) in problem(await auditor.get(f"/v1/audit{path}"), 503)["detail"]
    assert left(scratch) == []


async def test_without_a_temporal_server_there_are_no_histories(auditor: Client, portfolio: PortfolioWorld, problem: Problem) -> None:
    assert "without a Temporal server" in problem(await auditor.get("/v1/audit/accounts/A-1/replay"), 503)["detail"]


async def test_an_account_is_shown_as_it_stood_at_the_end_of_a_day(auditor: Client, portfolio: PortfolioWorld) -> None:
    then = await stood(auditor, at=OPENED)
    assert then["at"].startswith("2013-02-11T23:59:59")
    assert then["balances"] == [
        {
            "open_balance": {"amount": "250.00", "currency": "EUR"},
            "overdue": {"amount": "250.00", "currency": "EUR"},
            "disputed": {"amount": "0.00", "currency": "EUR"},
            "open_invoices": 1,
        }
    ]
    now = await stood(auditor)
    assert now["entries"] > then["entries"]
    assert (len(then["invoices"][0]["taken"]), len(now["invoices"][0]["taken"])) == (1, 2)
    assert now["invoices"][0]["policy"]["name"] == "standard"
    assert [letter["fate"] for letter in now["letters"]] == ["sent", "sent"]


async def test_before_its_first_entry_an_account_owed_nothing_that_the_journal_knew(auditor: Client, portfolio: PortfolioWorld) -> None:
    before = await stood(auditor, at="2013-02-10")
    assert (before["entries"], before["balances"], before["invoices"]) == (0, [], [])


async def test_a_journal_that_lost_its_beginning_is_shown_as_far_as_it_goes_and_says_so(auditor: Client, portfolio: PortfolioWorld) -> None:
    tamper(portfolio.database, delete(JournalEntry).where(*FIRST))
    found = await told(auditor, "/accounts/A-1/standing")
    assert found["standing"]["invoices"][0]["open_balance"] is None
    assert [fault["key"] for fault in found["changed"]] == ["invoice:I-1/1"]


async def test_a_walk_goes_on_where_the_last_page_ended(auditor: Client, portfolio: PortfolioWorld) -> None:
    whole = await told(auditor, "/accounts/A-1/steps")
    first = await told(auditor, "/accounts/A-1/steps", limit=2)
    rest = await told(auditor, "/accounts/A-1/steps", after=2)
    assert first + rest == whole
    assert [step["entry"]["seq"] for step in whole] == list(range(1, len(whole) + 1))
    assert [step["standing"]["entries"] for step in whole] == list(range(1, len(whole) + 1))
    assert whole[0]["entry"]["sentence"].startswith("The case was opened")
    assert (await told(auditor, "/accounts/A-1/steps", language="de", limit=1))[0]["entry"]["sentence"].startswith("Der Fall")
    assert len(await told(auditor, "/accounts/A-1/steps", at=OPENED)) < len(whole)


async def test_an_unknown_account_is_not_found(auditor: Client, world: PortfolioWorld, audits: FakeAudits, problem: Problem) -> None:
    for what in ("replay", "standing", "steps"):
        assert "'A-9'" in problem(await auditor.get(f"/v1/audit/accounts/A-9/{what}"), 404)["detail"]


async def test_nobody_knows_how_an_account_will_stand(auditor: Client, portfolio: PortfolioWorld, problem: Problem) -> None:
    for what in ("standing", "steps"):
        assert "2013-03-01" in problem(await auditor.get(f"/v1/audit/accounts/A-1/{what}?at={TOMORROW}"), 422)["detail"]


# --- what is taken along


async def test_an_export_is_a_zip_by_the_accounts_name_and_leaves_nothing_behind(
    auditor: Client, portfolio: PortfolioWorld, audits: FakeAudits, scratch: Path
) -> None:
    answer = await auditor.get("/v1/audit/export?account=A-1", headers={"Range": "bytes=3-"})
    assert (answer.status_code, answer.content) == (200, b"PK and more")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="duecourse-A-1.zip"'
    assert answer.headers["x-audit-public-key"] == "ab" * 32
    assert audits.exports == [(AccountScope("A-1"), "auditor-1", REAL_NOW)]
    assert left(scratch) == []


async def test_an_export_of_a_period_is_named_by_its_days(
    auditor: Client, portfolio: PortfolioWorld, audits: FakeAudits, scratch: Path
) -> None:
    answer = await auditor.get("/v1/audit/export?first_day=2013-02-01&last_day=2013-02-28")
    assert answer.headers["content-disposition"] == 'attachment; filename="duecourse-2013-02-01-2013-02-28.zip"'
    assert audits.exports[0][0] == PeriodScope(date(2013, 2, 1), date(2013, 2, 28))


async def test_an_archive_that_was_tampered_with_is_named(
    auditor: Client, portfolio: PortfolioWorld, audits: FakeAudits, problem: Problem, scratch: Path
) -> None:
    audits.error = ArchiveDamagedError("the archived history of invoice:I-1, run r, was changed")
    assert "invoice:I-1, run r" in problem(await auditor.get("/v1/audit/export?account=A-1"), 409)["detail"]
    assert left(scratch) == []


async def test_a_flat_log_has_a_row_for_each_event(auditor: Client, portfolio: PortfolioWorld, scratch: Path) -> None:
    answer = await auditor.get("/v1/audit/log?account=A-1&format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="duecourse-A-1.csv"'
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert len(rows) == len(await told(auditor, "/accounts/A-1/steps"))
    assert {row["account"] for row in rows} == {"A-1"}
    assert left(scratch) == []


async def test_a_log_is_object_centric_unless_asked_otherwise(auditor: Client, portfolio: PortfolioWorld, scratch: Path) -> None:
    answer = await auditor.get("/v1/audit/log?first_day=2013-02-01&last_day=2013-03-01")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="duecourse-2013-02-01-2013-03-01.ocel.json"'
    assert {one["id"] for one in answer.json()["objects"] if one["type"] == "account"} == {"account:A-1", "account:A-2"}


@pytest.mark.parametrize("what", ["export", "log"])
async def test_what_is_taken_along_is_an_account_or_a_period(
    what: str, auditor: Client, world: PortfolioWorld, audits: FakeAudits, problem: Problem, scratch: Path
) -> None:
    for scope in (
        "",
        "account=A-1&first_day=2013-02-01",
        "first_day=2013-02-01",
        "first_day=2013-02-02&last_day=2013-02-01",
        "first_day=x",
    ):
        problem(await auditor.get(f"/v1/audit/{what}?{scope}"), 422)
    assert "'A-9'" in problem(await auditor.get(f"/v1/audit/{what}?account=A-9"), 404)["detail"]
    assert (audits.exports, left(scratch)) == ([], [])


# --- who looked


async def test_whatever_an_auditor_reads_of_an_account_is_a_view_of_it(
    auditor: Client, portfolio: PortfolioWorld, audits: FakeAudits
) -> None:
    paths = ["/accounts/A-1/replay", "/accounts/A-1/standing", "/accounts/A-1/steps", "/export?account=A-1", "/log?account=A-1"]
    for path in paths:
        assert (await auditor.get(f"/v1/audit{path}")).status_code == 200
    seen = [(view["user"], view["account_id"]) for view in (await told(auditor, "/views"))["items"]]
    assert seen == [("auditor-1", "A-1")] * len(paths)


@pytest.mark.parametrize(("last_day", "seen"), [("2013-03-01", {"A-1", "A-2"}), ("2013-02-10", set())])
async def test_whoever_takes_a_period_along_has_viewed_every_account_in_it(
    last_day: str, seen: set[str], auditor: Client, portfolio: PortfolioWorld, audits: FakeAudits
) -> None:
    await auditor.get(f"/v1/audit/export?first_day=2013-02-01&last_day={last_day}")
    assert {view["account_id"] for view in (await told(auditor, "/views"))["items"]} == seen
