import hashlib
import json
from datetime import date, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.journal.chain_check import find_broken_entry, follow_chain_back
from domain.journal.entry import GENESIS, Entry
from domain.journal.entry_hash import canonical_json
from domain.journal.entry_kinds import EntryKind
from domain.journal.journal import Journal
from tests.domain.builders import midnight

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FACTS = st.dictionaries(TEXTS.map(lambda text: f"f_{text}"), st.one_of(TEXTS, st.integers(), st.booleans(), st.none()), max_size=4)
WRITINGS = st.lists(st.tuples(st.sampled_from(EntryKind), TEXTS, FACTS), min_size=1, max_size=6)


def written(writings: list[tuple[EntryKind, str, dict[str, str | int | bool | None]]]) -> Journal:
    journal = Journal(case_id="invoice:I1", account_id="A1", invoice_id="I1")
    for day, (kind, actor, facts) in enumerate(writings):
        journal.write(kind, midnight(day), midnight(day), actor, **facts)
    return journal


def three_entries() -> list[Entry]:
    return written(
        [(EntryKind.CASE_OPENED, "duecourse", {}), (EntryKind.NOTE_ADDED, "mia", {"note": "n1"}), (EntryKind.CASE_CLOSED, "duecourse", {})]
    ).pending


@given(WRITINGS)
def test_every_chain_holds_after_a_trip_through_json_and_another_time_zone(
    writings: list[tuple[EntryKind, str, dict[str, str | int | bool | None]]],
) -> None:
    journal = written(writings)
    stored = [Entry.model_validate_json(entry.model_dump_json()) for entry in journal.pending]
    kathmandu = timezone(timedelta(hours=5, minutes=45))
    moved = [entry.model_copy(update={"business_at": entry.business_at.astimezone(kathmandu)}) for entry in stored]
    assert find_broken_entry(stored) is None
    assert find_broken_entry(moved) is None
    assert (journal.seq, journal.head) == (len(writings), stored[-1].hash)


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "eve"},
        {"kind": EntryKind.LETTER_SENT},
        {"facts": {"note": "n2"}},
        {"facts": {}},
        {"account_id": "A2"},
        {"invoice_id": None},
        {"case_id": "invoice:I2"},
        {"business_at": midnight(5)},
        {"recorded_at": midnight(5)},
        {"previous": GENESIS},
        {"hash": "f" * 64},
        {"seq": 9},
    ],
)
def test_any_changed_field_breaks_the_chain_at_its_entry(change: dict[str, object]) -> None:
    first, second, third = three_entries()
    assert find_broken_entry([first, second.model_copy(update=change), third]) == change.get("seq", 2)


def test_a_forger_who_mends_the_hash_breaks_the_entry_after() -> None:
    first, second, third = three_entries()
    forged = second.model_copy(update={"actor": "eve"})
    assert find_broken_entry([first, forged.model_copy(update={"hash": forged.digest()}), third]) == 3


def test_missing_added_and_swapped_entries_break_the_chain() -> None:
    first, second, third = three_entries()
    assert find_broken_entry([second, third]) == 2
    assert find_broken_entry([first, third]) == 3
    assert find_broken_entry([first, third, second]) == 3
    assert find_broken_entry([first, first, second, third]) == 1
    assert find_broken_entry([]) is None


def test_a_gap_in_the_numbers_breaks_a_chain_whose_hashes_agree() -> None:
    journal = written([(EntryKind.CASE_OPENED, "duecourse", {})])
    journal.seq = 4
    journal.write(EntryKind.NOTE_ADDED, midnight(1), midnight(1))
    assert find_broken_entry(journal.pending) == 5


def test_the_first_entry_follows_from_nothing() -> None:
    assert three_entries()[0].previous == "0" * 64 == GENESIS


@given(FACTS)
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(facts: dict[str, str | int | bool | None]) -> None:
    assert canonical_json(dict(facts)) == canonical_json(dict(reversed(facts.items())))


def test_the_canonical_form_is_sorted_unspaced_utf8_with_utc_microseconds() -> None:
    noon = (midnight() + timedelta(hours=12)).astimezone(timezone(timedelta(hours=2)))
    content: dict[str, object] = {"zoë": "Ελλάδα €", "at": noon, "on": date(2013, 3, 1), "n": None}
    assert canonical_json(content) == '{"at":"2013-03-01T12:00:00.000000+00:00","n":null,"on":"2013-03-01","zoë":"Ελλάδα €"}'.encode()


def test_an_entrys_hash_can_be_recomputed_with_a_json_library_and_sha256_alone() -> None:
    entry = three_entries()[1]
    content = {
        "case_id": "invoice:I1",
        "seq": 2,
        "kind": "note.added",
        "business_at": "2013-03-02T00:00:00.000000+00:00",
        "recorded_at": "2013-03-02T00:00:00.000000+00:00",
        "account_id": "A1",
        "invoice_id": "I1",
        "actor": "mia",
        "facts": {"note": "n1"},
        "previous": entry.previous,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert entry.hash == hashlib.sha256(text.encode()).hexdigest()


def test_what_has_no_canonical_form_is_refused() -> None:
    with pytest.raises(TypeError, match="set has no canonical form"):
        canonical_json({"x": {1, 2}})


def test_written_entries_are_forgotten_and_the_chain_goes_on() -> None:
    journal = written([(EntryKind.CASE_OPENED, "duecourse", {}), (EntryKind.NOTE_ADDED, "mia", {})])
    done = list(journal.pending)
    journal.mark_written(1)
    assert [entry.seq for entry in journal.pending] == [2]
    journal.mark_written(2)
    done.append(journal.write(EntryKind.CASE_CLOSED, midnight(9), midnight(9)))
    assert find_broken_entry(done) is None


def test_a_chain_is_followed_back_from_its_head_past_what_was_written_beside_it() -> None:
    entries, beside = three_entries(), written([(EntryKind.NOTE_ADDED, "eve", {})]).pending
    by_hash = {entry.hash: entry for entry in [*beside, *entries]}
    assert list(follow_chain_back(entries[-1].hash, by_hash)) == entries[::-1]
    assert list(follow_chain_back(entries[1].hash, by_hash)) == entries[1::-1]
    assert [list(follow_chain_back(head, by_hash)) for head in (GENESIS, "unknown", None)] == [[], [], []]


def test_a_chain_ends_where_an_entry_is_missing_and_a_circle_is_walked_once() -> None:
    first, second, third = three_entries()
    assert list(follow_chain_back(third.hash, {third.hash: third, first.hash: first})) == [third]
    circle = {second.hash: second, third.hash: third, first.hash: first.model_copy(update={"previous": third.hash})}
    assert len(list(follow_chain_back(third.hash, circle))) == 3
