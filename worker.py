"""The composition root of a worker: parts → activities → Worker."""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.billing import BillingDelivery
from activities.correspondence import LetterSending
from activities.recording import Recording
from adapters.case_signals import CaseSignals
from adapters.casebook import CaseBook
from adapters.letter_desk import PATIENCE, PATIENCE_PLAYED_FAST, LetterDesk
from adapters.letter_news import Postbox
from adapters.letter_outcomes import BACKOFF, PRESUMED_DEAD
from adapters.letter_reading import LetterReading
from adapters.openings import Openings
from adapters.parts import Parts
from domain import ids
from workflows.billing_sync import BillingSync
from workflows.correspondence_run import CorrespondenceRun
from workflows.invoice_collection import InvoiceCollection

WORKFLOWS = (InvoiceCollection, CorrespondenceRun, BillingSync)
CACHED_WORKFLOWS = 10_000
POLLERS = 20
"""Requests for workflow tasks under way at once: when many timers fire together, the SDK's own five mostly wait for the server."""

SWITCH_SECONDS = 0.0005
"""How soon a thread that has its answer from the database gets the interpreter back: at Python's own 5 ms it waits longer for that than
for the answer, statement by statement."""

GRACE = timedelta(seconds=20)
"""How long a worker that is asked to stop may go on with the letters on the wire."""


def workflow_runner() -> UnsandboxedWorkflowRunner:
    """How workflows are run, and recorded ones replayed. The sandbox stands guard in the tests: docs/decisions/0003."""
    return UnsandboxedWorkflowRunner()


def build_worker(client: Client, parts: Parts, presumed_dead: timedelta = PRESUMED_DEAD, backoff: Sequence[timedelta] = BACKOFF) -> Worker:
    """A worker for every workflow and activity, not yet running. `presumed_dead` and `backoff` are the letter desk's."""
    sys.setswitchinterval(SWITCH_SECONDS)
    company, settings = parts.company, parts.settings
    signals = CaseSignals(client)
    reading = LetterReading(parts.database, parts.letters, company, company.collector, settings.sender, settings.reply_domain)
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
    hours_matter = parts.clock.hours_matter
    patience = PATIENCE if hours_matter else PATIENCE_PLAYED_FAST
    desk = LetterDesk(parts.database, reading, owner, presumed_dead, backoff, patience, hours_matter)
    sending = LetterSending(desk, parts.mailer, Postbox(parts.database), signals, parts.clock, settings.smtp_connections)
    billing = BillingDelivery(parts.ledger, Openings(parts.database, parts.policies, parts.clock), signals)
    recording = Recording(CaseBook(parts.database))
    return Worker(
        client,
        workflow_runner=workflow_runner(),
        task_queue=ids.TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=[recording.record, sending.select_letters, sending.send_letters, sending.tell_invoices, billing.deliver_events],
        max_cached_workflows=CACHED_WORKFLOWS,
        max_concurrent_workflow_task_polls=POLLERS,
        graceful_shutdown_timeout=GRACE,
    )


async def run_worker(client: Client, parts: Parts, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then finish what is under way."""
    async with build_worker(client, parts):
        await stop.wait()
    await parts.mailer.close()
