"""The journal as files: JSON in its canonical form with an entry on each line, and the same as a table."""

import csv
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

from sqlmodel import Session

from adapters.journal.scoped_chains import ENTRY_FIELDS, CaseChain, read_case_chains
from domain.audit.scope import AuditScope
from domain.journal.entry_hash import canonical_json

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a spreadsheet may take for the beginning of a formula, and the apostrophe that is put before it."""

NON_DOCUMENT_FACTS = frozenset({"sha256", "policy_sha256", "matrix_sha256"})
"""Facts that have the SHA-256 of a letter, or of rules: those come along by themselves."""

_DIGEST_PATTERN = re.compile(r"\b[0-9a-f]{64}\b")


class JournalFiles(NamedTuple):
    """`digests`: everything in the facts that may be the SHA-256 of a document. `case_ids`: those that heads.json names."""

    entries: Path
    table: Path
    heads: Path
    orphans: Path
    entry_count: int
    case_count: int
    case_ids: set[str]
    digests: set[str]


class JsonListWriter:
    """A JSON list with one element on each line, so that it can be read by line, too."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._empty = stream, True

    def add(self, element: Any) -> None:
        self._stream.write((b"[\n" if self._empty else b",\n") + canonical_json(element))
        self._empty = False

    def close(self) -> None:
        self._stream.write(b"[\n]\n" if self._empty else b"\n]\n")


def write_journal(session: Session, scope: AuditScope, folder: Path) -> JournalFiles:
    """In one look at the database, so that all files tell of the same moment. The table begins with the mark by which spreadsheets know
    UTF-8."""
    entries, table, heads, orphans = (folder / name for name in ("entries", "table", "heads", "orphans"))
    count, case_ids, digests = 0, set[str](), set[str]()
    with ExitStack() as open_files:
        journal, last, beside = (JsonListWriter(open_files.enter_context(file.open("wb"))) for file in (entries, heads, orphans))
        rows = csv.writer(open_files.enter_context(table.open("w", encoding="utf-8-sig", newline="")))
        rows.writerow(ENTRY_FIELDS)
        for case in read_case_chains(session, scope):
            for entry in case.chain:
                journal.add(entry)
                rows.writerow(_iterate_cells(entry))
            for orphan in case.orphans:
                beside.add(orphan)
            if case.chain or not case.truncated:
                last.add(_build_head(case))
                case_ids.add(case.case_id)
            count += len(case.chain)
            digests.update(_find_digests(case))
        for lines in (journal, last, beside):
            lines.close()
    return JournalFiles(entries, table, heads, orphans, count, len(case_ids), case_ids, digests)


def _build_head(case: CaseChain) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "kind": case.kind,
        "account_id": case.account_id,
        "invoice_id": case.invoice_id,
        "seq": case.seq,
        "head": case.head,
        "cut": case.truncated,
    }


def _iterate_cells(entry: dict[str, Any]) -> Iterator[str]:
    for name in ENTRY_FIELDS:
        value = entry[name]
        plain = value if isinstance(value, str) else _format_value(value)
        yield f"'{plain}" if plain.startswith(FORMULA_PREFIXES) else plain


def _format_value(value: Any) -> str:
    """As the canonical form has it, without the quotation marks around a time."""
    return "" if value is None else canonical_json(value).decode().strip('"')


def _find_digests(case: CaseChain) -> Iterator[str]:
    """Of files that entries name, and of those that only the case's own row does, such as a dispute's first evidence."""
    yield from _DIGEST_PATTERN.findall(" ".join(case.evidence))
    for entry in [*case.chain, *case.orphans]:
        for name, value in entry["facts"].items():
            if isinstance(value, str) and len(value) >= 64 and name not in NON_DOCUMENT_FACTS:
                yield from _DIGEST_PATTERN.findall(value)


__all__ = ["FORMULA_PREFIXES", "JournalFiles", "JsonListWriter", "write_journal"]
