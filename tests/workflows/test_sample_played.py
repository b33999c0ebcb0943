"""The sample as a newcomer sees it: its staff works it while it is played, and leaves something to be done."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry, Payment, Setting, Task, Token
from adapters.sample.accounts import SAMPLE_USERS
from adapters.sample.simulation import SampleCustomers, WorkflowCommandSender, choose_sample, load_sample
from adapters.sample.staff import STAFF_SETTING, SampleStaff
from adapters.temporal.case_commands import TemporalCaseCommands
from api.app import create_app
from api.context import ApiContext
from domain.identifiers import CaseKind
from domain.journal.entry_kinds import EntryKind as Kind
from domain.roles import Role
from tests.letters_report import LettersReport, measure_letters
from tests.sample_books import SampleBooks
from tests.sent_letters import list_sent_letters
from tests.time_skipping_play import TimeSkippingPlay, start_play
from tests.workflows.people import WORKER_SECONDS

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""The sample is for a first look, which needs no PostgreSQL."""

THURSDAY = date(2026, 10, 15)
"""As of which the sample begins."""
MORNINGS = 40


class PlayedSample:
    """The sample on skipped time: its customers, its staff, and who looks on."""

    def __init__(self, play: TimeSkippingPlay, real: datetime) -> None:
        self.play, self.real, self.database = play, real, play.parts.database
        parts = play.parts
        self.app = create_app(
            ApiContext(
                parts.database,
                parts.clock,
                TemporalCaseCommands(play.client, WORKER_SECONDS),
                parts.billing,
                parts.importer,
                parts.identity,
                now=lambda: self.real,
                company=parts.company,
            )
        )
        self.customers = SampleCustomers(parts, WorkflowCommandSender(play.client))
        self.staff = SampleStaff(parts, self.app)
        self.books = SampleBooks(self.database)

    async def pass_days(self, count: int) -> None:
        """Play so many mornings: letters go, customers act, and the staff works."""
        for _ in range(count):
            today = (await self.play.now()).date() + timedelta(days=1)
            await self.play.run_morning(today)
            self.books.note_morning(today)
            self.real = await self.play.environment.get_current_time()
            await self.customers.play(self.real)
            await self.play.sync()
            for _ in range(2):
                await self.staff.work(self.real)
                await self.play.sync()
            await self.play.settle()

    def list_cases(self, **conditions: Any) -> list[Case]:
        with self.database.reading() as session:
            found = list(session.scalars(select(Case).filter_by(**conditions)))
            session.expunge_all()
            return found

    def count_entries(self) -> Counter[str]:
        with self.database.reading() as session:
            return Counter(session.scalars(select(col(JournalEntry.kind))))

    def count_payments(self) -> int:
        with self.database.reading() as session:
            return len(session.scalars(select(Payment)).all())

    def measure_letters(self) -> LettersReport:
        """Hold the reminders that went against what the customers owed on their mornings."""
        assert self.play.parts.inbox is not None
        return measure_letters(self.books, list_sent_letters(self.database, self.play.parts.inbox))

    def list_given_up(self) -> dict[str, str]:
        """The staff's acts that were given up, with the last reason."""
        with self.database.reading() as session:
            row = session.get(Setting, STAFF_SETTING)
            return dict(row.value["given_up"]) if row else {}


@asynccontextmanager
async def play_sample(database: Database, folder: Path) -> AsyncIterator[PlayedSample]:
    async with start_play(database, folder, THURSDAY) as play:
        choose_sample(database, THURSDAY)
        load_sample(play.parts)
        await play.sync()
        sample = PlayedSample(play, await play.environment.get_current_time())
        yield sample
        await sample.staff.close()


async def restart_without_memory(sample: PlayedSample) -> None:
    """The worst: it stopped before it recorded what had been done."""
    with sample.database.writing() as session:
        session.execute(delete(Setting).where(col(Setting.name) == STAFF_SETTING))
    await sample.staff.close()
    sample.staff = SampleStaff(sample.play.parts, sample.app)
    await sample.staff.work(sample.real)
    await sample.play.sync()


ENDINGS = {
    CaseKind.DISPUTE: {"credit_note", "rejected"},
    CaseKind.SUSPENSION: {"reinstated", "written_off"},
    CaseKind.PAYMENT_PLAN: {"cancelled"},
}
"""How cases of each kind have ended, among others, after the played days."""

