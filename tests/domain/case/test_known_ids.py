"""A case knows which ids it has seen, however its list of them has changed."""

from domain.case.account_case import FEW_IDS, LONGEST_KEPT_ID, MOST_KEPT_IDS, AccountCase
from domain.case.state_copy import copy_state, restore_state
from domain.journal.journal import Journal


def test_an_id_is_new_once() -> None:
    case = AccountCase(journal=Journal(case_id="c", account_id="a"))
    assert [case.mark_seen(known) for known in ("x", "y", "x")] == [True, True, False]
    assert case.seen == ["x", "y"]


def test_a_list_that_was_changed_otherwise_counts_as_it_stands() -> None:
    case = AccountCase(journal=Journal(case_id="c", account_id="a"), seen=["x"])
    assert case.mark_seen("y")
    case.seen = ["z", *case.seen]
    assert [case.mark_seen(known) for known in ("x", "y", "z", "w")] == [False, False, False, True]
    case.seen.append("v")
    assert not case.mark_seen("v")


def test_what_was_undone_is_new_again() -> None:
    case = AccountCase(journal=Journal(case_id="c", account_id="a"))
    case.mark_seen("x")
    before = copy_state(case)
    case.mark_seen("y")
    restore_state(case, before)
    assert not case.mark_seen("x")
    assert case.mark_seen("y")


def test_of_thousands_each_is_known() -> None:
    case = AccountCase(journal=Journal(case_id="c", account_id="a"))
    names = [str(number) for number in range(2 * FEW_IDS)]
    assert not any(case.has_seen(name) or not case.mark_seen(name) for name in names)
    before = copy_state(case)
    assert case.mark_seen("later")
    restore_state(case, before)
    assert all(map(case.has_seen, names))
    assert not case.has_seen("later")
    assert case.mark_seen("later")
    assert not case.mark_seen("later")


def test_of_a_long_id_its_hash_is_kept_and_one_that_an_earlier_version_kept_whole_is_known() -> None:
    short, long, other = "x" * LONGEST_KEPT_ID, "y" * 1_000, "y" * 999 + "z"
    case = AccountCase(journal=Journal(case_id="c", account_id="a"), seen=[other])
    assert [case.mark_seen(known) for known in (short, long, other, long, short)] == [True, True, False, False, False]
    assert (case.seen[1], len(case.seen[2])) == (short, 33)
    assert not case.has_seen(case.seen[2] + "0")


def test_a_case_that_hears_of_ever_more_knows_the_latest_and_stays_small() -> None:
    case = AccountCase(journal=Journal(case_id="c", account_id="a"))
    names = [f"{number:040}" for number in range(MOST_KEPT_IDS + 1)]
    assert all(map(case.mark_seen, names))
    assert len(case.model_dump_json(include={"seen"})) < 500_000
    assert (case.has_seen(names[0]), case.has_seen(names[-1]), case.has_seen(names[-MOST_KEPT_IDS // 2])) == (False, True, True)
    assert all(not case.mark_seen(name) for name in names[-MOST_KEPT_IDS // 2 :])
