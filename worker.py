"""The composition root of a worker: parts → activities → Worker."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.account_erasure import AccountErasureActivities
from activities.approval_digest import ApprovalDigestActivities
from activities.approvals import ApprovalActivities
from activities.billing_events import BillingEventActivities
from activities.case_check import CaseCheckActivities
from activities.case_effects import CaseEffectActivities
from activities.case_joining import CaseJoiningActivities
from activities.case_letters import CaseLetterActivities
from activities.case_recording import CaseRecordingActivities
from activities.connected_systems import ConnectedSystemActivities
from activities.credit_referrals import CreditReferralActivities
from activities.daily_seal import DailySealActivities
from activities.dossiers import DossierActivities
from activities.history_archive import HistoryArchiveActivities
from activities.letter_sending import LetterSendingActivities
from activities.policy_adoption import PolicyAdoptionActivities
from activities.waiting_notices import WaitingNoticeActivities
from adapters.audit.erasure import AccountEraser
from adapters.audit.histories.archive import RunArchive
from adapters.audit.histories.archive_sweep import HistoryArchiver
from adapters.audit.histories.object_store import open_archive_store
from adapters.audit.seals.seal_mail import SealMail
from adapters.audit.seals.seal_store import SealStore
from adapters.billing.invoice_documents import InvoiceDocuments
from adapters.case_check.case_checker import CaseChecker
from adapters.case_check.case_repair import CaseRepair
from adapters.case_check.next_run_loader import NextRunLoader
from adapters.cases.approval_facts import ApprovalFactsLoader
from adapters.cases.bookings_by_hand import BookingsByHand
from adapters.cases.case_inputs import CaseInputLoader
from adapters.cases.case_store import CaseStore
from adapters.cases.credit_rule import CreditRule
from adapters.cases.invoice_inputs import InvoiceInputLoader
from adapters.composition import Services
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.oversight.refusals import RefusedReadings
from adapters.correspondence.business_days import load_holidays
from adapters.correspondence.case_letter_store import CaseLetterStore
from adapters.correspondence.delivery_outcomes import BACKOFF, PRESUMED_DEAD
from adapters.correspondence.letter_loader import LetterLoader
from adapters.correspondence.letter_outbox import PATIENCE, PATIENCE_PLAYED_FAST, LetterOutbox
from adapters.correspondence.outcome_feed import OutcomeFeed
from adapters.correspondence.reading_gaps import keep_wait
from adapters.credit.referral_query import ReferralQuery
from adapters.dossier.dossier_store import DossierStore
from adapters.identity.delegation_store import DelegationStore
from adapters.mail.mail_server_watch import MailServerWatch
from adapters.mail.smtp_client import find_mail_server_problem
from adapters.notifications.approval_digest import DigestSender
from adapters.notifications.digest_store import DigestStore
from adapters.notifications.staff_notices import NoticeSender
from adapters.notifications.staff_notifier import StaffNotifier
from adapters.notifications.waiting_notices import WaitingNoticeStore
from adapters.policies.adoption_query import AdoptionQuery
from adapters.portfolio.assignments import CollectorChangeFeed
from adapters.process.gc_tuning import freeze_loaded_objects
from adapters.set_aside.set_aside_store import SetAsideStore
from adapters.temporal.case_signals import CaseSignals
from adapters.temporal.data_converter import WORKER_DATA_CONVERTER
from adapters.temporal.failure_watch import FailureWatch
from adapters.temporal.signal_guard import SignalGuard
from adapters.temporal.task_time import HUNG_SHARE, choose_task_timeout
from adapters.temporal.visibility import VisibilityRunListing
from domain import identifiers as ids
from workflows.account_erasure import Erasing
from workflows.account_suspension import AccountSuspension
from workflows.approval import Approval
from workflows.approval_digest import ApprovalDigest
from workflows.billing_sync import BillingSync
from workflows.compared_systems import ComparedSystems
from workflows.connected_systems import ConnectedSystems
from workflows.correspondence_run import CorrespondenceRun
from workflows.credit_referrals import Referrals
from workflows.credit_request import CreditRequest
from workflows.credit_review import CreditReview
from workflows.daily_seal import DailySeal
from workflows.dispute import Dispute
from workflows.history_archive import HistoryArchive
from workflows.invoice_collection import InvoiceCollection
from workflows.payment_plan import PaymentPlan
from workflows.policy_adoption import PolicyAdoption
from workflows.standing_check import StandingCheck
from workflows.write_off import WriteOff

Activities = list[Callable[..., Any]]

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
    PolicyAdoption,
    ApprovalDigest,
    CreditRequest,
    StandingCheck,
    ConnectedSystems,
    ComparedSystems,
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
    """Return a worker for every workflow and activity, not yet running. `presumed_dead` and `backoff` are the letter outbox's."""
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    load_holidays()
    signals = CaseSignals(client)
    settings = services.settings
    loader = LetterLoader(
        services.database,
        services.billing,
        services.letters,
        services.company,
        services.company.collector,
        settings.sender,
        settings.reply_domain,
        InvoiceDocuments(services.connected),
    )
    worker = Worker(
        build_worker_client(client),
        interceptors=[SignalGuard(), FailureWatch(SetAsideStore(services.database))],
        workflow_runner=build_workflow_runner(),
        task_queue=ids.TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=[
            *build_case_activities(services, signals),
            *build_correspondence_activities(services, signals, loader, presumed_dead, backoff),
            *build_billing_activities(services, signals),
            *build_audit_activities(services, client),
        ],
        max_cached_workflows=CACHED_WORKFLOWS,
        max_concurrent_workflow_task_polls=WORKFLOW_TASK_POLLERS,
        graceful_shutdown_timeout=GRACE_PERIOD,
        # shorter than a burst lasts, and every case's task would be given out again, and the case replayed from its whole history
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.worker_takeover_seconds),
    )
    _allow_long_tasks(worker, choose_task_timeout(settings.worker_takeover_seconds) * HUNG_SHARE)
    return worker


