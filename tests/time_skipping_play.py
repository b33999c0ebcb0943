"""Plays Duecourse on skipped time: the real workflows, activities, database and SMTP conversation, on Temporal's time-skipping server.

That server skips time only while `Play` asks it to, so that letters go at the business time a test says.
"""

import asyncio
import contextlib
import csv
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlmodel import col
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.letter_sending import LetterTally
from adapters.composition import Services, compose_services, get_inbox_folder
from adapters.config.settings import Settings
from adapters.database.engine import Database
from adapters.database.tables import Case, Invoice, JournalEntry, LedgerEvent
from adapters.imports.column_mapping import load_mapping
from adapters.imports.importer import ImportResult
from adapters.mail.local_inbox import InboxServer
from adapters.shipped_files import PROJECT
from domain import identifiers as ids
from domain.approval.digest import DigestTally
from domain.case.case_view import CaseView
from domain.clock import Clock
from tests.patience import Looks
from tests.time_skipping import time_skipping
from worker import build_worker
from workflows.approval_digest import ApprovalDigest
from workflows.billing_sync import BillingSync
from workflows.correspondence_run import CorrespondenceRun
from workflows.invoice_collection import InvoiceCollection

TASK_OPEN = {EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED}
TASK_OVER = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
}
SKIPS_TRIED = 10
UNANSWERED = (RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED)
AFTER_THE_MORNING = timedelta(hours=14, minutes=30)
"""Contact hours from Helsinki to Los Angeles' neighbours: 16:30 in Berlin, 10:30 in New York."""

SETTLING = timedelta(minutes=1)
"""So much time is let pass after the moment in which cases wake: the server skips it when nothing is under way, and its clock keeps step
with ours as long as a case is at work, or a signal or an activity is on its way. So the work is done when the minute is over, however
slow the machine."""

TAKEOVER_SECONDS = 10
"""The SDK's default: the time-skipping server may lose a task on its way to a worker's cache, and gives it out again after that."""


THREAD_SWITCH_SECONDS = 0.005
"""Python's own. A worker's is a tenth of it, which is worth its price where the worker has a processor to itself: here every thread that
waits for the interpreter would wake up so often to ask for it, and several processes share two processors."""

QUIET_LOOKS = 4
"""Looks at the database, 20 ms apart, without a change before a case is asked: a question that meets a write ends the task."""

_DELIVERED = select(col(LedgerEvent.invoice_id)).where(col(LedgerEvent.delivered_at).is_not(None))
_UNHEARD = select(col(LedgerEvent.invoice_id)).where(col(LedgerEvent.delivered_at).is_(None))
_WRITTEN = select(func.count()).select_from(JournalEntry)


