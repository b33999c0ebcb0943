"""Every business day that is over is sealed once: the seal is kept, written down in a chain of its own, and sent out of the house."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

from sqlalchemy import select
from sqlmodel import col
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.case_recording import CaseRecordingActivities
from activities.daily_seal import DailySealActivities
from adapters.audit.seals.seal_mail import SealMail
from adapters.audit.seals.seal_store import SealStore
from adapters.audit.verification.verification import Verification
from adapters.cases.case_store import CaseStore
from adapters.database.engine import Database
from adapters.database.tables import JournalEntry
from adapters.mail.smtp_client import DeliveryOutcome, DeliveryResult
from adapters.set_aside.set_aside_store import SetAsideStore
from domain import identifiers as ids
from domain.audit.seal import Seal
from domain.clock import Clock
from tests.adapters.audit.tampered_journals import TamperedJournals
from tests.time_skipping import time_skipping
from worker import build_workflow_runner
from workflows.daily_seal import DailySeal

QUEUE = "seals"
MONDAY, A_DAY = datetime(2013, 3, 4, 0, 0, 1, tzinfo=UTC), timedelta(days=1)


class AuditMailbox:
    """A mailer that keeps what it is given."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> DeliveryResult:
        assert list(recipients) == ["audit@ours.test"]
        self.sent.append(message)
        return DeliveryResult(DeliveryOutcome.SENT, None, "")

    async def close(self) -> None:
        return None


class Sealer:
    """The workflow, with its real activities, on skipped time. Time must stand still while it runs: the test server takes a local activity
    for nothing under way, and would skip to the end of its workflow task again and again."""

    def __init__(self, environment: WorkflowEnvironment, database: Database, mailbox: AuditMailbox) -> None:
        self._environment, self._database, self._mailbox = environment, database, mailbox

    @property
    def client(self) -> Client:
        return self._environment.client

    async def worker(self) -> Worker:
        clock = Clock(real_anchor=await self._environment.get_current_time(), business_anchor=MONDAY)
        mail = SealMail(self._database, self._mailbox, "duecourse@ours.test", "ours.test", "http://duecourse.test", "audit@ours.test")
        sealing = DailySealActivities(SealStore(self._database), mail, clock, SetAsideStore(self._database))
        recording = CaseRecordingActivities(CaseStore(self._database))
        activities: list[Callable[..., Any]] = [sealing.make_seal, sealing.mail_seal, recording.record]
        return Worker(self.client, task_queue=QUEUE, workflows=[DailySeal], activities=activities, workflow_runner=build_workflow_runner())

    async def seals(self, number: int) -> Seal:
        with self._environment.auto_time_skipping_disabled():
            return await self.client.execute_workflow(DailySeal.run, id=f"{ids.DAILY_SEAL_ID}-{number}", task_queue=QUEUE)


async def test_each_day_is_sealed_once_told_of_once_and_mailed(database: Database) -> None:
    TamperedJournals(database).write("dispute:I-1:1", "a", "b")
    mailbox = AuditMailbox()
    async with time_skipping() as environment:
        sealer = Sealer(environment, database, mailbox)
        async with await sealer.worker():
            first, again = await sealer.seals(1), await sealer.seals(2)
            await environment.sleep(A_DAY)
            second = await sealer.seals(3)

    assert first == again
    assert [seal.day for seal in (first, second)] == [date(2013, 3, 3), date(2013, 3, 4)]
    assert (first.cases, first.entries, second.cases, second.entries) == (1, 2, 2, 3)
    assert second.previous == first.digest()
    with database.reading() as session:
        of_seals = select(JournalEntry).where(col(JournalEntry.case_id) == ids.SEAL_CASE_ID)
        entries = session.scalars(of_seals.order_by(col(JournalEntry.seq))).all()
    assert [(entry.seq, entry.facts["hash"]) for entry in entries] == [(1, first.digest()), (2, second.digest())]
    letters = [message_from_bytes(content, policy=policy.default) for content in mailbox.sent]
    assert letters[0]["Message-ID"] == letters[1]["Message-ID"] != letters[2]["Message-ID"]
    assert all(seal.digest() in content.decode() for seal, content in zip((first, first, second), mailbox.sent, strict=True))
    assert Verification(database).run().faults == []
