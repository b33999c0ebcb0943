"""The local activity by which every case writes its journal and its row in the read model."""

from temporalio import activity

from adapters.cases.case_store import CaseStore
from adapters.database.group_commit import GroupCommit
from domain.case_write import CaseWrite, CaseWriteResult

GATHERING_SECONDS = 0.04


class CaseRecordingActivities:
    def __init__(self, case_store: CaseStore) -> None:
        self._commit = GroupCommit(case_store.write, GATHERING_SECONDS)

    @activity.defn
    async def record(self, record: CaseWrite) -> CaseWriteResult:
        """Journal, read model and ask in one transaction, shared with the cases that wake in the same moment. Safe to repeat."""
        return await self._commit(record)
