"""Measure how many entries of the journal are verified in a second: their hashes, their chains, and thirty daily seals over all of them.

The database is an SQLite file, or the one whose URL is given; the path that is named by the last line's figures is all in one process. The
last line is the figures as JSON.
"""

import json
import os
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import Any

from sqlalchemy import bindparam, update
from sqlmodel import col

from adapters.audit.seals.seal_store import SealStore
from adapters.audit.verification.verification import Verification
from adapters.database.engine import Database
from adapters.database.tables import Case, JournalEntry
from domain.journal.entry import FactValue
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal

FIRST_DAY = date(2013, 3, 1)
ENTRIES, DAYS, CASE_GROUPS, ENTRIES_PER_CASE = 200_000, 30, 5, 4
"""Of the cases one in five is at work on a day, and writes four entries then."""


def measure_verification(entries: int = ENTRIES, url: str | None = None) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(url or f"sqlite:///{folder}/duecourse.db")
        database.migrate()
        written = _fill_database(database, entries)
        begun = perf_counter()
        report = Verification(database).run()
        seconds = perf_counter() - begun
        database.close()
    if report.faults or (report.entries, report.seals) != (written, DAYS):
        raise RuntimeError(f"{report.entries} entries under {report.seals} seals, of {written} under {DAYS}: {report.faults[:3]}")
    return {"verified_per_s": written / seconds, "verified_entries": float(written)}


def _fill_database(database: Database, entries: int) -> int:
    """Write the journal; return the number of its entries."""
    cases = entries * CASE_GROUPS // (DAYS * ENTRIES_PER_CASE)
    journals = [Journal(case_id=f"invoice:I{number:06}", account_id=f"A{number % 500}", invoice_id=f"I{number}") for number in range(cases)]
    with database.writing() as session:
        session.execute(database.build_insert_or_ignore(Case), [_build_case_row(journal) for journal in journals])
    for day in range(DAYS):
        at = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 8, tzinfo=UTC) + timedelta(days=day)
        at_work = journals[day % CASE_GROUPS :: CASE_GROUPS]
        _write_entries(database, at_work, at)
        SealStore(database).make_seal(at.date(), at + timedelta(hours=16))
    return sum(journal.seq for journal in journals)


def _write_entries(database: Database, journals: list[Journal], at: datetime) -> None:
    rows: list[dict[str, Any]] = []
    for journal in journals:
        for number, kind in enumerate((EntryKind.STEP_TAKEN, EntryKind.CALL_REQUESTED, EntryKind.CALL_LOGGED, EntryKind.PROMISE_MADE)):
            moment = at + timedelta(minutes=number)
            facts: dict[str, FactValue] = {"step": "phone_call", "act": f"{journal.seq}-{journal.invoice_id}", "amount": 10_000 + number}
            journal.write(kind, moment, moment, "duecourse", **facts)
        rows += [entry.model_dump() for entry in journal.pending]
        journal.mark_written(journal.seq)
    heads = [{"of": journal.case_id, "at_seq": journal.seq, "at_head": journal.head} for journal in journals]
    moved = update(Case).where(col(Case.case_id) == bindparam("of")).values(seq=bindparam("at_seq"), head=bindparam("at_head"))
    with database.writing() as session:
        session.execute(database.build_insert_or_ignore(JournalEntry), rows)
        session.connection().execute(moved, heads)


def _build_case_row(journal: Journal) -> dict[str, Any]:
    row = Case(
        case_id=journal.case_id,
        run_id="run",
        kind="invoice",
        account_id=journal.account_id,
        invoice_id=journal.invoice_id,
        stage="new",
        waiting_for="time",
        seq=journal.seq,
        head=journal.head,
        updated_at=datetime(2013, 3, 1, tzinfo=UTC),
    )
    return row.model_dump()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_verification(url=sys.argv[1] if sys.argv[1:] else None)) + "\n")
    sys.stdout.flush()
    os._exit(0)
