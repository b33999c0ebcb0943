"""An auditor replays accounts with a dispute, a plan and a suspension: nothing differs, and whatever is tampered with is named."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
from sqlalchemy import Connection, text
from temporalio.client import Client

from adapters.audit.histories.account_replay import AccountReplayer
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.archive_sweep import HistoryArchiver
from adapters.audit.histories.replayer import HistoryReplayer
from adapters.audit.histories.run_history_loader import RunHistoryLoader
from adapters.database.engine import Database
from domain.audit.replay_report import CaseReplay, EntryVerdict, ReplayReport, RunSource
from domain.clock import Moment
from domain.invoice.invoice_case import InvoiceCase
from domain.journal.journal import Journal
from domain.policy.collection_policy import Step, StepAction
from tests.time_skipping_runs import EmptyRunListing, ExpiredRunsClient, TimeSkippingRuns
from tests.workflows.account_commands import AccountCommands
from tests.workflows.collection_environment import DAY, CollectionEnvironment
from worker import WORKFLOWS

ACCOUNTS = ("DISPUTED", "PLANNED", "SUSPENDED")


def live(environment: CollectionEnvironment) -> AccountReplayer:
    client, archive = environment.play.client, RunArchive(environment.database)
    return AccountReplayer(environment.database, RunHistoryLoader(client, archive, TimeSkippingRuns(client)), HistoryReplayer(WORKFLOWS))


def after_retention(database: Database) -> AccountReplayer:
    entries = RunHistoryLoader(cast("Client", ExpiredRunsClient()), RunArchive(database), EmptyRunListing())
    return AccountReplayer(database, entries, HistoryReplayer(WORKFLOWS))


def flaws(report: ReplayReport) -> list[str]:
    return [finding.model_dump_json() for finding in report.differences] + [run.why_not for run in report.unreplayed_runs]


class Lived(NamedTuple):
    """What the play left: reports from while its cases were open, and a database with the archive of all their runs."""

    open: list[ReplayReport]
    closed: list[ReplayReport]
    database: Path
    invoice: str


@pytest.fixture(scope="module")
async def lived(shared_environment: CollectionEnvironment, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    cases = AccountCommands(shared_environment)
    invoice, _ = await shared_environment.open_reminded_invoice(account="DISPUTED")
    await cases.raise_dispute(invoice, amount=4_000)
    planned, monday = await shared_environment.open_reminded_invoice(account="PLANNED")
    await cases.bring_to_agreed("PLANNED", planned, first_on=monday + 9 * DAY)
    (suspended,), _ = await cases.open_overdue_invoices("SUSPENDED", 40)
    await cases.bring_to_suspended("SUSPENDED", suspended)
    await shared_environment.play.settle()
    open_cases = [await live(shared_environment).replay_account(account) for account in ACCOUNTS]
    await shared_environment.close()
    closed = [await live(shared_environment).replay_account(account) for account in ACCOUNTS]
    client = shared_environment.play.client
    export = HistoryArchiver(client, shared_environment.database, RunArchive(shared_environment.database), TimeSkippingRuns(client))
    swept = await export.sweep(datetime.now(UTC), date(2013, 1, 1))
    assert (swept.left, swept.at_risk) == (0, 0)
    file = tmp_path_factory.mktemp("lived") / "duecourse.db"
    with closing(sqlite3.connect(str(shared_environment.database.engine.url.database))) as source, closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
    return Lived(open_cases, closed, file, invoice)


def test_open_cases_replay_without_a_difference(lived: Lived) -> None:
    assert [flaws(report) for report in lived.open] == [[], [], []]
    kinds = [{case.kind for case in report.cases} for report in lived.open]
    assert kinds == [{"invoice", "dispute"}, {"invoice", "payment_plan", "approval"}, {"invoice", "suspension", "approval"}]
    assert any(run.closed_at is None for report in lived.open for case in report.cases for run in case.runs)


def test_closed_cases_replay_without_a_difference(lived: Lived) -> None:
    assert [flaws(report) for report in lived.closed] == [[], [], []]
    assert all(sum(case.counts.values()) for report in lived.closed for case in report.cases)


async def test_the_archive_replays_as_the_server_did(lived: Lived) -> None:
    database = Database(f"sqlite:///{lived.database}")
    reports = [await after_retention(database).replay_account(account) for account in ACCOUNTS]
    assert [flaws(report) for report in reports] == [[], [], []]
    for before, report in zip(lived.closed, reports, strict=True):
        now = {case.case_id: case for case in report.cases}
        for case in before.cases:
            assert {run.source for run in now[case.case_id].runs} == {RunSource.ARCHIVED}
            assert now[case.case_id].counts == case.counts
    database.close()


# --- tampering


Tampering = Callable[[Connection, str], None]


def changed(**values: Any) -> Tampering:
    """Of the third entry, whose hash stays as it was."""

    def tamper(connection: Connection, case_id: str) -> None:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        connection.execute(text(f"UPDATE journal SET {columns} WHERE case_id = :case AND seq = 3"), {**values, "case": case_id})

    return tamper


def deleted(connection: Connection, case_id: str) -> None:
    connection.execute(text("DELETE FROM journal WHERE case_id = :case AND seq = 3"), {"case": case_id})


def inserted(connection: Connection, case_id: str) -> None:
    """A copy of the third entry, under a hash of somebody's fancy."""
    columns = "case_id, seq, previous, kind, business_at, recorded_at, account_id, invoice_id, actor, facts"
    copied = f"INSERT INTO journal ({columns}, hash) SELECT {columns}, '{'f' * 64}' FROM journal WHERE case_id = :case AND seq = 3"
    connection.execute(text(copied), {"case": case_id})


