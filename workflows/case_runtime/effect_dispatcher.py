"""Carries out what a case asks for: holds and news go to the invoices, orders to billing, questions to people, letters to the desk."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.case_effects import CaseEffects
    from activities.case_joining import CaseJoining
    from activities.case_letters import CaseLetters
    from activities.dossiers import DossierMaking
    from domain import identifiers as ids
    from domain.approval.result import Subject
    from domain.approval.workflow_input import APPROVAL, ApprovalOpening
    from domain.billing.receivables import InvoiceNews
    from domain.case.account_case import AccountCase
    from domain.case.billing_results import BillingWord
    from domain.case.effects import (
        AdoptSegment,
        AskApproval,
        BookWriteOff,
        ChangeInvoice,
        ChargeInterest,
        Effect,
        HandOver,
        IssueCreditNote,
        LiftHold,
        MakeDossier,
        MarkDisputed,
        NotifyPerson,
        NotifyRole,
        PlaceHold,
        ReinstateInBilling,
        ResumeHarsher,
        ReviseApproval,
        SendLetter,
        SuspendInBilling,
        TellInvoice,
        TellSuspension,
        WithdrawApproval,
        WithdrawLetter,
    )
    from domain.case.letter_order import LetterOrder
    from domain.clock import Clock, Moment
    from domain.journal.entry_kinds import EntryKind
    from domain.policy.approval_matrix import Question
    from domain.policy.collection_policy import PolicySnapshot
    from domain.suspension.suspension_case import SuspensionCase

from workflows.case_runtime.activity_options import BOOK, FRAME, NOTIFY
from workflows.case_runtime.search_attributes import of_account

BEGINS_SOON = timedelta(seconds=10)
"""An invoice that billing has just reported may have no workflow yet: it is told again after so long, in real time."""

BEGINNINGS_WAITED_FOR = 6

Hears = Callable[[BillingWord], None]
HearsInvoice = Callable[[InvoiceNews], None]


async def tell(case_id: str, signal: str, argument: object) -> bool:
    """Signal another case. False when none of that id is open: it is over, and need not know, or has yet to begin."""
    try:
        await workflow.get_external_workflow_handle(case_id).signal(signal, argument)
    except FailureError:
        return False
    return True


class Outbox:
    """`hears` takes in what billing answered; `invoice_changed` takes in an invoice that was settled before its hold reached it."""

    def __init__(
        self,
        case: AccountCase,
        clock: Callable[[], Clock],
        now: Callable[[], Moment],
        hears: Hears | None,
        invoice_changed: HearsInvoice | None,
    ) -> None:
        self._case, self._clock, self._now = case, clock, now
        self._hears, self._invoice_changed = hears, invoice_changed
        self._notices: list[asyncio.Task[Any]] = []
        self._approvals: list[asyncio.Task[Any]] = []

    def waiting(self, approvals: bool) -> bool:
        """A notice is on its way, a dossier is being made; or, where these are asked about too, an approval has not come to its end."""
        return bool(self._notices) or (approvals and bool(self._approvals))

    @property
    def _case_id(self) -> str:
        return self._case.journal.case_id

    async def carry_out(self, effect: Effect) -> None:
        match effect:
            case PlaceHold():
                await self._place_hold(effect)
            case LiftHold():
                await tell(ids.invoice_case(effect.invoice_id), "hold_lifted", effect.hold_id)
            case MarkDisputed():
                await tell(ids.invoice_case(effect.invoice_id), "disputed", effect)
            case TellInvoice():
                await tell(ids.invoice_case(effect.invoice_id), "told", effect.model_copy(update={"case_id": self._case_id}))
            case ResumeHarsher():
                await tell(ids.invoice_case(effect.invoice_id), "resume_harsher", effect)
            case TellSuspension():
                await self._tell_suspension(effect)
            case AskApproval():
                await self._ask_approval(effect)
            case ReviseApproval():
                await tell(ids.approval_case(self._case_id, effect.number), "facts_changed", effect)
            case WithdrawApproval():
                await tell(ids.approval_case(self._case_id, effect.number), "lapse", effect)
            case NotifyRole() | NotifyPerson():
                self._notify(effect)
            case SendLetter():
                await self._send_letter(effect)
            case WithdrawLetter():
                await workflow.execute_activity_method(CaseLetters.withdraw_letter, args=[self._case_id, effect.key], **BOOK)
            case HandOver():
                await workflow.execute_activity_method(CaseJoining.hand_over, args=[effect, self._clock()], **BOOK)
            case AdoptSegment():
                await self._adopt(effect)
            case MakeDossier():
                self._make_dossier(effect)
            case _:
                await self._order(effect)

    async def _order(self, effect: Effect) -> None:
        """Of billing, which answers."""
        match effect:
            case IssueCreditNote():
                self._hear(await workflow.execute_activity_method(CaseEffects.issue_credit_note, effect, **BOOK))
            case ChangeInvoice():
                self._hear(await workflow.execute_activity_method(CaseEffects.change_invoice, effect, **BOOK))
            case SuspendInBilling():
                self._hear(
                    await workflow.execute_activity_method(CaseEffects.suspend, args=[effect, self._case_id, self._case.pinned], **BOOK)
                )
            case ReinstateInBilling():
                key = f"{self._case_id}:reinstated:{self._case.journal.seq}"
                self._hear(await workflow.execute_activity_method(CaseEffects.reinstate, args=[effect, key], **BOOK))
            case BookWriteOff():
                self._hear(await workflow.execute_activity_method(CaseEffects.write_off, args=[effect, self._case_id], **BOOK))
            case ChargeInterest():
                await workflow.execute_activity_method(CaseEffects.charge_interest, args=[effect, self._case_id], **BOOK)
            case _:
                raise TypeError(f"nothing carries out {effect.effect}")

    def _hear(self, word: BillingWord) -> None:
        if self._hears:
            self._hears(word)

    # --- invoices, and the account's other cases

    async def _place_hold(self, effect: PlaceHold) -> None:
        """An invoice without a workflow is settled, and the case hears of that; or its workflow is about to begin. One that is neither is
        chased by nobody, and needs no hold."""
        for _ in range(BEGINNINGS_WAITED_FOR):
            if await tell(ids.invoice_case(effect.invoice_id), "hold_placed", effect.hold):
                return
            news = await workflow.execute_activity_method(CaseEffects.read_invoice, effect.invoice_id, **FRAME)
            if news is None or news.facts.settled:
                if news and self._invoice_changed:
                    self._invoice_changed(news)
                return
            await workflow.sleep(BEGINS_SOON)
        self._case.note(EntryKind.HOLD_NOT_PLACED, self._now(), invoice=effect.invoice_id, hold_kind=effect.hold.kind.value)

    async def _tell_suspension(self, effect: TellSuspension) -> None:
        handle = workflow.get_external_workflow_handle(ids.suspension_case(effect.account_id))
        with suppress(FailureError):
            await handle.signal(effect.what, args=[])

    async def _adopt(self, effect: AdoptSegment) -> None:
        policy: PolicySnapshot = await workflow.execute_activity_method(CaseEffects.adopt_segment, effect, **BOOK)
        for invoice_id in effect.invoice_ids:
            await tell(ids.invoice_case(invoice_id), "adopt_policy", policy)

    # --- people

    async def _ask_approval(self, asked: AskApproval) -> None:
        """Start the human gate as a child that outlives its parent's runs; its answer comes as the signal `approval_came`."""
        account, today = self._case.journal.account_id, self._now().business.date()
        frame = await workflow.execute_activity_method(CaseEffects.frame_approval, args=[asked.requester, account, today], **FRAME)
        if frame.prepaid and isinstance(self._case, SuspensionCase):
            self._case.prepaid_is(True, self._now())
            return
        question = Question(
            matter=asked.matter, amount=asked.amount, currency=asked.currency, term_days=asked.term_days,
            broken_plans=asked.broken_plans, segment=frame.segment,
        )  # fmt: skip
        opening = ApprovalOpening(
            number=asked.number, account_id=account, question=question, requester=asked.requester, also_asked=asked.also_asked,
            acting_for=frame.acting_for, subject=Subject(case_id=self._case_id, invoice_ids=asked.invoice_ids, details=asked.details),
            matrix=frame.matrix, clock=self._clock(),
        )  # fmt: skip
        approval = await workflow.start_child_workflow(
            APPROVAL, opening, id=ids.approval_case(self._case_id, asked.number),
            parent_close_policy=workflow.ParentClosePolicy.ABANDON, search_attributes=of_account(account),
        )  # fmt: skip
        _keep(approval, self._approvals)

    def _notify(self, effect: NotifyRole | NotifyPerson) -> None:
        """Nothing waits for a message to people of ours: a mail server that is away must not stop a case."""
        notice: Coroutine[Any, Any, list[str]] = workflow.execute_activity_method(CaseEffects.notify, effect, **NOTIFY)

        async def send() -> None:
            with suppress(ActivityError):
                await notice

        _keep(asyncio.create_task(send()), self._notices)

    # --- letters and papers

    async def _send_letter(self, letter: SendLetter) -> None:
        order = LetterOrder(
            case_id=self._case_id, account_id=self._case.journal.account_id, letter=letter, contact=self._case.pinned.read().contact,
            hours_matter=self._clock().hours_matter,
        )  # fmt: skip
        await workflow.execute_activity_method(CaseLetters.ask_letter, order, **BOOK)

    def _make_dossier(self, effect: MakeDossier) -> None:
        """Nothing else waits for it."""
        now = self._now()
        key = f"{self._case_id}:{effect.purpose}:{self._case.journal.seq}"
        making = workflow.execute_activity_method(DossierMaking.make_dossier, args=[effect, key, now.business], **NOTIFY)

        async def make() -> None:
            with suppress(ActivityError):
                made = await making
                self._case.note(
                    EntryKind.DOSSIER_MADE, self._now(), purpose=effect.purpose, pdf_sha256=made.pdf_sha256, json_sha256=made.json_sha256
                )  # fmt: skip

        _keep(asyncio.create_task(make()), self._notices)


def _keep(task: asyncio.Task[Any], among: list[asyncio.Task[Any]]) -> None:
    """Until it is done."""
    among.append(task)
    task.add_done_callback(among.remove)
