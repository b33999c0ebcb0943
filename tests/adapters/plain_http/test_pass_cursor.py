"""Where a pass rests, so that no change that commits late is passed."""

from datetime import UTC, datetime, timedelta

from adapters.plain_http.pass_cursor import PassCursor

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
OVERLAP, MINUTE = timedelta(minutes=10), timedelta(minutes=1)


def test_a_pass_rests_before_whatever_one_of_its_pages_may_have_passed() -> None:
    """An invoicing run that began at 12:00 and is seen from 12:03 on: at 12:01 a full page passes it, and the rest is read at 12:15."""
    page = PassCursor(since=NOON - OVERLAP).begin(NOON + MINUTE).follow_row(NOON + timedelta(seconds=50))
    kept = PassCursor.parse(str(page))
    rest = kept._replace(newest=NOON + 14 * MINUTE).rest(NOON + 15 * MINUTE, OVERLAP)
    assert rest.since is not None
    assert rest.since <= NOON


def test_what_is_quiet_since_before_the_pass_is_not_asked_for_again() -> None:
    rest = PassCursor(newest=NOON, began=NOON).rest(NOON, OVERLAP)
    assert rest.since == NOON - OVERLAP
    later = rest._replace(newest=NOON).begin(NOON + OVERLAP + MINUTE)
    assert later.rest(NOON + OVERLAP + 2 * MINUTE, OVERLAP).since == NOON
    busy = rest._replace(newest=NOON).begin(NOON + MINUTE)
    assert busy.rest(NOON + OVERLAP + 2 * MINUTE, OVERLAP).since != NOON, "its first page was read while a change could still come"
