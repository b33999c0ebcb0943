"""The parts of promises over several invoices: what each received, and what came of all."""

from collections.abc import Sequence

from sqlalchemy import Connection, Insert, func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import PromisePartRow
from domain.case_write import CaseWrite
from domain.invoice.promise import PromiseMoney

_STATED = ("amount", "received", "forgiven")


class PromisePartStore:
    """Writes the parts that invoices state in their journal writes, and answers what came of the whole."""

    def __init__(self, database: Database) -> None:
        insert = database.build_insert(PromisePartRow)
        self._upsert: Insert = insert.on_conflict_do_update(
            index_elements=["promise_id", "invoice_id"], set_={name: insert.excluded[name] for name in _STATED}
        )

    def exchange(self, connection: Connection, records: Sequence[CaseWrite]) -> dict[str, PromiseMoney]:
        """Write the parts; return by case what came of each one's promise, over all of its invoices."""
        parts = {record.case.case_id: (record.case.invoice_id, record.promise_part) for record in records if record.promise_part}
        if not parts:
            return {}
        rows = [
            PromisePartRow(invoice_id=invoice_id or "", **part.model_dump()).model_dump() for invoice_id, part in parts.values() if part
        ]
        connection.execute(self._upsert, sorted(rows, key=lambda row: (row["promise_id"], row["invoice_id"])))
        promises = {part.promise_id for _, part in parts.values() if part}
        sums = (
            select(
                col(PromisePartRow.promise_id),
                func.sum(col(PromisePartRow.received)).label("received"),
                func.sum(col(PromisePartRow.forgiven)).label("forgiven"),
            )
            .where(col(PromisePartRow.promise_id).in_(promises))
            .group_by(col(PromisePartRow.promise_id))
        )
        money = {row.promise_id: PromiseMoney(received=int(row.received), forgiven=int(row.forgiven)) for row in connection.execute(sums)}
        return {case_id: money[part.promise_id] for case_id, (_, part) in parts.items() if part}
