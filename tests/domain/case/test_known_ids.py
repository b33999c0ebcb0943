"""A case knows which ids it has seen, however its list of them has changed."""

from domain.case.account_case import AccountCase
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