class TimeSkippingPlay:
    """`parts` are Duecourse's own; business time begins at midnight UTC of the day the play starts."""

    def __init__(self, environment: WorkflowEnvironment, parts: Services) -> None:
        self.environment, self.parts, self.client = environment, parts, environment.client
        self._numbers = iter(range(1_000_000))

    async def now(self) -> datetime:
        """Business time."""
        return self.parts.clock.to_business(await self.environment.get_current_time())

    async def skip_to(self, moment: datetime) -> None:
        """Let business time pass; every timer on the way fires, and the invoices that it wakes come to rest."""
        await self.skip_server_time(self.parts.clock.to_real(moment))
        await self.wait_for_rest()

    async def skip_server_time(self, until: datetime) -> None:
        """Let the server's time pass, whatever a case's own clock makes of it.

        The test server answers only when it has got there, which can take longer than a request may: then it is asked again.
        """
        for _ in range(SKIPS_TRIED):
            wait = until - await self.environment.get_current_time()
            if wait <= timedelta(0):
                break
            try:
                await self.environment.sleep(wait)
            except RPCError as error:
                if error.status not in UNANSWERED:
                    raise
            else:
                break
        else:
            raise AssertionError(f"the server's time does not pass to {until}")

    async def settle(self) -> None:
        """Until what was begun is done in every case: see `SETTLING`."""
        await self.skip_to(await self.now() + SETTLING)

    async def run_morning(self, day: date) -> LetterTally:
        """Pass the day's beginning, and send its letters."""
        await self.skip_to(datetime.combine(day, datetime.min.time(), UTC) + SETTLING)
        await self.sync()
        await self.skip_to(datetime.combine(day, datetime.min.time(), UTC) + AFTER_THE_MORNING)
        return await self.send_letters()

    async def run_mornings(self, first: date, last: date) -> None:
        """Every morning from one date to another, both included."""
        for offset in range((last - first).days + 1):
            await self.run_morning(first + timedelta(days=offset))

    async def sync(self) -> int:
        """Deliver what billing reports, and wait until the invoices have taken it in."""
        with self.environment.auto_time_skipping_disabled():
            delivered = await self.client.execute_workflow(BillingSync.run, id=f"sync-{next(self._numbers)}", task_queue=ids.TASK_QUEUE)
        await self.wait_for_rest()
        return delivered

    async def send_letters(self) -> LetterTally:
        with self.environment.auto_time_skipping_disabled():
            return await self.client.execute_workflow(CorrespondenceRun.run, id=f"letters-{next(self._numbers)}", task_queue=ids.TASK_QUEUE)

    async def send_digests(self) -> DigestTally:
        """What waits for whom, told by one mail each, if the hour has come and no digest has gone today."""
        with self.environment.auto_time_skipping_disabled():
            return await self.client.execute_workflow(ApprovalDigest.run, id=f"digest-{next(self._numbers)}", task_queue=ids.TASK_QUEUE)

    async def wait_for_rest(self) -> None:
        """Until every case has done what is due: none knows that it is settled and is open, none has a step to take, none has yet to begin.

        What billing has yet to report moves no case: it comes with the next `sync`, and time may pass before that.
        A case is asked only when nothing has been written for a moment: a question in the middle of its work can part its history from its
        code (docs/audit.md).
        """
        today = (await self.now()).date()
        unfinished = or_(
            and_(
                col(Invoice.status) != "open", col(Case.case_id).is_not(None), col(Case.outcome).is_(None), col(Invoice.id).not_in(_UNHEARD)
            ),
            and_(col(Invoice.status) == "open", col(Case.outcome).is_(None), col(Case.next_on) <= today),
            and_(col(Invoice.status) == "open", col(Case.case_id).is_(None), col(Invoice.id).in_(_DELIVERED)),
        )
        before: tuple[list[str], int] = [], 0
        unchanged = 0
        async for _ in Looks():
            found = await asyncio.to_thread(self._restless, unfinished)
            left, _ = found
            unchanged = unchanged + 1 if found == before else 0
            if not left or (unchanged >= QUIET_LOOKS and not [invoice for invoice in left if await self._acts_by_now(invoice)]):
                return
            before = found
        raise AssertionError(f"the cases did not come to rest: {before}")

    def _restless(self, unfinished: Any) -> tuple[list[str], int]:
        """The invoices, and how much is written; where none is left, nobody asks that."""
        its_case = and_(col(Case.invoice_id) == col(Invoice.id), col(Case.kind) == "invoice")
        statement = select(col(Invoice.id)).outerjoin(Case, its_case).where(unfinished)
        with self.parts.database.reading() as session:
            left = list(session.scalars(statement.order_by(col(Invoice.id))))
            return left, session.execute(_WRITTEN).scalar_one() if left else 0

    async def _acts_by_now(self, invoice_id: str) -> bool:
        """The read model knows the day of the next step; after a hold that ended within a day, the step is due later that day."""
        if (await asyncio.to_thread(self.parts.billing.get_invoice_facts, invoice_id)).is_settled:
            return True
        case = self.case(invoice_id)
        try:
            if await is_at_work(case):
                return True
            due = (await case.query(InvoiceCollection.next_step, rpc_timeout=timedelta(seconds=3))).due_at
        except RPCError:  # the test server leaves a query unanswered when the run it was put to goes on as a new one
            return True
        return due is not None and due <= await self.now()

    async def import_file(self, file: Path, mapping: str, business_date: date) -> ImportResult:
        path = PROJECT / "mappings" / f"{mapping}.yaml"
        return await asyncio.to_thread(self.parts.importer.run, file, load_mapping(path), business_date, await self.now(), "tests")

    def case(self, invoice_id: str) -> WorkflowHandle[InvoiceCollection, Any]:
        return self.client.get_workflow_handle_for(InvoiceCollection.run, ids.invoice_case_id(invoice_id))

    async def view(self, invoice_id: str) -> CaseView:
        return await self.case(invoice_id).query(InvoiceCollection.snapshot)

    def journal(self, invoice_id: str) -> list[tuple[str, dict[str, Any]]]:
        """Kind and facts of an invoice's entries, in order."""
        return self.case_journal(ids.invoice_case_id(invoice_id))

    def case_journal(self, case_id: str) -> list[tuple[str, dict[str, Any]]]:
        """Kind and facts of a case's entries, in order."""
        with self.parts.database.reading() as session:
            statement = select(JournalEntry).where(col(JournalEntry.case_id) == case_id).order_by(col(JournalEntry.seq))
            return [(entry.kind, entry.facts) for entry in session.scalars(statement)]


async def is_at_work(case: WorkflowHandle[Any, Any]) -> bool:
    """A task of the case is open. A question that meets a local activity under way ends the task at once; what the case hears in its next
    one then comes before the activity's answer, and in a replay after it."""
    events = (await case.fetch_history()).events
    tasks = [event.event_type for event in events if event.event_type in TASK_OPEN | TASK_OVER]
    return tasks[-1] in TASK_OPEN


async def fetch_history_at_rest(case: WorkflowHandle[Any, Any]) -> WorkflowHistory:
    """A case's history, once no task of it is open: its entries are in the database before the task that wrote them is over."""
    async for _ in Looks():
        if not await is_at_work(case):
            break
    return await case.fetch_history()


@asynccontextmanager
async def start_play(database: Database, folder: Path, start: date) -> AsyncIterator[TimeSkippingPlay]:
    """Duecourse on `database`, from midnight UTC of `start`; its letters go to a local inbox in `folder` through real SMTP."""
    settings = Settings.load(data_dir=folder, worker_takeover_seconds=TAKEOVER_SECONDS)
    async with time_skipping() as environment:
        real = await environment.get_current_time()
        clock = Clock(real_anchor=real, business_anchor=datetime.combine(start, datetime.min.time(), UTC))
        get_inbox_folder(settings).mkdir(parents=True, exist_ok=True)
        first = compose_services(settings, database, clock)
        assert first.inbox is not None
        with InboxServer(first.inbox, 0) as server:
            parts = compose_services(settings, database, clock, inbox_port=server.port)
            parts.policies.load_folder(PROJECT / "policies")
            with contextlib.suppress(asyncio.CancelledError):
                worker = build_worker(environment.client, parts)
                sys.setswitchinterval(THREAD_SWITCH_SECONDS)
                async with worker:
                    yield TimeSkippingPlay(environment, parts)
            await parts.mailer.close()


def write_invoice_file(file: Path, rows: Sequence[dict[str, str]]) -> Path:
    """A file in Duecourse's own format, as `mappings/duecourse.yaml` reads it."""
    with file.open("w", newline="", encoding="utf-8") as sheet:
        writer = csv.DictWriter(sheet, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file
