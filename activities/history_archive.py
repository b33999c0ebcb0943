"""Archives the histories of runs that have ended."""

from temporalio import activity

from activities.heartbeat import beating
from adapters.audit.histories.archiving import HistoryExport
from domain.audit.archive_status import Swept
from domain.clock import Clock

__all__ = ["Archiving", "Swept"]


class Archiving:
    def __init__(self, export: HistoryExport, clock: Clock) -> None:
        self._export, self._clock = export, clock

    @activity.defn
    async def archive_histories(self) -> Swept:
        """Tried again, it goes on with what is left."""
        now = activity.info().started_time
        async with beating():
            return await self._export.sweep(now, self._clock.business(now).date())
