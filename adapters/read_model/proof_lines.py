"""The journal's entries that an answer rests on, as a person reads them, and whether each is still what was written."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.engine import Database
from adapters.database.tables import SealRow
from adapters.read_model.journal import JournalLine, list_case_history
from domain.journal.account_entries import AccountEntry
from domain.journal.entry import GENESIS, Entry


class EntryProof(StrEnum):
    """What is known of an entry, computed as it is shown."""

    VERIFIED = "verified"
    """Its hash is that of its content, it names the entry before it, and a daily seal was made since."""

    UNSEALED = "unsealed"
    """The same, but no daily seal was made since: nobody outside could tell yet if all of it had been written anew."""

    BROKEN = "broken"
    """Its content is not what was written, or it does not follow the entry before it."""


EntryProofs = Mapping[tuple[str, int], EntryProof]
"""By the case and the number of the entry."""


def list_proof_lines(database: Database, entries: Sequence[AccountEntry]) -> list[JournalLine]:
    """In the order given; they are of a few cases at most."""
    return _order_lines(_load_chains(database, entries), entries)


def prove_entries(
    database: Database, chains: Sequence[Sequence[JournalLine]], wanted: Collection[tuple[str, int]] | None = None
) -> dict[tuple[str, int], EntryProof]:
    """`chains`: each the whole chain of a case, the first entry first. `wanted`: only these entries."""
    with database.reading() as session:
        sealed_at = session.scalar(select(func.max(col(SealRow.made_at))))
    return {
        (line.case_id, line.seq): _prove_entry(line, chain[place - 1].hash if place else GENESIS, sealed_at)
        for chain in chains
        for place, line in enumerate(chain)
        if wanted is None or (line.case_id, line.seq) in wanted
    }


def list_proven_lines(database: Database, entries: Sequence[AccountEntry]) -> tuple[list[JournalLine], EntryProofs]:
    """The lines in the order given, and their proofs."""
    chains = _load_chains(database, entries)
    return _order_lines(chains, entries), prove_entries(database, chains, {(entry.case_id, entry.seq) for entry in entries})


def _load_chains(database: Database, entries: Sequence[AccountEntry]) -> list[list[JournalLine]]:
    return [list_case_history(database, case_id) for case_id in dict.fromkeys(entry.case_id for entry in entries)]


def _order_lines(chains: Sequence[Sequence[JournalLine]], entries: Sequence[AccountEntry]) -> list[JournalLine]:
    lines = {(line.case_id, line.seq): line for chain in chains for line in chain}
    return [lines[entry.case_id, entry.seq] for entry in entries]


def _prove_entry(line: JournalLine, previous: str, sealed_at: datetime | None) -> EntryProof:
    entry = Entry.model_validate({**line.model_dump(include=set(Entry.model_fields)), "previous": previous})
    if entry.digest() != line.hash:
        return EntryProof.BROKEN
    return EntryProof.VERIFIED if sealed_at is not None and line.recorded_at <= sealed_at else EntryProof.UNSEALED
