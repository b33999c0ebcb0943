"""Stores who may act on each case, beside the case's row; written only when it changes."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Insert, bindparam, delete, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.row_states import AwaitedPart
from adapters.database.tables import CaseAwaited
from domain.case.case_view import AwaitedParties, CaseView

AwaitedName = tuple[AwaitedPart, str]

# built once, as the store's other statements are
_STORED_QUERY = select(col(CaseAwaited.case_id), col(CaseAwaited.part), col(CaseAwaited.name)).where(
    col(CaseAwaited.case_id).in_(bindparam("cases", expanding=True))
)
_DELETE_STATEMENT = delete(CaseAwaited).where(col(CaseAwaited.case_id).in_(bindparam("cases", expanding=True)))


class AwaitedPartiesStore:
    def __init__(self, database: Database) -> None:
        self._insert: Insert = database.build_insert_or_ignore(CaseAwaited)

    def write(self, connection: Connection, cases: Sequence[CaseView], recorded: Collection[str]) -> None:
        """`recorded`: the ids of those cases of which there are rows. No statement is sent for a case that waits for nobody and waited for
        nobody before."""
        awaited_names = {case.case_id: list_awaited_names(case) for case in cases}
        stored = self._load_stored(connection, [case_id for case_id in awaited_names if case_id in recorded])
        changed = [case_id for case_id, names in awaited_names.items() if names != stored.get(case_id, set())]
        if outdated := [case_id for case_id in changed if case_id in stored]:
            connection.execute(_DELETE_STATEMENT, {"cases": outdated})
        if rows := [
            {"case_id": case_id, "part": part, "name": name} for case_id in changed for part, name in sorted(awaited_names[case_id])
        ]:
            connection.execute(self._insert, rows)

    def _load_stored(self, connection: Connection, case_ids: Sequence[str]) -> dict[str, set[AwaitedName]]:
        stored: dict[str, set[AwaitedName]] = defaultdict(set)
        if case_ids:
            for case_id, part, name in connection.execute(_STORED_QUERY, {"cases": case_ids}):
                stored[case_id].add((AwaitedPart(part), name))
        return stored


def list_awaited_names(case: CaseView) -> set[AwaitedName]:
    awaited = case.awaited or AwaitedParties()
    roles = {role.value for role in awaited.roles} | ({case.awaiting_role} if case.awaiting_role else set())
    return {
        *((AwaitedPart.ROLE, role) for role in roles),
        *((AwaitedPart.PERSON, user) for user in awaited.people),
    }
