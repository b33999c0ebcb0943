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

from activities.account_erasure import AccountErasing
from activities.billing_events import BillingDelivery
from activities.case_effects import CaseEffects
from activities.case_joining import CaseJoining
from activities.case_letters import CaseLetters
from activities.case_recording import Recording
from activities.correspondence import LetterSending
from activities.credit_referrals import Referring
from activities.daily_seal import Sealing
from activities.dossiers import DossierMaking
from activities.history_archive import Archiving
from adapters.audit.erasure import Erasure
from adapters.audit.histories.archive import ArchivedRuns
from adapters.audit.histories.archiving import HistoryExport
from adapters.audit.histories.object_store import archive_store
from adapters.audit.seals.seal_mail import SealMail
from adapters.audit.seals.seal_store import SealBook
from adapters.cases.case_inputs import CaseBeginnings
from adapters.cases.case_store import CaseBook
from adapters.cases.invoice_inputs import Openings
from adapters.composition import Parts
from adapters.correspondence.case_letter_store import CaseLetterBook
from adapters.correspondence.delivery_outcomes import BACKOFF, PRESUMED_DEAD
from adapters.correspondence.letter_dispatch import PATIENCE, PATIENCE_PLAYED_FAST, LetterDesk
from adapters.correspondence.letter_loader import LetterReading
from adapters.correspondence.outcome_feed import Postbox
from adapters.credit.referral_query import ReferralReading
from adapters.dossier.dossier_store import DossierBook
from adapters.identity.delegation_store import DelegationBook
from adapters.notifications.staff_notices import Notices
from adapters.portfolio.assignments import PortfolioNews
from adapters.process.gc_tuning import settle_down
from adapters.temporal.case_signals import CaseSignals
from adapters.temporal.visibility import Visibility
from domain import identifiers as ids
from workflows.account_erasure import Erasing
from workflows.account_suspension import AccountSuspension
from workflows.approval import Approval
from workflows.billing_sync import BillingSync
from workflows.correspondence_run import CorrespondenceRun
from workflows.credit_referrals import Referrals
from workflows.credit_review import CreditReview
from workflows.daily_seal import DailySeal
from workflows.dispute import Dispute
from workflows.history_archive import HistoryArchive
from workflows.invoice_collection import InvoiceCollection
from workflows.payment_plan import PaymentPlan
from workflows.write_off import WriteOff

WORKFLOWS = (
    InvoiceCollection,
    Dispute,
    PaymentPlan,
    CreditReview,
    AccountSuspension,
    WriteOff,
    Approval,
    CorrespondenceRun,
    BillingSync,
    Referrals,
    Erasing,
    DailySeal,
    HistoryArchive,
)
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
    openings = Openings(parts.database, parts.policies, parts.clock)
    billing = BillingDelivery(parts.ledger, openings, signals, PortfolioNews(parts.database))
    recording = Recording(CaseBook(parts.database))
    console = settings.console_url or f"http://{settings.api_host}:{settings.api_port}"
    notices = Notices(parts.database, parts.mailer, settings.sender, settings.reply_domain, console)
    letters = CaseLetters(CaseLetterBook(parts.database, reading), parts.clock)
    beginnings = CaseBeginnings(parts.database, parts.policies, parts.clock)
    joining = CaseJoining(beginnings, signals)
    referring = Referring(ReferralReading(parts.database, parts.policies), beginnings, signals, parts.clock)
    dossiers = DossierMaking(DossierBook(parts.database, parts.company))
    erasing = AccountErasing(Erasure(parts.database, settings.retention_years), parts.clock)
    seal_mail = SealMail(parts.database, parts.mailer, settings.sender, settings.reply_domain, console, settings.audit_mail)
    sealing = Sealing(SealBook(parts.database), seal_mail, parts.clock)
    archive = ArchivedRuns(parts.database, archive_store(settings.archive_url))
    archiving = Archiving(HistoryExport(client, parts.database, archive, Visibility(client)), parts.clock)
    effects = CaseEffects(parts.ledger, parts.policies, DelegationBook(parts.database), notices, parts.clock)
    return Worker(
        client,
        workflow_runner=workflow_runner(),
        task_queue=ids.TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            recording.record,
            sending.select_letters,
            sending.send_letters,
            sending.tell_cases,
            billing.deliver_events,
            effects.frame_approval,
            effects.issue_credit_note,
            effects.change_invoice,
            effects.suspend,
            effects.reinstate,
            effects.write_off,
            effects.charge_interest,
            effects.read_invoice,
            effects.adopt_segment,
            effects.notify,
            letters.ask_letter,
            letters.withdraw_letter,
            joining.join_suspension,
            joining.hand_over,
            dossiers.make_dossier,
            referring.refer_accounts,
            erasing.erase_account,
            sealing.make_seal,
            sealing.mail_seal,
            archiving.archive_histories,
        ],
        max_cached_workflows=CACHED_WORKFLOWS,
        max_concurrent_workflow_task_polls=POLLERS,
        graceful_shutdown_timeout=GRACE,
    )


async def run_worker(client: Client, parts: Parts, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then finish what is under way."""
    async with build_worker(client, parts):
        settle_down()
        await stop.wait()
    await parts.mailer.close()
