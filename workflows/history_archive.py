"""What the Temporal server will forget is kept: every run that has ended goes into the archive."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.history_archive import Archiving, Swept

from workflows.case_runtime.activity_options import ARCHIVE_HISTORIES


@workflow.defn
class HistoryArchive:
    """Started by a schedule, never twice at a time; were it started twice all the same, a run would still be archived once."""

    @workflow.run
    async def run(self) -> Swept:
        return await workflow.execute_activity_method(Archiving.archive_histories, **ARCHIVE_HISTORIES)
