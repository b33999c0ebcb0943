"""What the database holds is the chain, even where a replay sees another time than the first run did."""

from datetime import UTC, datetime, timedelta

from domain.journal.chain_check import find_broken_entry
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal

NOW = datetime(2013, 6, 3, 9, tzinfo=UTC)


def test_an_entry_that_a_replay_dates_otherwise_is_followed_as_it_was_written() -> None:
    first, replayed = Journal(case_id="c", account_id="a"), Journal(case_id="c", account_id="a")
    written = first.write(EntryKind.CASE_OPENED, NOW, NOW)
    again = replayed.write(EntryKind.CASE_OPENED, NOW + timedelta(seconds=1), NOW + timedelta(seconds=1))
    assert again.hash != written.hash
    for journal in (first, replayed):
        journal.write(EntryKind.NOTE_ADDED, NOW, NOW, note="n")
        journal.mark_written(1, written.hash)
    assert replayed == first
    assert find_broken_entry([written, *replayed.pending]) is None
