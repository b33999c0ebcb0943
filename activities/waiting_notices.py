"""Tells people what waited until they had an address, or somebody with one had their role."""

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.notifications.staff_notices import NoticeDeferredError
from adapters.notifications.staff_notifier import StaffNotifier
from adapters.notifications.waiting_notices import WaitingNotice
from adapters.set_aside.each import concerns_all
from adapters.temporal.case_signals import CaseSignals
from domain.case.effects import NotifyRole
from domain.case.late_notice import LateNotice
from domain.clock import Clock
from domain.identifiers import CaseKind, find_case_kind


class WaitingNoticeActivities:
    def __init__(self, notifier: StaffNotifier, signals: CaseSignals, clock: Clock) -> None:
        self._notifier, self._signals, self._clock = notifier, signals, clock

    @activity.defn
    async def tell_waiting_notices(self) -> int:
        """How many were told. What the mail server does not take goes on waiting, and keeps back no other; an invoice's case hears of its
        own."""
        today, count = self._clock.to_business(activity.info().scheduled_time).date(), 0
        async with heartbeating():
            for waiting, told in await self._notifier.retry_set_aside(today):
                await self._tell_case(waiting, told)
                count += 1
            for waiting in await self._notifier.list_due(today):
                try:
                    told = await self._notifier.tell_waiting_notice(waiting, today)
                    await self._tell_case(waiting, told)
                    await self._notifier.mark_told(waiting, told, today)
                except NoticeDeferredError:
                    continue
                except Exception as error:
                    if concerns_all(error):
                        raise
                    await self._notifier.set_waiting_aside(waiting, error)
                    continue
                count += bool(told)
        return count

    async def _tell_case(self, waiting: WaitingNotice, told: list[str]) -> None:
        if told and isinstance(waiting.notice, NotifyRole) and find_case_kind(waiting.case_id) is CaseKind.INVOICE:
            await self._signals.notify_late(waiting.case_id, LateNotice(notice=waiting.notice, told=told))
