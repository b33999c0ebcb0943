"""Stores what a case's next run would start with, were its present one lost (docs/decisions/0040)."""

from collections.abc import Mapping, Sequence

import orjson
from sqlalchemy import Connection

from adapters.database.engine import Database
from adapters.database.tables import NextRunRow
from domain.case_write import CaseWrite, CaseWriteResult


class NextRunStore:
    def __init__(self, database: Database) -> None:
        insert = database.build_insert(NextRunRow)
        written = {name: insert.excluded[name] for name in ("head", "next_run")}
        self._upsert = insert.on_conflict_do_update(index_elements=["case_id"], set_=written)

    def write(self, connection: Connection, records: Sequence[CaseWrite], results: Mapping[str, CaseWriteResult]) -> None:
        """Write the state of each case, with the answer that its run may not live to hear. `results` are by the case's id."""
        rows = [
            {
                "case_id": record.case.case_id,
                "head": record.carried.head,
                "next_run": _build_next_run(record, results[record.case.case_id]),
            }
            for record in records
            if record.next_run is not None
        ]
        if rows:
            connection.execute(self._upsert, rows)


def _build_next_run(record: CaseWrite, result: CaseWriteResult) -> orjson.Fragment | None:
    """Return the JSON object with `recovery` added. It is put together as text: to read it only to write it again would be for nothing."""
    if record.next_run is None or record.case.outcome is not None:
        return None
    answer = result.model_dump_json(exclude_defaults=True)
    ask = record.ask.model_dump_json() if record.ask else "null"
    return orjson.Fragment(f'{record.next_run[:-1]},"recovery":{{"ask":{ask},"answer":{answer}}}}}')
