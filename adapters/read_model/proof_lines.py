"""The journal's entries that an answer rests on, as a person reads them."""

from collections.abc import Sequence

from adapters.database.engine import Database
from adapters.read_model.journal import JournalLine, list_case_history
from domain.journal.account_entries import AccountEntry


def list_proof_lines(database: Database, entries: Sequence[AccountEntry]) -> list[JournalLine]:
    """In the order given; they are of a few cases at most."""
    lines = {
        (line.case_id, line.seq): line for case_id in {entry.case_id for entry in entries} for line in list_case_history(database, case_id)
    }
    return [lines[entry.case_id, entry.seq] for entry in entries]
