"""What the journal and the read model of a play say, case by case."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from adapters.database.tables import Case, JournalEntry
from domain.journal.chain_check import find_broken_entry
from domain.journal.entry import Entry
from tests.faults.fault_environment import FaultEnvironment


class JournalSnapshot:
    def __init__(self, environment: FaultEnvironment) -> None:
        self.fault_environment, self.database = environment, environment.database

    def entry_kinds(self, case_id: str) -> list[str]:
        return [entry.kind for entry in self.entries(case_id)]

    def entry_facts(self, case_id: str, kind: str) -> list[dict[str, Any]]:
        return [dict(entry.facts) for entry in self.entries(case_id) if entry.kind == kind]

    def entries(self, case_id: str) -> list[Entry]:
        with self.database.reading() as session:
            rows = session.scalars(select(JournalEntry).filter_by(case_id=case_id).order_by(col(JournalEntry.seq)))
            return [Entry.model_validate(row.model_dump()) for row in rows]

    def row(self, case_id: str) -> Case:
        """The read model's row, detached."""
        with self.database.reading() as session:
            case = session.get_one(Case, case_id)
            session.expunge(case)
            return case

    async def wait_for_entries(self, kind: str, case_ids: Iterable[str], times: int = 1) -> None:
        """Until each of the cases has so many entries of the kind."""
        expected = set(case_ids)
        await self.fault_environment.wait_until(lambda: expected <= self._with(kind, times), f"'{kind}' comes to {sorted(expected)}")

    def _with(self, kind: str, times: int) -> set[str]:
        counted = select(col(JournalEntry.case_id)).where(col(JournalEntry.kind) == kind)
        with self.database.reading() as session:
            return set(session.scalars(counted.group_by(col(JournalEntry.case_id)).having(func.count() >= times)))

    def read_chains(self) -> dict[str, list[Entry]]:
        """Each case's chain, followed back from its head and whole; what a dying worker wrote in vain stands outside it."""
        with self.database.reading() as session:
            heads = [(case.case_id, case.head, case.seq) for case in session.scalars(select(Case))]
            entries = {row.hash: Entry.model_validate(row.model_dump()) for row in session.scalars(select(JournalEntry))}
        journals: dict[str, list[Entry]] = {}
        for case_id, head, seq in heads:
            chain, at = list[Entry](), head
            while at in entries:
                chain.append(entries[at])
                at = entries[at].previous
            journals[case_id] = chain[::-1]
            assert len(chain) == seq, f"{case_id} has {len(chain)} of {seq} entries"
            assert find_broken_entry(journals[case_id]) is None, f"{case_id} is broken"
        return journals

    def by_act(self) -> dict[str, list[Entry]]:
        """The entries of all books that name an act, by its id."""
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in (entry for entries in self.read_chains().values() for entry in entries if entry.facts.get("act")):
            found[str(entry.facts["act"])].append(entry)
        return found

    def acts_written(self) -> set[str]:
        """The acts that any entry names."""
        command = JournalEntry.facts["act"].as_string()
        with self.database.reading() as session:
            return set(session.scalars(select(command).where(command.is_not(None))))


def count_kinds(entries: list[Entry]) -> Counter[str]:
    return Counter(entry.kind for entry in entries)