def _allow_long_tasks(worker: Worker, limit: timedelta) -> None:
    """Take a task for hung after that time, not after the SDK's own two seconds, for which it has no setting: a case that was sent a burst
    of signals would fail its task for ever, for each try takes in as many."""
    workflow_worker: Any = worker._workflow_worker
    assert hasattr(workflow_worker, "_deadlock_timeout_seconds"), "the SDK names it otherwise by now"
    workflow_worker._deadlock_timeout_seconds = limit.total_seconds()


def build_worker_client(client: Client) -> Client:
    """Return a client of the same connection that reads what workflows are sent as a `SignalGuard` needs it."""
    config = client.config()
    config["data_converter"] = WORKER_DATA_CONVERTER
    return Client(**config)


def build_case_activities(services: Services, signals: CaseSignals) -> Activities:
    """Return what cases write, and what they ask of other cases."""
    database, clock = services.database, services.clock
    recording = CaseRecordingActivities(CaseStore(database))
    inputs = CaseInputLoader(database, services.policies, clock)
    joining = CaseJoiningActivities(inputs, signals)
    referring = CreditReferralActivities(ReferralQuery(database, services.policies), inputs, signals, clock, SetAsideStore(database))
    dossiers = DossierActivities(DossierStore(database, services.company))
    adopting = PolicyAdoptionActivities(AdoptionQuery(database, services.policies), services.policies, signals)
    erasing = AccountErasureActivities(AccountEraser(database, services.settings.retention_years), clock)
    return [
        recording.record,
        joining.join_suspension,
        joining.hand_over,
        dossiers.make_dossier,
        referring.refer_accounts,
        erasing.erase_account,
        adopting.put_in_force,
        adopting.move_invoices,
    ]


def build_correspondence_activities(
    services: Services, signals: CaseSignals, loader: LetterLoader, presumed_dead: timedelta, backoff: Sequence[timedelta]
) -> Activities:
    """Return what selects and sends letters."""
    database, clock, settings = services.database, services.clock, services.settings
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
    patience = PATIENCE if clock.hours_matter else PATIENCE_PLAYED_FAST
    outbox = LetterOutbox(database, loader, owner, presumed_dead, backoff, patience)
    sending = LetterSendingActivities(outbox, services.mailer, OutcomeFeed(database), signals, clock, settings.smtp_connections)
    letters = CaseLetterActivities(CaseLetterStore(database, loader), clock)
    return [sending.select_letters, sending.send_letters, sending.notify_cases, letters.ask_letter, letters.withdraw_letter]