SHOWN = {
    Kind.CALL_LOGGED,
    Kind.PROMISE_KEPT,
    Kind.PROMISE_BROKEN,
    Kind.ESCALATED,
    Kind.ESCALATION_ANSWERED,
    Kind.PLAN_RETURNED,
    Kind.PLAN_ACCEPTED,
    Kind.PLAN_INSTALMENT_PAID,
    Kind.CREDIT_NOTE_ISSUED,
    Kind.CREDIT_REVIEW_VERDICT,
    Kind.SUSPENSION_SUSPENDED,
    Kind.SUSPENSION_REINSTATED,
    Kind.SUSPENSION_HANDED_OVER,
    Kind.WRITE_OFF_BOOKED,
}

WAITING = {
    (CaseKind.PAYMENT_PLAN, "approval"),
    (CaseKind.PAYMENT_PLAN, "author"),
    (CaseKind.CREDIT_REVIEW, "verdict"),
    (CaseKind.SUSPENSION, "approval"),
}
"""What waits, besides disputes and calls, for whom."""


ONCE = (Kind.CALL_LOGGED, Kind.DISPUTE_RAISED, Kind.SUSPENSION_ASKED, Kind.ESCALATED, Kind.APPROVAL_SIGNED)
"""What a restart must not do again."""


async def test_forty_days_show_each_kind_of_case_and_leave_some_waiting_and_a_restart_repeats_nothing(
    database: Database, tmp_path: Path
) -> None:
    async with play_sample(database, tmp_path) as sample:
        await sample.pass_days(MORNINGS)
        ended = {kind: {case.outcome for case in sample.list_cases(kind=kind)} for kind in ENDINGS}
        assert all(outcomes <= ended[kind] for kind, outcomes in ENDINGS.items()), ended
        entries = sample.count_entries()
        assert set(entries) >= {kind.value for kind in SHOWN}, SHOWN - set(entries)
        assert {case.stage for case in sample.list_cases(kind=CaseKind.WRITE_OFF)} == {"decided"}
        waiting = {(case.kind, case.waiting_for) for case in sample.list_cases(outcome=None)}
        assert waiting >= WAITING, WAITING - waiting
        assert any(case.stage == "active" for case in sample.list_cases(kind=CaseKind.PAYMENT_PLAN))
        assert [case for case in sample.list_cases(kind=CaseKind.DISPUTE, outcome=None) if case.awaiting_role]
        with database.reading() as session:
            assert session.scalars(select(Task).filter_by(kind="call", state="open")).all(), "no call is left to be made"
            acted = set(session.scalars(select(col(JournalEntry.actor))))
        assert acted >= {user.name for user in SAMPLE_USERS} - {"jonas.petersen"}
        assert not sample.list_given_up()
        report = sample.measure_letters()
        assert report.is_right, report
        assert report.netted, report

        payments = sample.count_payments()
        await restart_without_memory(sample)

        after = sample.count_entries()
        assert {kind: after[kind] for kind in ONCE} == {kind: entries[kind] for kind in ONCE}
        assert sample.count_payments() == payments


async def test_an_act_that_the_newcomer_was_before_stops_nothing(database: Database, tmp_path: Path) -> None:
    async with play_sample(database, tmp_path) as sample:
        await sample.pass_days(1)
        token = sample.play.parts.identity.issue_token("newcomer", Role.COLLECTIONS_MANAGER)
        transport, signed_in = httpx.ASGITransport(app=sample.app), {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://duecourse.test", headers=signed_in) as newcomer:
            asked = await newcomer.post("/v1/accounts/C1028/suspension", json={"reason": "I saw it first"})
            assert asked.status_code == 200, asked.text

            await sample.pass_days(10)

        assert "these invoices are in the suspension case already" in sample.list_given_up()["pennine-ask"]
        assert sample.list_cases(case_id="suspension:C1028")[0].stage != "warning_approval", "its warning was signed all the same"
        assert sample.list_cases(case_id="suspension:C1038")[0].stage != "warning_approval"


async def test_without_the_sample_the_staff_does_nothing(database: Database, tmp_path: Path) -> None:
    async with start_play(database, tmp_path, THURSDAY) as play:
        sample = PlayedSample(play, await play.environment.get_current_time())

        assert not await sample.staff.work(sample.real + timedelta(days=10))
        assert not sample.count_entries()
        with database.reading() as session:
            assert not session.scalars(select(Token)).all()
