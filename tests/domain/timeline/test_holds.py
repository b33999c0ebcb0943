from datetime import timedelta

import pytest

from domain.timeline.holds import Hold, HoldKind, Holds
from tests.domain.builders import DAY, midnight


def hold(hold_id: str, since: float, until: float | None = None, kind: HoldKind = HoldKind.PAUSE) -> Hold:
    return Hold(hold_id=hold_id, kind=kind, since=midnight(since), until=None if until is None else midnight(until))


def test_overlapping_holds_stop_the_clock_once() -> None:
    holds = Holds()
    holds.place(hold("a", 1))
    holds.place(hold("b", 3))
    holds.lift("a", midnight(5))
    assert holds.compute_held_time(midnight(), midnight(7)) == 6 * DAY
    holds.lift("b", midnight(8))
    assert [(span.start, span.end) for span in holds.past] == [(midnight(1), midnight(8))]
    assert holds.compute_held_time(midnight(), midnight(20)) == 7 * DAY


def test_the_same_hold_again_changes_its_end_but_not_when_it_began() -> None:
    holds = Holds()
    assert holds.place(hold("a", 1, until=4))
    assert not holds.place(hold("a", 2, until=9))
    assert holds.next_expiry() == midnight(9)
    holds.lift("a", midnight(9))
    assert holds.compute_held_time(midnight(), midnight(10)) == 8 * DAY


def test_lifting_what_does_not_stand_changes_nothing() -> None:
    holds = Holds()
    assert holds.lift("a", midnight(1)) is None
    assert (holds.past, holds.is_on_hold) == ([], False)


def test_a_hold_lifted_in_the_moment_it_was_placed_leaves_no_trace() -> None:
    holds = Holds()
    holds.place(hold("a", 1))
    holds.lift("a", midnight(1))
    assert holds.past == []
    assert holds.compute_held_time(midnight(), midnight(9)) == timedelta(0)


def test_holds_whose_time_is_up_come_oldest_end_first() -> None:
    holds = Holds()
    for one in (hold("late", 1, until=5), hold("early", 1, until=3), hold("never", 1), hold("future", 1, until=8)):
        holds.place(one)
    assert [one.hold_id for one in holds.list_expired(midnight(5))] == ["early", "late"]
    assert holds.next_expiry() == midnight(3)


@pytest.mark.parametrize("kind", list(HoldKind))
def test_every_kind_of_hold_is_known_while_it_stands(kind: HoldKind) -> None:
    holds = Holds()
    holds.place(hold("a", 1, kind=kind))
    assert [other for other in HoldKind if holds.has_kind(other)] == [kind]
    holds.lift("a", midnight(2))
    assert not holds.has_kind(kind)
