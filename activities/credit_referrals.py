"""Refers to a credit analyst the accounts that have broken too many promises, or owe more than their limit."""

import asyncio

from temporalio import activity

from activities.heartbeat import beating
from adapters.cases.case_inputs import CaseBeginnings
from adapters.credit.referral_query import ReferralReading
from adapters.temporal.case_signals import CaseSignals
from domain import identifiers as ids
from domain.clock import Clock
from domain.credit_review.commands import ReferAccount
from domain.credit_review.workflow_input import CREDIT_REVIEW
from domain.journal.journal import SYSTEM


class Referring:
    def __init__(self, reading: ReferralReading, beginnings: CaseBeginnings, signals: CaseSignals, clock: Clock) -> None:
        self._reading, self._beginnings, self._signals, self._clock = reading, beginnings, signals, clock

    @activity.defn
    async def refer_accounts(self) -> int:
        """How many. Tried again, it refers nobody a second time for the same reason on the same day."""
        now = self._clock.business(activity.info().scheduled_time)
        async with beating():
            found = await asyncio.to_thread(self._reading.accounts, now)
            for account, reason in found:
                act = ReferAccount(act_id=f"referral:{account}:{reason}:{now.date()}", actor=SYSTEM, reason=reason)
                opening = await asyncio.to_thread(self._beginnings.credit_review, account)
                collector, case_id = await asyncio.to_thread(self._beginnings.collector, account), ids.credit_review_case(account)
                await self._signals.join(CREDIT_REVIEW, case_id, account, collector, opening, "referred", act)
        return len(found)
