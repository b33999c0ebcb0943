"""Reads and compares the billing systems that are connected, each on its own."""

import asyncio

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.connections.connected_reading import ConnectedReading
from adapters.connections.oversight.refusals import RefusedReadings
from adapters.correspondence.reading_gaps import OF_CREDITS
from adapters.notifications.staff_notifier import MOST_DEFERRALS, StaffNotifier
from domain.case.effects import NotifyPerson
from domain.clock import Clock

REFUSED_TEMPLATE, CREDITS_REFUSED_TEMPLATE = "billing_refused", "billing_credits_refused"


class ConnectedSystemActivities:
    """Tried again, each goes on where it was."""

    def __init__(self, reading: ConnectedReading, refused: RefusedReadings, notifier: StaffNotifier, clock: Clock) -> None:
        self._reading, self._refused, self._notifier, self._clock = reading, refused, notifier, clock

    @activity.defn
    async def list_systems(self) -> list[str]:
        """The names of those in use."""
        return await asyncio.to_thread(self._reading.list_systems)

    @activity.defn
    async def read_system(self, name: str) -> int:
        """Read what it has to say; how many invoices changed. Where it refuses to be read, people are told once."""
        async with heartbeating():
            changed = await asyncio.to_thread(self._reading.read_system, name)
            await self._tell_refusal(name, name, REFUSED_TEMPLATE)
            await self._tell_refusal(name, f"{name}{OF_CREDITS}", CREDITS_REFUSED_TEMPLATE)
        return changed

    @activity.defn
    async def compare_system(self, name: str) -> bool:
        """Compare it once a night; whether it was."""
        async with heartbeating():
            return await asyncio.to_thread(self._reading.compare_system, name)

    @activity.defn
    async def read_systems(self) -> int:
        """All of them one after the other, for runs that began before each was read on its own; how many invoices changed."""
        async with heartbeating():
            return await asyncio.to_thread(self._reading.run)

    async def _tell_refusal(self, name: str, item_id: str, template: str) -> None:
        """`item_id`: as what it is set aside. Where nobody has an address yet, they are told once somebody has."""
        today = self._clock.to_business(activity.info().started_time).date()
        refused = await asyncio.to_thread(self._refused.find_untold, item_id)
        people = await asyncio.to_thread(self._refused.list_people) if refused else []
        if refused is None or not people:
            return
        for person in people:
            details = {"system": name.partition(":")[0], "why": refused.reason, "connection": name}
            notice = NotifyPerson(user=person, template=template, details=dict(details))
            key = f"{template}:{refused.system}:{refused.since.isoformat()}:{person}"
            await self._notifier.tell_or_set_aside(notice, key, "", today, MOST_DEFERRALS)
        await asyncio.to_thread(self._refused.mark_told, refused)
