"""The journal's entries that an answer rests on, as a person reads them, and whether each is still what was written."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from adapters.audit.seals.seal_store import SealStore
from adapters.database.engine import Database
from adapters.read_model.journal import JournalLine, list_case_history
from domain.audit.seal import SealLeaf
from domain.journal.account_entries import AccountEntry
from domain.journal.entry import GENESIS, Entry


class EntryProof(StrEnum):
    """What is known of an entry, computed as it is shown."""

    VERIFIED = "verified"
    """Its hash is that of its content, it names the entry before it, and the chain has the head over which the last daily seal was made
    that knows the case, at this entry or after it."""

    UNSEALED = "unsealed"
    """Its hash and its place are right, but no daily seal was made since: nobody outside could tell yet if all of it had been written
    anew."""

    BROKEN = "broken"
    """Its content is not what was written, it does not follow the entry before it, or a daily seal was made over another in its place."""


EntryProofs = Mapping[tuple[str, int], EntryProof]
"""By the case and the number of the entry."""


class _SealReach(NamedTuple):
    """Up to which number a chain is the one over which a seal was made, and up to which number the last seal says that it is."""

    matching: int
    sealed: int


def list_proof_lines(database: Database, entries: Sequence[AccountEntry]) -> list[JournalLine]:
    """In the order given; they are of a few cases at most."""
    return _order_lines(_load_chains(database, entries), entries)


def prove_entries(
    database: Database, chains: Sequence[Sequence[JournalLine]], wanted: Collection[tuple[str, int]] | None = None
) -> dict[tuple[str, int], EntryProof]:
    """`chains`: each the whole chain of a case, the first entry first."""
    seals, proofs = SealStore(database), dict[tuple[str, int], EntryProof]()
    filled = {chain[0].case_id: chain for chain in chains if chain}
    leaves = seals.load_last_leaves(filled)
    for case_id, chain in filled.items():
        reach = _find_seal_reach(database, seals, chain, leaves.get(case_id))
        proofs |= {
            (case_id, line.seq): _prove_entry(line, chain[place - 1].hash if place else GENESIS, reach) for place, line in enumerate(chain)
        }
    return proofs


def list_proven_lines(database: Database, entries: Sequence[AccountEntry]) -> tuple[list[JournalLine], EntryProofs]:
    """The lines in the order given, and their proofs."""
    chains = _load_chains(database, entries)
    return _order_lines(chains, entries), prove_entries(database, chains, {(entry.case_id, entry.seq) for entry in entries})


def _load_chains(database: Database, entries: Sequence[AccountEntry]) -> list[list[JournalLine]]:
    return [list_case_history(database, case_id) for case_id in dict.fromkeys(entry.case_id for entry in entries)]


def _order_lines(chains: Sequence[Sequence[JournalLine]], entries: Sequence[AccountEntry]) -> list[JournalLine]:
    lines = {(line.case_id, line.seq): line for chain in chains for line in chain}
    return [lines[entry.case_id, entry.seq] for entry in entries]


def _find_seal_reach(database: Database, seals: SealStore, chain: Sequence[JournalLine], leaf: SealLeaf | None) -> _SealReach:
    if leaf is None:
        return _SealReach(0, 0)
    last = chain[-1].seq
    if leaf.seq > last:  # sealed after the chain was read, or entries are gone from it
        chain = list_case_history(database, leaf.case_id)
    numbers = {line.hash: line.seq for line in chain}
    if numbers.get(leaf.head) == leaf.seq:
        return _SealReach(leaf.seq, leaf.seq)
    earlier = seals.find_seal_position(leaf.case_id, numbers)
    return _SealReach(min(earlier.seq if earlier else 0, last - 1), leaf.seq)


def _prove_entry(line: JournalLine, previous: str, reach: _SealReach) -> EntryProof:
    entry = Entry.model_validate({**line.model_dump(include=set(Entry.model_fields)), "previous": previous})
    if entry.digest() != line.hash or reach.matching < line.seq <= reach.sealed:
        return EntryProof.BROKEN
    return EntryProof.VERIFIED if line.seq <= reach.matching else EntryProof.UNSEALED
