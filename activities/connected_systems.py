"""Reads the billing systems that are connected."""

import asyncio

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.connections.connected_reading import ConnectedReading


class ConnectedSystemActivities:
    def __init__(self, reading: ConnectedReading) -> None:
        self._reading = reading

    @activity.defn
    async def read_systems(self) -> int:
        """Read what each has to say, and compare it once a night; how many invoices changed. Tried again, it goes on where it was."""
        async with heartbeating():
            return await asyncio.to_thread(self._reading.run)
