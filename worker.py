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

from activities.account_erasure import AccountErasureActivities
from activities.billing_events import BillingEventActivities
from activities.case_effects import CaseEffectActivities
from activities.case_joining import CaseJoiningActivities
from activities.case_letters import CaseLetterActivities
from activities.case_recording import CaseRecordingActivities
from activities.correspondence import CorrespondenceActivities
from activities.credit_referrals import CreditReferralActivities
from activities.daily_seal import DailySealActivities
from activities.dossiers import DossierActivities
from activities.history_archive import HistoryArchiveActivities
from adapters.audit.erasure import AccountEraser
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.archiving import HistoryArchiver
from adapters.audit.histories.object_store import open_archive_store
from adapters.audit.seals.seal_mail import SealMail
from adapters.audit.seals.seal_store import SealStore
from adapters.cases.case_inputs import CaseInputLoader
from adapters.cases.case_store import CaseStore
from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.composition import Services
from adapters.correspondence.case_letter_store import CaseLetterStore
from adapters.correspondence.delivery_outcomes import BACKOFF, PRESUMED_DEAD
from adapters.correspondence.letter_dispatch import PATIENCE, PATIENCE_PLAYED_FAST, LetterDispatch
from adapters.correspondence.letter_loader import LetterLoader
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.credit.referral_query import ReferralQuery
from adapters.dossier.dossier_store import DossierStore
from adapters.identity.delegation_store import DelegationStore
from adapters.notifications.staff_notices import NoticeSender
from adapters.portfolio.assignments import CollectorChangeFeed
from adapters.process.gc_tuning import freeze_loaded_objects
from adapters.temporal.case_signals import CaseSignals
from adapters.temporal.visibility import VisibilityRunListing
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
WORKFLOW_TASK_POLLERS = 20
"""Requests for workflow tasks under way at once: when many timers fire together, the SDK's own five mostly wait for the server."""

THREAD_SWITCH_SECONDS = 0.0005
"""How soon a thread that has its answer from the database gets the interpreter back: at Python's own 5 ms it waits longer for that than
for the answer, statement by statement."""

GRACE_PERIOD = timedelta(seconds=20)
"""How long a worker that is asked to stop may go on with the letters on the wire."""


def build_workflow_runner() -> UnsandboxedWorkflowRunner:
    """How workflows are run, and recorded ones replayed. The sandbox stands guard in the tests: docs/decisions/0003."""
    return UnsandboxedWorkflowRunner()


def build_worker(
    client: Client, services: Services, presumed_dead: timedelta = PRESUMED_DEAD, backoff: Sequence[timedelta] = BACKOFF
) -> Worker:
    """A worker for every workflow and activity, not yet running. `presumed_dead` and `backoff` are the letter desk's."""
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    company, settings = services.company, services.settings
    signals = CaseSignals(client)
    reading = LetterLoader(services.database, services.letters, company, company.collector, settings.sender, settings.reply_domain)
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
    hours_matter = services.clock.hours_matter
    patience = PATIENCE if hours_matter else PATIENCE_PLAYED_FAST
    desk = LetterDispatch(services.database, reading, owner, presumed_dead, backoff, patience, hours_matter)
    sending = CorrespondenceActivities(
        desk, services.mailer, OutcomeFeed(services.database), signals, services.clock, settings.smtp_connections
    )
    openings = InvoiceInputLoader(services.database, services.policies, services.clock)
    billing = BillingEventActivities(services.ledger, openings, signals, CollectorChangeFeed(services.database))
    recording = CaseRecordingActivities(CaseStore(services.database))
    console = settings.console_url or f"http://{settings.api_host}:{settings.api_port}"
    notices = NoticeSender(services.database, services.mailer, settings.sender, settings.reply_domain, console)
    letters = CaseLetterActivities(CaseLetterStore(services.database, reading), services.clock)
    beginnings = CaseInputLoader(services.database, services.policies, services.clock)
    joining = CaseJoiningActivities(beginnings, signals)
    referring = CreditReferralActivities(ReferralQuery(services.database, services.policies), beginnings, signals, services.clock)
    dossiers = DossierActivities(DossierStore(services.database, services.company))
    erasing = AccountErasureActivities(AccountEraser(services.database, settings.retention_years), services.clock)
    seal_mail = SealMail(services.database, services.mailer, settings.sender, settings.reply_domain, console, settings.audit_mail)
    sealing = DailySealActivities(SealStore(services.database), seal_mail, services.clock)
    archive = RunArchive(services.database, open_archive_store(settings.archive_url))
    archiving = HistoryArchiveActivities(HistoryArchiver(client, services.database, archive, VisibilityRunListing(client)), services.clock)
    effects = CaseEffectActivities(services.ledger, services.policies, DelegationStore(services.database), notices, services.clock)
    return Worker(
        client,
        workflow_runner=build_workflow_runner(),
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
        max_concurrent_workflow_task_polls=WORKFLOW_TASK_POLLERS,
        graceful_shutdown_timeout=GRACE_PERIOD,
    )


async def run_worker(client: Client, services: Services, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then finish what is under way."""
    async with build_worker(client, services):
        freeze_loaded_objects()
        await stop.wait()
    await services.mailer.close()
