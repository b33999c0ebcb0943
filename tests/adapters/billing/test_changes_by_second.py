"""Of changes whose moments have whole seconds, each is read, however many have one second and however small the pages are."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.billing.changes_by_second import OVERLAP, SECOND, SecondCursor, take_page

START = datetime(2026, 11, 30, 12, tzinfo=UTC)


def find(changes: dict[str, datetime], cursor: SecondCursor, limit: int) -> list[tuple[datetime, str]]:
    """As a system answers: by moment and id, or inside a second by id; its moments have fractions, which it does not tell."""
    if cursor.after is not None:
        inside = [(key, at) for key, at in changes.items() if cursor.at <= at < cursor.at + SECOND and key > cursor.after]
        return [(at.replace(microsecond=0), key) for key, at in sorted(inside)][:limit]
    rows = sorted((at, key) for key, at in changes.items() if at >= cursor.at)
    return [(at.replace(microsecond=0), key) for at, key in rows[:limit]]


@given(
    st.lists(st.integers(0, 4_000), min_size=1, max_size=25),
    st.integers(1, 6),
    st.lists(st.tuples(st.integers(0, 24), st.integers(0, 30)), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_every_change_is_read_also_one_that_is_made_meanwhile(milliseconds: list[int], limit: int, moved: list[tuple[int, int]]) -> None:
    changes = {f"{place:02d}": START + timedelta(milliseconds=each) for place, each in enumerate(milliseconds)}
    cursor, seen, now = SecondCursor.parse(None), dict[str, datetime](), START + timedelta(seconds=10)
    waiting = {step: place for place, step in moved}
    for step in range(500):
        if (place := waiting.pop(step, None)) is not None and f"{place:02d}" in changes:
            now += SECOND
            changes[f"{place:02d}"] = now
        found = find(changes, cursor, limit)
        page = take_page(cursor, found, limit, now)
        seen |= {key: changes[key] for _, key in found[: page.taken]}
        cursor = SecondCursor.parse(str(page.cursor))
        if not page.has_more and not waiting:
            break
    assert seen == changes


def test_what_is_quiet_is_not_read_again() -> None:
    cursor = SecondCursor.parse(None)
    changes = {"1": START}
    page = take_page(cursor, find(changes, cursor, 5), 5, START)
    assert (page.taken, page.cursor.at) == (1, START - OVERLAP)
    later = take_page(page.cursor, find(changes, page.cursor, 5), 5, START + OVERLAP + SECOND)
    assert (later.taken, later.cursor.at) == (1, START + SECOND)
    assert find(changes, later.cursor, 5) == []


def read_interrupted(changes: dict[str, datetime], late: dict[str, datetime]) -> set[str]:
    """A full page, then nothing for a quarter of an hour, in which what had begun before it can be seen; then all the rest, twice."""
    now = START
    page = take_page(SecondCursor.parse(None), find(changes, SecondCursor.parse(None), 5), 5, now)
    assert page.has_more
    changes |= late
    seen, rests, now, cursor = set[str](), 0, now + timedelta(minutes=15), SecondCursor.parse(str(page.cursor))
    while rests < 2:
        found = find(changes, cursor, 5)
        page = take_page(cursor, found, 5, now)
        seen |= {key for _, key in found[: page.taken]}
        cursor, rests = SecondCursor.parse(str(page.cursor)), rests + (not page.has_more)
    return seen


def test_what_commits_late_behind_a_full_page_is_read_after_an_interruption() -> None:
    changes = {str(number): START - timedelta(seconds=10 - number) for number in range(8)}
    late = {"run": START - timedelta(minutes=1), "newest": START + timedelta(minutes=14)}
    assert read_interrupted(changes, late) >= {"run", "newest"}


def test_a_second_that_fills_the_last_page_alone_is_the_end() -> None:
    changes = {str(number): START for number in range(5)}
    cursor, rests = SecondCursor.parse(None), list[SecondCursor]()
    for _ in range(6):
        page = take_page(cursor, find(changes, cursor, 5), 5, START)
        cursor = page.cursor
        rests += [] if page.has_more else [cursor]
    assert rests[0].at == START - OVERLAP, "it is not begun again from the first"


def test_a_cursor_that_was_kept_before_pages_had_a_beginning_is_read() -> None:
    old = SecondCursor.parse(f'["{START.isoformat()}", "7", "{START.isoformat()}", "{START.isoformat()}"]')
    assert old == SecondCursor(START, "7", START, START, None)
