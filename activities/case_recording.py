"""The local activity by which every case writes its journal and its row in the read model."""

from temporalio import activity

from adapters.cases.case_store import CaseBook
from adapters.database.group_commit import GroupCommit
from domain.case_record import Record, Recorded

GATHERING_SECONDS = 0.04


class Recording:
    def __init__(self, casebook: CaseBook) -> None:
        self._write = GroupCommit(casebook.record, GATHERING_SECONDS)

    @activity.defn
    async def record(self, record: Record) -> Recorded:
        """Journal, read model and ask in one transaction, shared with the cases that wake in the same moment. Safe to repeat."""
        return await self._write(record)
