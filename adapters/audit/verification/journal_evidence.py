"""The journal as evidence: letters, documents, policies and the ledger are compared with the entries that record them."""

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
"""Rows of another table that are looked up together."""

Item = TypeVar("Item")


def split_batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Split items into batches of BATCH_SIZE, which are looked up together."""
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH_SIZE)):
        yield batch


def parse_json_object(stored: str | None) -> dict[str, Any]:
    """Parse a JSON column's text; empty where it was changed to anything but an object, which must not end the check."""
    try:
        parsed = orjson.loads(stored or "{}")
    except orjson.JSONDecodeError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def parse_json_list(stored: str | None) -> list[dict[str, Any]]:
    """Parse a JSON column of objects; those that are none are left out."""
    try:
        parsed = orjson.loads(stored or "[]")
    except orjson.JSONDecodeError:
        return []
    return [item for item in parsed if isinstance(item, dict)] if isinstance(parsed, list) else []


class JournalEvidence(NamedTuple):
    """An entry whose content makes its hash, and which is on its case's chain. `case_is_sound`: its case has no fault at all.
    `business_at` is UTC, in canonical form."""

    case_id: str
    seq: int
    hash: str
    kind: str
    account_id: str
    invoice_id: str | None
    facts: dict[str, Any]
    business_at: str
    actor: str
    case_is_sound: bool = True

    @property
    def key(self) -> str:
        """The key of the entry in findings: CASE/NUMBER/HASH."""
        return f"{self.case_id}/{self.seq}/{self.hash}"

    def get_text(self, name: str) -> str:
        """Return a fact as text; empty where the entry has none."""
        return str(self.facts.get(name) or "")

    def build_finding(self, table: str, key: str, what: str) -> VerificationFinding:
        """Build the finding that this entry proves."""
        return VerificationFinding(table=table, key=key, what=f"{what}: the entry {self.case_id}/{self.seq} proves it", entry=self.key)


def build_finding(proof: JournalEvidence | None, table: str, key: str, what: str) -> VerificationFinding:
    """Build a finding, with the entry that proves it where there is one."""
    return proof.build_finding(table, key, what) if proof else VerificationFinding(table=table, key=key, what=what)


class EvidenceCheck(Protocol):
    """The check of one table against the journal.

    `add_evidence` gets the first entry of every case, and those of the kinds that any check names, case by case in their order. Memory is
    bounded: `check_evidence` is called between cases, and compares and forgets what was added.
    """

    table: str
    kinds: frozenset[str]

    def add_evidence(self, entry: JournalEvidence) -> None:
        """Take an entry, to be compared later."""

    def check_evidence(self) -> Iterator[VerificationFinding]:
        """Compare the entries that were added with the table; called between two cases."""

    def finish(self) -> Iterator[VerificationFinding]:
        """Compare what is left, and check the rows that no entry names; called once, at the end."""


def collect_evidence(case: StoredCase, verified: ChainVerificationResult, kinds: Collection[str]) -> Iterator[JournalEvidence]:
    """Yield the case's first entry, and those of the kinds; changed entries, and those beside the chain, are no evidence."""
    for row, entry in zip(case.rows, case.entries, strict=True):
        if (entry.kind in kinds or row.seq == 1) and row.hash == row.digest and (verified.chain is None or row.hash in verified.chain):
            yield JournalEvidence(
                case.case_id,
                row.seq,
                row.hash,
                entry.kind,
                entry.account_id,
                entry.invoice_id,
                facts=parse_json_object(entry.facts),
                business_at=entry.business_at,
                actor=entry.actor,
                case_is_sound=not verified.faults,
            )


def load_evidence(session: Session, *kinds: EntryKind, **filters: str) -> Iterator[JournalEvidence]:
    """Load the unchanged entries of these kinds, of a case_id or an account_id; those beside the chains too.

    It reads the journal again, and is for faults only.
    """
    names = {kind.value for kind in kinds}
    for case in load_stored_cases(session, **filters):
        yield from (entry for entry in collect_evidence(case, ChainVerificationResult([]), names) if entry.kind in names)
