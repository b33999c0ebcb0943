"""Once a business day, tells each person by one mail what waits for their decision."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.correspondence.business_days import find_first_business_day
from adapters.notifications.approval_digest import DigestSender
from domain.approval.digest import DigestDay, DigestTally
from domain.clock import Clock


class ApprovalDigestActivities:
    """`hour`, `zone` and `country` are the company's: from that hour of its business days the digest goes."""

    def __init__(self, sender: DigestSender, clock: Clock, hour: int, zone: ZoneInfo, country: str) -> None:
        self._sender, self._clock = sender, clock
        self._hour, self._zone, self._country = hour, zone, country

    @activity.defn
    async def send_digests(self) -> DigestTally:
        """Of the day on which this was asked for, once its hour has come; tried again, only what has not gone yet."""
        day = self._find_digest_day(self._clock.to_business(activity.info().scheduled_time))
        if day is None:
            return DigestTally()
        async with heartbeating():
            return await self._sender.send_digests(day)

    def _find_digest_day(self, now: datetime) -> DigestDay | None:
        """None before the hour, and on a day that is no business day. Played fast, the hour does not count, and the date is that of UTC."""
        local = now.astimezone(self._zone) if self._clock.hours_matter else now
        today = local.date()
        if self._clock.hours_matter and local.hour < self._hour:
            return None
        if self._find_business_day(today) != today:
            return None
        return DigestDay(today, self._find_business_day(today + timedelta(days=1)))

    def _find_business_day(self, day: date) -> date:
        return find_first_business_day(self._country, day)
