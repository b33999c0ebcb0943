"""What a journal write finds written already: a workflow task that was lost after its write is done again, at another time.

Its entries then say the same at another time, and so with other hashes. The first ones count: the write goes on from them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, select
from sqlmodel import col

from adapters.database.tables import JournalEntry
from domain.case_write import CaseWrite
from domain.journal.chain_check import follow_chain_back
from domain.journal.entry import Entry

_CONTENT = ("kind", "account_id", "invoice_id", "actor", "facts")
"""What two attempts at the same task have in common: all but the times, and the hashes that are made over them."""

_LATER_ENTRIES_QUERY = select(
    *(col(getattr(JournalEntry, name)) for name in ("hash", "previous", "business_at", "recorded_at", *_CONTENT))
).where(col(JournalEntry.case_id) == bindparam("case"), col(JournalEntry.seq) > bindparam("after"))


@dataclass(frozen=True)
class RepeatedWrite:
    """A write, with the entries that the database has in the place of its own. `is_overtaken`: the case's row has them, and what was
    written after them; it stays as it is."""

    record: CaseWrite
    is_overtaken: bool


def find_repeated_writes(connection: Connection, records: Iterable[CaseWrite], heads: Mapping[str, str]) -> dict[str, RepeatedWrite]:
    """Return, by case, the writes that do not go on from their case's head, but from before it. `heads`: of the rows, by case."""
    found: dict[str, RepeatedWrite] = {}
    for record in records:
        case_id, head = record.case.case_id, heads.get(record.case.case_id)
        first = record.entries[0] if record.entries else None
        previous, after = (first.previous, first.seq - 1) if first else (record.carried.head, record.carried.seq)
        if head is None or head == previous:
            continue
        later = connection.execute(_LATER_ENTRIES_QUERY, {"case": case_id, "after": after}).all()
        if later:
            found[case_id] = _follow_first_attempt(record, previous, later, head)
    return found


def _follow_first_attempt(record: CaseWrite, previous: str, later: Sequence[Row[Any]], head: str) -> RepeatedWrite:
    """Put the entries that are there already in the place of those that say the same, and chain the others to them."""
    chain = {row.hash for row in follow_chain_back(head, {row.hash: row for row in later})}
    following = defaultdict[str, list[Row[Any]]](list)
    for row in sorted(later, key=lambda row: (row.hash not in chain, row.recorded_at, row.hash)):
        following[row.previous].append(row)
    entries, is_there = list[Entry](), True
    for entry in record.entries:
        there = next(filter(None, (_take_first(row, entry) for row in following[previous])), None) if is_there else None
        is_there = there is not None
        entries.append(there or _chain_entry(entry, previous))
        previous = entries[-1].hash
    is_overtaken = is_there and any(row.hash in chain for row in following[previous])
    return RepeatedWrite(_replace_entries(record, entries) if entries else record, is_overtaken)


def _take_first(row: Row[Any], entry: Entry) -> Entry | None:
    """Return the entry as the database has it in this row; None where that says something else, or is not what its hash says."""
    if any(getattr(row, name) != getattr(entry, name) for name in _CONTENT):
        return None
    first = entry.model_copy(update={name: getattr(row, name) for name in ("business_at", "recorded_at", "previous", "hash")})
    return first if first.digest() == first.hash else None


def _chain_entry(entry: Entry, previous: str) -> Entry:
    """Return the entry as it follows the one with this hash."""
    if entry.previous == previous:
        return entry
    follower = entry.model_copy(update={"previous": previous, "hash": ""})
    return follower.model_copy(update={"hash": follower.digest()})


def _replace_entries(record: CaseWrite, entries: list[Entry]) -> CaseWrite:
    head = entries[-1].hash
    carried = record.carried.model_copy(update={"head": head})
    return record.model_copy(update={"entries": entries, "carried": carried, "next_run": _replace_head(record.next_run, head)})


def _replace_head(next_run: str | None, head: str) -> str | None:
    if next_run is None:
        return None
    state = orjson.loads(next_run)
    state["case"]["journal"]["head"] = head
    return orjson.dumps(state).decode()
