"""Carries out what a case asks for: holds and news go to the invoices, orders to billing, questions to people, letters to the desk."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.approvals import ApprovalActivities
    from activities.case_effects import CaseEffectActivities
    from activities.case_joining import CaseJoiningActivities
    from activities.case_letters import CaseLetterActivities
    from activities.dossiers import DossierActivities
    from domain import identifiers as ids
    from domain.approval.facts import CREDITED_BEFORE
    from domain.approval.result import ApprovalSubject
    from domain.approval.workflow_input import ApprovalInput
    from domain.billing.receivables import InvoiceUpdate
    from domain.case.account_case import AccountCase
    from domain.case.billing_results import BillingResult
    from domain.case.effects import (
        AdoptSegment,
        BookWriteOff,
        CancelInvoice,
        ChangeInvoice,
        ChargeInterest,
        Effect,
        HandOverAccount,
        HastenTimeline,
        IssueCreditNote,
        JoinSuspension,
        LiftHold,
        MakeDossier,
        MarkDisputed,
        NotifyInvoice,
        NotifyPerson,
        NotifyRole,
        NotifySuspension,
        PlaceHold,
        ReinstateInBilling,
        RequestApproval,
        ReviseApproval,
        SendLetter,
        SuspendInBilling,
        WithdrawApproval,
        WithdrawLetter,
    )
    from domain.case.handler_names import SignalName
    from domain.case.letter_order import LetterOrder
    from domain.case.workflow_input import CaseInput
    from domain.clock import Clock, Moment
    from domain.journal.entry import FactValue
    from domain.journal.entry_kinds import EntryKind
    from domain.policy.collection_policy import PolicySnapshot

from workflows.case_runtime.activity_options import BOOKING_OPTIONS, NOTIFY_OPTIONS, SHORT_ACTIVITY_OPTIONS
from workflows.case_runtime.search_attributes import build_account_attributes

START_RETRY_INTERVAL = timedelta(seconds=10)
"""An invoice that billing has just reported may have no workflow yet: it is told again after so long, in real time."""

MAX_START_RETRIES = 6


@dataclass(frozen=True)
class EffectResultHandlers:
    """The handlers by which a kind of case applies the results of its effects.

    `billing_result`: what billing answered. `invoice_changed`: an invoice was settled before its hold reached it. `notified`: the names of
    those who got a notice. `account_prepaid`: the account of an approval is paid in advance; the approval is then not asked for.
    """

    billing_result: Callable[[BillingResult], None] | None = None
    invoice_changed: Callable[[InvoiceUpdate], None] | None = None
    notified: Callable[[NotifyRole | NotifyPerson, list[str]], None] | None = None
    account_prepaid: Callable[[], None] | None = None


async def signal_case(case_id: str, signal: SignalName, argument: object) -> bool:
    """Signal another case. False when none of that id is open: it is over, and need not know, or has yet to begin."""
    try:
        await workflow.get_external_workflow_handle(case_id).signal(signal, argument)
    except FailureError:
        return False
    return True


async def start_child_case(
    name: ids.WorkflowName, opening: CaseInput, case_id: str, account_id: str
) -> workflow.ChildWorkflowHandle[Any, Any] | None:
    """Start a case that outlives the runs of the one that starts it. None for one that was started before: a run that begins a lost one
    again may not know of it."""
    try:
        return await workflow.start_child_workflow(
            name,
            opening,
            id=case_id,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=build_account_attributes(account_id),
            task_timeout=workflow.info().task_timeout,
        )
    except WorkflowAlreadyStartedError:
        return None


class TimeSource(Protocol):
    """What knows by which clock a case lives, and what time it is for it."""

    clock: Clock

    @property
    def now(self) -> Moment: ...


class EffectDispatcher:
    def __init__(self, case: AccountCase, time_source: TimeSource, handlers: EffectResultHandlers) -> None:
        self._case, self._time_source, self._handlers = case, time_source, handlers
        self._background_tasks: list[asyncio.Task[Any]] = []
        self._approval_tasks: list[asyncio.Task[Any]] = []

    def has_pending_work(self, include_approvals: bool) -> bool:
        """Return whether a notice or a dossier is under way; or an approval is open, where these count too."""
        return bool(self._background_tasks) or (include_approvals and bool(self._approval_tasks))

    @property
    def _case_id(self) -> str:
        return self._case.journal.case_id

    async def execute_effect(self, effect: Effect) -> None:
        match effect:
            case PlaceHold():
                await self._place_hold(effect)
            case LiftHold():
                await signal_case(ids.invoice_case_id(effect.invoice_id), SignalName.HOLD_LIFTED, effect.hold_id)
            case MarkDisputed():
                await signal_case(ids.invoice_case_id(effect.invoice_id), SignalName.DISPUTED, effect)
            case NotifyInvoice():
                await signal_case(
                    ids.invoice_case_id(effect.invoice_id), SignalName.TOLD, effect.model_copy(update={"case_id": self._case_id})
                )
            case HastenTimeline():
                await signal_case(ids.invoice_case_id(effect.invoice_id), SignalName.RESUME_HARSHER, effect)
            case NotifySuspension():
                await self._signal_suspension(effect)
            case RequestApproval():
                await self._start_approval(effect)
            case ReviseApproval():
                await signal_case(ids.approval_case_id(self._case_id, effect.number), SignalName.FACTS_CHANGED, effect)
            case WithdrawApproval():
                await signal_case(ids.approval_case_id(self._case_id, effect.number), SignalName.LAPSE, effect)
            case NotifyRole() | NotifyPerson():
                self._send_notice(effect)
            case SendLetter():
                await self._send_letter(effect)
            case WithdrawLetter():
                await workflow.execute_activity_method(
                    CaseLetterActivities.withdraw_letter, args=[self._case_id, effect.key], **BOOKING_OPTIONS
                )
            case JoinSuspension():
                await workflow.execute_activity_method(
                    CaseJoiningActivities.join_suspension, args=[effect, self._time_source.clock], **BOOKING_OPTIONS
                )
            case HandOverAccount():
                await workflow.execute_activity_method(
                    CaseJoiningActivities.hand_over, args=[effect, self._time_source.clock], **BOOKING_OPTIONS
                )
            case AdoptSegment():
                await self._adopt_segment(effect)
            case MakeDossier():
                self._make_dossier(effect)
            case _:
                await self._execute_billing_effect(effect)

    async def _execute_billing_effect(self, effect: Effect) -> None:
        """Execute an effect in billing, and apply the result."""
        match effect:
            case IssueCreditNote():
                self._handle_billing_result(
                    await workflow.execute_activity_method(CaseEffectActivities.issue_credit_note, effect, **BOOKING_OPTIONS)
                )
            case ChangeInvoice():
                self._handle_billing_result(
                    await workflow.execute_activity_method(CaseEffectActivities.change_invoice, effect, **BOOKING_OPTIONS)
                )
            case CancelInvoice():
                self._handle_billing_result(
                    await workflow.execute_activity_method(
                        CaseEffectActivities.cancel_invoice, args=[effect, self._case_id], **BOOKING_OPTIONS
                    )
                )
            case SuspendInBilling():
                self._handle_billing_result(
                    await workflow.execute_activity_method(
                        CaseEffectActivities.suspend, args=[effect, self._case_id, self._case.pinned_policy], **BOOKING_OPTIONS
                    )
                )
            case ReinstateInBilling():
                key = f"{self._case_id}:reinstated:{self._case.journal.seq}"
                self._handle_billing_result(
                    await workflow.execute_activity_method(CaseEffectActivities.reinstate, args=[effect, key], **BOOKING_OPTIONS)
                )
            case BookWriteOff():
                self._handle_billing_result(
                    await workflow.execute_activity_method(CaseEffectActivities.write_off, args=[effect, self._case_id], **BOOKING_OPTIONS)
                )
            case ChargeInterest():
                await workflow.execute_activity_method(
                    CaseEffectActivities.charge_interest, args=[effect, self._case_id], **BOOKING_OPTIONS
                )
            case _:
                raise TypeError(f"nothing carries out {effect.effect}")

    def _handle_billing_result(self, result: BillingResult) -> None:
        if self._handlers.billing_result:
            self._handlers.billing_result(result)

    # --- invoices, and the account's other cases

    async def _place_hold(self, effect: PlaceHold) -> None:
        """An invoice without a workflow is settled, and the case hears of that; or its workflow is about to begin. One that is neither is
        chased by nobody, and needs no hold."""
        for _ in range(MAX_START_RETRIES):
            if await signal_case(ids.invoice_case_id(effect.invoice_id), SignalName.HOLD_PLACED, effect.hold):
                return
            news = await workflow.execute_activity_method(CaseEffectActivities.read_invoice, effect.invoice_id, **SHORT_ACTIVITY_OPTIONS)
            if news is None or news.facts.is_settled:
                if news and self._handlers.invoice_changed:
                    self._handlers.invoice_changed(news)
                return
            await workflow.sleep(START_RETRY_INTERVAL)
        self._case.write_entry(
            EntryKind.HOLD_NOT_PLACED, self._time_source.now, invoice=effect.invoice_id, hold_kind=effect.hold.kind.value
        )

    async def _signal_suspension(self, effect: NotifySuspension) -> None:
        handle = workflow.get_external_workflow_handle(ids.suspension_case_id(effect.account_id))
        with suppress(FailureError):
            await handle.signal(effect.what, args=[])

    async def _adopt_segment(self, effect: AdoptSegment) -> None:
        policy: PolicySnapshot = await workflow.execute_activity_method(CaseEffectActivities.adopt_segment, effect, **BOOKING_OPTIONS)
        for invoice_id in effect.invoice_ids:
            await signal_case(ids.invoice_case_id(invoice_id), SignalName.ADOPT_POLICY, policy)

    # --- people

    async def _start_approval(self, effect: RequestApproval) -> None:
        """Start the human gate as a child that outlives its parent's runs; its answer comes as the signal `approval_came`."""
        account, today = self._case.journal.account_id, self._time_source.now.business.date()
        frame = await workflow.execute_activity_method(
            ApprovalActivities.frame_approval, args=[effect.requester, account, today, effect], **SHORT_ACTIVITY_OPTIONS
        )
        if frame.prepaid and self._handlers.account_prepaid:
            self._handlers.account_prepaid()
            return
        credited_before: dict[str, FactValue] = {CREDITED_BEFORE: frame.credited_before} if frame.credited_before else {}
        opening = ApprovalInput(
            number=effect.number,
            account_id=account,
            question=effect.build_question(frame.segment, frame.credited_before),
            requester=effect.requester,
            also_asked=effect.also_asked,
            acting_for=frame.acting_for,
            subject=ApprovalSubject(case_id=self._case_id, invoice_ids=effect.invoice_ids, details=effect.details | credited_before),
            matrix=frame.matrix,
            facts=frame.facts,
            clock=self._time_source.clock,
            separates_tasks=True,
            binds_facts=True,
        )
        approval = await start_child_case(ids.WorkflowName.APPROVAL, opening, ids.approval_case_id(self._case_id, effect.number), account)
        if approval:
            _track_task(approval, self._approval_tasks)

    def _send_notice(self, effect: NotifyRole | NotifyPerson) -> None:
        """Send a notice to staff in the background: an unreachable mail server must not stop a case."""
        notice: Coroutine[Any, Any, list[str]] = workflow.execute_activity_method(CaseEffectActivities.notify, effect, **NOTIFY_OPTIONS)

        async def send() -> None:
            with suppress(ActivityError):
                names = await notice
                if self._handlers.notified:
                    self._handlers.notified(effect, names)

        _track_task(asyncio.create_task(send()), self._background_tasks)

    # --- letters and papers

    async def _send_letter(self, letter: SendLetter) -> None:
        order = LetterOrder(
            case_id=self._case_id,
            account_id=self._case.journal.account_id,
            letter=letter,
            contact=self._case.pinned_policy.load_policy().contact,
            hours_matter=self._time_source.clock.hours_matter,
        )
        await workflow.execute_activity_method(CaseLetterActivities.ask_letter, order, **BOOKING_OPTIONS)

    def _make_dossier(self, effect: MakeDossier) -> None:
        """Make the dossier in the background."""
        now = self._time_source.now
        key = f"{self._case_id}:{effect.purpose}:{self._case.journal.seq}"
        making = workflow.execute_activity_method(DossierActivities.make_dossier, args=[effect, key, now.business], **NOTIFY_OPTIONS)

        async def make() -> None:
            with suppress(ActivityError):
                made = await making
                self._case.write_entry(
                    EntryKind.DOSSIER_MADE,
                    self._time_source.now,
                    purpose=effect.purpose,
                    pdf_sha256=made.pdf_sha256,
                    json_sha256=made.json_sha256,
                )

        _track_task(asyncio.create_task(make()), self._background_tasks)


def _track_task(task: asyncio.Task[Any], tasks: list[asyncio.Task[Any]]) -> None:
    """Keep a reference to the task until it is done."""
    tasks.append(task)
    task.add_done_callback(tasks.remove)
