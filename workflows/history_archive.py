"""Archives the history of every run that has ended, before the Temporal server deletes it."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.history_archive import ArchiveSweepResult, HistoryArchiveActivities

from workflows.case_runtime.activity_options import ARCHIVE_HISTORIES_OPTIONS


@workflow.defn
class HistoryArchive:
    """Started by a schedule, never twice at a time; were it started twice all the same, a run would still be archived once."""

    @workflow.run
    async def run(self) -> ArchiveSweepResult:
        return await workflow.execute_activity_method(HistoryArchiveActivities.archive_histories, **ARCHIVE_HISTORIES_OPTIONS)