def swapped(connection: Connection, case_id: str) -> None:
    for before, after in ((3, -1), (4, 3), (-1, 4)):
        connection.execute(
            text("UPDATE journal SET seq = :after WHERE case_id = :case AND seq = :before"),
            {"before": before, "after": after, "case": case_id},
        )


def rewritten(connection: Connection, case_id: str) -> None:
    """From the third entry to the end, with fresh hashes, and the head after them."""
    rows = connection.execute(text("SELECT * FROM journal WHERE case_id = :case ORDER BY seq"), {"case": case_id}).mappings().all()
    journal = Journal(case_id=case_id, account_id=rows[0]["account_id"], invoice_id=rows[0]["invoice_id"], seq=2, head=rows[1]["hash"])
    for row in rows[2:]:
        business_at, recorded_at = (datetime.fromisoformat(row[name]).replace(tzinfo=UTC) for name in ("business_at", "recorded_at"))
        actor = "eve" if row["seq"] == 3 else row["actor"]
        entry = journal.write(row["kind"], business_at, recorded_at, actor, **json.loads(row["facts"]))
        connection.execute(
            text("UPDATE journal SET hash = :hash, previous = :previous, actor = :actor WHERE case_id = :case AND hash = :was"),
            {"hash": entry.hash, "previous": entry.previous, "actor": actor, "case": case_id, "was": row["hash"]},
        )
    connection.execute(text("UPDATE cases SET head = :head WHERE case_id = :case"), {"head": journal.head, "case": case_id})


def removed_whole(connection: Connection, case_id: str) -> None:
    for table in ("journal", "cases"):
        connection.execute(text(f"DELETE FROM {table} WHERE case_id = :case"), {"case": case_id})


