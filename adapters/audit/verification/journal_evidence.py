"""What the journal says of other tables: its entries are the witnesses against which letters, documents, rules and books are held."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson
from sqlmodel import Session

from adapters.journal.stored_cases import StoredCase, stored_cases
from domain.audit.chain_verification import Judged
from domain.audit.verification_report import Fault
from domain.journal.entry_kinds import EntryKind

AT_ONCE = 500
"""So many rows of another table are looked up together."""

One = TypeVar("One")


def portions(of: Iterable[One]) -> Iterator[list[One]]:
    """Of a size to be looked up together."""
    left = iter(of)
    while some := list(islice(left, AT_ONCE)):
        yield some


def read(stored: str | None) -> dict[str, Any]:
    """Of a JSON column's text; nothing where somebody made it something else: that must not end the check."""
    try:
        found = orjson.loads(stored or "{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


class Testimony(NamedTuple):
    """An entry whose content makes its hash, and which its case's chain has. `sound`: nothing is wrong with its case at all."""

    case_id: str
    seq: int
    hash: str
    kind: str
    account_id: str
    invoice_id: str | None
    facts: dict[str, Any]
    sound: bool = True

    @property
    def key(self) -> str:
        return f"{self.case_id}/{self.seq}/{self.hash}"

    def text(self, name: str) -> str:
        """Empty when the entry does not say it."""
        return str(self.facts.get(name) or "")

    def against(self, table: str, key: str, what: str) -> Fault:
        """The fault that this entry proves."""
        return Fault(table=table, key=key, what=f"{what}: the entry {self.case_id}/{self.seq} proves it", entry=self.key)


class Check(Protocol):
    """Of one kind of thing that an auditor rests on. It hears the first entry of every case, and those of the kinds that any check asks
    for, case by case in their order. Between times it keeps no more than it has heard since it last settled."""

    table: str
    kinds: frozenset[str]

    def hear(self, entry: Testimony) -> None: ...

    def settle(self) -> Iterator[Fault]:
        """Hold what was heard against the table; asked between two cases."""

    def conclude(self) -> Iterator[Fault]:
        """Settle, and look at what no entry speaks of; asked once, at the end."""


def testify(case: StoredCase, judged: Judged, kinds: Collection[str]) -> Iterator[Testimony]:
    """The case's first entry, and those of the kinds; changed ones, and those beside the chain, say nothing."""
    for row, entry in zip(case.rows, case.entries, strict=True):
        if (entry.kind in kinds or row.seq == 1) and row.hash == row.digest and (judged.chain is None or row.hash in judged.chain):
            facts, sound = read(entry.facts), not judged.faults
            yield Testimony(case.case_id, row.seq, row.hash, entry.kind, entry.account_id, entry.invoice_id, facts, sound)


def entries_of(session: Session, *kinds: EntryKind, **of: str) -> Iterator[Testimony]:
    """The unchanged entries of a case_id or an account_id, of these kinds; those beside the chains too. For what was found wrong already:
    it reads them anew."""
    names = {kind.value for kind in kinds}
    for case in stored_cases(session, **of):
        yield from (one for one in testify(case, Judged([]), names) if one.kind in names)
