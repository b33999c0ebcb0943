"""The journal's entries of one account that count, in order: what projections are built from."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import NamedTuple

from domain.identifiers import CaseKind, find_case_kind
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind


class AccountEntry(NamedTuple):
    """One entry; `at` is business time (UTC)."""

    case_id: str
    seq: int
    kind: str
    at: datetime
    invoice_id: str | None
    actor: str
    facts: dict[str, FactValue]

    @property
    def business_date(self) -> date:
        """The business date (UTC)."""
        return self.at.date()

    @property
    def promise_id(self) -> str:
        """The promise that the entry is about: its parts on several invoices are one."""
        return self.get_text("promise") or self.get_text("act")

    def get_text(self, name: str) -> str:
        """Return a fact as text; empty where the entry has none."""
        value = self.facts.get(name)
        return "" if value is None else str(value)

    def get_int(self, name: str) -> int:
        """Return a whole number; 0 where the entry has none."""
        return self.get_optional_int(name) or 0

    def get_optional_int(self, name: str) -> int | None:
        """Return a whole number; None where the entry has none."""
        value = self.facts.get(name)
        return value if isinstance(value, int) else None

    def get_date(self, name: str) -> date | None:
        """Return the date of a fact that is a date or a moment in ISO 8601; None where the entry has none."""
        value = self.facts.get(name)
        return date.fromisoformat(value[:10]) if isinstance(value, str) and value else None


def filter_by_kind(account_entries: Iterable[AccountEntry], *kinds: EntryKind) -> Iterator[AccountEntry]:
    """Yield the entries of the given kinds, in their order."""
    wanted_kinds = {kind.value for kind in kinds}
    return (entry for entry in account_entries if entry.kind in wanted_kinds)


def group_by_case(account_entries: Sequence[AccountEntry], kind: CaseKind) -> list[list[AccountEntry]]:
    """Group the entries of the cases of a kind: each case's by number, the cases in the order in which they began."""
    case_entries = sorted(
        (entry for entry in account_entries if find_case_kind(entry.case_id) is kind), key=lambda entry: (entry.case_id, entry.seq)
    )
    cases = [list(entries) for _, entries in groupby(case_entries, key=lambda entry: entry.case_id)]
    return sorted(cases, key=lambda entries: (entries[0].at, entries[0].case_id))