THIRD = [(3, EntryVerdict.CHANGED)]
TAMPERINGS: dict[str, tuple[Tampering, list[tuple[int, EntryVerdict]]]] = {
    "an amount": (changed(facts='{"amount": 1}'), THIRD),
    "an actor": (changed(actor="eve"), THIRD),
    "a business time": (changed(business_at="2013-01-01 00:00:00.000000"), THIRD),
    "a recorded time": (changed(recorded_at="2013-01-01 00:00:00.000000"), THIRD),
    "a kind": (changed(kind="note.added"), THIRD),
    "an account": (changed(account_id="ANOTHER"), THIRD),
    "a hash": (changed(hash="0" * 63 + "1"), THIRD),
    "a deleted entry": (deleted, [(3, EntryVerdict.MISSING)]),
    "an inserted entry": (inserted, [(3, EntryVerdict.ADDED)]),
    "two swapped entries": (swapped, [*THIRD, (4, EntryVerdict.CHANGED)]),
}


async def tampered(lived: Lived, folder: Path, tamper: Tampering) -> CaseReplay:
    """What the replay of the disputed invoice's account says of its invoice, after somebody had the run of the database."""
    shutil.copy(lived.database, folder / "copy.db")
    database, case_id = Database(f"sqlite:///{folder / 'copy.db'}"), f"invoice:{lived.invoice}"
    with database.engine.begin() as connection:
        guards = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
        for guard in guards:
            connection.execute(text(f'DROP TRIGGER "{guard}"'))
        tamper(connection, case_id)
    report = await after_retention(database).replay_account("DISPUTED")
    database.close()
    assert [case.case_id for case in report.cases if case.differences] in ([case_id], [])
    return next(case for case in report.cases if case.case_id == case_id)


@pytest.mark.parametrize("what", TAMPERINGS)
async def test_a_tampered_entry_is_named(lived: Lived, tmp_path: Path, what: str) -> None:
    tamper, expected = TAMPERINGS[what]
    case = await tampered(lived, tmp_path, tamper)
    assert [(finding.seq, finding.verdict) for finding in case.differences] == expected


async def test_a_chain_that_is_rewritten_to_its_end_is_named_from_the_entry_that_was_changed(lived: Lived, tmp_path: Path) -> None:
    case = await tampered(lived, tmp_path, rewritten)
    assert {finding.verdict for finding in case.differences} == {EntryVerdict.CHANGED}
    first = case.differences[0]
    assert (first.seq, [(change.field, change.database) for change in first.changes]) == (3, [("actor", "eve")])
    assert [finding.seq for finding in case.differences] == list(range(3, 3 + len(case.differences)))


async def test_a_case_that_is_removed_with_every_trace_is_missing_entry_by_entry(lived: Lived, tmp_path: Path) -> None:
    before = next(case for case in lived.closed[0].cases if case.kind == "invoice")
    case = await tampered(lived, tmp_path, removed_whole)
    assert case.counts == {EntryVerdict.MISSING: sum(before.counts.values())}


async def test_a_changed_archive_is_named_and_its_entries_are_left_untold(lived: Lived, tmp_path: Path) -> None:
    def tamper(connection: Connection, case_id: str) -> None:
        connection.execute(text("UPDATE archived_runs SET content = x'00' WHERE workflow_id = :case"), {"case": case_id})

    case = await tampered(lived, tmp_path, tamper)
    assert ("was changed" in case.runs[0].why_not, case.is_replayed) == (True, False)
    assert set(case.counts) == {EntryVerdict.UNTOLD}


async def test_code_that_decides_otherwise_is_reported_with_the_event_at_which_it_does(
    lived: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = InvoiceCase.take_step

    def takes_another_step(self: InvoiceCase, step: Step, at: Moment) -> None:
        take(self, step.model_copy(update={"act": StepAction.CALL, "letter": None}), at)

    monkeypatch.setattr(InvoiceCase, "take_step", takes_another_step)
    monkeypatch.setattr(InvoiceCase, "wakes_at", lambda self, now: None)
    case = await tampered(lived, tmp_path, lambda connection, case_id: None)
    (run,) = case.runs
    assert run.parting is not None
    assert (run.replayed, run.parting.workflow, run.parting.event) == (False, "InvoiceCollection", "TimerStarted")
    assert f"event {run.parting.event_id}, TimerStarted" in run.why_not
    assert set(case.counts) == {EntryVerdict.HELD_BY_HEAD}
