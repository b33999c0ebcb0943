"""The local activity by which every case writes its journal and its row in the read model."""

from temporalio import activity

from adapters.casebook import CaseBook
from domain.record import Record, Recorded


class Recording:
    def __init__(self, casebook: CaseBook) -> None:
        self._casebook = casebook

    @activity.defn
    def record(self, record: Record) -> Recorded:
        """Journal, read model and ask in one transaction. Safe to repeat."""
        return self._casebook.record(record)
