"""Refers to a credit analyst the accounts that have broken too many promises, or owe more than their limit."""

import asyncio
from datetime import datetime

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.cases.case_inputs import CaseInputLoader
from adapters.credit.referral_query import ReferralQuery
from adapters.set_aside.each import concerns_all
from adapters.set_aside.set_aside_store import Failure, SetAsideStore
from adapters.set_aside.stages import SetAsideStage
from adapters.temporal.case_signals import CaseSignals
from adapters.temporal.case_start import CaseStart
from domain import identifiers as ids
from domain.case.handler_names import SignalName
from domain.clock import Clock
from domain.credit_review.commands import ReferAccount, ReferralReason
from domain.journal.journal import SYSTEM


class CreditReferralActivities:
    def __init__(
        self, query: ReferralQuery, case_inputs: CaseInputLoader, signals: CaseSignals, clock: Clock, set_aside: SetAsideStore
    ) -> None:
        self._query, self._case_inputs, self._signals, self._clock = query, case_inputs, signals, clock
        self._set_aside = set_aside

    @activity.defn
    async def refer_accounts(self) -> int:
        """Refer the accounts that are due; return how many. Repeated, it refers none a second time for the same reason on the same day. An
        account that cannot be referred is set aside until the next run."""
        now = self._clock.to_business(activity.info().scheduled_time)
        async with heartbeating():
            failed: dict[str, Failure] = {}

            def note_failure(account_id: str, error: Exception) -> None:
                failed[account_id] = Failure(error, account_id)

            referrals = await asyncio.to_thread(self._query.list_accounts_to_refer, now, note_failure)
            for account_id, reason in referrals:
                try:
                    await self._refer_account(account_id, reason, now)
                except Exception as error:
                    if concerns_all(error):
                        raise
                    note_failure(account_id, error)
            waiting = await asyncio.to_thread(self._set_aside.list_waiting, SetAsideStage.REFERRAL)
            await asyncio.to_thread(self._set_aside.set_all_aside, SetAsideStage.REFERRAL, failed)
            await asyncio.to_thread(self._set_aside.settle, SetAsideStage.REFERRAL, waiting.keys() - failed.keys())
        return sum(account_id not in failed for account_id, _ in referrals)

    async def _refer_account(self, account_id: str, reason: ReferralReason, now: datetime) -> None:
        command = ReferAccount(act_id=f"referral:{account_id}:{reason}:{now.date()}", actor=SYSTEM, reason=reason)
        case_start = CaseStart(
            workflow=ids.WorkflowName.CREDIT_REVIEW,
            case_id=ids.credit_review_case_id(account_id),
            workflow_input=await asyncio.to_thread(self._case_inputs.load_credit_review_input, account_id),
            account_id=account_id,
            collector=await asyncio.to_thread(self._case_inputs.load_collector, account_id),
        )
        await self._signals.signal_or_start_case(case_start, SignalName.REFERRED, command)
