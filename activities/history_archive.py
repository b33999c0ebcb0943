"""Archives the histories of runs that have ended."""

from temporalio import activity

from activities.heartbeat import heartbeating
from adapters.audit.histories.archive_sweep import HistoryArchiver
from domain.audit.archive_status import ArchiveSweepResult
from domain.clock import Clock

__all__ = ["ArchiveSweepResult", "HistoryArchiveActivities"]


class HistoryArchiveActivities:
    def __init__(self, archiver: HistoryArchiver, clock: Clock) -> None:
        self._archiver, self._clock = archiver, clock

    @activity.defn
    async def archive_histories(self) -> ArchiveSweepResult:
        """Tried again, it goes on with what is left."""
        now = activity.info().started_time
        async with heartbeating():
            return await self._archiver.sweep(now, self._clock.to_business(now).date())
