"""The journal's entries as a story is compiled from them: those of one account that count, in order."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import NamedTuple

from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import FactValue


class AccountEntry(NamedTuple):
    """One entry. `at` is business time (UTC)."""

    case_id: str
    seq: int
    kind: str
    at: datetime
    invoice_id: str | None
    actor: str
    facts: dict[str, FactValue]

    @property
    def business_date(self) -> date:
        return self.at.date()

    def get_text(self, name: str) -> str:
        value = self.facts.get(name)
        return "" if value is None else str(value)

    def get_int(self, name: str) -> int:
        """A number; 0 where the entry has none."""
        return self.get_optional_int(name) or 0

    def get_optional_int(self, name: str) -> int | None:
        value = self.facts.get(name)
        return value if isinstance(value, int) else None

    def get_date(self, name: str) -> date | None:
        value = self.facts.get(name)
        return date.fromisoformat(value[:10]) if isinstance(value, str) and value else None


def filter_by_kind(account_entries: Iterable[AccountEntry], *kinds: EntryKind) -> Iterator[AccountEntry]:
    """Those of the kinds named, in their order."""
    wanted = {kind.value for kind in kinds}
    return (entry for entry in account_entries if entry.kind in wanted)


def group_by_case(account_entries: Sequence[AccountEntry], prefix: str) -> list[list[AccountEntry]]:
    """The entries of each case whose id begins so: each case's in their order, the cases in the order in which they began."""
    mine = sorted((entry for entry in account_entries if entry.case_id.startswith(prefix)), key=lambda entry: (entry.case_id, entry.seq))
    cases = [list(entries) for _, entries in groupby(mine, key=lambda entry: entry.case_id)]
    return sorted(cases, key=lambda entries: (entries[0].at, entries[0].case_id))
