"""Reads and compares the billing systems that are connected, each on its own."""

import asyncio

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.connections.connected_reading import ConnectedReading


class ConnectedSystemActivities:
    """Tried again, each goes on where it was."""

    def __init__(self, reading: ConnectedReading) -> None:
        self._reading = reading

    @activity.defn
    async def list_systems(self) -> list[str]:
        """The names of those in use."""
        return await asyncio.to_thread(self._reading.list_systems)

    @activity.defn
    async def read_system(self, name: str) -> int:
        """Read what it has to say; how many invoices changed."""
        async with heartbeating():
            return await asyncio.to_thread(self._reading.read_system, name)

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
