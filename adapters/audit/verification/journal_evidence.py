"""What the journal says of other tables: its entries are the witnesses against which letters, documents, rules and books are held."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol, TypeVar

import orjson
from sqlmodel import Session

from adapters.journal.stored_cases import StoredCase, load_stored_cases
from domain.audit.chain_verification import ChainVerificationResult
from domain.audit.verification_report import VerificationFinding
from domain.journal.entry_kinds import EntryKind

BATCH_SIZE = 500
"""So many rows of another table are looked up together."""

Item = TypeVar("Item")


def split_batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Of a size to be looked up together."""
    left = iter(items)
    while some := list(islice(left, BATCH_SIZE)):
        yield some


def parse_json_object(stored: str | None) -> dict[str, Any]:
    """Of a JSON column's text; nothing where somebody made it something else: that must not end the check."""
    try:
        found = orjson.loads(stored or "{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


class JournalEvidence(NamedTuple):
    """An entry whose content makes its hash, and which its case's chain has. `sound`: nothing is wrong with its case at all."""

    case_id: str
    seq: int
    hash: str
    kind: str
    account_id: str
    invoice_id: str | None
    facts: dict[str, Any]
    case_is_sound: bool = True

    @property
    def key(self) -> str:
        return f"{self.case_id}/{self.seq}/{self.hash}"

    def get_text(self, name: str) -> str:
        """Empty when the entry does not say it."""
        return str(self.facts.get(name) or "")

    def build_finding(self, table: str, key: str, what: str) -> VerificationFinding:
        """The fault that this entry proves."""
        return VerificationFinding(table=table, key=key, what=f"{what}: the entry {self.case_id}/{self.seq} proves it", entry=self.key)


class EvidenceCheck(Protocol):
    """Of one kind of thing that an auditor rests on. It hears the first entry of every case, and those of the kinds that any check asks
    for, case by case in their order. Between times it keeps no more than it has heard since it last settled."""

    table: str
    kinds: frozenset[str]

    def add_evidence(self, entry: JournalEvidence) -> None: ...

    def check_evidence(self) -> Iterator[VerificationFinding]:
        """Hold what was heard against the table; asked between two cases."""

    def finish(self) -> Iterator[VerificationFinding]:
        """Settle, and look at what no entry speaks of; asked once, at the end."""


def collect_evidence(case: StoredCase, judged: ChainVerificationResult, kinds: Collection[str]) -> Iterator[JournalEvidence]:
    """The case's first entry, and those of the kinds; changed ones, and those beside the chain, say nothing."""
    for row, entry in zip(case.rows, case.entries, strict=True):
        if (entry.kind in kinds or row.seq == 1) and row.hash == row.digest and (judged.chain is None or row.hash in judged.chain):
            facts, sound = parse_json_object(entry.facts), not judged.faults
            yield JournalEvidence(case.case_id, row.seq, row.hash, entry.kind, entry.account_id, entry.invoice_id, facts, sound)


def load_evidence(session: Session, *kinds: EntryKind, **filters: str) -> Iterator[JournalEvidence]:
    """The unchanged entries of a case_id or an account_id, of these kinds; those beside the chains too. For what was found wrong already:
    it reads them anew."""
    names = {kind.value for kind in kinds}
    for case in load_stored_cases(session, **filters):
        yield from (one for one in collect_evidence(case, ChainVerificationResult([]), names) if one.kind in names)