def build_billing_activities(services: Services, signals: CaseSignals) -> Activities:
    """Return what reads from the billing system, what books there, and the notices to staff that go with it."""
    database, clock, settings = services.database, services.clock, services.settings
    invoice_inputs = InvoiceInputLoader(database, services.policies, clock)
    credit_rule = CreditRule(services.billing, services.policies, database, clock)
    billing = BillingEventActivities(
        services.billing, invoice_inputs, signals, CollectorChangeFeed(database), SetAsideStore(database), credit_rule
    )
    keep_wait(database, settings.letters_wait_hours)
    notices = NoticeSender(database, services.mailer, settings.sender, settings.reply_domain, settings.console_address, clock)
    digests = DigestStore(database)
    notifier = StaffNotifier(notices, digests, WaitingNoticeStore(database), SetAsideStore(database))
    connected = ConnectedReading(services.connected, database, services.company.zone)
    reading = ConnectedSystemActivities(connected, RefusedReadings(database), notifier, clock)
    effects = CaseEffectActivities(services.billing, services.policies, notifier, clock, BookingsByHand(database))
    waiting = WaitingNoticeActivities(notifier, signals, clock)
    digest_mail = DigestSender(digests, services.mailer, settings.sender, settings.reply_domain, settings.console_address, clock)
    company = services.company
    digesting = ApprovalDigestActivities(digest_mail, clock, settings.digest_hour, company.zone, company.country or "")
    approvals = ApprovalActivities(services.policies, DelegationStore(database), ApprovalFactsLoader(database))
    return [
        billing.deliver_events,
        reading.list_systems,
        reading.read_system,
        reading.compare_system,
        reading.read_systems,
        approvals.frame_approval,
        approvals.review_decision,
        effects.issue_credit_note,
        effects.change_invoice,
        effects.cancel_invoice,
        effects.suspend,
        effects.reinstate,
        effects.write_off,
        effects.charge_interest,
        effects.read_invoice,
        effects.adopt_segment,
        effects.notify,
        waiting.tell_waiting_notices,
        digesting.send_digests,
    ]


def build_audit_activities(services: Services, client: Client) -> Activities:
    """Return what seals the journal, archives histories, and checks that every case runs."""
    database, settings = services.database, services.settings
    mail = SealMail(database, services.mailer, settings.sender, settings.reply_domain, settings.console_address, settings.audit_mail)
    sealing = DailySealActivities(SealStore(database), mail, services.clock, SetAsideStore(database))
    archive = RunArchive(database, open_archive_store(settings.archive_url))
    archiver = HistoryArchiver(client, database, archive, VisibilityRunListing(client))
    archiving = HistoryArchiveActivities(archiver, services.clock)
    checking = CaseCheckActivities(build_case_checker(client, services))
    return [sealing.make_seal, sealing.mail_seal, archiving.archive_histories, checking.check_cases]


def build_case_checker(client: Client, services: Services) -> CaseChecker:
    """Return the standing check of the cases."""
    database, policies, clock = services.database, services.policies, services.clock
    inputs = InvoiceInputLoader(database, policies, clock)
    return CaseChecker(client, database, VisibilityRunListing(client), NextRunLoader(database, policies, clock), inputs)


def build_case_repair(client: Client, services: Services) -> CaseRepair:
    """Return the repair of cases that are stuck."""
    next_runs = NextRunLoader(services.database, services.policies, services.clock)
    return CaseRepair(client, build_case_checker(client, services), next_runs)


async def run_worker(client: Client, services: Services, stop: asyncio.Event, when_ready: Callable[[], None]) -> None:
    """Work until `stop` is set, then finish what is under way. `when_ready` is called once it has begun."""
    watch = MailServerWatch(services.database, partial(find_mail_server_problem, services.smtp))
    async with build_worker(client, services):
        freeze_loaded_objects()
        watching = asyncio.create_task(watch.watch())
        when_ready()
        await stop.wait()
        watching.cancel()
    await services.mailer.close()
