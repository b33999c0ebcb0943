"""Read the whole journal, case by case, each entry with the hash that its stored content makes.

`domain.journal.entry_hash.canonical_json` defines what is hashed. Here the same bytes are made many times faster: the database returns
times in their canonical form, and orjson writes the JSON. Content that orjson cannot write alike (no lawful entry has any) gets a hash
that equals none.
"""

import hashlib
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlmodel import Session

from domain.audit.chain_verification import ChainEntry

ENTRIES_PER_FETCH = 5_000
"""Entries that are in memory at a time, beside those of one case."""

_TIME_SQL = {
    "sqlite": "replace({0}, ' ', 'T') || '+00:00'",
    "postgresql": """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US') || '+00:00'""",
}
_JOURNAL_SQL = """\
SELECT case_id, seq, hash, previous, kind, {business_at}, {recorded_at}, account_id, invoice_id, actor, CAST(facts AS TEXT)
FROM journal {condition} ORDER BY case_id, seq, hash"""


class StoredEntry(NamedTuple):
    """The content of an entry, as it is stored: `facts` is JSON text, `business_at` in canonical form."""

    kind: str
    account_id: str
    invoice_id: str | None
    facts: str
    business_at: str
    actor: str


class StoredCase(NamedTuple):
    """The rows of one case; `entries` has their contents, in the same order."""

    case_id: str
    rows: list[ChainEntry]
    entries: list[StoredEntry]


def load_stored_cases(session: Session, **filters: str) -> Iterator[StoredCase]:
    """Yield the cases in the database's own order of case ids, the entries of each by number. `filters`: a case_id or an account_id."""
    dialect = session.get_bind().dialect.name
    times = {name: _TIME_SQL[dialect].format(name) for name in ("business_at", "recorded_at")}
    condition = "WHERE " + " AND ".join(f"{name} = :{name}" for name in filters) if filters else ""
    statement = text(_JOURNAL_SQL.format(**times, condition=condition)).execution_options(yield_per=ENTRIES_PER_FETCH)
    for case_id, stored in groupby(session.execute(statement, filters), key=lambda entry: entry[0]):
        rows, entries = [], []
        for entry in stored:
            rows.append(_build_row(entry))
            entries.append(StoredEntry(entry[4], entry[7], entry[8], entry[10], entry[5], entry[9]))
        yield StoredCase(case_id, rows, entries)


def _build_row(entry: Any) -> ChainEntry:
    case_id, seq, stored_hash, previous, kind, business_at, recorded_at, account_id, invoice_id, actor, facts = entry
    digest = compute_digest(case_id, seq, kind, business_at, recorded_at, account_id, invoice_id, actor, facts, previous)
    return ChainEntry(seq, stored_hash, previous, recorded_at, digest)


def compute_digest(
    case_id: str,
    seq: int,
    kind: str,
    business_at: str,
    recorded_at: str,
    account_id: str,
    invoice_id: str | None,
    actor: str,
    facts: str,
    previous: str,
) -> str:
    """Compute `Entry.digest` of an entry whose times are in canonical form and whose facts are JSON text; empty when it has none.

    One argument for each column, not an object: this runs once for every entry of the journal.
    """
    try:
        content = {
            "account_id": account_id,
            "actor": actor,
            "business_at": business_at,
            "case_id": case_id,
            "facts": orjson.loads(facts),
            "invoice_id": invoice_id,
            "kind": kind,
            "previous": previous,
            "recorded_at": recorded_at,
            "seq": seq,
        }
        return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, TypeError):
        return ""
